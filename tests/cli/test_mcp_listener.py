"""What came last is remembered, within bounds, and found by whoever waits for it."""

from __future__ import annotations

import asyncio

import pytest

from notifyws.cli.mcp_listener import MOST_WAITING, RecentNotifications
from notifyws.errors import NetworkFailed, UsageError
from notifyws.models import Notification
from tests.support.virtual import turns

pytestmark = pytest.mark.virtual_time


def one(title: object, message: str = "") -> Notification:
    return Notification({"type": "t", "title": str(title), "message": message}, "now")


def remembering(*titles: object, count: int = 3, size: int = 10_000):
    recent = RecentNotifications(count, size)
    for title in titles:
        recent.add(one(title))
    return recent


def titles(recent: RecentNotifications, after: int = 0) -> list[str]:
    return [each.notification.title for each in recent.after(after)]


def titled(title: str):
    return lambda notification: notification.title == title


def test_the_newest_are_kept_with_their_numbers_and_the_forgotten_are_counted():
    recent = remembering("a", "b", "c", "d", "e")
    assert titles(recent) == ["c", "d", "e"]
    assert [each.number for each in recent.after(0)] == [3, 4, 5]
    assert titles(recent, after=4) == ["e"]
    assert (recent.forgotten(0), recent.forgotten(1), recent.forgotten(2)) == (2, 1, 0)
    assert recent.forgotten(9) == 0


def test_what_is_long_makes_others_forgotten_but_never_itself():
    recent = remembering("a", "b", count=10, size=200)
    assert titles(recent) == ["a", "b"]
    recent.add(one("big", "x" * 500))
    assert titles(recent) == ["big"]
    recent.add(one("c"))
    assert titles(recent) == ["c"]


async def test_who_waits_gets_the_first_that_fits_even_if_it_is_forgotten_at_once():
    recent = remembering()
    waiting = asyncio.create_task(recent.wait_for(titled("a"), 0))
    await turns()
    for title in "abcdefga":
        recent.add(one(title))
    assert (await waiting).number == 1
    assert titles(recent) == ["f", "g", "a"]


async def test_who_waits_looks_first_at_what_came_since():
    recent = remembering("a", "b", "a")
    assert (await recent.wait_for(titled("a"), 0)).number == 1
    assert (await recent.wait_for(titled("a"), 1)).number == 3
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await recent.wait_for(titled("a"), 3)


async def test_a_look_at_all_that_is_remembered_lets_others_have_their_turns():
    """Pings among them: a test is a model's, and may take its time."""
    recent, looked = remembering("a", "b", "c"), []

    def looks(notification) -> bool:
        looked.append(notification.title)
        return False

    finding = asyncio.create_task(recent.found(looks, 0))
    waiting = asyncio.create_task(recent.wait_for(looks, 0))
    await asyncio.sleep(0)
    recent.add(one("d"))
    assert looked == ["a", "a"]
    assert await finding == []
    await turns()
    assert looked.count("d") == 1
    waiting.cancel()


async def test_only_some_wait_at_a_time_and_who_leaves_makes_room():
    recent = remembering()
    waiting = [
        asyncio.create_task(recent.wait_for(titled("a"), 0))
        for _ in range(MOST_WAITING)
    ]
    await turns()
    with pytest.raises(UsageError, match="wait for a notification already"):
        await recent.wait_for(titled("a"), 0)
    waiting.pop().cancel()
    await turns()
    waiting.append(asyncio.create_task(recent.wait_for(titled("a"), 0)))
    await turns()
    recent.add(one("a"))
    assert {each.number for each in await asyncio.gather(*waiting)} == {1}


async def test_nobody_waits_for_what_can_no_longer_come():
    recent = remembering("a")
    waiting = asyncio.create_task(recent.wait_for(titled("b"), 0))
    await turns()
    recent.end(NetworkFailed("over"))
    with pytest.raises(NetworkFailed, match="over"):
        await waiting
    with pytest.raises(NetworkFailed, match="over"):
        await recent.wait_for(titled("b"), 0)
    assert (await recent.wait_for(titled("a"), 0)).number == 1
