"""Scripts by their digests: what a Redis that does not know or allow them is asked."""

from __future__ import annotations

import asyncio

import pytest

from notifyws.auth.cache.redis import RedisClient
from notifyws.errors import CacheFailed
from notifyws.fleet.group.keys import GroupKeys
from tests.support.valkey import Valkey

SCRIPT = "return {KEYS[1], ARGV[1]}"
ANSWER = [b"key", b"value"]


@pytest.fixture(scope="module")
def valkey():
    with Valkey() as server:
        yield server


@pytest.fixture(autouse=True)
def unused(valkey):
    valkey.command("SCRIPT FLUSH")
    valkey.command("CONFIG RESETSTAT")


def run(valkey, times=1, *, before=lambda: None, script=SCRIPT, user=""):
    """Run a script some times, and return the last answer."""

    async def story():
        client = RedisClient(valkey.url.replace("//", f"//{user}"), "the test's Redis")
        group, answer = GroupKeys(client, "0" * 16, "g"), None
        try:
            for _ in range(times):
                answer = await group.run(script, ["key"], "value")
                before()
        finally:
            await client.aclose()
        return answer

    return asyncio.run(story())


def calls(valkey):
    told = valkey.command("INFO", "commandstats")
    return tuple(
        told.get(f"cmdstat_{name}", {"calls": 0})["calls"]
        for name in ("evalsha", "eval")
    )


def test_a_script_is_sent_once_and_then_named(valkey):
    assert run(valkey, 3) == ANSWER
    assert calls(valkey) == (3, 1)


def test_a_redis_that_has_forgotten_a_script_is_sent_it_anew(valkey):
    forget = lambda: valkey.command("SCRIPT FLUSH")  # noqa: E731
    assert run(valkey, 2, before=forget) == ANSWER
    assert calls(valkey) == (2, 2)


def test_a_user_who_may_not_name_scripts_sends_them_from_then_on(valkey):
    rules = "on nopass ~* +@all -evalsha"
    valkey.command("ACL", "SETUSER", "plain", *rules.split())
    assert run(valkey, 3, user="plain:any@") == ANSWER
    assert calls(valkey)[1] == 3
    told = valkey.command("INFO", "commandstats")["cmdstat_evalsha"]
    assert told["rejected_calls"] == 1


def test_what_a_script_is_refused_for_is_said_and_not_tried_again(valkey):
    with pytest.raises(CacheFailed):
        run(valkey, script="return redis.call('GET')")
    assert calls(valkey)[1] == 1
