"""One fresh token for everybody, however many want it and whatever goes wrong."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from notifyws.auth.cache.fallback import FallbackCache
from notifyws.auth.cache.memory import MemoryCache
from notifyws.auth.cached_tokens import AccessToken, CachedTokens, pack
from notifyws.auth.token_manager import StaticTokenProvider, TokenManager
from notifyws.errors import (
    AuthenticationFailed,
    CacheFailed,
    HttpRefused,
    NetworkFailed,
    ReplyLost,
)
from notifyws.models import Account, Token, TokenPair
from tests.support.scripted import ScriptedIssuer, warm
from tests.support.virtual import (
    VirtualClock,
    elapsed,
    in_virtual_time,
    now,
    turns,
)

ACCOUNT = Account("https://ws.example.com", "default", "alice")
DAY = 86400.0
DOWN = NetworkFailed("ws.example.com is down")
LOST = ReplyLost("ws.example.com cut the line")


class House:
    """A server, a cache, and as many keepers as one likes."""

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

    async def held(self) -> CachedTokens:
        return await self.token_manager().peek()

    async def locked(self) -> bool:
        return bool(await self.cache.read(ACCOUNT.id, "lock"))

    async def warm(self) -> AccessToken:
        """Let tokens be cached; return the access token, which everybody then has."""
        await warm(self.cache, ACCOUNT, self.issuer.pair())
        token = (await self.held()).access
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


def gateway_says(status: int) -> HttpRefused:
    return HttpRefused(f"ws.example.com answered {status}", status=status)


async def all_of(*asking) -> list:
    return await asyncio.gather(*asking)


def outcomes(results: list) -> set[str]:
    return {type(result).__name__ for result in results}


# One keeper, alone


@in_virtual_time
async def test_a_cached_token_costs_the_server_nothing():
    house = House()
    fresh = await house.warm()
    got = await house.token_manager().get()
    assert (got.value, got.source, got.user_id) == (fresh.value, "cache", "42")
    assert house.issuer.asked == (0, 0)


@in_virtual_time
async def test_a_token_is_fresh_for_its_life_less_a_fifth():
    house = House()
    await house.warm()
    await asyncio.sleep(719)
    got = await house.token_manager().get()
    assert (got.source, got.remaining) == ("cache", pytest.approx(181))
    await asyncio.sleep(1)
    assert (await house.token_manager().get()).source == "refresh"


@in_virtual_time
async def test_without_a_fresh_token_it_refreshes():
    house = House()
    await house.stale()
    got = await house.token_manager("").get()
    assert (got.source, got.remaining, got.user_id) == ("refresh", 900, "42")
    assert house.issuer.asked == (0, 1)


@in_virtual_time
async def test_without_any_token_it_logs_in():
    house = House()
    got = await house.token_manager().get()
    assert (got.source, got.remaining, got.user_id) == ("login", 900, "42")
    assert house.issuer.asked == (1, 0)


@in_virtual_time
async def test_a_refresh_token_is_kept_for_its_life_less_a_fourteenth():
    house = House()
    await house.warm()
    await asyncio.sleep(6.5 * DAY - 1)
    assert (await house.held()).refresh_remaining == pytest.approx(DAY / 2 + 1)
    await asyncio.sleep(1)
    assert (await house.token_manager().get()).source == "login"
    assert house.issuer.asked == (1, 0)


@in_virtual_time
async def test_a_refused_refresh_token_is_dropped_and_a_login_follows():
    house = House()
    await house.stale()
    house.issuer.good.clear()
    assert (await house.token_manager().get()).source == "login"
    assert house.issuer.asked == (1, 1)


@in_virtual_time
async def test_a_refused_refresh_token_without_a_password_is_tried_once():
    house = House()
    await house.stale()
    house.issuer.good.clear()
    with pytest.raises(AuthenticationFailed, match="refresh token"):
        await house.token_manager("").get()
    with pytest.raises(AuthenticationFailed, match="not logged in"):
        await house.token_manager("").get()
    assert house.issuer.asked == (0, 1)


@in_virtual_time
async def test_a_refresh_that_cannot_be_asked_for_falls_to_a_login():
    house = House(problems={"refresh": [DOWN]})
    await house.stale()
    assert (await house.token_manager().get()).source == "login"


@in_virtual_time
async def test_a_refresh_that_cannot_be_asked_for_keeps_the_refresh_token():
    house = House(problems={"refresh": [DOWN]})
    await house.stale()
    with pytest.raises(NetworkFailed):
        await house.token_manager("").get()
    assert (await house.token_manager("").get()).source == "refresh"


@in_virtual_time
async def test_when_nothing_answers_the_last_problem_is_told():
    house = House()
    await house.stale()
    house.issuer.problems = {"refresh": [DOWN], "login": [DOWN]}
    with pytest.raises(NetworkFailed):
        await house.token_manager().get()


@in_virtual_time
async def test_without_tokens_and_password_the_hint_is_to_log_in():
    house = House()
    with pytest.raises(AuthenticationFailed) as caught:
        await house.token_manager("").get()
    assert caught.value.hint == "notifyws auth login"
    assert house.issuer.asked == (0, 0)


@in_virtual_time
async def test_a_reply_that_got_lost_after_the_rotation_is_made_good_by_a_login():
    house = House(lost={"refresh"})
    await house.stale()
    assert (await house.token_manager().get()).source == "login"
    assert house.issuer.asked == (1, 1)


@in_virtual_time
async def test_a_reply_that_got_lost_makes_no_storm_of_the_dead_token():
    house = House(lost={"refresh"})
    await house.stale()
    asking = (house.token_manager("").get() for _ in range(30))
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert outcomes(results) == {"AuthenticationFailed"}
    assert house.issuer.asked == (0, 2)


@in_virtual_time
async def test_a_reply_that_got_lost_before_the_rotation_is_made_good_by_asking_again():
    house = House(problems={"refresh": [LOST]})
    await house.stale()
    assert (await house.token_manager("").get()).source == "refresh"
    assert house.issuer.asked == (0, 2)


@pytest.mark.parametrize("lost", [LOST, *map(gateway_says, (502, 504))])
@in_virtual_time
async def test_a_token_whose_replies_keep_getting_lost_is_used_twice_a_minute(lost):
    house = House(problems={"refresh": [lost] * 99})
    await house.stale()
    asking = (house.token_manager("").get() for _ in range(30))
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(result, NetworkFailed) for result in results)
    assert house.issuer.asked == (0, 2)
    await asyncio.sleep(59)
    with pytest.raises(NetworkFailed, match="may be spent"):
        await house.token_manager("").get()
    await asyncio.sleep(2)
    house.issuer.problems.clear()
    assert (await house.token_manager("").get()).source == "refresh"
    assert house.issuer.asked == (0, 3)


@in_virtual_time
async def test_with_a_password_a_token_that_may_be_spent_is_not_used_again():
    house = House(problems={"refresh": [LOST] * 99, "login": [DOWN] * 3})
    await house.stale()
    asking = (house.token_manager().get() for _ in range(30))
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert sorted(outcomes(results)) == ["AccessToken", "NetworkFailed"]
    assert house.issuer.asked == (4, 1)


@pytest.mark.parametrize("problem", [DOWN, *map(gateway_says, (429, 500, 503))])
@in_virtual_time
async def test_a_refresh_that_was_not_done_does_not_count_as_a_use(problem):
    house = House(problems={"refresh": [problem] * 5})
    await house.stale()
    for _ in range(5):
        with pytest.raises(NetworkFailed):
            await house.token_manager("").get()
    assert (await house.token_manager("").get()).source == "refresh"


@in_virtual_time
async def test_whoever_lost_the_lock_with_the_reply_leaves_the_second_use_to_others():
    house = House()
    await house.stale()
    slow = ScriptedIssuer(takes=16.0, problems={"refresh": [LOST]})
    stopped = asyncio.create_task(house.token_manager("", issuer=slow).get())
    await turns()
    await house.lose_the_lock()
    newer = await house.token_manager("").get()
    assert (await stopped).value == newer.value
    assert (slow.asked, house.issuer.asked) == ((0, 1), (0, 1))


@in_virtual_time
async def test_a_refresh_without_a_new_refresh_token_leaves_the_old_one_its_time():
    house = House(rotates=False)
    await house.stale()
    before = await house.held()
    await house.token_manager("").get()
    after = await house.held()
    assert after.refresh == before.refresh
    assert after.refresh_remaining == pytest.approx(604800 - 720 - 0.2)


@in_virtual_time
async def test_whose_token_it_is_survives_a_reply_that_does_not_say():
    house = House(says_user=False)
    await house.stale()
    assert (await house.token_manager("").get()).user_id == "42"
    assert (await house.token_manager("").get()).user_id == "42"
    await asyncio.sleep(720)
    assert (await house.token_manager("").get()).user_id == "42"


@in_virtual_time
async def test_a_token_that_is_never_fresh_is_used_and_asked_for_again():
    house = House(access_life=0.0)
    await house.stale()
    assert (await house.token_manager().get()).source == "refresh"
    assert (await house.token_manager().get()).source == "refresh"


@in_virtual_time
async def test_rubbish_in_the_cache_counts_as_nothing():
    house = House()
    rubbish = dict.fromkeys(("access", "refresh"), ("{]", 60.0))
    await house.cache.replace(ACCOUNT.id, rubbish, expect={})
    assert (await house.token_manager().get()).source == "login"
    assert (await house.token_manager().get()).source == "cache"


@in_virtual_time
async def test_a_host_clock_ten_minutes_off_changes_nothing():
    house = House()
    early, late = VirtualClock(1), VirtualClock(2)
    early.wall_offset, late.wall_offset = -600.0, 600.0
    await house.warm()
    await asyncio.sleep(700)
    seen = [await house.token_manager(clock=clock).get() for clock in (early, late)]
    assert {each.source for each in seen} == {"cache"}
    assert [each.remaining for each in seen] == pytest.approx([200, 200])
    await asyncio.sleep(21)
    for clock in (early, late, early, late):
        await house.token_manager(clock=clock).get()
    assert house.issuer.asked == (0, 1)


# Many keepers


@in_virtual_time
async def test_two_hundred_that_find_the_cache_empty_cause_one_login():
    house = House()
    got = await all_of(*(house.token_manager().get() for _ in range(200)))
    assert house.issuer.asked == (1, 0)
    assert {each.value for each in got} == {"access-1"}
    assert now() < 1


@in_virtual_time
async def test_two_hundred_that_find_the_token_expired_cause_one_refresh():
    house = House()
    await house.stale()
    got = await all_of(*(house.token_manager().get() for _ in range(200)))
    assert house.issuer.asked == (0, 1)
    assert {each.value for each in got} == {"access-2"}


@in_virtual_time
async def test_those_who_force_at_once_share_one_new_token():
    house = House()
    old = await house.warm()
    got = await all_of(*(house.token_manager().force() for _ in range(30)))
    assert house.issuer.asked == (0, 1)
    assert {each.value for each in got} == {"access-2"} != {old.value}
    await house.token_manager().force()
    assert house.issuer.asked == (0, 2)


@in_virtual_time
async def test_forcing_with_an_empty_cache_logs_in_once():
    house = House()
    await all_of(*(house.token_manager().force() for _ in range(5)))
    assert house.issuer.asked == (1, 0)


@in_virtual_time
async def test_the_lock_of_a_holder_that_died_is_free_after_fifteen_seconds():
    house = House()
    await house.lock_for("dead")
    got = all_of(*(house.token_manager().get() for _ in range(5)))
    assert 15 < await elapsed(got) < 15.5
    assert house.issuer.asked == (1, 0)


@in_virtual_time
async def test_a_holder_stopped_past_the_lock_s_time_never_overwrites_a_newer_token():
    house = House(rotates=False)
    await house.stale()
    slow = ScriptedIssuer(takes=20.0, rotates=False, good=house.issuer.good)
    stopped = asyncio.create_task(house.token_manager("", issuer=slow).get())
    await turns()
    await house.lose_the_lock()
    newer = await house.token_manager("").get()
    await stopped
    assert (await house.token_manager().get()).value == newer.value
    assert (slow.asked, house.issuer.asked) == ((0, 1), (0, 1))


@in_virtual_time
async def test_a_refusal_that_comes_late_leaves_the_newer_refresh_token_alone():
    house = House()
    await house.stale()
    refuses = ScriptedIssuer(takes=20.0)
    stopped = asyncio.create_task(house.token_manager("", issuer=refuses).get())
    await turns()
    await house.lose_the_lock()
    await house.token_manager("").get()
    newer = await house.held()
    assert (await asyncio.gather(stopped, return_exceptions=True)) != []
    assert (await house.held()).refresh == newer.refresh is not None


@in_virtual_time
async def test_a_holder_stopped_past_the_lock_s_time_leaves_the_next_one_s_lock():
    house = House()
    first = ScriptedIssuer(takes=16.0)
    second = ScriptedIssuer(takes=20.0)
    stopped = asyncio.create_task(house.token_manager(issuer=first).get())
    await turns()
    await house.lose_the_lock()
    going_on = asyncio.create_task(house.token_manager(issuer=second).get())
    await stopped
    assert await house.locked()
    await going_on
    assert not await house.locked()


@in_virtual_time
async def test_whoever_lost_the_lock_while_getting_ready_waits_in_line_again():
    house = House()
    slow = ScriptedIssuer(prepares=16.0)
    getting_ready = asyncio.create_task(house.token_manager(issuer=slow).get())
    await turns()
    served = await house.token_manager().get()
    assert (await getting_ready).value == served.value
    assert (slow.asked, house.issuer.asked) == ((0, 0), (1, 0))


@pytest.mark.parametrize("cached", [True, False])
@in_virtual_time
async def test_the_lock_is_held_for_as_long_as_an_exchange_takes(cached):
    house = House(takes=100.0)
    await (house.stale() if cached else asyncio.sleep(0))
    got = await all_of(*(house.token_manager("right").get() for _ in range(5)))
    assert len({each.value for each in got}) == 1
    assert house.issuer.asked == ((0, 1) if cached else (1, 0))


@in_virtual_time
async def test_whoever_lost_the_lock_before_the_login_waits_in_line_again():
    house = House(problems={"refresh": [DOWN]})
    await house.stale()

    async def asked_for() -> str:
        await asyncio.sleep(16)
        return "right"

    asking = asyncio.create_task(house.token_manager("", find=asked_for).get())
    await turns()
    served = await house.token_manager().get()
    assert (await asking).value == served.value
    assert house.issuer.asked == (0, 2)


@in_virtual_time
async def test_what_was_got_without_the_lock_is_kept_for_the_old_one_may_be_spent():
    house = House(takes=1.0)
    await house.stale()
    stopped = asyncio.create_task(house.token_manager("").get())
    await turns()
    await house.lose_the_lock()
    got = await stopped
    held = await house.held()
    assert (held.access.value, held.refresh) == (got.value, "refresh-2")


@in_virtual_time
async def test_a_lock_that_was_lost_while_getting_ready_is_taken_again():
    house = House(prepares=16.0)
    assert (await house.token_manager().get()).source == "login"
    assert not await house.locked()


@in_virtual_time
async def test_a_refresh_that_took_long_does_not_cost_the_login_its_lock():
    house = House(takes=9.9, problems={"refresh": [DOWN]})
    await house.stale()
    await all_of(*(house.token_manager().get() for _ in range(5)))
    assert house.issuer.asked == (1, 1)


@in_virtual_time
async def test_a_logout_during_a_refresh_wins():
    house = House()
    await house.stale()
    refreshing = asyncio.create_task(house.token_manager().get())
    await asyncio.sleep(0.1)
    assert await house.token_manager().logout() is None
    await refreshing
    held = await house.held()
    assert (held.access, held.refresh) == (None, None)


@in_virtual_time
async def test_a_logout_during_a_login_wins():
    house = House()
    await house.token_manager().clear()
    logging_in = asyncio.create_task(house.token_manager().get())
    await asyncio.sleep(0.1)
    await house.token_manager().clear()
    await logging_in
    assert (await house.held()).access is None


# A token the server refused


@in_virtual_time
async def test_a_refused_token_is_dropped_and_another_is_got():
    house = House()
    refused = await house.warm()
    another = await house.token_manager().renew(refused.value)
    assert (another.value, another.source) == ("access-2", "refresh")
    assert house.issuer.asked == (0, 1)


@in_virtual_time
async def test_a_refusal_of_a_stale_token_leaves_the_fresh_one_alone():
    house = House()
    refused = await house.warm()
    fresh = await house.token_manager().force()
    got = await house.token_manager().renew(refused.value)
    assert (got.value, got.source) == (fresh.value, "cache")
    assert house.issuer.asked == (0, 1)


class Crowded(MemoryCache):
    """A cache into which somebody writes a token just before one is dropped."""

    fresh: TokenPair | None = None

    async def replace(self, account, entries, *, expect):
        fresh, self.fresh = self.fresh, None
        if fresh is not None:
            await warm(self, ACCOUNT, fresh)
        return await super().replace(account, entries, expect=expect)


@in_virtual_time
async def test_a_fresh_token_that_comes_while_the_refused_one_is_dropped_stays():
    house = House(Crowded(now))
    refused = await house.warm()
    house.cache.fresh = house.issuer.pair()
    got = await house.token_manager().renew(refused.value)
    assert (got.value, got.source) == ("access-2", "cache")
    assert house.issuer.asked == (0, 0)


@in_virtual_time
async def test_thirty_that_are_refused_at_once_cause_one_refresh():
    house = House()
    refused = await house.warm()
    got = await all_of(*(house.token_manager().renew(refused.value) for _ in range(30)))
    assert house.issuer.asked == (0, 1)
    assert {each.value for each in got} == {"access-2"}


@in_virtual_time
async def test_where_only_a_login_can_help_nothing_is_refreshed():
    house = House()
    refused = await house.warm()
    another = await house.token_manager().renew(refused.value, only_login=True)
    assert another.source == "login"
    assert house.issuer.asked == (1, 0)


@in_virtual_time
async def test_where_only_a_login_can_help_no_password_is_the_end():
    house = House()
    refused = await house.warm()
    with pytest.raises(AuthenticationFailed):
        await house.token_manager("").renew(refused.value, only_login=True)
    assert house.issuer.asked == (0, 0)


# Passwords


@in_virtual_time
async def test_a_wrong_password_is_tried_once_a_minute_by_thirty_keepers():
    house = House()
    asking = (house.token_manager("wrong").get() for _ in range(30))
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert outcomes(results) == {"AuthenticationFailed"}
    assert house.issuer.logins == ["wrong"]
    await asyncio.sleep(61)
    with pytest.raises(AuthenticationFailed, match="refused the password"):
        await house.token_manager("wrong").get()
    assert house.issuer.logins == ["wrong"] * 2


@in_virtual_time
async def test_a_corrected_password_is_tried_at_once():
    house = House()
    with pytest.raises(AuthenticationFailed):
        await house.token_manager("wrong").get()
    assert (await house.token_manager("right").get()).source == "login"


@in_virtual_time
async def test_the_cache_holds_neither_password_nor_anything_made_of_it_quickly():
    house = House()
    with pytest.raises(AuthenticationFailed):
        await house.token_manager("wrong").get()
    names = {name for _, name in house.cache._kept}
    (denied,) = (name for name in names if name.startswith("denied:"))
    assert "wrong" not in repr(house.cache._kept)
    assert len(denied) == len("denied:") + 32


@in_virtual_time
async def test_a_login_always_tries_and_replaces_what_is_cached():
    house = House()
    for _ in range(2):
        with pytest.raises(AuthenticationFailed):
            await house.token_manager("wrong").login()
    assert house.issuer.logins == ["wrong"] * 2
    token, pair = await house.token_manager().login()
    assert (token.source, token.value) == ("login", pair.access.value)
    again, _ = await house.token_manager().login()
    assert (await house.token_manager().get()).value == again.value != token.value


@in_virtual_time
async def test_a_login_without_a_password_asks_nobody():
    house = House()
    with pytest.raises(AuthenticationFailed, match="no password"):
        await house.token_manager("").login()
    assert house.issuer.asked == (0, 0)


class Wallet:
    """A keyring that counts how often it is opened."""

    def __init__(self, password: str = "right") -> None:
        self.password = password
        self.opened = 0

    async def find(self) -> str:
        self.opened += 1
        return self.password


@in_virtual_time
async def test_a_keyring_is_opened_for_nothing_less_than_a_login():
    house, wallet = House(), Wallet()
    token_manager = house.token_manager("", find=wallet.find)
    await house.warm()
    assert (await token_manager.get()).source == "cache"
    await house.stale()
    assert (await token_manager.get()).source == "refresh"
    assert wallet.opened == 0
    await token_manager.clear()
    assert (await token_manager.get()).source == "login"
    assert wallet.opened == 1
    assert (await token_manager.login())[0].source == "login"
    assert house.issuer.logins == ["right"] * 2


@in_virtual_time
async def test_a_password_that_is_given_leaves_the_keyring_shut():
    house, wallet = House(), Wallet("another")
    assert (await house.token_manager(find=wallet.find).get()).source == "login"
    assert wallet.opened == 0


@in_virtual_time
async def test_an_empty_keyring_is_no_password():
    house = House()
    with pytest.raises(AuthenticationFailed, match="no password"):
        await house.token_manager("", find=Wallet("").find).get()
    assert house.issuer.asked == (0, 0)


@in_virtual_time
async def test_with_a_keyring_a_token_that_may_be_spent_is_not_used_again():
    house = House(problems={"refresh": [LOST] * 99})
    await house.stale()
    assert (await house.token_manager("", find=Wallet().find).get()).source == "login"
    assert house.issuer.asked == (1, 1)


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


@in_virtual_time
async def test_a_login_that_is_not_refused_works_out_no_digest(digests):
    house = House()
    await house.token_manager().login()
    await house.token_manager().login()
    house.issuer.problems = {"login": [DOWN]}
    with pytest.raises(NetworkFailed):
        await house.token_manager().login()
    with pytest.raises(AuthenticationFailed):
        await house.token_manager("").login()
    assert digests == []


@in_virtual_time
async def test_a_login_that_is_refused_works_out_one_digest(digests):
    with pytest.raises(AuthenticationFailed):
        await House().token_manager("wrong").login()
    assert digests == [b"wrong"]


@in_virtual_time
async def test_a_token_that_needs_no_login_works_out_no_digest(digests):
    house = House()
    await house.stale()
    assert (await house.token_manager().get()).source == "refresh"
    assert (await house.token_manager().get()).source == "cache"
    await house.token_manager().logout()
    assert digests == []


@in_virtual_time
async def test_a_password_that_may_have_been_refused_is_looked_up_before_it_is_tried(
    digests,
):
    house = House()
    assert (await house.token_manager().get()).source == "login"
    assert digests == [b"right"]


# Logging out


@in_virtual_time
async def test_a_logout_tells_the_server_and_empties_the_cache():
    house = House()
    await house.warm()
    assert await house.token_manager().logout() is None
    assert house.issuer.logouts == ["refresh-1"]
    held = await house.held()
    assert (held.access, held.refresh) == (None, None)
    assert held.generation is not None


@in_virtual_time
async def test_a_logout_with_nothing_cached_tells_nobody():
    house = House()
    assert await house.token_manager().logout() is None
    assert house.issuer.logouts == []


@pytest.mark.parametrize("problem", [DOWN, AuthenticationFailed("who are you")])
@in_virtual_time
async def test_a_logout_empties_the_cache_also_when_the_server_does_not_hear(problem):
    house = House(problems={"logout": [problem]})
    await house.warm()
    assert await house.token_manager().logout() is problem
    assert (await house.held()).refresh is None


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
@in_virtual_time
async def test_the_lock_is_gone_afterwards_in_every_outcome(password, problems):
    house = House(problems=problems)
    await asyncio.gather(house.token_manager(password).get(), return_exceptions=True)
    assert not await house.locked()


async def cancelled(asking) -> float:
    """Cancel whoever holds the lock; return the seconds that this takes."""
    holding = asyncio.create_task(asking)
    await asyncio.sleep(0.1)
    holding.cancel()
    started = now()
    with pytest.raises(asyncio.CancelledError):
        await holding
    return now() - started


@in_virtual_time
async def test_the_lock_is_gone_at_once_after_a_cancelled_login():
    house = House()
    assert await cancelled(house.token_manager().get()) == 0
    assert not await house.locked()


@in_virtual_time
async def test_a_refresh_that_is_cancelled_ends_and_its_tokens_are_kept():
    house = House(takes=1.2)
    await house.stale()
    assert await cancelled(house.token_manager("").get()) == pytest.approx(1.1)
    assert not await house.locked()
    assert {name.partition(":")[0] for _, name in house.cache._kept} == {
        "access",
        "refresh",
        "generation",
    }
    got = await house.token_manager("").get()
    assert (got.value, got.source) == ("access-2", "cache")
    assert house.issuer.asked == (0, 1)


@pytest.mark.parametrize(
    ("takes", "problems"), [(9.0, []), (1.0, [LOST]), (1.0, [gateway_says(502)])]
)
@pytest.mark.parametrize(("password", "asked"), [("right", (1, 1)), ("", (0, 2))])
@in_virtual_time
async def test_a_refresh_that_is_cancelled_and_not_heard_is_a_use(
    takes, problems, password, asked
):
    house = House(takes=takes, problems={"refresh": [*problems]})
    await house.stale()
    assert await cancelled(house.token_manager("").get()) <= 2
    assert not await house.locked()
    house.issuer.takes = 0.2
    await house.token_manager(password).get()
    assert house.issuer.asked == asked


@in_virtual_time
async def test_a_holder_that_dies_has_marked_its_use_before():
    house = House()
    await house.stale()
    for _ in range(3):
        dying = asyncio.create_task(house.token_manager("").get())
        await asyncio.sleep(0.1)
        dead = MemoryCache(now)
        dead._kept = dict(house.cache._kept)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        house.cache = dead
        await house.lose_the_lock()
        house.issuer.good.add("refresh-1")
    assert house.issuer.asked == (0, 2)
    with pytest.raises(NetworkFailed, match="may be spent"):
        await house.token_manager("").get()


@in_virtual_time
async def test_whoever_gives_up_waiting_leaves_the_lock_to_its_holder():
    house = House()
    holding = asyncio.create_task(house.token_manager().get())
    await turns()
    waiting = asyncio.create_task(house.token_manager().get())
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await house.locked()
    await holding
    assert not await house.locked()


# A cache that fails


class Shaky(MemoryCache):
    """A cache that can be taken down."""

    backend, url, down = "shaky", "shaky://", False

    def _look(self) -> None:
        if self.down:
            raise CacheFailed("token cache shaky:// is down")

    async def read(self, account, *names):
        self._look()
        return await super().read(account, *names)

    async def replace(self, account, entries, *, expect):
        self._look()
        return await super().replace(account, entries, expect=expect)


def shaken() -> tuple[House, Shaky, list[str]]:
    primary, said = Shaky(now), []
    return House(FallbackCache(primary, said.append, now)), primary, said


@in_virtual_time
async def test_without_its_cache_a_keeper_goes_on_in_memory_and_says_so_once():
    house, primary, said = shaken()
    primary.down = True
    token_manager = house.token_manager()
    assert [(await token_manager.get()).source for _ in range(3)] == ["login"] + [
        "cache"
    ] * 2
    assert len(said) == 1


@in_virtual_time
async def test_a_token_refreshed_while_the_cache_was_down_is_everybody_s_afterwards():
    house, primary, said = shaken()
    await house.stale()
    primary.down = True
    ours = await house.token_manager().get()
    await asyncio.sleep(6)
    primary.down = False
    await house.token_manager().get()
    house.cache = primary
    assert (await house.token_manager().get()).value == ours.value
    assert house.issuer.asked == (0, 1)
    assert len(said) == 2


@in_virtual_time
async def test_a_cache_that_goes_down_during_a_refresh_costs_no_token():
    house, primary, _ = shaken()
    await house.stale()
    getting = asyncio.create_task(house.token_manager().get())
    await asyncio.sleep(0.1)
    primary.down = True
    assert (await getting).source == "refresh"
    assert (await house.token_manager().get()).source == "cache"


# A ready-made token


@in_virtual_time
async def test_a_ready_made_token_is_given_and_cannot_be_renewed():
    tokens = StaticTokenProvider(TokenPair(Token("given", 60.0, 0.0), None, "7"))
    assert await tokens.get() == AccessToken("given", "static", 60.0, "7")
    with pytest.raises(AuthenticationFailed) as caught:
        await tokens.renew("given")
    assert "NOTIFYWS_TOKEN" in caught.value.hint


def test_no_token_shows_in_a_repr():
    token = Token("s3cret", 60.0, 0.0)
    held = CachedTokens(access_text=pack(token, None), refresh="s3cret")
    assert "s3cret" not in repr([token, held, AccessToken("s3cret", "cache", 1.0)])
