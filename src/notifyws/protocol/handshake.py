"""The profile's handshake as a small machine: frames in, frames out, until it is done.

It holds the steps that are left and nothing else; time, the socket and HTTP belong to
whoever drives it. What no step awaits is handed back, for it may be a notification, and
has to be kept until the end: so how much that may be is bounded here.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from notifyws.errors import ConnectionLost, NetworkFailed, SessionFailed
from notifyws.models import strict_json
from notifyws.protocol.expressions import compiled, holds, truthy
from notifyws.protocol.failures import refusal, refused
from notifyws.protocol.frames import Decoder, InvalidFrame, text_of
from notifyws.protocol.masking import without_tokens
from notifyws.protocol.places import Places
from notifyws.protocol.profile import Handshake, Step
from notifyws.protocol.templates import TemplateContext, listed

SHOWN = 200
"""Characters of a frame that are told."""
MOST = 1_000
"""Values for which a step may be gone through; a server may have named them."""
EARLY, EARLY_BYTES = 1_000, 16 << 20
"""Frames that may come before it is done, and the memory that they may take."""
WORDLESS = (1005, 1006)
"""What is reported for a close without a code, and for a cut line."""


class HttpRequest(Struct, frozen=True):
    """A request to make before the handshake can go on, and what its templates know."""

    step: Step
    known: Mapping[str, Any]


class _Turn(Struct, frozen=True):
    """A step, gone through for one value of a variable, or once; what it still does."""

    step: Handshake
    known: Mapping[str, Any] = {}
    asks: bool = True
    splits: bool = True


class HandshakeState:
    """One socket's handshake.

    Args:
        context: writes the frames, and learns what is captured.
        closes: what the codes in frames mean, as the profile says of closes.
    """

    def __init__(
        self,
        steps: Sequence[Handshake],
        context: TemplateContext,
        read: Decoder,
        closes: Mapping[str, str] = MappingProxyType({}),
        places: Places | None = None,
    ) -> None:
        self._places = places
        if places is not None:
            places.begin()
        self._turns = deque(map(_Turn, steps))
        self._context = context
        self._read = read
        self._closes = closes
        self.request: HttpRequest | None = None
        self.waiting = False
        self._unawaited = ""
        self._early = self._early_bytes = 0

    @property
    def done(self) -> bool:
        """Whether nothing is awaited any more."""
        return not self._turns

    @property
    def timeout(self) -> float:
        """Seconds in which the awaited frame must come."""
        return self._turns[0].step.timeout

    def proceed(self) -> list[str]:
        """Return the frames to send now.

        Then ``waiting`` says that a frame is awaited, and ``request`` which request
        must be made first, if any.

        Raises:
            SessionFailed: a step is to be gone through for too many values.
        """
        frames: list[str] = []
        while self._turns:
            turn = self._turns.popleft()
            step = turn.step
            if not self._applies(step):
                continue
            if turn.splits and step.each is not None:
                self._turns.extendleft(reversed(self._split(step, step.each)))
                continue
            known = self._context.known(set(), turn.known)
            if not holds(step.only_if, known):
                continue
            if turn.asks and step.http is not None:
                self.request = HttpRequest(step.http, known)
                self._turns.appendleft(_Turn(step, turn.known, False, False))
                break
            frame = self._context.frame(step.send, turn.known)
            frames += [frame] if frame is not None else []
            if step.expect is not None:
                self.waiting = True
                self._turns.appendleft(turn)
                break
        if self._places is not None and not self._turns:
            self._places.opened()
        return frames

    def answered(self, found: Mapping[str, Any]) -> None:
        """Take what the answer to ``request`` gave."""
        self.request = None
        for name, value in found.items():
            self._context.learn(name, value)

    def hear(self, frame: str | bytes) -> tuple[list[str | bytes], list[str | bytes]]:
        """Take a frame; return what of it is for later, and what the next step hears.

        ``waiting`` is false from then on if it was the awaited one.

        Raises:
            TokenRefused, SessionFailed: the server says no, or too much else.
        """
        later, after = self._heard(frame)
        self._early += len(later)
        self._early_bytes += sum(map(sys.getsizeof, later))
        if self._early > EARLY or self._early_bytes > EARLY_BYTES:
            most = f"{EARLY:,} frames or {EARLY_BYTES >> 20} MiB"
            raise self._unanswered(f"before {most} had come")
        return later, after

    def _heard(self, frame: str | bytes) -> tuple[list[str | bytes], list[str | bytes]]:
        try:
            values = self._read(text_of(frame))
        except InvalidFrame:
            return [frame], []
        for index, value in enumerate(values):
            kept = self._kept(value)
            if kept is not None:
                self._turns.popleft()
                self.waiting = False
                if len(values) == 1:
                    return [frame] if kept else [], []
                later = values[: index + kept]
                return _frames(later), _frames(values[index + 1 :])
        self._unawaited = str(frame)[: 2 * SHOWN]
        return [frame], []

    def gave_up(self) -> NetworkFailed:
        """Return the error for an awaited frame that did not come in time."""
        return self._unanswered(f"within {self.timeout:g} s")

    def _unanswered(self, when: str) -> NetworkFailed:
        message = f"the server did not answer the handshake {when}"
        if shown := without_tokens(self._unawaited)[:SHOWN]:
            message += f", but said: {shown}"
        return SessionFailed(message, "is it the right --profile for this server?")

    def closed(self, lost: ConnectionLost) -> NetworkFailed:
        """Return the error for a connection that ended meanwhile.

        A close that says nothing means what the step says of it.
        """
        means = self._turns[0].step.closed if self._turns else None
        if means is None or lost.code not in WORDLESS or lost.reason or lost.sent:
            return lost
        message = "the server hung up during the handshake, without a word"
        if means in ("renew", "renew once"):
            message += ": it may not accept the token"
        hint = "is the token good? see: notifyws status --check"
        return SessionFailed(message, hint, means=means)

    def _applies(self, step: Handshake) -> bool:
        knows, lacking = self._context.knows, step.only_without
        given = step.only_with is None or knows(step.only_with)
        return given and (lacking is None or not knows(lacking))

    def _split(self, step: Handshake, name: str) -> list[_Turn]:
        """Return a turn of a step for each value of a variable."""
        values = listed(self._context.known(set(), {}).get(name))
        if len(values) > MOST:
            said = f"{name} holds {len(values)} values, and {MOST} may be asked for"
            raise SessionFailed(
                said, "ask for fewer, in several listeners", means="stop"
            )
        several = True if len(values) > 1 else None
        turns = []
        for each in values:
            place = self._places.ask(each) if self._places else {}
            known = {**place, name: each, "several": several}
            turns.append(_Turn(step, known, asks=True, splits=False))
        return turns

    def _kept(self, value: Any) -> bool | None:
        """Return ``None`` unless a value ends the step; then whether rules see it.

        A failure is asked for first: what says no is no success, whatever else it says.
        """
        step = self._turns[0].step
        if isinstance(value, InvalidFrame):
            return None
        if self._places is not None:
            self._places.heard(value)
        for failing in step.fail:
            if truthy(compiled(failing.when)(value)):
                if step.optional:
                    return True
                found, words = refused(failing, self._closes)(value)
                means = found or failing.means
                raise refusal("the server refused the handshake", means, words)
        assert step.expect is not None
        if not truthy(compiled(step.expect)(value)):
            return None
        for name, expression in step.capture.items():
            self._context.learn(name, compiled(expression)(value))
        if self._places is not None and step.each is not None:
            self._places.answered(value, self._turns[0].known[step.each])
        return step.deliver


def _frames(values: Sequence[Any]) -> list[str | bytes]:
    return [
        value.text if isinstance(value, InvalidFrame) else strict_json(value)
        for value in values
    ]
