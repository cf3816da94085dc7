"""A running listener's sign of life in the token cache, and how others read it.

Each listener keeps one entry, ``listener:ID``, which is forgotten by itself when it
is not renewed. To be found it stands in one of a few indexes (``listeners:N``), which
are changed by compare-and-swap: that asks nothing of a cache but what tokens ask, one
round trip finds a thousand listeners, and no search goes through foreign keys. Each
beat looks whether its index still names it, for a cache may lose all that it holds
(``FLUSHALL``, a restart, a primary that was replaced); an index is written when a
listener comes, goes, is no longer named or has half used up its place in it.

A cache that fails is no concern of listening: it is said once, and the next beat tries
again. It has to be the real cache; one that carries changes back after an outage would
be confused by entries that everybody changes.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.cache import TokenCache
from notifyws.auth.cache.keys import KEEP
from notifyws.clock import Clock, sleep, utc_text
from notifyws.errors import CacheFailed
from notifyws.events import (
    Closed,
    Connected,
    Connecting,
    Disconnected,
    Event,
    Failure,
    Gap,
    Grouped,
    Reconnecting,
)
from notifyws.fleet.listener_entry import (
    LONGEST,
    Listener,
    listener_of,
    places_in,
    text_of,
)
from notifyws.protocol.masking import without_tokens
from notifyws.tasks import first_of

EVERY = 10.0
"""Seconds between two beats, at most."""
SPREAD = 0.2
"""Share of that which is drawn by lot: a fleet whose server closes beats in one moment,
and would for ever."""
INDEXES = 64
"""How many indexes share the listeners, so that few meet in one."""
PLACE = KEEP["listeners"]
"""Seconds that a place in an index is kept."""
TRIES = 5
"""How often in a row a change of an index is tried."""
STABLE = 30.0
"""Seconds for which a connection must last to be no short-lived one."""


class Heartbeat:
    """Keeps one listener's entry until it is told to stop.

    Args:
        counts: returns what it has counted so far, by the entry's names.
        secrets: returns what nobody else may see of what the server says, as it may
            be spelled.
        fell: is told of every beat that the cache did not take.
        rose: is told of the first one that it took after that.
    """

    def __init__(
        self,
        cache: TokenCache,
        account: str,
        listener: Listener,
        counts: Callable[[], Mapping[str, Any]],
        clock: Clock,
        secrets: Callable[[], Iterable[str]] = tuple,
        fell: Callable[[CacheFailed], None] = lambda error: None,
        rose: Callable[[], None] = lambda: None,
    ) -> None:
        self._fell, self._rose, self._unseen = fell, rose, False
        self._cache, self._account = cache, account
        self._counts, self._clock, self._secrets = counts, clock, secrets
        self._id = clock.secret()
        self._index = index_of(self._id)
        self._changed = asyncio.Event()
        self._connections = 0
        self._connected_at = float("-inf")
        self._written = False
        self.listener = replace(listener, since=utc_text(clock.wall()))

    def observe(self, event: Event) -> None:
        """Take note of what happens to the connection."""
        match event:
            case Connecting():
                if event.attempt == 0 and self._connections == 0:
                    self._enter("connecting")
            case Connected():
                self._connections += 1
                self._connected_at = self._clock.now()
                reconnects = self._connections - 1
                self._note(reconnects=reconnects, attempts=0, userId=event.user_id)
                self._enter("connected")
            case Disconnected():
                brief = self._clock.now() - self._connected_at < STABLE
                self._note(shortLived=self.listener.shortLived + 1 if brief else 0)
                said = f": {event.reason}" if event.reason else ""
                self._failed("network_error", f"disconnected ({event.code}){said}")
                self._enter("reconnecting")
            case Reconnecting():
                self._failed("network_error", event.reason)
                self._note(attempts=event.attempt)
                self._enter("reconnecting")
                self._changed.set()
            case Failure("invalid_message"):
                if not self.listener.notUnderstood:  # of the next ones a beat tells
                    self._changed.set()
            case Failure("server_error"):  # its own words may repeat what it was told
                said = without_tokens(event.message, self._secrets())
                self._failed("server_error", said)
            case Failure():
                self._failed(event.type, event.message)
            case Gap(start, end, reason, recovered=False):
                last = {"from": start, "to": end, "reason": reason[:LONGEST]}
                self._note(gaps=self.listener.gaps + 1, lastGap=last)
                self._changed.set()
            case Grouped(group, role):
                self._joined(group, role)
            case Closed():
                self._enter("disconnected")

    def _joined(self, group: str, role: str) -> None:
        self._note(group=group, role=role)
        if role != "leader":
            self._enter("member")
        self._changed.set()

    def _note(self, **facts: Any) -> None:
        self.listener = replace(self.listener, **facts)

    def _failed(self, kind: str, message: str) -> None:
        if message:
            at = utc_text(self._clock.wall())
            said = {"at": at, "kind": kind, "message": message[:LONGEST]}
            self._note(lastFailure=said)

    def _enter(self, state: str) -> None:
        if state != self.listener.state:
            self._note(state=state, since=utc_text(self._clock.wall()))
            self._changed.set()

    async def run(self) -> None:
        """Beat until cancelled; then leave nothing behind, if the cache is well."""
        try:
            while True:
                self._changed.clear()
                try:
                    await self._beat()
                except CacheFailed as error:
                    self._written = False
                    self._unseen = True
                    self._fell(error)
                    await self._pause()
                else:
                    if self._unseen:
                        self._unseen = False
                        self._rose()
                    await first_of(self._changed.wait(), self._pause())
        finally:
            if self._written:
                with suppress(CacheFailed):
                    await self._leave()

    async def _pause(self) -> None:
        await sleep(self._clock, EVERY * (1 - SPREAD * self._clock.dice()))

    async def _beat(self) -> None:
        self._count()
        entries = {f"listener:{self._id}": (text_of(self.listener), KEEP["listener"])}
        self._written = True  # also when the answer is lost
        await self._cache.replace(self._account, entries, expect={})
        moment = self._clock.wall()
        placed_until = places_in(await self._index_text()).get(self._id, 0.0)
        if not PLACE / 2 < placed_until - moment <= PLACE:
            await self._place(moment + PLACE)

    def _count(self) -> None:
        counts = self._counts()
        if counts["received"] > self.listener.received:
            self._note(lastNotificationAt=utc_text(self._clock.wall()))
        self._note(**counts)

    async def _place(self, until: float) -> None:
        for _ in range(TRIES):  # the next beat tries again
            if await self._swap({self._id: until}):
                return
            await self._clock.sleep(0.05 * self._clock.dice())

    async def _leave(self) -> None:
        entry: dict[str, None] = {f"listener:{self._id}": None}
        await self._cache.replace(self._account, entry, expect={})
        await self._swap({self._id: 0.0})

    async def _swap(self, change: Mapping[str, float]) -> bool:
        text = await self._index_text()
        now = self._clock.wall()
        places = {**places_in(text), **change}
        left = {each: until for each, until in places.items() if until > now}
        entries = {self._index: (json.dumps(left), PLACE) if left else None}
        return await self._cache.replace(
            self._account, entries, expect={self._index: text}
        )

    async def _index_text(self) -> str | None:
        found = (await self._cache.read(self._account, self._index)).get(self._index)
        return found.text if found else None


def index_of(listener_id: str) -> str:
    """Return the name of the index in which a listener stands."""
    return f"listeners:{sum(listener_id.encode()) % INDEXES}"


def build_heartbeat(
    auth: Authenticator,
    name: str | None,
    counts: Callable[[], Mapping[str, Any]],
    secrets: Callable[[], Iterable[str]],
) -> Heartbeat | None:
    """Return what keeps a listener's sign of life; ``None`` where none sees it.

    Args:
        counts: returns what it has counted so far.
        secrets: returns what nobody else may see.
    """
    s = auth.settings
    if s.token and not (s.cache_url or s.redis_url):
        return None  # with a ready-made token no file is made
    if auth.cache.backend == "memory":
        return None
    who = Listener(name, socket.gethostname(), os.getpid())
    cache, facts = auth.cache, (auth.account.id, who, counts, auth.clock, secrets)
    return Heartbeat(cache.primary, *facts, cache.fell, cache.rose)


async def find_listeners(
    cache: TokenCache, account: str, name: str | None = None
) -> list[Listener]:
    """Return an account's running listeners, or those of one name.

    Raises:
        CacheFailed: the cache cannot tell.
    """
    indexes = await cache.read(account, *(f"listeners:{n}" for n in range(INDEXES)))
    ids = {each for index in indexes.values() for each in places_in(index.text)}
    if not ids:
        return []
    entries = await cache.read(account, *(f"listener:{each}" for each in sorted(ids)))
    found = (listener_of(entry.text) for entry in entries.values())
    known = [each for each in found if each and name in (None, each.name)]
    return sorted(known, key=lambda one: (one.name or "", one.host, one.pid))
