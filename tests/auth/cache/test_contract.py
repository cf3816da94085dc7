"""What every token cache can do, held against each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from notifyws.auth.cache import TokenCache
from notifyws.auth.cache.memory import FallbackCache, MemoryCache
from notifyws.auth.cache.redis import RedisCache
from notifyws.auth.cache.sqlite import SqliteCache
from tests.support.virtual import at_the_end

ME = "0123456789abcdef"
YOU = "fedcba9876543210"
KINDS = ["memory", "sqlite", "redis", "unix", "sentinel", "cluster"]
FIXTURES = {"redis": "clean_valkey", "unix": "clean_valkey"}
"""Which server a kind asks, where that has another name."""


@dataclass
class Clock:
    """One store, the handles on it, and its time."""

    make: Callable[[], TokenCache] = MemoryCache
    clock: float = 1000.0
    real_time: bool = False
    shared: bool = False
    warnings: list[str] = field(default_factory=list)

    def now(self) -> float:
        return self.clock

    def open(self) -> TokenCache:
        cache = self.make()
        at_the_end(cache.aclose)
        return cache

    async def pass_by(self, seconds: float) -> None:
        self.clock += seconds
        await asyncio.sleep(seconds if self.real_time else 0)


def build(kind: str, request: pytest.FixtureRequest) -> Clock:
    clock = Clock()
    if kind == "memory":
        clock.make = lambda: MemoryCache(clock.now)
        return clock
    clock.shared = True
    if kind == "sqlite":
        path = request.getfixturevalue("tmp_path") / "folder" / "tokens.db"
        clock.make = lambda: SqliteCache(path, clock.now)
        return clock
    server = request.getfixturevalue(FIXTURES.get(kind, f"clean_{kind}"))
    clock.real_time = True
    clock.make = lambda: RedisCache(server.unix_url if kind == "unix" else server.url)
    return clock


@pytest.fixture(params=[f"{how}{kind}" for how in ("", "fallback-") for kind in KINDS])
def clock(
    request: pytest.FixtureRequest, valkey: object, sentinel: object, cluster: object
) -> Iterator[Clock]:
    """All servers are there before a test begins, or that test would leave them."""
    how, _, kind = request.param.rpartition("-")
    clock = build(kind, request)
    make = clock.make
    if how == "fallback":
        clock.make = lambda: FallbackCache(make(), clock.warnings.append, clock.now)
    yield clock
    assert clock.warnings == [], "the primary was not the one that answered"


@pytest.fixture
def cache(clock: Clock) -> TokenCache:
    return clock.open()


async def texts(cache: TokenCache, *names: str, account: str = ME) -> dict[str, str]:
    found = await cache.read(account, *names)
    return {name: entry.text for name, entry in found.items()}


class TestTokenCache:
    async def test_what_was_never_stored_is_not_there(self, cache):
        assert await cache.read(ME, "access", "refresh") == await cache.read(ME) == {}

    async def test_several_names_are_written_and_read_in_one_step(self, cache):
        entries = {"access": ("a", 60.0), "refresh": ("r", 600.0)}
        assert await cache.replace(ME, entries, expect={})
        found = await texts(cache, "refresh", "lock", "access")
        assert found == {"access": "a", "refresh": "r"}

    async def test_the_remaining_time_is_in_seconds(self, cache):
        await cache.replace(ME, {"access": ("a", 60.0)}, expect={})
        await cache.add(ME, "lock", "l", 15.0)
        found = await cache.read(ME, "access", "lock")
        assert 58 < found["access"].remaining <= 60
        assert 13 < found["lock"].remaining <= 15

    async def test_fractions_of_a_second_count(self, cache):
        await cache.replace(ME, {"access": ("a", 9.5)}, expect={})
        found = await cache.read(ME, "access")
        assert 9 < found["access"].remaining <= 9.5

    async def test_an_entry_is_forgotten_when_its_time_is_over(self, clock, cache):
        await cache.replace(ME, {"short": ("a", 0.03), "long": ("b", 9)}, expect={})
        await cache.add(ME, "lock", "c", 0.03)
        assert set(await cache.read(ME, "long")) == {"long"}
        await clock.pass_by(0.04)
        assert await texts(cache, "short", "long", "lock") == {"long": "b"}

    async def test_a_forgotten_name_is_as_expected_when_none_is(self, clock, cache):
        assert await cache.add(ME, "lock", "old", 0.03)
        await clock.pass_by(0.04)
        assert await cache.replace(ME, {"access": ("a", 9)}, expect={"lock": None})
        assert await cache.add(ME, "lock", "new", 9)
        assert await texts(cache, "lock", "access") == {"lock": "new", "access": "a"}

    async def test_what_is_kept_for_no_time_is_not_there(self, cache):
        await cache.replace(ME, {"access": ("old", 9), "lock": ("l", 9)}, expect={})
        assert await cache.replace(ME, {"access": ("new", 0.0)}, expect={})
        assert await texts(cache, "access", "lock") == {"lock": "l"}

    async def test_an_absurdly_long_time_is_no_fault(self, cache):
        assert await cache.replace(ME, {"access": ("a", 1e18)}, expect={})
        found = await cache.read(ME, "access")
        assert found["access"].remaining > 10**8

    async def test_none_deletes(self, cache):
        await cache.replace(ME, {"access": ("a", 9), "refresh": ("r", 9)}, expect={})
        entries = {"access": None, "lock": None}
        assert await cache.replace(ME, entries, expect={})
        assert await texts(cache, "access", "refresh") == {"refresh": "r"}

    async def test_a_second_write_renews_text_and_time(self, cache):
        await cache.replace(ME, {"access": ("a", 9)}, expect={})
        assert await cache.replace(ME, {"access": ("b", 900)}, expect={"access": "a"})
        found = await cache.read(ME, "access")
        assert found["access"].text == "b"
        assert found["access"].remaining > 800

    @pytest.mark.parametrize(
        "expect",
        [
            {"generation": None},
            {"generation": "two"},
            {"generation": ""},
            {"generation": "one", "lock": "mine"},
            {"generation": "one", "lock": None, "access": None},
        ],
        ids=str,
    )
    async def test_nothing_is_written_when_an_expectation_fails(self, cache, expect):
        before = {"generation": ("one", 9), "access": ("old", 9)}
        assert await cache.replace(ME, before, expect={})
        entries = {"access": ("new", 9), "generation": None, "refresh": ("r", 9)}
        assert not await cache.replace(ME, entries, expect=expect)
        found = await texts(cache, "generation", "access", "refresh")
        assert found == {"generation": "one", "access": "old"}

    async def test_it_is_written_when_all_expectations_hold(self, cache):
        await cache.replace(ME, {"generation": ("one", 9), "lock": ("m", 9)}, expect={})
        expect = {"generation": "one", "lock": "m", "refresh": None}
        entries = {"lock": None, "refresh": ("r", 9), "access": ("a", 9)}
        assert await cache.replace(ME, entries, expect=expect)
        found = await texts(cache, "generation", "lock", "refresh", "access")
        assert found == {"generation": "one", "refresh": "r", "access": "a"}

    async def test_a_name_is_added_only_once(self, cache):
        assert await cache.add(ME, "lock", "first", 9)
        assert not await cache.add(ME, "lock", "second", 900)
        found = await cache.read(ME, "lock")
        assert found["lock"].text == "first"
        assert found["lock"].remaining <= 9

    async def test_accounts_do_not_see_each_other(self, cache):
        assert await cache.add(ME, "lock", "mine", 9)
        assert await cache.add(YOU, "lock", "yours", 9)
        await cache.replace(ME, {"lock": None}, expect={"lock": "mine"})
        assert await texts(cache, "lock") == {}
        assert await texts(cache, "lock", account=YOU) == {"lock": "yours"}

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "two\nlines\r\n",
            "zażółć 🗝 \x00",
            "lone \ud800 surrogate",
            "-",
            "=",
            "0",
            "x" * 45_000,
        ],
        ids=["empty", "lines", "unicode", "surrogate", "dash", "equals", "0", "long"],
    )
    async def test_any_text_comes_back_as_it_was(self, cache, text):
        assert await cache.add(ME, "access", text, 9)
        assert await texts(cache, "access") == {"access": text}
        assert not await cache.replace(ME, {}, expect={"access": text + "!"})
        entries = {"refresh": (text, 9)}
        assert await cache.replace(ME, entries, expect={"access": text})
        assert await texts(cache, "refresh") == {"refresh": text}

    async def test_of_twenty_who_add_at_once_one_wins(self, clock):
        caches = [clock.open() for _ in range(4)] if clock.shared else [clock.open()]
        tries = (
            caches[i % len(caches)].add(ME, "lock", str(i), 9.0) for i in range(20)
        )
        won = await asyncio.gather(*tries)
        assert won.count(True) == 1
        assert await texts(caches[0], "lock") == {"lock": str(won.index(True))}

    async def test_of_twenty_who_expect_the_same_one_writes(self, clock):
        caches = [clock.open() for _ in range(4)] if clock.shared else [clock.open()]
        await caches[0].add(ME, "generation", "start", 9)

        def write(i):
            entries = {"generation": (f"g{i}", 9.0), "access": (f"a{i}", 9.0)}
            cache = caches[i % len(caches)]
            return cache.replace(ME, entries, expect={"generation": "start"})

        won = await asyncio.gather(*map(write, range(20)))
        assert won.count(True) == 1
        winner = won.index(True)
        found = await texts(caches[1 % len(caches)], "generation", "access")
        assert found == {"generation": f"g{winner}", "access": f"a{winner}"}

    async def test_two_handles_on_one_store_see_each_other(self, clock):
        if not clock.shared:
            pytest.skip("memory is one process's own")
        one, two = clock.open(), clock.open()
        assert await one.add(ME, "lock", "one", 9)
        assert not await two.add(ME, "lock", "two", 9)
        assert await two.replace(ME, {"lock": None}, expect={"lock": "one"})
        assert await one.read(ME, "lock") == {}

    async def test_what_was_stored_outlives_the_handle(self, clock):
        if not clock.shared:
            pytest.skip("memory is one process's own")
        one = clock.open()
        await one.replace(ME, {"access": ("a", 9)}, expect={})
        await one.aclose()
        assert await texts(clock.open(), "access") == {"access": "a"}

    async def test_it_answers_a_ping_and_closes_twice(self, cache):
        await cache.ping()
        await cache.aclose()
        await cache.aclose()

    async def test_it_says_what_and_where_it_is(self, cache):
        assert cache.backend in {"memory", "sqlite", "redis"}
        assert "://" in cache.url
