"""Who is connected, and how a published notification finds them.

A notification is made into text once and put at the end of its user's history;
every connection reads on from its own place there. A slow one holds nothing but
its place: when that place is no longer kept, it has been overtaken and is closed
with 1013. Nothing here does I/O; ``sockets`` writes what ``take`` gives.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

from notifyws.devserver.history import Entry, History, Ids, resume
from notifyws.devserver.journal import Journal, Memory
from notifyws.devserver.messages import published
from notifyws.models import strict_json

__all__ = ["CUT", "RESTART", "TOO_SLOW", "Connection", "Ending", "Hub"]

Ending = tuple[int, str]

CUT: Ending = (1006, "cut by the server")
RESTART: Ending = (1012, "service restart")
TOO_SLOW: Ending = (1013, "too slow: the outbox is full")
ASIDE_LIMIT = 1_000
"""Frames that may wait for one connection alone, such as answers to its errors."""


class Connection:
    """One authenticated socket, seen from the hub.

    Args:
        number: tells it from all others; never 0.
        user: whose it is.
        history: that user's notifications.
        since: the last id that its client has seen, ``None`` to start from now.
        cut: ends the TCP connection at once.
        grace: seconds its client has for its half of a closing handshake.
    """

    def __init__(
        self,
        number: int,
        user: str,
        history: History,
        since: str | None,
        *,
        cut: Callable[[], None],
        grace: float,
    ) -> None:
        self.number = number
        self.user = user
        self.ending: Ending | None = None
        self.wake = asyncio.Event()
        self._history = history
        self._cut = cut
        self._grace = grace
        self._timers: list[asyncio.TimerHandle] = []
        self._aside: deque[tuple[int, str]] = deque()
        self._place, gap = resume(history, since)
        if gap is not None:
            self._aside.append((self._place, strict_json(gap)))

    def say(self, frame: str) -> None:
        """Send a frame to this connection alone, after all published before it."""
        if len(self._aside) >= ASIDE_LIMIT:
            self.close(TOO_SLOW)
            return
        self._aside.append((self._history.end, frame))
        self.wake.set()

    @property
    def waiting(self) -> bool:
        """Whether there is anything left to look at."""
        return bool(self._aside) or self._place < self._history.end

    def take(self, most: int) -> list[str]:
        """Return the next frames, at most ``most`` of them and perhaps none.

        Raises:
            Overtaken: it was too slow; what comes next for it is gone.
        """
        if self._aside and self._aside[0][0] <= self._place:
            return [self._aside.popleft()[1]]
        if self._aside:
            most = min(most, self._aside[0][0] - self._place)
        entries = self._history.read(self._place, most)
        self._place += len(entries)
        return [entry.frame for entry in entries if entry.origin != self.number]

    def close(self, ending: Ending) -> None:
        """Close with a code; a client that does not answer is cut after a while."""
        if self.ending is None:
            self.ending = ending
            self.wake.set()
            self.cut_after(self._grace)

    def cut(self) -> None:
        """End the TCP connection without a word."""
        self.ending = self.ending or CUT
        self.wake.set()
        self._cut()

    def cut_after(self, delay: float) -> None:
        """Cut it in ``delay`` seconds, unless it has ended by then."""
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(delay, self.cut))

    def ended(self) -> None:
        """Let go of everything that was planned for it."""
        for timer in self._timers:
            timer.cancel()


class Hub:
    """All histories and all live connections.

    Args:
        memory: what is known from before.
        journal: told of everything published.
        grace: seconds that clients have for their half of a closing handshake.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        memory: Memory,
        journal: Journal,
        grace: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._memory = memory
        self._journal = journal
        self._grace = grace
        self._clock = clock
        newest = (history.newest for history in memory.histories.values())
        self._ids = Ids(max(newest, default=memory.born))
        self._numbers = count(1)
        self._live: dict[str, dict[int, Connection]] = {}
        self.empty = asyncio.Event()
        self.empty.set()

    def join(self, user: str, since: str | None, cut: Callable[[], None]) -> Connection:
        """Add a connection; from now on it misses nothing."""
        history = self._memory.history(user)
        connection = Connection(
            next(self._numbers), user, history, since, cut=cut, grace=self._grace
        )
        self._live.setdefault(user, {})[connection.number] = connection
        self.empty.clear()
        return connection

    def leave(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        connection.ended()
        del self._live[connection.user][connection.number]
        if not self.live():
            self.empty.set()

    def live(self, user: str | None = None) -> list[Connection]:
        """Return the live connections of ``user``, or everybody's."""
        users = self._live if user is None else [user]
        return [one for name in users for one in self._live.get(name, {}).values()]

    def users(self) -> Iterator[str]:
        """Yield the users who are connected."""
        return (user for user, live in self._live.items() if live)

    def publish(self, user: str, fields: Mapping[str, Any], origin: int = 0) -> str:
        """Publish a notification to all connections of ``user`` but ``origin``.

        Returns:
            Its id.

        Raises:
            ValueError: the fields hold what JSON cannot say.
        """
        now = self._clock()
        ident = self._ids.next(now)
        frame = published(fields, ident, _timestamp(now))
        self._memory.history(user).add(Entry(ident, frame, origin))
        self._journal.write("note", user, ident, frame)
        for connection in self._live.get(user, {}).values():
            connection.wake.set()
        return str(ident)


def _timestamp(now: float) -> str:
    moment = datetime.fromtimestamp(now, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
