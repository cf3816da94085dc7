"""The place of a durable listener, as other hosts see it."""

from __future__ import annotations

import asyncio
import json

import pytest

from notifyws.auth.cache.memory import MemoryCache
from notifyws.config.settings import Settings
from notifyws.delivery.durable_listener import DurableListener, SharedCursor
from notifyws.delivery.outbox import Outbox
from notifyws.delivery.outbox_records import ListenerPosition
from notifyws.delivery.queue import DeliveryQueue
from tests.support.queue import MemoryStore, ScriptedSink, note
from tests.support.virtual import VirtualClock, now

pytestmark = pytest.mark.virtual_time

ACCOUNT = "a" * 16


def cursor(cache):
    return SharedCursor(cache, ACCOUNT, "desk", VirtualClock().clock)


async def test_another_host_reads_what_was_written():
    cache = MemoryCache(now)
    assert await cursor(cache).read() is None
    position = ListenerPosition("id-9", "2024-01-15T10:00:00Z", 17.0, True, 16.5)
    await cursor(cache).write(position)
    assert await cursor(cache).read() == position


async def test_it_is_written_once_a_second_and_at_the_last():
    cache = MemoryCache(now)
    ours = cursor(cache)
    await ours.write(ListenerPosition(1))
    await ours.write(ListenerPosition(2))
    assert (await ours.read()).last_id == 1
    await asyncio.sleep(1)
    await ours.write(ListenerPosition(3))
    assert (await ours.read()).last_id == 3
    await ours.write(ListenerPosition(4), last=True)
    assert (await ours.read()).last_id == 4


async def test_it_is_there_again_after_a_cache_lost_all():
    cache = MemoryCache(now)
    ours, same = cursor(cache), ListenerPosition(1)
    for _ in range(4):
        await ours.write(same)
        await cache.replace(ACCOUNT, {"cursor:desk": None}, expect={})
        await asyncio.sleep(5)
        await ours.write(same)
    assert await ours.read() == same


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"v":2}', '{"v":1,"standing":{"x":1}}', "[" * 100_000),
        '{"v":1,"standing":{"moved_at":"zzz"}}',
        '{"v":1,"standing":{"heard_at":"zzz"}}',
        '{"v":1,"standing":{"mixed":1}}',
        '{"v":1,"standing":{"sent_at":"zzz"}}',
        '{"v":1,"standing":{"sent_at":1e12}}',
        '{"v":1,"standing":{"last_id":NaN}}',
    ],
)
async def test_rubbish_counts_as_nothing(text):
    cache = MemoryCache(now)
    await cache.replace(ACCOUNT, {"cursor:desk": (text, 60)}, expect={})
    assert await cursor(cache).read() is None


@pytest.mark.parametrize("ident", [[1, 2], True, {"a": 1}])
async def test_an_id_that_is_neither_text_nor_number_is_none(ident):
    cache = MemoryCache(now)
    facts = {"last_id": ident, "heard_at": "2024-01-15T10:00:00Z", "moved_at": 5.0}
    text = json.dumps({"v": 1, "standing": facts})
    await cache.replace(ACCOUNT, {"cursor:desk": (text, 60)}, expect={})
    assert await cursor(cache).read() == ListenerPosition(None, facts["heard_at"], 5.0)


async def test_it_has_an_expiry():
    cache = MemoryCache(now)
    await cursor(cache).write(ListenerPosition(1))
    entry = (await cache.read(ACCOUNT, "cursor:desk"))["cursor:desk"]
    assert 0 < entry.remaining <= 30 * 86400
    assert json.loads(entry.text)["v"] == 1


@pytest.mark.parametrize(("is_on_disk", "told"), [(True, "a"), (False, None)])
async def test_no_place_is_told_past_what_ends_with_the_process(is_on_disk, told):
    store, clock, queue = MemoryStore(), VirtualClock().clock, DeliveryQueue(9, 9999)
    store.is_on_disk = is_on_disk
    outbox = Outbox(
        *(store, [sink := ScriptedSink(5.0)], Settings(), clock),
        write_dead_letters=None,
        warn=print,
        durable=True,
    )
    ours = cursor(MemoryCache(now))
    listener = DurableListener(outbox, ours, queue)
    queue.on_settled = outbox.settled
    outbox.start()
    queue.put(note("one", "a"), 10)
    outbox.keep(note("one", "a"), 1)
    await queue.get()  # by somebody who does not show it yet
    await asyncio.sleep(1)
    position = await ours.read()
    assert (position and position.last_id) == told
    await asyncio.sleep(5)
    assert sink.titles == ["one"]
    outbox.keep(note("two", "b"), None)
    await asyncio.sleep(6)
    assert (await ours.read() is None) is (told is None)
    queue.drained()  # it is shown, and nothing waits any more
    await asyncio.sleep(1)
    assert (await ours.read()).last_id == "b"
    await listener.aclose(0)
