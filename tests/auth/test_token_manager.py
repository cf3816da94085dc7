"""One fresh token for everybody, however many want it and whatever goes wrong."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from notifyws.auth.cache.keys import decode
from notifyws.auth.cache.memory import FallbackCache, MemoryCache
from notifyws.auth.cached_tokens import AccessToken, CachedTokens, pack
from notifyws.auth.token_manager import (
    BY_WORDS,
    LATELY,
    StaticTokenProvider,
    TokenManager,
)
from notifyws.errors import AuthenticationFailed, HttpRefused, NetworkFailed, ReplyLost
from notifyws.models import Account, Token, TokenPair
from tests.support.scripted import FlakyCache, ScriptedIssuer, warm
from tests.support.virtual import VirtualClock, elapsed, now, turns

pytestmark = pytest.mark.virtual_time

ACCOUNT = Account("https://ws.example.com", "default", "alice")
DAY = 86400.0
DOWN = NetworkFailed("ws.example.com is down")
LOST = ReplyLost("ws.example.com cut the line")


class Scene:
    """A server, a cache, and as many managers as one likes."""

    def __init__(self, cache=None, **how) -> None:
        self.clock = VirtualClock(7)
        self.issuer = ScriptedIssuer(**how)
        self.cache = cache or MemoryCache(now)

    def token_manager(
        self, password: str = "right", *, issuer=None, clock=None, find=None
    ) -> TokenManager:
        return TokenManager(
            ACCOUNT,
            self.cache,
            issuer or self.issuer,
            (clock or self.clock).clock,
            username="alice",
            password=password,
            find_password=find,
        )

    async def cached(self) -> CachedTokens:
        return await self.token_manager().peek()

    async def locked(self) -> bool:
        return bool(await self.cache.read(ACCOUNT.id, "lock"))

    async def warm(self) -> AccessToken:
        """Let tokens be cached; return the access token, which everybody then has."""
        await warm(self.cache, ACCOUNT, self.issuer.pair())
        token = (await self.cached()).access
        assert token is not None
        return token

    async def stale(self) -> None:
        """Let the access token run out; the refresh token stays."""
        await warm(self.cache, ACCOUNT, self.issuer.pair())
        await asyncio.sleep(720)

    async def lose_the_lock(self) -> None:
        """Let its time be over, as it is for a holder that was stopped."""
        await self.cache.replace(ACCOUNT.id, {"lock": None}, expect={})

    async def lock_for(self, owner: str) -> None:
        assert await self.cache.add(ACCOUNT.id, "lock", owner, 15.0)

    async def thirty(self, password: str = "right") -> list:
        """Return what becomes of thirty who ask at once."""
        asking = (self.token_manager(password).get() for _ in range(30))
        return await asyncio.gather(*asking, return_exceptions=True)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def stale(cache=None, **how) -> Scene:
    scene = Scene(cache, **how)
    await scene.stale()
    return scene


def gateway_says(status: int) -> HttpRefused:
    return HttpRefused(f"ws.example.com answered {status}", status=status)


async def all_of(*asking) -> list:
    return await asyncio.gather(*asking)


def outcomes(results: list) -> set[str]:
    return {type(result).__name__ for result in results}


# One token manager, alone


async def test_a_cached_token_costs_the_server_nothing(scene):
    fresh = await scene.warm()
    got = await scene.token_manager().get()
    assert (got.value, got.source, got.user_id) == (fresh.value, "cache", "42")
    assert scene.issuer.asked == (0, 0)


async def test_a_token_is_fresh_for_its_life_less_a_fifth(scene):
    await scene.warm()
    await asyncio.sleep(719)
    got = await scene.token_manager().get()
    assert (got.source, got.remaining) == ("cache", pytest.approx(181))
    await asyncio.sleep(1)
    assert (await scene.token_manager().get()).source == "refresh"


async def test_without_any_token_it_logs_in(scene):
    got = await scene.token_manager().get()
    assert (got.source, got.remaining, got.user_id) == ("login", 900, "42")
    assert scene.issuer.asked == (1, 0)


async def test_a_refresh_token_is_kept_for_its_life_less_a_fourteenth(scene):
    await scene.warm()
    await asyncio.sleep(6.5 * DAY - 1)
    assert (await scene.cached()).refresh_remaining == pytest.approx(DAY / 2 + 1)
    await asyncio.sleep(1)
    assert (await scene.token_manager().get()).source == "login"
    assert scene.issuer.asked == (1, 0)


@pytest.mark.parametrize(
    "how",
    [
        {"problems": {"refresh": [AuthenticationFailed("it is spent")]}},
        {"problems": {"refresh": [DOWN]}},
        {"lost": {"refresh"}},
    ],
    ids=["refused", "not asked for", "lost after the rotation"],
)
async def test_a_refresh_that_gives_nothing_is_made_good_by_a_login(how):
    scene = await stale(**how)
    assert (await scene.token_manager().get()).source == "login"
    assert scene.issuer.asked == (1, 1)


async def test_a_refused_refresh_token_without_a_password_is_tried_once():
    scene = await stale()
    scene.issuer.good.clear()
    with pytest.raises(AuthenticationFailed, match="refresh token"):
        await scene.token_manager("").get()
    with pytest.raises(AuthenticationFailed, match="not logged in"):
        await scene.token_manager("").get()
    assert scene.issuer.asked == (0, 1)


async def test_when_nothing_answers_the_last_problem_is_told():
    scene = await stale()
    scene.issuer.problems = {"refresh": [DOWN], "login": [DOWN]}
    with pytest.raises(NetworkFailed):
        await scene.token_manager().get()


async def test_without_tokens_and_password_the_hint_is_to_log_in(scene):
    with pytest.raises(AuthenticationFailed) as caught:
        await scene.token_manager("").get()
    assert caught.value.hint == "notifyws auth login"
    assert scene.issuer.asked == (0, 0)


async def test_a_reply_that_got_lost_makes_no_storm_of_the_dead_token():
    scene = await stale(lost={"refresh"})
    results = await scene.thirty("")
    assert outcomes(results) == {"AuthenticationFailed"}
    assert scene.issuer.asked == (0, 2)


async def test_a_reply_that_got_lost_before_the_rotation_is_made_good_by_asking_again():
    scene = await stale(problems={"refresh": [LOST]})
    assert (await scene.token_manager("").get()).source == "refresh"
    assert scene.issuer.asked == (0, 2)


@pytest.mark.fault(28)
@pytest.mark.parametrize("lost", [LOST, *map(gateway_says, (502, 504))])
async def test_a_token_whose_replies_keep_getting_lost_is_used_twice_a_minute(lost):
    scene = await stale(problems={"refresh": [lost] * 99})
    results = await scene.thirty("")
    assert all(isinstance(result, NetworkFailed) for result in results)
    assert scene.issuer.asked == (0, 2)
    await asyncio.sleep(59)
    with pytest.raises(NetworkFailed, match="may be spent"):
        await scene.token_manager("").get()
    await asyncio.sleep(2)
    scene.issuer.problems.clear()
    assert (await scene.token_manager("").get()).source == "refresh"
    assert scene.issuer.asked == (0, 3)


async def test_with_a_password_a_token_that_may_be_spent_is_not_used_again():
    scene = await stale(problems={"refresh": [LOST] * 99, "login": [DOWN] * 3})
    results = await scene.thirty()
    assert sorted(outcomes(results)) == ["AccessToken", "NetworkFailed"]
    assert scene.issuer.asked == (4, 1)


@pytest.mark.fault(28)
@pytest.mark.parametrize("problem", [DOWN, *map(gateway_says, (429, 500, 503))])
async def test_a_refresh_that_was_not_done_does_not_count_as_a_use(problem):
    scene = await stale(problems={"refresh": [problem] * 5})
    for _ in range(5):
        with pytest.raises(NetworkFailed):
            await scene.token_manager("").get()
    assert (await scene.token_manager("").get()).source == "refresh"


async def test_whoever_lost_the_lock_with_the_reply_leaves_the_second_use_to_others():
    scene = await stale()
    slow = ScriptedIssuer(takes=16.0, problems={"refresh": [LOST]})
    stopped = asyncio.create_task(scene.token_manager("", issuer=slow).get())
    await turns()
    await scene.lose_the_lock()
    newer = await scene.token_manager("").get()
    assert (await stopped).value == newer.value
    assert (slow.asked, scene.issuer.asked) == ((0, 1), (0, 1))


@pytest.mark.fault(29)
async def test_a_refresh_without_a_new_refresh_token_leaves_the_old_one_its_time():
    scene = await stale(rotates=False)
    before = await scene.cached()
    await scene.token_manager("").get()
    after = await scene.cached()
    assert after.refresh == before.refresh
    assert after.refresh_remaining == pytest.approx(604800 - 720 - 0.2)


async def test_whose_token_it_is_survives_a_reply_that_does_not_say():
    scene = await stale(says_user=False)
    assert (await scene.token_manager("").get()).user_id == "42"
    assert (await scene.token_manager("").get()).user_id == "42"
    await asyncio.sleep(720)
    assert (await scene.token_manager("").get()).user_id == "42"


async def test_what_the_server_gave_is_counted_and_what_was_cached_is_not():
    scene = await stale()
    one, other = scene.token_manager(), scene.token_manager()
    await all_of(one.get(), other.get())
    await one.get()
    await one.login()
    assert one.obtained + other.obtained == {"refresh": 1, "login": 1}
    assert one.obtained["login"] == 1


async def test_a_token_that_is_never_fresh_is_used_and_asked_for_again():
    scene = await stale(access_life=0.0)
    assert (await scene.token_manager().get()).source == "refresh"
    assert (await scene.token_manager().get()).source == "refresh"


async def test_a_host_clock_ten_minutes_off_changes_nothing(scene):
    early, late = VirtualClock(1), VirtualClock(2)
    early.wall_offset, late.wall_offset = -600.0, 600.0
    await scene.warm()
    await asyncio.sleep(700)
    seen = [await scene.token_manager(clock=clock).get() for clock in (early, late)]
    assert {each.source for each in seen} == {"cache"}
    assert [each.remaining for each in seen] == pytest.approx([200, 200])
    await asyncio.sleep(21)
    for clock in (early, late, early, late):
        await scene.token_manager(clock=clock).get()
    assert scene.issuer.asked == (0, 1)


# Many token managers


@pytest.mark.parametrize(("cached", "asked"), [(False, (1, 0)), (True, (0, 1))])
async def test_two_hundred_that_find_no_fresh_token_cause_one_login_or_refresh(
    cached, asked
):
    scene = await stale() if cached else Scene()
    started = now()
    got = await all_of(*(scene.token_manager().get() for _ in range(200)))
    assert scene.issuer.asked == asked
    assert len({each.value for each in got}) == 1
    assert now() - started < 1


async def test_those_who_force_at_once_share_one_new_token(scene):
    old = await scene.warm()
    got = await all_of(*(scene.token_manager().force() for _ in range(30)))
    assert scene.issuer.asked == (0, 1)
    assert {each.value for each in got} == {"access-2"} != {old.value}
    await scene.token_manager().force()
    assert scene.issuer.asked == (0, 2)


async def test_forcing_with_an_empty_cache_logs_in_once(scene):
    await all_of(*(scene.token_manager().force() for _ in range(5)))
    assert scene.issuer.asked == (1, 0)


async def test_the_lock_of_a_holder_that_died_is_free_after_fifteen_seconds(scene):
    await scene.lock_for("dead")
    got = all_of(*(scene.token_manager().get() for _ in range(5)))
    assert 15 < await elapsed(got) < 15.5
    assert scene.issuer.asked == (1, 0)


async def test_a_holder_stopped_past_the_lock_s_time_never_overwrites_a_newer_token():
    scene = await stale(rotates=False)
    slow = ScriptedIssuer(takes=20.0, rotates=False, good=scene.issuer.good)
    stopped = asyncio.create_task(scene.token_manager("", issuer=slow).get())
    await turns()
    await scene.lose_the_lock()
    newer = await scene.token_manager("").get()
    await stopped
    assert (await scene.token_manager().get()).value == newer.value
    assert (slow.asked, scene.issuer.asked) == ((0, 1), (0, 1))


async def test_a_refusal_that_comes_late_leaves_the_newer_refresh_token_alone():
    scene = await stale()
    refuses = ScriptedIssuer(takes=20.0)
    stopped = asyncio.create_task(scene.token_manager("", issuer=refuses).get())
    await turns()
    await scene.lose_the_lock()
    await scene.token_manager("").get()
    newer = await scene.cached()
    assert (await asyncio.gather(stopped, return_exceptions=True)) != []
    assert (await scene.cached()).refresh == newer.refresh is not None


async def test_a_holder_stopped_past_the_lock_s_time_leaves_the_next_one_s_lock(scene):
    first = ScriptedIssuer(takes=16.0)
    second = ScriptedIssuer(takes=20.0)
    stopped = asyncio.create_task(scene.token_manager(issuer=first).get())
    await turns()
    await scene.lose_the_lock()
    going_on = asyncio.create_task(scene.token_manager(issuer=second).get())
    await stopped
    assert await scene.locked()
    await going_on
    assert not await scene.locked()


async def test_whoever_lost_the_lock_while_getting_ready_waits_in_line_again(scene):
    slow = ScriptedIssuer(prepares=16.0)
    getting_ready = asyncio.create_task(scene.token_manager(issuer=slow).get())
    await turns()
    served = await scene.token_manager().get()
    assert (await getting_ready).value == served.value
    assert (slow.asked, scene.issuer.asked) == ((0, 0), (1, 0))


@pytest.mark.parametrize("cached", [True, False])
async def test_the_lock_is_held_for_as_long_as_an_exchange_takes(cached):
    scene = await stale(takes=100.0) if cached else Scene(takes=100.0)
    got = await all_of(*(scene.token_manager("right").get() for _ in range(5)))
    assert len({each.value for each in got}) == 1
    assert scene.issuer.asked == ((0, 1) if cached else (1, 0))


async def test_whoever_lost_the_lock_before_the_login_waits_in_line_again():
    scene = await stale(problems={"refresh": [DOWN]})

    async def asked_for() -> str:
        await asyncio.sleep(16)
        return "right"

    asking = asyncio.create_task(scene.token_manager("", find=asked_for).get())
    await turns()
    served = await scene.token_manager().get()
    assert (await asking).value == served.value
    assert scene.issuer.asked == (0, 2)


async def test_what_was_got_without_the_lock_is_kept_for_the_old_one_may_be_spent():
    scene = await stale(takes=1.0)
    stopped = asyncio.create_task(scene.token_manager("").get())
    await turns()
    await scene.lose_the_lock()
    got = await stopped
    found = await scene.cached()
    assert (found.access.value, found.refresh) == (got.value, "refresh-2")


async def test_a_refresh_that_took_long_does_not_cost_the_login_its_lock():
    scene = await stale(takes=9.9, problems={"refresh": [DOWN]})
    await all_of(*(scene.token_manager().get() for _ in range(5)))
    assert scene.issuer.asked == (1, 1)


@pytest.mark.parametrize("cached", [True, False])
async def test_a_logout_during_a_refresh_or_a_login_wins(scene, cached):
    await (scene.stale() if cached else scene.token_manager().clear())
    getting = asyncio.create_task(scene.token_manager().get())
    await asyncio.sleep(0.1)
    assert await scene.token_manager().logout() is None
    await getting
    found = await scene.cached()
    assert (found.access, found.refresh) == (None, None)


# A token the server refused


async def test_a_refused_token_is_dropped_and_another_is_got(scene):
    refused = await scene.warm()
    another = await scene.token_manager().renew(refused.value)
    assert (another.value, another.source) == ("access-2", "refresh")
    assert scene.issuer.asked == (0, 1)


@pytest.mark.fault(32)
async def test_a_refusal_of_a_stale_token_leaves_the_fresh_one_alone(scene):
    refused = await scene.warm()
    fresh = await scene.token_manager().force()
    got = await scene.token_manager().renew(refused.value)
    assert (got.value, got.source) == (fresh.value, "cache")
    assert scene.issuer.asked == (0, 1)


class Crowded(MemoryCache):
    """A cache into which somebody writes a token just before one is dropped."""

    fresh: TokenPair | None = None

    async def replace(self, account, entries, *, expect):
        fresh, self.fresh = self.fresh, None
        if fresh is not None:
            await warm(self, ACCOUNT, fresh)
        return await super().replace(account, entries, expect=expect)


async def test_a_fresh_token_that_comes_while_the_refused_one_is_dropped_stays():
    scene = Scene(Crowded(now))
    refused = await scene.warm()
    scene.cache.fresh = scene.issuer.pair()
    got = await scene.token_manager().renew(refused.value)
    assert (got.value, got.source) == ("access-2", "cache")
    assert scene.issuer.asked == (0, 0)


async def test_thirty_that_are_refused_at_once_cause_one_refresh(scene):
    refused = await scene.warm()
    got = await all_of(*(scene.token_manager().renew(refused.value) for _ in range(30)))
    assert scene.issuer.asked == (0, 1)
    assert {each.value for each in got} == {"access-2"}


async def test_where_only_a_login_can_help_nothing_is_refreshed(scene):
    refused = await scene.warm()
    with pytest.raises(AuthenticationFailed):
        await scene.token_manager("").renew(refused.value, only_login=True)
    assert scene.issuer.asked == (0, 0)
    another = await scene.token_manager().renew(refused.value, only_login=True)
    assert another.source == "login"
    assert scene.issuer.asked == (1, 0)


# Passwords


@pytest.mark.slow
async def test_a_wrong_password_is_tried_once_a_minute_by_thirty_managers(scene):
    results = await scene.thirty("wrong")
    assert outcomes(results) == {"AuthenticationFailed"}
    assert scene.issuer.logins == ["wrong"]
    await asyncio.sleep(61)
    with pytest.raises(AuthenticationFailed, match="refused the password"):
        await scene.token_manager("wrong").get()
    assert scene.issuer.logins == ["wrong"] * 2


async def test_words_that_may_be_a_proxys_are_remembered_as_such(scene):
    denied = AuthenticationFailed("access denied", by_words=True)
    scene.issuer.problems["login"] = [denied]
    for _ in range(2):
        with pytest.raises(AuthenticationFailed) as caught:
            await scene.token_manager().get()
        assert caught.value.by_words
    assert scene.issuer.asked == (1, 0)
    assert decode("denied:0", BY_WORDS) == BY_WORDS
    await asyncio.sleep(61)
    assert (await scene.token_manager().get()).source == "login"


async def test_words_that_may_be_a_proxys_cost_no_refresh_token(scene):
    refused = await scene.warm()
    denied = AuthenticationFailed("access denied", by_words=True)
    scene.issuer.problems["refresh"] = [denied]
    with pytest.raises(AuthenticationFailed, match="access denied"):
        await scene.token_manager("").renew(refused.value)
    assert (await scene.token_manager("").renew(refused.value)).source == "refresh"


async def test_a_corrected_password_is_tried_at_once(scene):
    with pytest.raises(AuthenticationFailed):
        await scene.token_manager("wrong").get()
    assert (await scene.token_manager("right").get()).source == "login"


async def test_the_cache_holds_neither_password_nor_anything_made_of_it_quickly(scene):
    with pytest.raises(AuthenticationFailed):
        await scene.token_manager("wrong").get()
    names = {name for _, name in scene.cache._kept}
    (denied,) = (name for name in names if name.startswith("denied:"))
    assert "wrong" not in repr(scene.cache._kept)
    assert len(denied) == len("denied:") + 32


async def test_a_login_always_tries_and_replaces_what_is_cached(scene):
    for _ in range(2):
        with pytest.raises(AuthenticationFailed):
            await scene.token_manager("wrong").login()
    assert scene.issuer.logins == ["wrong"] * 2
    token, pair = await scene.token_manager().login()
    assert (token.source, token.value) == ("login", pair.access.value)
    again, _ = await scene.token_manager().login()
    assert (await scene.token_manager().get()).value == again.value != token.value


async def test_a_login_without_a_password_asks_nobody(scene):
    with pytest.raises(AuthenticationFailed, match="no password"):
        await scene.token_manager("").login()
    with pytest.raises(AuthenticationFailed, match="no password"):
        await scene.token_manager("", find=Keyring("").find).get()
    assert scene.issuer.asked == (0, 0)


class Keyring:
    """A keyring that counts how often it is opened."""

    def __init__(self, password: str = "right") -> None:
        self.password = password
        self.opened = 0

    async def find(self) -> str:
        self.opened += 1
        return self.password


async def test_a_keyring_is_opened_for_nothing_less_than_a_login():
    scene, keyring = Scene(), Keyring()
    token_manager = scene.token_manager("", find=keyring.find)
    await scene.warm()
    assert (await token_manager.get()).source == "cache"
    await scene.stale()
    assert (await token_manager.get()).source == "refresh"
    assert keyring.opened == 0
    await token_manager.clear()
    assert (await token_manager.get()).source == "login"
    assert keyring.opened == 1
    assert (await token_manager.login())[0].source == "login"
    assert scene.issuer.logins == ["right"] * 2


async def test_a_password_that_is_given_leaves_the_keyring_shut():
    scene, keyring = Scene(), Keyring("another")
    assert (await scene.token_manager(find=keyring.find).get()).source == "login"
    assert keyring.opened == 0


async def test_with_a_keyring_a_token_that_may_be_spent_is_not_used_again():
    scene = await stale(problems={"refresh": [LOST] * 99})
    assert (await scene.token_manager("", find=Keyring().find).get()).source == "login"
    assert scene.issuer.asked == (1, 1)


@pytest.fixture
def digests(monkeypatch) -> list[bytes]:
    """The passwords of which the slow digest was worked out."""
    seen: list[bytes] = []
    scrypt = hashlib.scrypt

    def counted(password: bytes, **how) -> bytes:
        seen.append(password)
        return scrypt(password, **how)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    return seen


async def login_twice(scene: Scene) -> None:
    await scene.token_manager().login()
    await scene.token_manager().login()


async def fail_to_log_in(scene: Scene) -> None:
    scene.issuer.problems = {"login": [DOWN]}
    for password, problem in (("right", NetworkFailed), ("", AuthenticationFailed)):
        with pytest.raises(problem):
            await scene.token_manager(password).login()


async def be_refused(scene: Scene) -> None:
    with pytest.raises(AuthenticationFailed):
        await scene.token_manager("wrong").login()


async def refresh(scene: Scene) -> None:
    await scene.stale()
    assert (await scene.token_manager().get()).source == "refresh"
    assert (await scene.token_manager().get()).source == "cache"
    await scene.token_manager().logout()


async def find_nothing_cached(scene: Scene) -> None:
    assert (await scene.token_manager().get()).source == "login"


@pytest.mark.parametrize(
    ("what", "digested"),
    [
        (login_twice, []),
        (fail_to_log_in, []),
        (refresh, []),
        (be_refused, [b"wrong"]),
        (find_nothing_cached, [b"right"]),
    ],
)
async def test_only_a_password_that_was_or_may_have_been_refused_is_digested(
    digests, what, digested
):
    await what(Scene())
    assert digests == digested


# Logging out


async def test_a_logout_tells_the_server_and_empties_the_cache(scene):
    await scene.warm()
    for _ in range(2):  # then there is nothing to tell
        assert await scene.token_manager().logout() is None
    assert scene.issuer.logouts == ["refresh-1"]
    found = await scene.cached()
    assert (found.access, found.refresh) == (None, None)
    assert found.generation is not None


@pytest.mark.parametrize("problem", [DOWN, AuthenticationFailed("who are you")])
async def test_a_logout_empties_the_cache_also_when_the_server_does_not_hear(problem):
    scene = Scene(problems={"logout": [problem]})
    await scene.warm()
    assert await scene.token_manager().logout() is problem
    assert (await scene.cached()).refresh is None


# The lock


@pytest.mark.parametrize(
    ("password", "problems"),
    [
        ("right", {}),
        ("wrong", {}),
        ("", {}),
        ("right", {"login": [DOWN]}),
        ("right", {"login": [ZeroDivisionError()]}),
    ],
)
async def test_the_lock_is_gone_afterwards_in_every_outcome(password, problems):
    scene = Scene(problems=problems)
    await asyncio.gather(scene.token_manager(password).get(), return_exceptions=True)
    assert not await scene.locked()


async def cancelled(asking) -> float:
    """Cancel whoever holds the lock; return the seconds that this takes."""
    holding = asyncio.create_task(asking)
    await asyncio.sleep(0.1)
    holding.cancel()
    started = now()
    with pytest.raises(asyncio.CancelledError):
        await holding
    return now() - started


async def test_the_lock_is_gone_at_once_after_a_cancelled_login(scene):
    assert await cancelled(scene.token_manager().get()) == 0
    assert not await scene.locked()


async def test_a_refresh_that_is_cancelled_ends_and_its_tokens_are_kept():
    scene = await stale(takes=1.2)
    assert await cancelled(scene.token_manager("").get()) == pytest.approx(1.1)
    assert not await scene.locked()
    assert {name.partition(":")[0] for _, name in scene.cache._kept} == {
        "access",
        "refresh",
        "generation",
    }
    got = await scene.token_manager("").get()
    assert (got.value, got.source) == ("access-2", "cache")
    assert scene.issuer.asked == (0, 1)


@pytest.mark.parametrize(
    ("takes", "problems"), [(9.0, []), (1.0, [LOST]), (1.0, [gateway_says(502)])]
)
@pytest.mark.parametrize(("password", "asked"), [("right", (1, 1)), ("", (0, 2))])
async def test_a_refresh_that_is_cancelled_and_not_heard_is_a_use(
    takes, problems, password, asked
):
    scene = await stale(takes=takes, problems={"refresh": [*problems]})
    assert await cancelled(scene.token_manager("").get()) <= 2
    assert not await scene.locked()
    scene.issuer.takes = 0.2
    await scene.token_manager(password).get()
    assert scene.issuer.asked == asked


async def test_a_holder_that_dies_has_marked_its_use_before():
    scene = await stale()
    for _ in range(3):
        dying = asyncio.create_task(scene.token_manager("").get())
        await asyncio.sleep(0.1)
        dead = MemoryCache(now)
        dead._kept = dict(scene.cache._kept)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        scene.cache = dead
        await scene.lose_the_lock()
        scene.issuer.good.add("refresh-1")
    assert scene.issuer.asked == (0, 2)
    with pytest.raises(NetworkFailed, match="may be spent"):
        await scene.token_manager("").get()


async def test_whoever_gives_up_waiting_leaves_the_lock_to_its_holder(scene):
    holding = asyncio.create_task(scene.token_manager().get())
    await turns()
    waiting = asyncio.create_task(scene.token_manager().get())
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await scene.locked()
    await holding
    assert not await scene.locked()


# A cache that fails


def shaken() -> tuple[Scene, FlakyCache, list[str]]:
    primary, said = FlakyCache(now), []
    return Scene(FallbackCache(primary, said.append, now)), primary, said


async def test_without_its_cache_a_token_manager_goes_on_in_memory_and_says_so_once():
    scene, primary, said = shaken()
    primary.down = True
    token_manager = scene.token_manager()
    sources = [(await token_manager.get()).source for _ in range(3)]
    assert sources == ["login", "cache", "cache"]
    assert len(said) == 1


async def test_a_token_refreshed_while_the_cache_was_down_is_everybody_s_afterwards():
    scene, primary, said = shaken()
    await scene.stale()
    primary.down = True
    ours = await scene.token_manager().get()
    await asyncio.sleep(6)
    primary.down = False
    await scene.token_manager().get()
    scene.cache = primary
    assert (await scene.token_manager().get()).value == ours.value
    assert scene.issuer.asked == (0, 1)
    assert len(said) == 2


async def test_a_cache_that_goes_down_during_a_refresh_costs_no_token():
    scene, primary, _ = shaken()
    await scene.stale()
    getting = asyncio.create_task(scene.token_manager().get())
    await asyncio.sleep(0.1)
    primary.down = True
    assert (await getting).source == "refresh"
    assert (await scene.token_manager().get()).source == "cache"


# A ready-made token


async def test_a_ready_made_token_is_given_and_cannot_be_renewed():
    tokens = StaticTokenProvider(TokenPair(Token("given", 60.0, 0.0), None, "7"))
    assert await tokens.get() == AccessToken("given", "static", 60.0, "7")
    with pytest.raises(AuthenticationFailed) as caught:
        await tokens.renew("given")
    assert "NOTIFYWS_TOKEN" in caught.value.hint


def test_no_token_shows_in_a_repr():
    token = Token("s3cret", 60.0, 0.0)
    found = CachedTokens(access_text=pack(token, None), refresh="s3cret")
    assert "s3cret" not in repr([token, found, AccessToken("s3cret", "cache", 1.0)])


async def test_a_password_that_was_found_is_a_secret_however_many_tokens_there_were():
    """Seen: forgotten at the fourth renewal, and then shown where a server said it."""

    manager = Scene().token_manager("", find=Keyring().find)
    await manager.login()
    for _ in range(2 * LATELY):
        await manager.force()
    assert manager.secrets[0] == "right"
    assert len(manager.secrets) == 1 + LATELY
    assert (await manager.get()).value in manager.secrets
