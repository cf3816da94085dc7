"""One command at a time, wherever Redis is, and what its refusals become."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest

from notifyws.auth.cache.redis_client import RedisClient
from notifyws.auth.cache.redis_errors import MOVED_ON, REFUSALS
from notifyws.errors import CacheFailed
from tests.support.aio import on_a_loop
from tests.support.resp import scripted

STREAM = "notifyws:{0123456789abcdef}:group:all"
GROUP = ("XREADGROUP", "GROUP", "all", "me")
KINDS = ["valkey", "sentinel", "cluster"]


@pytest.fixture(params=KINDS)
def server(request, valkey, sentinel, cluster):
    """Whoever is asked, empty; all are there before a test begins."""
    return request.getfixturevalue(f"clean_{request.param}")


def client(url: str) -> aclosing[RedisClient]:
    return aclosing(RedisClient(url, "the stream"))


async def refused(redis: RedisClient, *words: str | int) -> CacheFailed:
    with pytest.raises(CacheFailed) as caught:
        await redis.command(*words)
    return caught.value


@on_a_loop
async def test_resp3_and_resp2_give_the_same_answers(server):
    answers = []
    for query in ("", "?protocol=3"):
        server.flush()
        async with client(server.url + query) as redis:
            script = "redis.setresp(3); return redis.call('HGETALL', KEYS[1])"
            hash, sorted_set = STREAM.replace("all", "h"), STREAM.replace("all", "z")
            answers.append(
                [
                    await redis.command(*words)
                    for words in (
                        ("PING",),
                        ("HSET", hash, "a", 1, "b", 2),
                        ("HGETALL", hash),
                        ("HMGET", hash, "a", "x"),
                        ("EVAL", script, 1, hash),
                        ("GET", hash + "x"),
                        ("ZADD", sorted_set, "1.5", "m"),
                        ("ZSCORE", sorted_set, "m"),
                        ("ZRANGEBYSCORE", sorted_set, "-inf", "+inf", "WITHSCORES"),
                        ("XADD", STREAM, "1-1", "k", "v"),
                        ("XGROUP", "CREATE", STREAM, "all", "0"),
                        (*GROUP, "STREAMS", STREAM, ">"),
                        (*GROUP, "BLOCK", 10, "STREAMS", STREAM, ">"),
                        ("XREAD", "STREAMS", STREAM, "0"),
                        ("XRANGE", STREAM, "-", "+"),
                        ("XINFO", "STREAM", STREAM),
                        ("XINFO", "GROUPS", STREAM),
                        ("XPENDING", STREAM, "all"),
                        ("XCLAIM", STREAM, "all", "you", 0, "1-1"),
                        ("XACK", STREAM, "all", "1-1"),
                        ("DEL", STREAM),
                    )
                ]
            )
    assert answers[0] == answers[1]
    assert answers[1][11] == [[STREAM.encode(), [(b"1-1", {b"k": b"v"})]]]


@on_a_loop
async def test_who_waits_for_an_entry_may_wait_longer_than_a_call(
    clean_valkey, clean_sentinel, clean_cluster
):
    servers = clean_valkey, clean_sentinel, clean_cluster
    answers = await asyncio.gather(*(waited(server.url) for server in servers))
    assert answers == [[[STREAM.encode(), [(b"1-1", {b"k": b"v"})]]]] * 3


async def waited(url: str) -> object:
    """Return what somebody gets who has waited for longer than a second."""
    async with client(url) as redis, client(url) as other:
        await redis.command("XGROUP", "CREATE", STREAM, "all", "0", "MKSTREAM")
        ask = redis.command(*GROUP, "BLOCK", 2000, "STREAMS", STREAM, ">", within=3)
        waiting = asyncio.create_task(ask)
        await asyncio.sleep(1.1)
        await other.command("XADD", STREAM, "1-1", "k", "v")
        return await waiting


@on_a_loop
async def test_who_is_cancelled_while_waiting_leaves_nothing_to_the_next(server):
    async with client(server.url) as redis:
        await redis.command("XGROUP", "CREATE", STREAM, "all", "0", "MKSTREAM")
        for _ in range(3):
            ask = redis.command(*GROUP, "BLOCK", 5000, "STREAMS", STREAM, ">", within=9)
            waiting = asyncio.create_task(ask)
            await asyncio.sleep(0.03)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await redis.command("PING") is True
        await redis.command("XADD", STREAM, "1-1", "k", "v")
        found = await redis.command(*GROUP, "STREAMS", STREAM, ">")
        assert found == [[STREAM.encode(), [(b"1-1", {b"k": b"v"})]]]


@on_a_loop
async def test_what_was_not_answered_in_its_time_says_how_long_it_was(server):
    async with client(server.url) as redis:
        words = ("XREAD", "BLOCK", 2000, "STREAMS", STREAM, "0")
        start = time.monotonic()
        with pytest.raises(CacheFailed, match=r"did not answer within 0.1 s"):
            await redis.command(*words, within=0.1)
        assert time.monotonic() - start < 0.6
        assert await redis.command("PING") is True


async def blocked(server) -> str:
    """Return the id of the one client that waits, once it does."""
    node = getattr(server, "primary", server)
    while True:
        clients = [c for c in node.command("CLIENT LIST") if "b" in c["flags"]]
        if clients:
            return clients[0]["id"]
        await asyncio.sleep(0.005)


@on_a_loop
async def test_what_was_cut_while_it_waited_is_not_asked_again(server):
    """redis/redis-py: its retries would, and take for a stranger's what was ours."""
    node = getattr(server, "primary", server)
    async with client(server.url) as redis:
        ask = redis.command("XREAD", "BLOCK", 5000, "STREAMS", STREAM, "0", within=6)
        waiting = asyncio.create_task(ask)
        node.command("CLIENT KILL", "ID", await blocked(server))
        with pytest.raises(CacheFailed, match="connection lost") as caught:
            await waiting
        assert caught.value.hint
        await asyncio.sleep(0.05)
        assert node.command("INFO", "clients")["blocked_clients"] == 0
        assert await redis.command("PING") is True


@on_a_loop
async def test_who_waits_at_a_primary_that_is_none_any_more_is_told(server):
    node = getattr(server, "primary", server)
    async with client(server.url) as redis:
        ask = redis.command("XREAD", "BLOCK", 5000, "STREAMS", STREAM, "0", within=6)
        waiting = asyncio.create_task(ask)
        node.command("CLIENT UNBLOCK", await blocked(server), "ERROR")
        with pytest.raises(CacheFailed) as caught:
            await waiting
        assert caught.value.code == "UNBLOCKED"
        assert await redis.command("PING") is True


@on_a_loop
async def test_a_caller_sees_by_the_code_what_was_refused(server):
    async with client(server.url) as redis:
        read = (*GROUP, "STREAMS", STREAM, ">")
        assert (await refused(redis, *read)).code == "NOGROUP"
        create = ("XGROUP", "CREATE", STREAM, "all", "0", "MKSTREAM")
        await redis.command(*create)
        assert (await refused(redis, *create)).code == "BUSYGROUP"
        assert (await refused(redis, "HSET", STREAM, "a", 1)).code == "WRONGTYPE"
        assert (await refused(redis, "EVALSHA", "0" * 40, 0)).code == "NOSCRIPT"


@pytest.mark.parametrize("code", REFUSALS)
@on_a_loop
async def test_each_refusal_has_a_code_a_sentence_and_a_hint(code):
    said = f"-{code} 1 127.0.0.1:1\r\n".encode()
    async with scripted(said) as context, client(context.url) as redis:
        error = await refused(redis, "PING")
    assert error.code == code
    assert error.message.startswith(f"the stream {context.url} ")
    assert error.hint
    assert len(context.requests) == (2 if code in MOVED_ON else 1)


@pytest.mark.parametrize("within_a_script", [False, True])
@on_a_loop
async def test_a_command_that_is_forbidden_is_named(clean_valkey, within_a_script):
    user = ("ACL", "SETUSER", "half", "reset", "on", ">pw", "~*", "+@all", "-xgroup")
    clean_valkey.command(*user, "-zadd", "-ping")
    words = [("XGROUP", "CREATE", STREAM, "all", "0"), ("ZADD", STREAM, 1, "m")]
    if within_a_script:
        said = [
            "redis.call('{}','CREATE',KEYS[1],'g','0')",
            "redis.call('{}',KEYS[1],1,'m')",
        ]
        words = [
            ("EVAL", f"return {one.format(name[0])}", 1, STREAM)
            for one, name in zip(said, words, strict=True)
        ]
    try:
        async with client(clean_valkey.url.replace("//", "//half:pw@")) as redis:
            one, two = [await refused(redis, *each) for each in words]
    finally:
        clean_valkey.command("ACL", "DELUSER", "half")
    assert one.message.endswith("forbids this user what is needed: xgroup|create")
    assert "+xgroup|create" in one.hint
    assert two.message.endswith("forbids this user what is needed: zadd")


@on_a_loop
async def test_of_what_a_server_forbids_only_a_command_is_shown():
    said = b"-NOPERM User x has no permissions to run the '\x1b[31mEVIL' command\r\n"
    async with scripted(said) as context, client(context.url) as redis:
        error = await refused(redis, "PING")
    assert error.message.endswith("forbids this user what is needed")
    assert "EVIL" not in error.hint
