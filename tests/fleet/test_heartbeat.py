"""Signs of life: what a listener leaves in the cache, when, and who finds it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest

from notifyws.auth.cache.memory import MemoryCache
from notifyws.errors import CacheFailed
from notifyws.events import (
    Closed,
    Connected,
    Connecting,
    Disconnected,
    Failure,
    Gap,
    Grouped,
    Reconnecting,
)
from notifyws.fleet.heartbeat import Heartbeat, find_listeners, index_of
from notifyws.fleet.listener_entry import Listener
from notifyws.protocol.masking import spellings
from tests.support.virtual import VirtualClock, at_the_end, now, turns

pytestmark = pytest.mark.virtual_time

ME = "0123456789abcdef"
URL = "ws://127.0.0.1/"
BAD = "token: abc is bad, and so is Hunter 22"


class Board(MemoryCache):
    """A cache that counts its writes, and may fail."""

    def __init__(self):
        super().__init__(now)
        self.fails = False
        self.loses = 0
        self.written_at = []

    async def replace(self, account, entries, *, expect):
        if self.fails:
            raise CacheFailed("the cache is down")
        if expect and self.loses:
            self.loses -= 1
            return False
        self.written_at += [now() for name in entries if name.startswith("listener:")]
        return await super().replace(account, entries, expect=expect)


class Scene:
    def __init__(self, board=None, name="door", dice=(0.0,)):
        self.board = board or Board()
        self.clock = VirtualClock(dice)
        self.received = self.filtered = 0
        self.frame = None
        self.told = []
        self.heart = Heartbeat(
            self.board,
            ME,
            Listener(name, "here", 7),
            self.counted,
            self.clock.clock,
            lambda: spellings("Hunter 22"),
            lambda error: self.told.append(error.message),
            lambda: self.told.append("well"),
        )
        self.running = asyncio.create_task(self.heart.run())
        at_the_end(self.stop)

    def counted(self):
        return {
            "received": self.received,
            "waiting": 2,
            "filtered": self.filtered,
            "notUnderstood": 0 if self.frame is None else 1,
            "lastNotUnderstood": self.frame,
        }

    async def tell(self, *events):
        for event in events:
            self.heart.observe(event)
        await turns(10)

    async def seen(self):
        return await find_listeners(self.board, ME)

    async def stop(self):
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


async def test_a_listener_is_found_with_its_facts():
    scene = Scene()
    scene.received = 3
    gap = Gap("2024-01-15T10:00:00Z", "2024-01-15T10:01:00Z", "cut")
    await scene.tell(Connecting(URL), gap, Connected(URL))
    [seen] = await scene.seen()
    facts = seen.as_json()
    assert facts.pop("since") == facts.pop("lastNotificationAt")
    assert facts == {
        "name": "door",
        "host": "here",
        "pid": 7,
        "state": "connected",
        "received": 3,
        "waiting": 2,
        "reconnects": 0,
        "gaps": 1,
        "lastGap": {"from": gap.start, "to": gap.end, "reason": "cut"},
        "filtered": 0,
        "notUnderstood": 0,
        "lastNotUnderstood": None,
        "attempts": 0,
        "shortLived": 0,
        "lastFailure": None,
        "userId": None,
        "repeats": 0,
        "group": None,
        "role": None,
        "verifyEvery": None,
        "verifiedAt": None,
        "deaf": 0,
        "recovered": 0,
    }


async def test_a_member_of_a_group_says_so_and_is_connected_where_it_leads():
    scene = Scene()
    await scene.tell(Grouped("workers", "member", "there:8"))
    [seen] = await scene.seen()
    assert (seen.state, seen.group, seen.role) == ("member", "workers", "member")
    await scene.tell(Grouped("workers", "leader", "here:7"), Connected(URL))
    [seen] = await scene.seen()
    assert (seen.state, seen.group, seen.role) == ("connected", "workers", "leader")


async def test_it_beats_every_ten_seconds_and_at_each_change_of_state():
    scene = Scene()
    await asyncio.sleep(12)
    await scene.tell(Connected(URL))
    await asyncio.sleep(3)
    await scene.tell(Disconnected(1006))
    assert scene.board.written_at == [0.0, 10.0, 12.0, 15.0]
    await scene.tell(Connecting(URL, 1), Connected(URL))
    [seen] = await scene.seen()
    assert (seen.state, seen.reconnects) == ("connected", 1)


async def test_a_fleet_that_began_in_one_moment_does_not_beat_in_one_for_ever():
    board = Board()
    for n in range(100):
        Scene(board, name=f"n{n}", dice=n)
    await asyncio.sleep(200)
    beats = Counter(int(each) for each in board.written_at if each >= 150)
    assert 100 * 50 / 10 <= beats.total() <= 100 * 50 / 8
    assert max(beats.values()) <= 3 * beats.total() / 50


async def test_a_clean_end_leaves_nothing_behind():
    scene = Scene()
    await scene.tell(Connected(URL), Closed())
    await scene.stop()
    assert scene.board._kept == {}


async def test_a_listener_that_died_is_forgotten_after_thirty_seconds():
    scene = Scene()
    await turns(10)
    scene.board.fails = True
    await asyncio.sleep(29)
    assert len(await scene.seen()) == 1
    await asyncio.sleep(2)
    assert await scene.seen() == []


async def test_a_cache_that_fails_is_tried_again_and_disturbs_nobody():
    scene = Scene()
    scene.board.fails = True
    await asyncio.sleep(25)
    scene.board.fails = False
    await asyncio.sleep(6)
    assert len(await scene.seen()) == 1
    scene.board.fails = True
    await scene.stop()
    assert scene.told == [*["the cache is down"] * 3, "well"]


async def test_a_lost_race_for_the_index_is_run_again():
    scene = Scene()
    scene.board.loses = 7
    await asyncio.sleep(11)
    assert len(await scene.seen()) == 1


async def test_a_listener_stays_in_its_index_for_days():
    scene = Scene()
    for _ in range(20):
        await asyncio.sleep(3600)
        assert len(await scene.seen()) == 1


async def test_a_cache_that_lost_all_has_the_listener_again_within_a_beat():
    scene = Scene()
    await asyncio.sleep(15)
    scene.board._kept.clear()
    await asyncio.sleep(10)
    assert len(await scene.seen()) == 1


async def test_a_wake_from_sleep_beats_at_once():
    scene = Scene()
    await asyncio.sleep(2.5)
    scene.clock.suspended += 3600
    await asyncio.sleep(1)
    assert scene.board.written_at == [0.0, 3.0]


@pytest.mark.slow
async def test_a_thousand_listeners_on_one_account_are_found():
    board = Board()
    scenes = [Scene(board, name=f"n{n:03}") for n in reversed(range(999))]
    scenes.append(Scene(board, name=None))
    await asyncio.sleep(11)
    names = [each.name for each in await scenes[0].seen()]
    assert names == [None, *(f"n{n:03}" for n in range(999))]
    for scene in scenes:
        await scene.stop()
    assert board._kept == {}


async def test_what_was_counted_stands_in_its_entry():
    scene = Scene()
    scene.filtered, scene.frame = 3, '{"evt":1}'
    await scene.tell(Connecting("ws://h/live?x=1"), Connected(URL, "42"))
    [seen] = await scene.seen()
    assert (seen.filtered, seen.notUnderstood) == (3, 1)
    assert (seen.lastNotUnderstood, seen.userId) == ('{"evt":1}', "42")


async def test_how_often_it_was_tried_and_why_it_failed_stands_in_its_entry():
    scene = Scene()
    await scene.tell(Connected(URL), Disconnected(1012, "restart"))
    [seen] = await scene.seen()
    assert seen.lastFailure["message"] == "disconnected (1012): restart"
    await scene.tell(Reconnecting(1, 1.0, "refused"), Reconnecting(2, 2.0, "x" * 400))
    [seen] = await scene.seen()
    assert (seen.state, seen.attempts) == ("reconnecting", 2)
    assert seen.lastFailure == {
        "at": seen.since,
        "kind": "network_error",
        "message": "x" * 300,
    }
    await scene.tell(Failure("server_error", "no such channel"), Disconnected(1006))
    await scene.tell(Connected(URL), Failure("server_error", BAD))
    await asyncio.sleep(11)
    [seen] = await scene.seen()
    assert (seen.attempts, seen.reconnects) == (0, 1)
    assert seen.lastFailure["kind"] == "server_error"
    assert seen.lastFailure["message"] == "token: *** is bad, and so is ***"


async def test_connections_of_seconds_are_counted_until_one_lasts():
    scene = Scene()
    for _ in range(4):
        await scene.tell(Connected(URL))
        await asyncio.sleep(29)
        await scene.tell(Disconnected(1006))
    assert (await scene.seen())[0].shortLived == 4
    await scene.tell(Connected(URL))
    await asyncio.sleep(30)
    await scene.tell(Disconnected(1006))
    assert (await scene.seen())[0].shortLived == 0


async def test_one_that_never_was_connected_keeps_the_time_it_began_to_reconnect():
    scene = Scene()
    await scene.tell(Connecting(URL), Reconnecting(1, 1.0, "refused"))
    await asyncio.sleep(3)
    await scene.tell(Connecting(URL, 1), Reconnecting(2, 2.0))
    [seen] = await scene.seen()
    assert (seen.state, seen.attempts) == ("reconnecting", 2)
    assert seen.lastFailure["at"] == seen.since


async def test_the_first_frame_that_is_not_understood_is_told_at_once():
    scene = Scene()
    await asyncio.sleep(2)
    scene.frame = "?"
    await scene.tell(Failure("invalid_message", "no rule"))
    await asyncio.sleep(2)
    await scene.tell(Failure("invalid_message", "no rule"))
    assert scene.board.written_at == [0.0, 2.0]
    [seen] = await scene.seen()
    assert seen.lastFailure is None


async def test_rubbish_is_no_listener():
    board = Board()
    index = json.dumps({"x": 9e9, "y": 9e9})
    entries = {"listener:x": ('{"v":2}', 9), index_of("x"): (index, 9)}
    await board.replace(ME, {**entries, "listeners:1": ("[1", 9)}, expect={})
    assert await find_listeners(board, ME) == []
