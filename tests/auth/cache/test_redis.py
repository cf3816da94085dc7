"""What can be wrong with a Redis, and what is then said."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import pytest
import redis

from notifyws.auth.cache import Entry
from notifyws.auth.cache.build import open_cache
from notifyws.auth.cache.redis import RedisCache, RedisClient, found_in
from notifyws.auth.cache.redis_errors import COMMANDS, MOVED_ON, REFUSALS
from notifyws.errors import CacheFailed, ConfigurationError
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


async def test_keys_have_the_account_in_braces_and_an_expiry(clean_valkey):
    async with aclosing(RedisCache(clean_valkey.url)) as cache:
        await cache.replace(ME, {"access": ("a", 60)}, expect={"lock": None})
        await cache.add(ME, "lock", "l", 15)
    keys = {b"notifyws:{%s}:%s" % (ME.encode(), n) for n in (b"access", b"lock")}
    assert set(clean_valkey.command("KEYS", "*")) == keys
    assert all(0 < clean_valkey.command("PTTL", key) <= 60_000 for key in keys)


@pytest.mark.parametrize("call", CALLS)
async def test_a_call_is_one_round_trip_without_a_greeting(call):
    async with scripted(b"-ERR no\r\n") as context:
        await failure(context.url, call)
    assert len(context.requests) == 1


@pytest.mark.parametrize("call", CALLS)
async def test_a_refused_port_is_said_at_once(call):
    start = time.monotonic()
    error = await failure(f"redis://127.0.0.1:{free_port()}", call)
    assert error.message.endswith("cannot be used: Connection refused")
    assert time.monotonic() - start < 0.5


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


async def test_an_answer_that_announces_two_billion_elements_costs_one_second():
    async with (
        scripted(b"*2147483647\r\n" * 5) as server,
        aclosing(RedisCache(server.url)) as cache,
    ):
        for _ in range(2):  # the second forgets what the first was told
            start = time.monotonic()
            with pytest.raises(CacheFailed, match="did not answer within 1 s"):
                await cache.read(ME, "a")
            assert time.monotonic() - start < 1 + SLACK


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
async def test_garbage_is_a_failure_that_repeats_no_remote_words(answer):
    async with scripted(answer, then_close=True) as context:
        error = await failure(context.url)
    assert "\x1b" not in error.message
    assert "remote" not in error.message


async def test_half_a_reply_is_a_lost_connection():
    async with scripted(b"*1\r\n*2\r\n$100\r\nabc", then_close=True) as context:
        error = await failure(context.url)
    assert error.message.endswith("cannot be used: connection lost")


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


async def test_a_real_server_without_memory_is_said(clean_valkey):
    clean_valkey.command("CONFIG", "SET", "maxmemory", "1")
    try:
        for call in ("add", "replace"):
            error = await failure(clean_valkey.url, call)
            assert error.message.endswith("is out of memory")
    finally:
        clean_valkey.command("CONFIG", "SET", "maxmemory", "0")


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


async def test_a_cancelled_call_leaves_no_answer_for_the_next(clean_valkey):
    async with aclosing(RedisCache(clean_valkey.url)) as cache:
        await cache.replace(ME, {"a": ("one", 9), "b": ("two", 9)}, expect={})
        for patience in (0, 0.0001, 0.0003):
            call = asyncio.create_task(cache.read(ME, "a"))
            await asyncio.sleep(patience)
            call.cancel()
            found = await cache.read(ME, "b")
            assert {name: entry.text for name, entry in found.items()} == {"b": "two"}


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
async def test_each_refusal_has_a_code_a_sentence_and_a_hint(code):
    said = f"-{code} 1 127.0.0.1:1\r\n".encode()
    async with scripted(said) as context, client(context.url) as redis:
        error = await refused(redis, "PING")
    assert error.code == code
    assert error.message.startswith(f"the stream {context.url} ")
    assert error.hint
    assert len(context.requests) == (2 if code in MOVED_ON else 1)


@pytest.mark.parametrize("within_a_script", [False, True])
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


async def test_of_what_a_server_forbids_only_a_command_is_shown():
    said = b"-NOPERM User x has no permissions to run the '\x1b[31mEVIL' command\r\n"
    async with scripted(said) as context, client(context.url) as redis:
        error = await refused(redis, "PING")
    assert error.message.endswith("forbids this user what is needed")
    assert "EVIL" not in error.hint


BULKS = [
    *(b"", b"5", b"5:1:", b"5:2:a", b"-1:1:a-2:0:", b"5:-1:a", b"x:1:a", b"5:x:a"),
    *(b"9" * 5000 + b":1:a-2:0:", b"9" * 4000 + b":1:a-2:0:"),
]


@pytest.mark.parametrize(
    "answer",
    [*(b"$%d\r\n%s\r\n" % (len(each), each) for each in BULKS), b":7\r\n", b"$-1\r\n"],
    ids=range(len(BULKS) + 2),
)
async def test_an_answer_that_is_no_texts_is_rubbish(answer):
    async with scripted(answer) as context, aclosing(RedisCache(context.url)) as cache:
        with pytest.raises(CacheFailed, match="answered with rubbish"):
            await cache.read("me", "access", "refresh")


def test_texts_are_found_whatever_bytes_are_in_them():
    answer = b"1500:5:a:1:b" + b"-2:0:" + b"7:0:"
    found = found_in(answer, ("one", "none", "empty"))
    assert found == {"one": Entry("a:1:b", 1.5), "empty": Entry("", 0.007)}
