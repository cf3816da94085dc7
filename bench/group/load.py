"""What Valkey's time goes to when it has much to do: beats, looks for news, entries.

An idle Valkey wakes up for each command, which costs it more than the command. So what
a big fleet asks is asked here as fast as one process can, by the parts that ask it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from tests.support.valkey import Valkey

from bench.group.figures import Figure
from bench.group.valkey_use import look
from notifyws.auth.authenticator import Authenticator
from notifyws.auth.cache.keys import KEEP
from notifyws.config.settings import Settings
from notifyws.fleet.group.build import GroupOptions, build_client, build_store
from notifyws.fleet.group.store import GroupStore
from notifyws.fleet.heartbeat import INDEXES
from notifyws.fleet.listener_entry import Listener, text_of

GROUPS, MEMBERS = 20, 5
SECONDS = 4.0
"""Seconds that each is asked for."""
Asks = Callable[[], Awaitable[Any]]


def figures() -> Iterator[Figure]:
    """Measure it."""
    with Valkey() as valkey:
        yield from asyncio.run(measured(valkey))


async def measured(valkey: Valkey) -> list[Figure]:
    """Have all of them ask the same, again and again."""
    settings = Settings(
        url="ws://127.0.0.1:1", username="demo", redis_url=valkey.url, keyring=False
    )
    auth = Authenticator(settings, print)
    options = [GroupOptions(f"g{n}") for n in range(GROUPS) for _ in range(MEMBERS)]
    stores = [build_store(auth, each, build_client(auth)) for each in options]
    found = []
    for name, what, asks in [
        ("beat_cost", "a beat", [beat_of(store) for store in stores]),
        ("read_cost", "a look for news", [read_of(store) for store in stores]),
        (
            "entry_cost",
            "an entry for `status`",
            [entry_of(settings, n) for n in range(len(stores))],
        ),
    ]:
        cost = await cost_of(valkey, asks)
        found.append(Figure(name, f"Valkey's time for {what}, when busy", cost, "us"))
    for store in stores:
        await store.client.aclose()
    return found


async def cost_of(valkey: Valkey, asks: Sequence[Asks]) -> float:
    """Return the microseconds that one of them takes Valkey."""
    for each in asks:
        await each()
    times = 0
    before, end = look(valkey), time.monotonic() + SECONDS

    async def again_and_again(ask: Asks) -> None:
        nonlocal times
        while time.monotonic() < end:
            await ask()
            times += 1

    await asyncio.gather(*map(again_and_again, asks))
    return look(valkey).since(before).cpu / times * 1e6


def beat_of(store: GroupStore) -> Asks:
    """Return what says that a member lives."""
    return lambda: store.beat(wants=True)


def read_of(store: GroupStore) -> Asks:
    """Return what waits for something new, and gets nothing."""
    return lambda: store.read([0], 200, 0.001)


def entry_of(settings: Settings, number: int) -> Asks:
    """Return what keeps a listener's entry, as its heartbeat does."""
    auth = Authenticator(settings, print)
    cache, account = auth.cache.primary, auth.account.id
    text = text_of(Listener("bench", "host", number))
    entry = {f"listener:{number:016}": (text, KEEP["listener"])}

    async def ask() -> None:
        await cache.replace(account, entry, expect={})
        await cache.read(account, f"listeners:{number % INDEXES}")

    return ask
