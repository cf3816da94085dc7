"""A running listener's sign of life in the token cache, and how others read it.

Each listener keeps one entry, ``listener:ID``, which is forgotten by itself when it
is not renewed. To be found it stands in one of a few indexes (``listeners:N``), which
are changed by compare-and-swap: that asks nothing of a cache but what tokens ask, one
round trip finds a thousand listeners, and no search goes through foreign keys. An
index is written when a listener comes, goes, or has half used up its place in it.

A cache that fails is no concern of listening: the next beat tries again. It has to be
the real cache; one that carries changes back after an outage would be confused by
entries that everybody changes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from notifyws.errors import CacheFailed
from notifyws.events import (
    Closed,
    Connected,
    Connecting,
    Disconnected,
    Event,
    Gap,
    Reconnecting,
)
from notifyws.held import Entry
from notifyws.world import World, doze, utc_text

__all__ = ["Board", "Heartbeat", "Listener", "find_listeners"]

KEEP = 30.0
"""Seconds after which a listener that says nothing is forgotten."""
EVERY = 10.0
"""Seconds between two beats."""
INDEXES = 64
"""How many indexes share the listeners, so that few meet in one."""
PLACE = 600.0
"""Seconds that a place in an index is kept."""
TRIES = 5
"""How often in a row a change of an index is tried."""


class Board(Protocol):
    """What is needed of the token cache."""

    async def read(self, account: str, *names: str) -> Mapping[str, Entry]: ...
    async def replace(
        self,
        account: str,
        entries: Mapping[str, tuple[str, float] | None],
        *,
        expect: Mapping[str, str | None],
    ) -> bool: ...


@dataclass(frozen=True, slots=True)
class Listener:
    """What a listener says of itself; moments are RFC 3339 UTC.

    Args:
        name: its durable name, if it has one.
        host, pid: where it runs.
        state: ``connecting``, ``connected`` or ``reconnecting``.
        since: when that began.
        received: notifications so far.
        waiting: notifications that are not handed on yet.
        reconnects: connections after the first.
        lastNotificationAt: when one was last seen to have come.
        gaps: how many stretches of time something may have been missed in.
        lastGap: the latest of them.
    """

    name: str | None
    host: str
    pid: int
    state: str = "connecting"
    since: str = ""
    received: int = 0
    waiting: int = 0
    reconnects: int = 0
    lastNotificationAt: str | None = None
    gaps: int = 0
    lastGap: Mapping[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``status --json`` lists."""
        return asdict(self)


class Heartbeat:
    """Keeps one listener's entry until it is told to stop.

    Args:
        board: the real token cache.
        account: id of the account.
        listener: who it is.
        counts: returns how many were received, and how many wait.
        world: clock and sleep.
    """

    def __init__(
        self,
        board: Board,
        account: str,
        listener: Listener,
        counts: Callable[[], tuple[int, int]],
        world: World,
    ) -> None:
        self._board = board
        self._account = account
        self._counts = counts
        self._world = world
        self._id = world.secret()
        self._index = index_of(self._id)
        self._changed = asyncio.Event()
        self._placed_until = float("-inf")
        self._connections = 0
        self._written = False
        self.listener = replace(listener, since=utc_text(world.wall()))

    def observe(self, event: Event) -> None:
        """Take note of what happens to the connection."""
        match event:
            case Connecting() if self._connections == 0:
                self._enter("connecting")
            case Connected():
                self._connections += 1
                reconnects = self._connections - 1
                self.listener = replace(self.listener, reconnects=reconnects)
                self._enter("connected")
            case Disconnected() | Reconnecting():
                self._enter("reconnecting")
            case Gap(start, end, reason, recovered=False):
                last = {"from": start, "to": end, "reason": reason[:300]}
                gaps = self.listener.gaps + 1
                self.listener = replace(self.listener, gaps=gaps, lastGap=last)
                self._changed.set()
            case Closed():
                self._enter("disconnected")

    def _enter(self, state: str) -> None:
        if state != self.listener.state:
            since = utc_text(self._world.wall())
            self.listener = replace(self.listener, state=state, since=since)
            self._changed.set()

    async def run(self) -> None:
        """Beat until cancelled; then leave nothing behind, if the cache is well."""
        try:
            while True:
                self._changed.clear()
                try:
                    await self._beat()
                except CacheFailed:
                    self._written = False
                    await doze(self._world, EVERY)
                else:
                    await self._until_due()
        finally:
            if self._written:
                with suppress(CacheFailed):
                    await self._leave()

    async def _until_due(self) -> None:
        changed = asyncio.ensure_future(self._changed.wait())
        due = asyncio.ensure_future(doze(self._world, EVERY))
        try:
            await asyncio.wait({changed, due}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            due.cancel()

    async def _beat(self) -> None:
        self._count()
        text = json.dumps({"v": 1, **self.listener.as_json()})
        entries = {f"listener:{self._id}": (text, KEEP)}
        self._written = True  # also when the answer is lost
        await self._board.replace(self._account, entries, expect={})
        moment = self._world.wall()
        fresh = PLACE / 2 < self._placed_until - moment <= PLACE
        if not fresh and await self._place(moment + PLACE):
            self._placed_until = moment + PLACE

    def _count(self) -> None:
        received, waiting = self._counts()
        last = self.listener.lastNotificationAt
        if received > self.listener.received:
            last = utc_text(self._world.wall())
        self.listener = replace(
            self.listener, received=received, waiting=waiting, lastNotificationAt=last
        )

    async def _place(self, until: float) -> bool:
        for _ in range(TRIES):
            if await self._swap({self._id: until}):
                return True
            await self._world.sleep(0.05 * self._world.dice())
        return False  # the next beat tries again

    async def _leave(self) -> None:
        entry: dict[str, None] = {f"listener:{self._id}": None}
        await self._board.replace(self._account, entry, expect={})
        await self._swap({self._id: 0.0})

    async def _swap(self, change: Mapping[str, float]) -> bool:
        found = (await self._board.read(self._account, self._index)).get(self._index)
        text = found.text if found else None
        now = self._world.wall()
        places = {**places_in(text), **change}
        left = {each: until for each, until in places.items() if until > now}
        entries = {self._index: (json.dumps(left), PLACE) if left else None}
        return await self._board.replace(
            self._account, entries, expect={self._index: text}
        )


def index_of(listener_id: str) -> str:
    """Return the name of the index in which a listener stands."""
    return f"listeners:{sum(listener_id.encode()) % INDEXES}"


def places_in(text: str | None) -> dict[str, float]:
    """Return whom an index names, and until when; rubbish names nobody."""
    try:
        places = json.loads(text or "{}")
        return {str(each): float(until) for each, until in places.items()}
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}


async def find_listeners(board: Board, account: str) -> list[Listener]:
    """Return the listeners of an account that gave a sign of life lately.

    Raises:
        CacheFailed: the cache cannot tell.
    """
    names = [f"listeners:{n}" for n in range(INDEXES)]
    indexes = await board.read(account, *names)
    ids = {each for index in indexes.values() for each in places_in(index.text)}
    if not ids:
        return []
    entries = await board.read(account, *(f"listener:{each}" for each in sorted(ids)))
    return sorted(
        _read(entries.values()), key=lambda each: (each.name or "", each.host, each.pid)
    )


def _read(entries: Iterable[Entry]) -> Iterable[Listener]:
    for entry in entries:
        with suppress(ValueError, TypeError, RecursionError):
            facts = json.loads(entry.text)
            if isinstance(facts, dict) and facts.pop("v", None) == 1:
                listener = Listener(**facts)
                if _makes_sense(listener):
                    yield listener


def _makes_sense(listener: Listener) -> bool:
    texts = (listener.host, listener.state, listener.since)
    numbers = (listener.pid, listener.received, listener.waiting)
    more = (listener.reconnects, listener.gaps)
    return (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(number, int) for number in (*numbers, *more))
        and isinstance(listener.name, str | None)
        and isinstance(listener.lastNotificationAt, str | None)
        and isinstance(listener.lastGap, dict | None)
    )
