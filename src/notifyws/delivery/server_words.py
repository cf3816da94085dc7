"""What a server says besides notifications: who is told of it, and how often.

Errors, acknowledgements, gaps, what it says to the connection, and what nobody
understands. A frame can hold a hundred thousand errors, and telling each would hold up
the reader of the socket: so of one burst the first are told, and of the others how many
there were.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from notifyws.connection.event_emitter import EventEmitter
from notifyws.delivery.gaps import GapTracker
from notifyws.events import Failure
from notifyws.protocol.arrivals import (
    Acknowledged,
    Arrival,
    ControlFrame,
    Expired,
    NotUnderstood,
    Pong,
    RenewalAnswer,
    ServerError,
    ServerGap,
    ServerPing,
    SessionEnded,
)
from notifyws.protocol.masking import masked, without_tokens

SHOWN = 200
"""Characters that are shown of a frame which nobody understands."""
TOLD = 100
"""Errors of one burst that are told."""
LONGEST = 1000
"""Characters of one that are told."""

_Taker = Callable[[ControlFrame], Arrival | None]


class ServerWords:
    """Tells what a server says, and hands on what somebody waits for.

    Args:
        emitter: tells it.
        gaps: is told that the server keeps too little.

    Attributes:
        on_server_error: is given the errors.
        on_acknowledged: is given what became of a message; returns whether it knows it.
        on_control_frame: is given what is said to the connection;
            returns what it is where the connection does not wait for it.
        secrets: gives what must not be seen of a frame, as it may be spelled.
        not_understood: how many things no rule took.
        last_not_understood: the beginning of the last frame with one.
    """

    def __init__(self, emitter: EventEmitter, gaps: GapTracker) -> None:
        self.emitter, self.gaps = emitter, gaps
        self.on_server_error: Callable[[ServerError], None] | None = None
        self.on_acknowledged: Callable[[Acknowledged], bool] | None = None
        self.on_control_frame: _Taker = lambda word: None
        self.secrets: Callable[[], tuple[str, ...]] = lambda: ()
        self.not_understood = 0
        self.last_not_understood: str | None = None
        self._complaints = 0

    def hear(self, arrival: Arrival, frame: str | bytes) -> None:
        """Tell it, or hand it to whoever waits for it.

        Args:
            arrival: no notification.
            frame: in which it came.
        """
        match arrival:
            case ServerError():
                arrival = replace(arrival, message=self._shown(arrival.message))
                self._complain(arrival.message)
                if self.on_server_error is not None:
                    self.on_server_error(arrival)
            case ServerGap():
                self.gaps.said_by_server()
            case Acknowledged():
                if arrival.message:
                    arrival = replace(arrival, message=self._shown(arrival.message))
                take = self.on_acknowledged
                if not (take is not None and take(arrival)) and not arrival.ok:
                    said = arrival.message or "no reason given"
                    self._complain(said)
            case ServerPing() | Pong() | Expired() | SessionEnded() | RenewalAnswer():
                if (other := self.on_control_frame(arrival)) is not None:
                    self.hear(other, frame)
            case NotUnderstood():
                self.not_understood += arrival.count
                text = frame if isinstance(frame, str) else repr(frame)
                begun = without_tokens(text[: 2 * SHOWN], self.secrets())
                self.last_not_understood = shown = begun[:SHOWN]
                more = f" ({arrival.count} in one frame)" if arrival.count > 1 else ""
                said = f"{arrival.reason}{more}" + (f": {shown}" if shown else "")
                self.emitter.tell(Failure("invalid_message", said))

    def _shown(self, words: str) -> str:
        """Return a server's words without what it may repeat of ours."""
        return masked(words[: 2 * LONGEST], self.secrets())

    def end_burst(self) -> None:
        """Tell of a gap, and how many errors were only counted."""
        self.gaps.end_burst()
        more, self._complaints = self._complaints - TOLD, 0
        if more > 0:
            self.emitter.tell(Failure("server_error", f"and {more:,} errors more"))

    def _complain(self, words: str) -> None:
        self._complaints += 1
        if self._complaints <= TOLD:
            self.emitter.tell(Failure("server_error", words[:LONGEST]))
