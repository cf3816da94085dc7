"""The profile's handshake as a small machine: frames in, frames out, until it is done.

It holds the step it stands at and nothing else; time and the socket belong to whoever
drives it. A frame that no step awaits is handed back, for it may be a notification.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from notifyws.errors import HandshakeFailed, NetworkFailed, TokenRefused
from notifyws.models import as_text
from notifyws.protocol.expressions import compiled, truthy
from notifyws.protocol.frames import Decoder, InvalidFrame
from notifyws.protocol.profile import Failing, Handshake
from notifyws.protocol.templates import TemplateContext


class HandshakeState:
    """One socket's handshake.

    Args:
        steps: of the profile.
        context: writes the frames, and learns what is captured.
        read: reads a frame's values.
    """

    def __init__(
        self, steps: Sequence[Handshake], context: TemplateContext, read: Decoder
    ) -> None:
        self._steps = list(steps)
        self._context = context
        self._read = read

    @property
    def done(self) -> bool:
        """Whether nothing is awaited any more."""
        return not self._steps

    @property
    def timeout(self) -> float:
        """Seconds in which the awaited frame must come."""
        return self._steps[0].timeout

    def proceed(self) -> list[str]:
        """Return the frames to send now, up to the next that must be awaited."""
        frames: list[str] = []
        while self._steps:
            step = self._steps[0]
            if self._applies(step):
                frame = self._context.frame(step.send)
                frames += [frame] if frame is not None else []
                if step.expect is not None:
                    break
            del self._steps[0]
        return frames

    def hear(self, frame: str | bytes) -> bool:
        """Take a frame; return whether it was the awaited one.

        Raises:
            TokenRefused, HandshakeFailed: the server says no.
        """
        return any(self._fits(value) for value in self._values(frame))

    def gave_up(self) -> NetworkFailed:
        """Return the error for an awaited frame that did not come in time."""
        waited = f"{self._steps[0].timeout:g} s"
        message = f"the server did not answer the handshake within {waited}"
        return HandshakeFailed(message, "is it the right --profile for this server?")

    def _applies(self, step: Handshake) -> bool:
        knows, lacking = self._context.knows, step.only_without
        given = step.only_with is None or knows(step.only_with)
        return given and (lacking is None or not knows(lacking))

    def _values(self, frame: str | bytes) -> list[Any]:
        try:
            return [] if isinstance(frame, bytes) else self._read(frame)
        except InvalidFrame:
            return []

    def _fits(self, value: Any) -> bool:
        step = self._steps[0]
        for failing in step.fail:
            if truthy(compiled(failing.when)(value)):
                raise _failure(failing, value)
        assert step.expect is not None
        if not truthy(compiled(step.expect)(value)):
            return False
        for name, expression in step.capture.items():
            self._context.learn(name, compiled(expression)(value))
        del self._steps[0]
        return True


def _failure(failing: Failing, value: Any) -> NetworkFailed:
    found = compiled(failing.message)(value) if failing.message else None
    said = f": {as_text(found)[:300]}" if found else ""
    if failing.means == "expired":
        return TokenRefused(f"the server does not accept the token{said}")
    final = failing.means == "stop"
    hint = "correct what the server names: NOTIFYWS_VARIABLES, the URL or --profile"
    return HandshakeFailed(f"the server refused the handshake{said}", hint, final=final)
