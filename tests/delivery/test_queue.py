"""A queue of bursts that never blocks who puts, and never grows past its limits."""

from __future__ import annotations

import asyncio

import pytest

from notifyws.delivery import queue as delivery
from notifyws.delivery.queue import Inbox
from tests.support.virtual import elapsed, in_virtual_time, turns


def filled(*sizes: int, max_count: int = 4, max_bytes: int = 100) -> Inbox[int]:
    inbox: Inbox[int] = Inbox(max_count, max_bytes)
    for size in sizes:
        assert inbox.fits(size)
        inbox.put(size, size)
    return inbox


@in_virtual_time
async def test_a_taker_gets_all_that_waits_in_its_order():
    inbox = filled(1, 2, 3)
    inbox.announce(-1)
    assert len(inbox) == 4
    assert await inbox.get() == [1, 2, 3, -1]
    assert len(inbox) == 0


@in_virtual_time
async def test_a_taker_waits_for_the_first_item():
    inbox = filled()
    taking = asyncio.create_task(inbox.get())
    await asyncio.sleep(5)
    assert not taking.done()
    inbox.put(1, 1)
    assert await taking == [1]


@in_virtual_time
async def test_a_taker_that_gives_up_takes_nothing_with_it():
    inbox = filled()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await inbox.get()
    inbox.put(1, 1)
    assert await inbox.get() == [1]


@in_virtual_time
async def test_there_is_room_up_to_the_count():
    inbox = filled(1, 1, 1, 1)
    assert not inbox.fits(1)


@in_virtual_time
async def test_there_is_room_up_to_the_bytes():
    inbox = filled(60)
    assert inbox.fits(40)
    assert not inbox.fits(41)


@in_virtual_time
async def test_an_empty_queue_takes_an_item_of_any_size():
    inbox = filled(1000)
    assert not inbox.fits(1)


@in_virtual_time
async def test_what_was_taken_counts_until_the_taker_comes_back():
    inbox = filled(1, 1, 1, 1)
    await inbox.get()
    assert not inbox.fits(1)
    coming_back = asyncio.create_task(inbox.get())
    await turns()
    assert inbox.fits(1)
    inbox.put(5, 5)
    assert await coming_back == [5]


@in_virtual_time
async def test_a_taker_that_gave_up_does_not_settle_twice():
    inbox = filled(1, 1, 1, 1)
    await inbox.get()
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await inbox.get()
    for _ in range(4):
        assert inbox.fits(1)
        inbox.put(1, 1)
    assert not inbox.fits(1)


@in_virtual_time
async def test_whoever_waits_for_room_waits_until_half_is_free():
    inbox = filled(1, 1, 1, 1)
    assert not inbox.fits(1)
    waiting = asyncio.create_task(inbox.room())
    await inbox.get()
    await turns()
    assert not waiting.done()
    inbox.close()
    assert await inbox.get() == []
    await waiting


@in_virtual_time
async def test_room_in_count_alone_is_not_room():
    inbox = filled(10, 90)
    assert not inbox.fits(1)
    await inbox.get()
    inbox.put(80, 80)
    waiting = asyncio.create_task(inbox.room())
    await inbox.get()
    await turns()
    assert not waiting.done()
    inbox.close()
    await inbox.get()
    await waiting


@in_virtual_time
async def test_nobody_waits_for_room_that_is_there():
    assert await elapsed(filled(1).room()) == 0


@in_virtual_time
async def test_events_take_no_room():
    inbox = filled()
    for number in range(50):
        inbox.announce(number)
    assert inbox.fits(100)
    assert len(await inbox.get()) == 50


@in_virtual_time
async def test_far_too_many_events_are_let_go_until_somebody_takes():
    inbox = filled()
    for number in range(delivery.ANNOUNCEMENTS + 5):
        inbox.announce(number)
    assert len(await inbox.get()) == delivery.ANNOUNCEMENTS
    inbox.announce(7)
    assert await inbox.get() == [7]


@in_virtual_time
async def test_a_vital_event_is_never_let_go():
    inbox = filled()
    for number in range(delivery.ANNOUNCEMENTS):
        inbox.announce(number)
    inbox.announce(-1, vital=True)
    inbox.announce(-2)
    inbox.announce(-3, vital=True)
    assert (await inbox.get())[delivery.ANNOUNCEMENTS - 1 :] == [9_999, -1, -3]


@in_virtual_time
async def test_vital_events_leave_the_others_no_more_room_than_they_had():
    inbox = filled()
    for number in range(delivery.ANNOUNCEMENTS):
        inbox.announce(number, vital=True)
    inbox.announce(-1)
    assert -1 not in await inbox.get()


@in_virtual_time
async def test_closed_it_gives_what_is_left_and_then_nothing():
    inbox = filled(1, 2)
    inbox.close()
    assert await inbox.get() == [1, 2]
    assert await inbox.get() == []
    assert await inbox.get() == []


@in_virtual_time
async def test_closing_wakes_a_taker_that_waits():
    inbox = filled()
    taking = asyncio.create_task(inbox.get())
    await turns()
    inbox.close()
    assert await taking == []


@in_virtual_time
async def test_who_wants_to_know_is_told_what_was_dealt_with():
    inbox: Inbox[int] = Inbox(9, 99, numbered_from=10)
    settled: list[int] = []
    inbox.on_settled = settled.append
    inbox.put(1, 1)
    inbox.announce(-1)
    inbox.put(2, 1)
    assert inbox.put_in_all == 12
    await inbox.get()
    assert settled == []
    inbox.put(3, 1)
    await inbox.get()
    assert settled == [12]
    inbox.close()
    assert await inbox.get() == []
    assert settled == [12, 13]


@in_virtual_time
async def test_what_is_held_takes_up_room_until_it_is_released():
    inbox, settled = filled(1, 2), []
    inbox.on_settled = settled.append
    assert await inbox.get() == [1, 2]
    inbox.hold()
    inbox.put(3, 3)
    assert await inbox.get() == [3]
    inbox.put(4, 4)
    assert await inbox.get() == [4]
    assert not inbox.fits(5)
    assert settled == []
    inbox.release()
    assert inbox.fits(5)
    assert settled == [4]


@in_virtual_time
async def test_a_release_lets_in_who_waits_for_room():
    inbox = filled(1, 2, 3, 4)
    await inbox.get()
    inbox.hold()
    assert not inbox.fits(1)
    waiting = asyncio.create_task(inbox.room())
    await turns()
    assert not waiting.done()
    inbox.release()
    await waiting
