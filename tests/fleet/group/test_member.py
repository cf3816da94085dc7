"""A member's share, in a real Redis: shown, acknowledged, and found again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from notifyws.auth.cache.redis import RedisClient
from notifyws.clock import real_clock
from notifyws.config.settings import Settings
from notifyws.delivery.outbox_records import ListenerPosition
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Item
from notifyws.fleet.group.entries import Batch
from notifyws.fleet.group.member import GroupMember
from notifyws.fleet.group.store import GroupStore
from notifyws.models import Notification
from tests.support.queue import ScriptedSink, line
from tests.support.valkey import Valkey


class Scene:
    """A member named ``h:1:a``, whoever shows things, and the group's leader."""

    def __init__(self, url: str, *sinks: ScriptedSink) -> None:
        self.client = RedisClient(url, "the group's Redis")
        self.store = GroupStore(self.client, "0" * 16, "g", member="h:1:a")
        self.queue = DeliveryQueue[Item](1000, 1 << 20)
        self.shown: list[str] = []
        self.lost: list[str] = []
        self.member = GroupMember(
            self.store,
            self.queue,
            sinks,
            Settings(hand_on_delays=(0.01,)),
            real_clock(),
            write_dead_letters=self._write_dead_letters,
            warn=self.lost.append,
            selection=None,
            lost=lambda since, why: self.lost.append(why),
        )
        self._number = 0

    async def _write_dead_letters(self, *letters: Any) -> None:
        raise AssertionError(letters)

    async def append(self, *titles: object) -> None:
        """Have something in the stream."""
        standing = await self.store.beat(wants=True)
        self._number += 1
        lines = [(0, line(title), "") for title in titles]
        await self.store.append(
            0, standing.proof, Batch(self._number, lines, ListenerPosition())
        )

    async def show(self) -> None:
        """Show what comes, for ever."""
        while burst := await self.queue.get():
            self.shown += (n.title for n in burst if isinstance(n, Notification))

    async def until(self, holds: Any) -> None:
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0.005)

    async def leaves(self, pending: int) -> None:
        """Demand that so many are not acknowledged, once there was time for it."""
        await asyncio.sleep(0.05)
        assert (await self.store.beat(wants=True)).pending == pending


@asynccontextmanager
async def scene(valkey: Valkey, *sinks: ScriptedSink) -> AsyncIterator[Scene]:
    made = Scene(valkey.url, *sinks)
    await made.store.beat(wants=True)
    made.member.read_from([0])
    made.member.start()
    showing = asyncio.create_task(made.show())
    try:
        yield made
    finally:
        await made.member.aclose(0.1)
        made.queue.close()
        await showing
        await made.client.aclose()


async def test_what_was_shown_is_acknowledged(clean_valkey):
    async with scene(clean_valkey) as group:
        await group.append(1, 2, 3)
        await group.until(lambda: group.shown == ["1", "2", "3"])
        await group.until(lambda: not group.member.in_hand.has_done)
        await group.leaves(0)


async def test_what_a_sink_has_not_taken_is_not_acknowledged(clean_valkey):
    sink = ScriptedSink(0.0, 30.0)
    async with scene(clean_valkey, sink) as group:
        await group.append(1, 2, 3)
        await group.until(lambda: sink.titles == ["1"])
        await group.until(lambda: group.shown == ["1", "2", "3"])
        await group.leaves(2)
    assert left_in(clean_valkey) == 2


def left_in(valkey: Valkey) -> int:
    (key,) = valkey.command("KEYS", "*:group:g")
    return valkey.command("XPENDING", key, "members")["pending"]


@pytest.mark.parametrize("times", [1, 3])
async def test_what_was_given_in_an_answer_that_was_lost_is_found_again(
    clean_valkey, times
):
    async with scene(clean_valkey) as group:
        await group.append(1)
        await group.until(lambda: group.shown == ["1"])
        group.member.read_from([])  # another one reads under its name
        await asyncio.sleep(0.05)
        await group.append(*range(2, 2 + times))
        assert len(await group.store.read([0], 10, 1.0)) == times
        group.member.doubt([0])
        group.member.read_from([0])
        await group.append("last")
        titles = [*map(str, range(1, 2 + times)), "last"]
        await group.until(lambda: group.shown == titles)
        await group.leaves(0)


async def test_what_is_offered_again_is_shown_once(clean_valkey):
    async with scene(clean_valkey) as group:
        await group.append(1, 2)
        await group.until(lambda: group.shown == ["1", "2"])
        entries = [each async for each in group.store.latest(10)]
        group.member.take(entries)
        await group.append(3)
        await group.until(lambda: len(group.shown) > 2)
        assert group.shown == ["1", "2", "3"]
        assert group.member.received == 3


async def test_what_was_trimmed_before_it_was_shown_is_clean_valkey(clean_valkey):
    async with scene(clean_valkey) as group:
        group.member.read_from([])
        await asyncio.sleep(0.05)
        await group.append(1)
        (given,) = await group.store.read([0], 1, 1.0)
        clean_valkey.command("XDEL", group.store.streams[0], given.id)
        group.member.doubt([0])
        group.member.read_from([0])
        await group.append(2)
        await group.until(lambda: group.shown == ["2"])
        assert group.lost == ["it was trimmed before it was handled"]
        await group.leaves(0)


async def test_rubbish_in_the_stream_is_passed_over_and_said(clean_valkey):
    async with scene(clean_valkey) as group:
        clean_valkey.command("XADD", group.store.streams[0], "*", "n", "rubbish")
        await group.append(1)
        await group.until(lambda: group.shown == ["1"])
        (said,) = group.lost
        assert "passed over" in said
        await group.leaves(0)
