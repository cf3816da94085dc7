"""What may have been missed: since when, whether that is a gap, and why.

A notification is handed over, or lies in a gap that is told here. It knows when
connections begin and end, what the cursor can bring again, and no server.
"""

from __future__ import annotations

from notifyws.clock import Clock
from notifyws.connection.event_emitter import EventEmitter, GapStart
from notifyws.protocol.cursor import Cursor

REPLAY = 30.0
"""Seconds after which a server has sent what it replays."""


class GapTracker:
    """Decides what lies in a gap, for one listener.

    Args:
        emitter: tells it.
        cursor: where the listener stands.
        clock: monotonic time.

    Attributes:
        interrupted_at: since when something is missing, should the server say so.
        in_doubt: whether the server said so, and it is not told yet.
    """

    def __init__(self, emitter: EventEmitter, cursor: Cursor, clock: Clock) -> None:
        self._emitter = emitter
        self._cursor = cursor
        self._clock = clock
        self._missing_since: GapStart | None = None
        self._opened_at = 0.0
        self.interrupted_at: GapStart | None = None
        self.in_doubt = False

    def begin(self, heard_at: GapStart) -> None:
        """Begin where an earlier process, or somebody's wish, left off."""
        self.interrupted_at = self._missing_since = heard_at

    def opened(self) -> None:
        """A connection is there; what it replays comes now."""
        self._opened_at = self._clock.now()
        self._cursor.reconnected(self._opened_at + REPLAY)

    def closed(self, heard_at: float) -> None:
        """It ended, or was left.

        A short connection may have ended within a replay: what that was to bring
        is missing as well, so that the interruption before it still counts.

        Args:
            heard_at: unix seconds; what was sent until then was taken.
        """
        since = self._emitter.since(heard_at)
        self._missing_since = self._missing_since or since
        brief = self._clock.now() - self._opened_at < REPLAY
        if self.interrupted_at is None or not brief:
            self.interrupted_at = since

    def caught_up(self, missing: str) -> None:
        """What can be had of what was missed was handed over.

        Args:
            missing: why that was not all of it; empty when it was.
        """
        start, self._missing_since = self._missing_since, None
        if start is not None and missing:
            self._emitter.gap(start, missing)

    def replaced(self, heard_at: float, *, sound: bool) -> None:
        """Another connection was opened beside it.

        Args:
            heard_at: unix seconds; what the old one brought until then was taken.
            sound: whether it surely missed nothing since.
        """
        self.closed(heard_at)
        if sound:
            self.caught_up("")
        self._opened_at = self._clock.now()

    @property
    def pending(self) -> bool:
        """Whether it is open what was missed since a connection was heard last."""
        return self._missing_since is not None

    def said_by_server(self) -> None:
        """The server keeps too little; to who begins at a time it may not matter."""
        self.in_doubt = True
        if self._cursor.since is None:
            self.settle()

    def settle(self) -> None:
        """Tell what the server said, if it did: nothing shows that it is untrue."""
        if self.in_doubt:
            self.in_doubt = False
            reason = "the server no longer keeps all of what was missed"
            start = self.interrupted_at or GapStart(self._emitter.now())
            self._emitter.gap(start, reason)
