"""Who is connected, and how a published notification finds them.

A notification is made into text once and put at the end of its user's history;
every connection reads on there. A slow one holds nothing but the last id it has
seen: when what follows is no longer kept, it has been overtaken. Nothing here does
I/O; ``websocket`` writes what ``take`` gives.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

from notifyws.devserver.history import Entry, History
from notifyws.devserver.messages import published
from notifyws.devserver.state import State
from notifyws.models import strict_json

__all__ = ["CUT", "RESTART", "TOO_SLOW", "Connection", "Ending", "Hub"]

Ending = tuple[int, str]

CUT: Ending = (1006, "cut by the server")
RESTART: Ending = (1012, "service restart")
TOO_SLOW: Ending = (1013, "too slow: the outbox is full")
ASIDE_LIMIT = 1_000
"""Frames that may wait for one connection alone, such as answers to its errors."""


class Connection:
    """One socket, seen from the hub.

    Args:
        number: tells it from all others; never 0.
        interrupt: called once, when it is to end.
    """

    def __init__(self, number: int, interrupt: Callable[[], None]) -> None:
        self.number = number
        self.user: str | None = None
        self.ending: Ending | None = None
        self.wake = asyncio.Event()
        self._interrupt = interrupt
        self._history = History(0, 1)
        self._seen = 0
        self._aside: deque[tuple[int, str]] = deque()

    def join(self, user: str, history: History, since: str | None) -> None:
        """Be a connection of ``user``; from now on it misses nothing."""
        self.user = user
        self._history = history
        self._seen, gap = history.resume(since)
        if gap is not None:
            self._aside.append((self._seen, strict_json(gap)))
        self.wake.set()

    def say(self, frame: str) -> None:
        """Send a frame to this connection alone, after all published before it."""
        if len(self._aside) >= ASIDE_LIMIT:
            self.close(TOO_SLOW)
        self._aside.append((self._history.newest, frame))
        self.wake.set()

    def take(self, most: int) -> list[str]:
        """Return the next frames, at most ``most`` of them; it sleeps if none is left.

        Raises:
            Overtaken: it was too slow; what comes next for it is gone.
        """
        if self._aside and self._aside[0][0] <= self._seen:
            return [self._aside.popleft()[1]]
        entries = self._history.after(self._seen, most)
        if self._aside:
            entries = [one for one in entries if one.id <= self._aside[0][0]]
        if entries:
            self._seen = entries[-1].id
        else:
            self.wake.clear()
        return [entry.frame for entry in entries if entry.origin != self.number]

    def close(self, ending: Ending) -> None:
        """Ask for it to be closed, or cut; the first ending asked for stands."""
        if self.ending is None:
            self.ending = ending
            self._interrupt()


class Hub:
    """All connections, and what is published to them.

    Args:
        state: the histories.
        clock: seconds since 1970.
    """

    def __init__(self, state: State, clock: Callable[[], float] = time.time) -> None:
        self.connections: set[Connection] = set()
        self.empty = asyncio.Event()
        self.empty.set()
        self._state = state
        self._clock = clock
        newest = (history.newest for history in state.histories.values())
        self._last = max(newest, default=state.born)
        self._numbers = count(1)

    def connect(self, interrupt: Callable[[], None]) -> Connection:
        """Add a connection, which is nobody's yet."""
        connection = Connection(next(self._numbers), interrupt)
        self.connections.add(connection)
        self.empty.clear()
        return connection

    def leave(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self.connections.discard(connection)
        if not self.connections:
            self.empty.set()

    def join(self, connection: Connection, user: str, since: str | None) -> None:
        """Let a connection be one of ``user``, who has seen the id ``since``."""
        connection.join(user, self._state.history(user), since)

    def live(self, user: str | None = None) -> list[Connection]:
        """Return the connections of ``user``, or everybody's; none without a token."""
        wanted = {user} if user else {one.user for one in self.connections} - {None}
        return [one for one in self.connections if one.user in wanted]

    def publish(self, user: str, fields: Mapping[str, Any], origin: int = 0) -> str:
        """Publish to all connections of ``user`` but ``origin``; return the id.

        Raises:
            ValueError: the fields hold what JSON cannot say.
        """
        now = self._clock()
        ident = max(self._last + 1, int(now * 1_000_000))
        moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        frame = published(fields, ident, moment.replace("+00:00", "Z"))
        self._last = ident
        self._state.publish(user, Entry(ident, frame, origin))
        for connection in self.live(user):
            connection.wake.set()
        return str(ident)
