"""A primary that sentinels know, and what is said when they do not."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest

from notifyws.auth.cache.redis import RedisClient
from notifyws.errors import CacheFailed
from tests.support.proxy import proxy
from tests.support.resp import scripted
from tests.support.valkey import Sentinel, Valkey, Watched, free_port

KEY = "notifyws:{0123456789abcdef}:access"
SLACK = 0.4


def client(url: str) -> aclosing[RedisClient]:
    return aclosing(RedisClient(url, "token cache"))


def at(*ports: int, query: str = "", service: str = "mine") -> str:
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"redis+sentinel://{hosts}/{service}{query}"


async def failure(redis: RedisClient) -> CacheFailed:
    """Return what a command raises, which must be within its second."""
    start = time.monotonic()
    with pytest.raises(CacheFailed) as caught:
        await redis.command("PING")
    assert time.monotonic() - start < 1 + SLACK
    assert caught.value.hint
    return caught.value


async def until_it_answers(redis: RedisClient, *words: str) -> int:
    """Return how many calls failed before one was answered."""
    for failed in range(100):
        try:
            await redis.command(*words)
        except CacheFailed:
            await asyncio.sleep(0.05)
        else:
            return failed
    raise AssertionError("it never answers")


@pytest.mark.slow
async def test_after_a_failover_the_same_client_writes_to_the_new_primary():
    with Watched() as servers:
        async with client(servers.url) as redis:
            await asyncio.gather(*(redis.command("SET", KEY, "old") for _ in range(5)))
            old = servers.primary
            servers.fail_over()
            assert await until_it_answers(redis, "SET", KEY, "new") <= 1
            assert servers.primary.command("GET", KEY) == b"new"
            old.start()  # with nothing in it, and not yet told that it is a replica
            await redis.command("SET", KEY, "newer")
            assert servers.primary.command("GET", KEY) == b"newer"


async def test_a_demoted_primary_is_left_within_the_call():
    """redis/redis-py, SentinelManagedConnection: the refusal is hidden in another."""
    with Valkey() as old, Valkey() as new, Sentinel(old, "mine") as sentinel:
        async with client(at(sentinel.port)) as redis:
            await redis.command("SET", KEY, "a")
            old.command("REPLICAOF", "127.0.0.1", new.port)
            sentinel.command("SENTINEL REMOVE", "mine")
            sentinel.command("SENTINEL MONITOR", "mine", "127.0.0.1", new.port, 1)
            sentinel.until(lambda: sentinel.command("SENTINEL MASTER", "mine"))
            await redis.command("SET", KEY, "b")
        assert new.command("GET", KEY) == b"b"


async def test_each_address_is_tried_and_a_hung_one_holds_nobody_up(clean_sentinel):
    async with scripted(b"") as hung:
        ports = (free_port(), hung.port, clean_sentinel.sentinel.port)
        for each in (ports, ports[::-1]):
            async with client(at(*each)) as redis:
                start = time.monotonic()
                await redis.command("SET", KEY, "a")
                assert time.monotonic() - start < 0.5


async def test_sentinels_that_do_not_answer_are_said():
    async with scripted(b"") as hung:
        async with client(at(free_port())) as redis:
            gone = await failure(redis)
        async with client(at(hung.port, hung.port)) as redis:
            silent = await failure(redis)
    assert gone.message.endswith(": no sentinel answers: Connection refused")
    assert silent.message.endswith("cannot be used: no sentinel answers")
    assert "sentinels are running" in silent.hint


async def test_a_service_that_sentinels_do_not_know_is_said(clean_sentinel):
    port = clean_sentinel.sentinel.port
    async with (
        scripted(b"") as hung,
        client(at(port, hung.port, service="other")) as redis,
    ):
        error = await failure(redis)
    assert error.message.endswith("its sentinels do not know that service")
    assert "sentinel monitor" in error.hint


async def test_a_primary_that_is_down_is_said():
    with Valkey() as primary, Sentinel(primary, "mine") as sentinel:
        async with client(at(sentinel.port)) as redis:
            await redis.command("PING")
            primary.kill()
            await failure(redis)
            lost = await failure(redis)
            words = ("SENTINEL MASTER", "mine")
            sentinel.until(lambda: sentinel.command(*words)["is_sdown"])
            known = await failure(redis)
            primary.start()
            sentinel.until(lambda: not sentinel.command(*words)["is_sdown"])
            await redis.command("PING")
    assert lost.message.endswith("has lost its primary: Connection refused")
    assert known.message.endswith("has no primary that is up")
    assert "sentinels" in lost.hint
    assert "sentinels" in known.hint


async def test_sentinels_have_a_login_of_their_own():
    with Valkey() as primary, Sentinel(primary, "mine") as sentinel:
        primary.command("ACL SETUSER", "ours", "on", ">pw", "~*", "+@all")
        sentinel.command("ACL SETUSER", "watch", "on", ">s3cret", "+@all")
        sentinel.command("ACL SETUSER", "some", "on", ">s3cret", "-@all", "+auth")
        sentinel.command("ACL SETUSER", "default", "off")
        url = at(sentinel.port).replace("//", "//ours:pw@")
        login = "?sentinel_username={}&sentinel_password={}"
        errors = []
        for query in ("", login.format("watch", "no"), login.format("some", "s3cret")):
            async with client(url + query) as redis:
                errors.append(await failure(redis))
        async with client(url + login.format("watch", "s3cret")) as redis:
            await redis.command("SET", KEY, "a")
            assert await redis.command("ACL", "WHOAMI") == b"ours"
            assert "s3cret" not in redis.url
    wants, wrong, forbidden = errors
    assert wants.message.endswith("its sentinels want a password")
    assert "sentinel_password" in wants.hint
    assert wrong.message.endswith("its sentinels do not accept the user or password")
    assert forbidden.message.endswith("its sentinels forbid that user what is needed")
    assert "+sentinel|masters" in forbidden.hint


async def test_a_command_is_sent_once_and_the_sentinels_are_asked_once(clean_sentinel):
    with proxy(clean_sentinel.sentinel.port) as (between, _):
        async with client(at(between.port)) as redis:
            for _ in range(20):
                assert await redis.command("SET", KEY, "a", "NX", "PX", 1) in (
                    True,
                    None,
                )
        assert between.opened == 1


async def test_the_database_of_the_url_is_used(clean_sentinel):
    async with client(f"{clean_sentinel.url}/3") as redis:
        await redis.command("SET", KEY, "a")
    assert clean_sentinel.primary.command("GET", KEY) is None
