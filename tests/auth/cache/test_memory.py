"""Memory takes over when the real cache is down, and lets go when it is back."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest

from notifyws.auth.cache.memory import FallbackCache
from notifyws.auth.cache.redis import RedisCache
from tests.support.scripted import FlakyCache
from tests.support.valkey import free_port

ME = "0123456789abcdef"


class Scene:
    """A fallback over a flaky primary, with a clock in hand."""

    def __init__(self) -> None:
        self.clock = 1000.0
        self.said: list[str] = []
        self.primary = FlakyCache(lambda: self.clock)
        self.cache = FallbackCache(self.primary, self.said.append, lambda: self.clock)

    async def texts(self, *names, cache=None):
        found = await (cache or self.cache).read(ME, *names)
        return {name: entry.text for name, entry in found.items()}

    async def elsewhere(self, **texts):
        """Another process writes to the primary; ``None`` deletes."""
        entries = {name: text and (text, 600.0) for name, text in texts.items()}
        await self.primary.inner.replace(ME, entries, expect={})

    async def write(self, **texts):
        entries = {name: text and (text, 600.0) for name, text in texts.items()}
        return await self.cache.replace(ME, entries, expect={})

    async def known(self):
        """What everybody knows before the outage."""
        await self.elsewhere(generation="g1", access="a1", refresh="r1")
        return await self.texts("generation", "access", "refresh")

    def go_down(self):
        self.primary.down = True

    def come_back(self):
        self.primary.down = self.primary.loses_answers = False
        self.clock += 5


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def fallen() -> Scene:
    """A primary that is down, and of which something was known before."""
    scene = Scene()
    await scene.known()
    scene.go_down()
    return scene


async def test_it_is_the_primary_as_long_as_that_answers(scene):
    await scene.write(access="a")
    await scene.elsewhere(access="b")
    assert await scene.texts("access") == {"access": "b"}
    assert (scene.cache.backend, scene.cache.url) == ("flaky", "flaky://")
    assert scene.cache.healthy
    assert scene.said == []


async def test_an_outage_is_said_once_and_its_end_once(scene):
    scene.go_down()
    for _ in range(3):
        await scene.texts("access")
        await scene.cache.add(ME, "lock", "l", 60)
        scene.clock += 5
    assert scene.said == ["token cache flaky:// is down (mend it); using memory only"]
    assert not scene.cache.healthy
    scene.come_back()
    await scene.texts("access")
    await scene.texts("access")
    assert scene.said[1:] == ["token cache is back"]
    assert scene.cache.healthy


async def test_a_failed_primary_is_left_in_peace_for_a_while(scene):
    scene.go_down()
    await scene.texts("access")
    assert scene.primary.asked == 1
    scene.clock += 4.9
    await scene.texts("access")
    await scene.cache.ping()
    assert scene.primary.asked == 1
    scene.clock += 0.1
    await scene.cache.ping()
    assert scene.primary.asked == 2
    await scene.cache.ping()
    assert scene.primary.asked == 2


async def test_what_was_seen_before_is_served_from_memory(scene):
    await scene.known()
    await scene.write(denied="d")
    await scene.cache.add(ME, "lock", "l", 60)
    scene.go_down()
    assert await scene.texts("access", "denied", "lock", "never") == {
        "access": "a1",
        "denied": "d",
        "lock": "l",
    }


async def test_what_is_gone_from_the_primary_is_gone_from_memory(scene):
    await scene.known()
    await scene.elsewhere(access=None)
    await scene.texts("access")
    scene.go_down()
    assert await scene.texts("access", "refresh") == {"refresh": "r1"}


async def test_what_is_served_from_memory_ends_when_it_would_have():
    scene = await fallen()
    scene.clock += 600
    assert await scene.texts("access") == {}


async def test_expectations_hold_during_an_outage_too():
    scene = await fallen()
    new = {"access": ("a2", 60.0)}
    assert not await scene.cache.replace(ME, new, expect={"generation": "g0"})
    assert await scene.cache.replace(ME, new, expect={"generation": "g1"})
    assert not await scene.cache.add(ME, "access", "a3", 60.0)
    assert await scene.texts("access") == {"access": "a2"}


CONFLICTS = {
    "ours is carried back": (
        {"generation": "g2", "access": "a2", "refresh": "r2", "other": "o"},
        {},
        {"generation": "g2", "access": "a2", "refresh": "r2", "other": "o"},
    ),
    "what was deleted here is deleted there": (
        {"access": None},
        {},
        {"generation": "g1", "refresh": "r1"},
    ),
    "a server that lost everything": (
        {"generation": "g2", "access": "a2"},
        {"generation": None, "access": None, "refresh": None},
        {"generation": "g2", "access": "a2"},
    ),
    "a newer token from elsewhere": (
        {"access": "ours", "other": "o"},
        {"access": "theirs"},
        {"generation": "g1", "access": "theirs", "refresh": "r1"},
    ),
    "what was never seen": (
        {"other": "ours"},
        {"other": "theirs"},
        {"generation": "g1", "access": "a1", "refresh": "r1", "other": "theirs"},
    ),
}


@pytest.mark.parametrize("what", CONFLICTS)
async def test_what_changed_here_is_carried_back_unless_somebody_was_faster(what):
    ours, theirs, afterwards = CONFLICTS[what]
    scene = await fallen()
    await scene.write(**ours)
    assert await scene.cache.add(ME, "lock", "l", 9)
    await scene.write(lock=None)
    await scene.elsewhere(**theirs)
    scene.come_back()
    names = ("generation", "access", "refresh", "other", "lock")
    assert await scene.texts(*names) == afterwards
    assert await scene.texts(*names, cache=scene.primary) == afterwards


async def test_what_was_carried_back_keeps_its_time(scene):
    scene.go_down()
    await scene.write(access="a2")
    scene.come_back()
    found = await scene.cache.read(ME, "access")
    assert found["access"].remaining == 595


async def test_a_logout_elsewhere_wins():
    scene = await fallen()
    await scene.write(access="a2")
    await scene.elsewhere(generation="logout", access=None, refresh=None)
    scene.come_back()
    assert await scene.texts("generation", "access", "refresh") == {
        "generation": "logout"
    }
    scene.go_down()
    assert await scene.texts("access") == {}, "ours is forgotten for good"


async def test_somebody_elses_lock_does_not_stop_tokens_from_being_carried_back():
    scene = await fallen()
    await scene.cache.add(ME, "lock", "ours", 15)
    await scene.write(access="a2")
    await scene.cache.replace(ME, {"lock": None}, expect={"lock": "ours"})
    await scene.elsewhere(lock="theirs")
    scene.come_back()
    assert await scene.texts("access", "lock") == {"access": "a2", "lock": "theirs"}


async def test_a_write_whose_answer_was_lost_is_no_conflict(scene):
    await scene.known()
    scene.primary.loses_answers = True
    scene.go_down()
    assert await scene.write(access="a2", generation="g2")
    scene.primary.loses_answers = False
    assert await scene.write(refresh="r2")
    scene.come_back()
    assert await scene.texts("access", "refresh") == {"access": "a2", "refresh": "r2"}


async def test_nothing_is_lost_when_it_falls_again_while_carrying_back():
    scene = await fallen()
    await scene.write(access="a2")
    scene.clock += 5
    assert await scene.texts("access") == {"access": "a2"}
    assert len(scene.said) == 1
    scene.come_back()
    await scene.texts("access")
    assert await scene.texts("access", cache=scene.primary) == {"access": "a2"}


async def test_another_account_is_carried_back_when_it_is_asked_for(scene):
    scene.go_down()
    await scene.write(access="a2")
    scene.come_back()
    await scene.cache.read("fedcba9876543210", "access")
    assert scene.said[-1] == "token cache is back"
    assert await scene.texts("access") == {"access": "a2"}


async def test_closing_is_quiet_even_when_it_is_down(scene):
    scene.go_down()
    await scene.cache.aclose()
    await scene.cache.aclose()
    assert scene.primary.asked == 2


@pytest.mark.fault(33)
async def test_twenty_callers_who_fail_together_are_told_once():
    said: list[str] = []
    primary = RedisCache(f"redis://127.0.0.1:{free_port()}")
    async with aclosing(FallbackCache(primary, said.append)) as cache:
        calls = (cache.add(ME, "lock", str(i), 9.0) for i in range(20))
        won = await asyncio.gather(*calls)
    assert won.count(True) == 1
    assert len(said) == 1
    assert "Connection refused" in said[0]


async def test_a_frozen_redis_costs_one_second_once_and_is_found_again(clean_valkey):
    said: list[str] = []
    clock = [1000.0]
    primary = RedisCache(clean_valkey.url)
    async with aclosing(FallbackCache(primary, said.append, lambda: clock[0])) as cache:
        assert await cache.add(ME, "access", "a", 60.0)
        clean_valkey.freeze()
        start = time.monotonic()
        for _ in range(5):
            found = await cache.read(ME, "access")
            assert found["access"].text == "a"
        assert time.monotonic() - start < 1.4
        assert await cache.add(ME, "other", "b", 60.0)
        clean_valkey.thaw()
        clock[0] += 5
        assert set(await cache.read(ME, "access", "other")) == {"access", "other"}
    assert len(clean_valkey.command("KEYS", "*")) == 2
    assert [line.split(";")[-1] for line in said] == [
        " using memory only",
        "token cache is back",
    ]
