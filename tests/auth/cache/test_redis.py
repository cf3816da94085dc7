"""What can be wrong with a Redis, and what is then said."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest
import redis

from notifyws.auth.cache.build import open_cache
from notifyws.auth.cache.redis import RedisCache
from notifyws.auth.cache.redis_errors import COMMANDS
from notifyws.errors import CacheFailed, ConfigurationError
from tests.support.aio import on_a_loop
from tests.support.resp import scripted
from tests.support.valkey import Valkey, free_port

ME = "0123456789abcdef"
SLACK = 0.4
CALLS = {
    "read": lambda cache: cache.read(ME, "access"),
    "replace": lambda cache: cache.replace(ME, {"access": ("a", 9)}, expect={}),
    "add": lambda cache: cache.add(ME, "lock", "l", 9),
    "ping": lambda cache: cache.ping(),
}


async def failure(url: str, call: str = "read") -> CacheFailed:
    """Return what a call raises, which must be within its second."""
    async with aclosing(RedisCache(url)) as cache:
        start = time.monotonic()
        with pytest.raises(CacheFailed) as caught:
            await CALLS[call](cache)
        assert time.monotonic() - start < 1 + SLACK
        assert caught.value.message.startswith("token cache redis")
        assert "\n" not in caught.value.message
        assert caught.value.hint
        return caught.value


@on_a_loop
async def test_keys_have_the_account_in_braces_and_an_expiry(clean_valkey):
    async with aclosing(RedisCache(clean_valkey.url)) as cache:
        await cache.replace(ME, {"access": ("a", 60)}, expect={"lock": None})
        await cache.add(ME, "lock", "l", 15)
    keys = {b"notifyws:{%s}:%s" % (ME.encode(), n) for n in (b"access", b"lock")}
    assert set(clean_valkey.command("KEYS", "*")) == keys
    assert all(0 < clean_valkey.command("PTTL", key) <= 60_000 for key in keys)


@pytest.mark.parametrize("call", CALLS)
@on_a_loop
async def test_a_call_is_one_round_trip_without_a_greeting(call):
    async with scripted(b"-ERR no\r\n") as context:
        await failure(context.url, call)
    assert len(context.requests) == 1


@pytest.mark.parametrize("call", CALLS)
@on_a_loop
async def test_a_refused_port_is_said_at_once(call):
    start = time.monotonic()
    error = await failure(f"redis://127.0.0.1:{free_port()}", call)
    assert error.message.endswith("cannot be used: Connection refused")
    assert time.monotonic() - start < 0.5


@on_a_loop
async def test_a_server_that_never_ends_its_answer_costs_one_second():
    async with scripted(b"") as mute, scripted(b"*1\r\n*2\r\n$99\r\nabc") as slow:
        one, two = RedisCache(mute.url), RedisCache(slow.url)
        async with aclosing(one), aclosing(two):
            start = time.monotonic()
            calls = [call(cache) for call in CALLS.values() for cache in [one, two] * 5]
            ends = await asyncio.gather(*calls, return_exceptions=True)
            assert time.monotonic() - start < 1 + SLACK
    assert {str(end) for end in ends} == {
        f"token cache {server.url} did not answer within 1 s" for server in (mute, slow)
    }
    asked = [len(server.requests) for server in (mute, slow)]
    assert asked == [20, 20], "nothing may be repeated behind our back"


@pytest.mark.parametrize("call", ["read", "replace", "add"])
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"-NOAUTH Authentication required.\r\n", "wants a password"),
        (b"-WRONGPASS invalid\r\n", "does not accept the user or password"),
        (b"-ERR invalid password\r\n", "does not accept the user or password"),
        (b"-NOPERM no permissions\r\n", "forbids this user what is needed"),
        (b"-LOADING loading the dataset\r\n", "is still loading its data"),
        (b"-READONLY You can't write\r\n", "is a read-only replica"),
        (b"-OOM command not allowed\r\n", "is out of memory"),
        (b"-ERR Error running script: -OOM command\r\n", "is out of memory"),
        (b"-MISCONF snapshots\r\n", "cannot save to its disk and takes no writes"),
        (b"-MOVED 1 10.0.0.1:1\r\n", "is a node of a cluster without our keys"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else "",
)
@on_a_loop
async def test_a_refusal_is_translated(call, answer, sentence):
    async with scripted(answer) as context:
        error = await failure(context.url, call)
    assert error.message == f"token cache {context.url} {sentence}"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00\xff\xfe garbage\r\n",
        b"$-7\r\n",
        b"*1\r\n*2\r\n$1\r\na\r\n:-1\r\n",
        b"*1\r\n:5\r\n",
        b"*0\r\n",
        b"$3\r\nabc\r\n",
        b"-ERR \x1b[31mremote words\r\n",
        b"*1\r\n" * 3000,
    ],
    ids=lambda answer: repr(answer[:12]),
)
@on_a_loop
async def test_garbage_is_a_failure_that_repeats_no_remote_words(answer):
    async with scripted(answer, then_close=True) as context:
        error = await failure(context.url)
    assert "\x1b" not in error.message
    assert "remote" not in error.message


@on_a_loop
async def test_half_a_reply_is_a_lost_connection():
    async with scripted(b"*1\r\n*2\r\n$100\r\nabc", then_close=True) as context:
        error = await failure(context.url)
    assert error.message.endswith("cannot be used: connection lost")


@on_a_loop
async def test_a_pong_that_is_none_is_rubbish():
    async with scripted(b"+HELLO\r\n") as context:
        await failure(context.url, "ping")


KEY = f"notifyws:{{{ME}}}:access"
ODD = {
    "another type": [("RPUSH", KEY, "a")],
    "kept for ever": [("SET", KEY, "a")],
    "too long": [("SET", KEY, "a" * 70_000, "PX", 9000)],
    "no text": [("SET", KEY, b"a\xff\xfe\xed\xa0\x80", "PX", 9000)],
}


@pytest.mark.parametrize("how", ODD)
@on_a_loop
async def test_whatever_lies_there_can_be_told_from_nothing_and_replaced(
    clean_valkey, how
):
    for words in ODD[how]:
        clean_valkey.command(*words)
    async with aclosing(RedisCache(clean_valkey.url)) as cache:
        found = await cache.read(ME, "access")
        text = found["access"].text
        assert (text == "") is (how != "no text")
        new = {"access": ("new", 9.0)}
        assert not await cache.replace(ME, new, expect={"access": None})
        assert await cache.replace(ME, new, expect={"access": text})
        assert (await cache.read(ME, "access"))["access"].text == "new"


@on_a_loop
async def test_a_user_with_the_commands_that_the_hint_names_can_do_all(clean_valkey):
    user = ("ACL", "SETUSER", "ours", "on", ">pw", "~notifyws:*")
    clean_valkey.command(*user, "-@all", *COMMANDS.split())
    url = clean_valkey.url.replace("//", "//ours:pw@")
    try:
        for another in (url, url.replace("/0", "/1")):
            async with aclosing(RedisCache(another)) as cache:
                for call in CALLS.values():
                    await call(cache)
        clean_valkey.command(*user, "-getrange")
        error = await failure(url)
    finally:
        clean_valkey.command("ACL", "DELUSER", "ours")
    assert error.message.endswith("forbids this user what is needed: getrange")
    assert COMMANDS in error.hint


@on_a_loop
async def test_a_real_server_without_memory_is_said(clean_valkey):
    clean_valkey.command("CONFIG", "SET", "maxmemory", "1")
    try:
        for call in ("add", "replace"):
            error = await failure(clean_valkey.url, call)
            assert error.message.endswith("is out of memory")
    finally:
        clean_valkey.command("CONFIG", "SET", "maxmemory", "0")


@on_a_loop
async def test_a_real_server_that_wants_a_password_is_said(clean_valkey):
    clean_valkey.command("CONFIG", "SET", "requirepass", "s3cret!")
    try:
        without = await failure(clean_valkey.url)
        wrong = await failure(clean_valkey.url.replace("//", "//:n0pe@"))
        right = clean_valkey.url.replace("//", "//:s3cret%21@")
        async with aclosing(RedisCache(right)) as cache:
            await cache.ping()
            assert cache.url == right.replace("s3cret%21", "***")
    finally:
        with redis.Redis(port=clean_valkey.port, password="s3cret!") as admin:
            admin.config_set("requirepass", "")
    assert without.message.endswith("wants a password")
    assert "PASSWORD" in without.hint
    assert wrong.message.endswith("does not accept the user or password")
    assert "n0pe" not in wrong.message + wrong.hint


@on_a_loop
async def test_a_frozen_server_costs_one_second_and_may_thaw(clean_valkey):
    async with aclosing(RedisCache(clean_valkey.url)) as cache:
        await cache.ping()
        clean_valkey.freeze()
        start = time.monotonic()
        with pytest.raises(CacheFailed, match="did not answer within 1 s"):
            await cache.add(ME, "lock", "l", 9)
        assert time.monotonic() - start < 1 + SLACK
        clean_valkey.thaw()
        await cache.ping()


@on_a_loop
async def test_a_server_that_was_restarted_is_found_again():
    with Valkey() as server:
        async with aclosing(RedisCache(server.url)) as cache:
            assert await cache.add(ME, "lock", "l", 9)
            server.kill()
            with pytest.raises(CacheFailed, match="cannot be used"):
                await cache.read(ME, "lock")
            server.start()
            assert await cache.read(ME, "lock") == {}
            assert await cache.add(ME, "lock", "l", 9)


@on_a_loop
async def test_a_cancelled_call_leaves_no_answer_for_the_next(clean_valkey):
    async with aclosing(RedisCache(clean_valkey.url)) as cache:
        await cache.replace(ME, {"a": ("one", 9), "b": ("two", 9)}, expect={})
        for patience in (0, 0.0001, 0.0003):
            call = asyncio.create_task(cache.read(ME, "a"))
            await asyncio.sleep(patience)
            call.cancel()
            found = await cache.read(ME, "b")
            assert {name: entry.text for name, entry in found.items()} == {"b": "two"}


@on_a_loop
async def test_a_cancelled_caller_is_cancelled_and_not_told_of_a_failure():
    async with scripted(b"") as context, aclosing(RedisCache(context.url)) as cache:
        call = asyncio.create_task(cache.read(ME, "a"))
        await asyncio.sleep(0.02)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://:s3cret",
        "redis://:s3c/ret@host",
        "redis://:s3c#ret@host",
        "redis://:s3c?ret@host",
        "redis://user:12/s3cret@host",
        "redis://user:12#s3cret@host",
        "redis://user:12?s3cret@host",
        "redis://host:99999999/0?s3cret=1",
        "redis://host/zero-s3cret",
        "redis://host/0?retry_on_timeout=s3cret",
        "redis://host/0?socket_timeout=59",
        "redis://host/0?ssl_s3cret=1",
        "redis://[::1/0",
        "unix://",
        "unix://tmp/s",
    ],
)
def test_a_wrong_url_is_a_wrong_setting_and_is_not_repeated(url):
    with pytest.raises(ConfigurationError) as caught:
        open_cache(url)
    assert "s3c" not in caught.value.message + caught.value.hint
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host", "redis://host"),
        ("redis://user:pw@host:1/2", "redis://user:***@host:1/2"),
        ("rediss://:p%40w@host?password=x", "rediss://:***@host"),
        ("unix:///tmp/s?db=1", "unix:///tmp/s"),
        ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
    ],
)
def test_the_url_shown_has_no_password(url, shown):
    assert open_cache(url).url == shown
