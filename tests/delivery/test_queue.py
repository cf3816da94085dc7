"""A queue of bursts that never blocks who puts, and never grows past its limits."""

from __future__ import annotations

import asyncio
from operator import add

import pytest

from notifyws.delivery import queue as delivery
from notifyws.delivery.queue import A_FEW, EASY, DeliveryQueue
from tests.support.virtual import elapsed, turns

pytestmark = pytest.mark.virtual_time


def filled(*sizes: int, max_count: int = 4, max_bytes: int = 100) -> DeliveryQueue[int]:
    queue: DeliveryQueue[int] = DeliveryQueue(max_count, max_bytes)
    for size in sizes:
        assert queue.fits(size)
        queue.put(size, size)
    return queue


async def test_a_taker_gets_all_that_waits_in_its_order():
    queue = filled(1, 2, 3)
    queue.announce(-1)
    assert len(queue) == 4
    assert await queue.get() == [1, 2, 3, -1]
    assert len(queue) == 0


async def test_a_taker_waits_for_the_first_item():
    queue = filled()
    taking = asyncio.create_task(queue.get())
    await asyncio.sleep(5)
    assert not taking.done()
    queue.put(1, 1)
    assert await taking == [1]


async def test_a_taker_that_gives_up_takes_nothing_with_it():
    queue = filled()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await queue.get()
    queue.put(1, 1)
    assert await queue.get() == [1]


@pytest.mark.parametrize(
    ("sizes", "fits"), [((1, 1, 1), 97), ((1, 1, 1, 1), 0), ((60,), 40), ((1000,), 0)]
)
async def test_there_is_room_up_to_count_and_bytes_and_for_the_first_always(
    sizes, fits
):
    queue = filled(*sizes)
    assert [queue.fits(max(fits, 1)), queue.fits(fits + 1)] == [fits > 0, False]


async def test_what_was_taken_counts_until_the_taker_comes_back():
    queue = filled(1, 1, 1, 1)
    await queue.get()
    assert not queue.fits(1)
    coming_back = asyncio.create_task(queue.get())
    await turns()
    assert queue.fits(1)
    queue.put(5, 5)
    assert await coming_back == [5]


async def test_a_taker_that_gave_up_does_not_settle_twice():
    queue = filled(1, 1, 1, 1)
    await queue.get()
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await queue.get()
    for _ in range(4):
        assert queue.fits(1)
        queue.put(1, 1)
    assert not queue.fits(1)


async def test_whoever_waits_for_room_waits_until_half_is_free():
    queue = filled(1, 1, 1, 1)
    assert not queue.fits(1)
    waiting = asyncio.create_task(queue.room())
    await queue.get()
    await turns()
    assert not waiting.done()
    queue.close()
    assert await queue.get() == []
    await waiting


async def test_room_in_count_alone_is_not_room():
    queue = filled(10, 90)
    assert not queue.fits(1)
    await queue.get()
    queue.put(80, 80)
    waiting = asyncio.create_task(queue.room())
    await queue.get()
    await turns()
    assert not waiting.done()
    queue.close()
    await queue.get()
    await waiting


async def test_events_take_no_room():
    queue = filled()
    for number in range(50):
        queue.announce(number)
    assert queue.fits(100)
    assert len(await queue.get()) == 50


async def test_far_too_many_events_are_let_go_until_those_before_are_shown():
    queue = filled()
    for number in range(delivery.ANNOUNCEMENTS + 5):
        queue.announce(number)
    assert len(await queue.get()) == delivery.ANNOUNCEMENTS
    queue.announce(6)
    queue.put(1, 1)
    assert await queue.get() == [1]
    queue.announce(7)
    assert await queue.get() == [7]


async def test_what_can_be_joined_is_told_as_one_when_far_too_much_waited():
    """Seen: gaps that a server says by the thousand were kept while nobody read."""
    queue = filled()
    for number in range(delivery.ANNOUNCEMENTS):
        queue.announce(number)
    for number in (1, 2, 4):
        queue.announce(number, join=add)
    assert (await queue.get())[delivery.ANNOUNCEMENTS :] == [7]
    queue.announce(8, join=add)
    queue.announce(16, join=add)
    assert await queue.get() == [24]
    queue.announce(3, join=add)
    assert await queue.get() == [3]


async def test_events_in_the_hands_of_who_shows_nothing_count_until_they_are_shown():
    queue = filled()
    queue.announce(0)
    await queue.get()
    queue.hold()
    taken = 0
    for _ in range(3):
        for number in range(delivery.ANNOUNCEMENTS):
            queue.announce(number)
        queue.announce(7, join=add)
        queue.put(1, 1)
        taken += len(await queue.get())
    assert taken == delivery.ANNOUNCEMENTS + 2
    queue.release()
    assert await queue.get() == [21]


async def test_what_was_joined_is_told_before_the_end():
    queue = filled()
    for number in range(delivery.ANNOUNCEMENTS + 1):
        queue.announce(number, join=add)
    queue.hold()
    queue.close()
    assert (await queue.get())[-1] == delivery.ANNOUNCEMENTS


async def test_closed_it_gives_what_is_left_and_then_nothing_also_to_who_waits():
    queue = filled(1, 2)
    queue.close()
    assert await queue.get() == [1, 2]
    assert await queue.get() == []
    taking = asyncio.create_task((queue := filled()).get())
    await turns()
    queue.close()
    assert await taking == []


async def test_who_wants_to_know_is_told_what_was_dealt_with():
    queue: DeliveryQueue[int] = DeliveryQueue(9, 99, numbered_from=10)
    settled: list[int] = []
    queue.on_settled = settled.append
    queue.put(1, 1)
    queue.announce(-1)
    queue.put(2, 1)
    assert queue.put_in_all == 12
    await queue.get()
    assert settled == []
    queue.put(3, 1)
    await queue.get()
    assert settled == [12]
    queue.close()
    assert await queue.get() == []
    assert settled == [12, 13]


async def test_what_is_held_takes_up_room_until_it_is_released():
    queue, settled = filled(1, 2), []
    queue.on_settled = settled.append
    assert await queue.get() == [1, 2]
    queue.hold()
    queue.put(3, 3)
    assert await queue.get() == [3]
    queue.put(4, 4)
    assert await queue.get() == [4]
    assert not queue.fits(91)
    waiting = asyncio.create_task(queue.room())
    await turns()
    assert not waiting.done()
    assert settled == []
    queue.release()
    await waiting
    assert settled == [4]


async def test_whoever_puts_need_not_hurry_while_the_taker_rests():
    queue = filled(max_count=1000)
    resting = asyncio.create_task(queue.rest(3))
    await turns()
    assert not queue.is_filling
    queue.put(1, 0)
    assert queue.is_filling
    assert await elapsed(queue.taken(2)) == 2
    assert not queue.is_filling  # a taker that is late is waited for once
    assert await elapsed(resting) == 1
    assert await queue.get() == [1]
    queue.put(2, 0)
    assert not queue.is_filling


async def test_while_the_taker_rests_who_has_much_to_put_goes_on():
    """Else no more came in than one read for each rest: 3,000 a second."""
    queue = filled(*[0] * (A_FEW - 1), max_count=1000)
    resting = asyncio.create_task(queue.rest(3))
    await turns()
    assert queue.is_filling
    for _ in range(EASY):
        queue.put(1, 0)
        assert not queue.is_filling
    await resting
    assert queue.is_filling


async def test_who_puts_more_than_a_few_lets_the_taker_come_first():
    queue = filled(*[0] * EASY, max_count=1000)
    assert not queue.is_filling
    queue.put(1, 0)
    assert queue.is_filling
    waiting = asyncio.create_task(queue.taken(9))
    await turns()
    assert len(await queue.get()) == EASY + 1
    assert await elapsed(waiting) == 0
