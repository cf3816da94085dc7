"""What may have been missed: since when, whether that is a gap, and why.

A notification is handed over, or lies in a gap that is told. There are four reasons:

- an interruption, unless the server can replay all of it: ``Cursor.covers_everything``
  and what an HTTP catch-up brought decide (``connection.session``, ``_catch_up``), and
  ``GapTracker.caught_up`` tells it;
- the server's own word that it keeps too little: ``GapTracker.said_by_server``;
- no room before a slow reader, at a server that cannot replay: ``DroppedCounter``;
- a queue on disk that was damaged or is full: ``outbox``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from notifyws.clock import Clock
from notifyws.connection.event_emitter import EventEmitter, GapStart
from notifyws.events import Failure
from notifyws.protocol.cursor import Cursor
from notifyws.tasks import background

REPLAY = 30.0
"""Seconds after which a server has sent what it replays."""


class GapTracker:
    """Keeps since when something is missing, and tells it, for one listener.

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
        self._opened_at = now = self._clock.now()
        self._cursor.opened(now, REPLAY)

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
        self.opened()

    @property
    def pending(self) -> bool:
        """Whether it is open what was missed since a connection was heard last."""
        return self._missing_since is not None

    def said_by_server(self) -> None:
        """The server keeps too little; told before what follows, once a burst."""
        self.in_doubt = True

    def end_burst(self) -> None:
        """Tell what the server said; to who begins at a time it may not matter."""
        if self._cursor.since is None:
            self.settle()

    def settle(self) -> None:
        """Tell what the server said, if it did: nothing shows that it is untrue."""
        if self.in_doubt:
            self.in_doubt = False
            reason = "the server no longer keeps all of what was missed"
            start = self.interrupted_at or GapStart(self._emitter.now())
            self._emitter.gap(start, reason)


class DroppedCounter:
    """Counts what there was no room for, and says so as a gap once there is.

    Args:
        emitter: tells the gap.
        room: returns when there is room.

    Attributes:
        count: how many are not said yet.
    """

    def __init__(
        self, emitter: EventEmitter, room: Callable[[], Awaitable[None]]
    ) -> None:
        self._emitter = emitter
        self._room = room
        self._since: GapStart | None = None
        self._until_room: asyncio.Task[None] | None = None
        self.count = 0

    def add(self, arrived: str) -> None:
        """Take note of one.

        Args:
            arrived: RFC 3339 UTC time of its arrival, which is now.
        """
        if self._since is None:
            self._since = self._emitter.steadily(arrived)
        self.count += 1
        if self._until_room is None or self._until_room.done():
            self._until_room = background(
                "the wait for room", self._say_once_there_is_room(), self._died
            )

    def say(self) -> None:
        """Tell the gap, if there is one."""
        if self._since is not None:
            reason = f"{self.count} dropped: whoever reads them is too slow"
            start, self._since, self.count = self._since, None, 0
            self._emitter.gap(start, reason)

    def close(self) -> None:
        """Say it now: there may never be room."""
        if self._until_room is not None:
            self._until_room.cancel()
        self.say()

    def _died(self, said: str, error: Exception) -> None:
        self._emitter.tell(Failure("server_error", said))
        self.say()

    async def _say_once_there_is_room(self) -> None:
        await self._room()
        self.say()
