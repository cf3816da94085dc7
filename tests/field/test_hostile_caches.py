"""A shared cache that somebody else writes to, or a host whose clock was wrong."""

from __future__ import annotations

import json
from contextlib import aclosing

import pytest

from notifyws.auth.cache.keys import VERSION, decoded
from notifyws.auth.cache.memory import MemoryCache
from notifyws.auth.cache.redis import RedisClient
from notifyws.config.settings import LIFETIME
from notifyws.delivery.durable_listener import SharedCursor
from notifyws.delivery.outbox_records import ListenerPosition
from notifyws.errors import CacheFailed
from notifyws.fleet.listener_entry import LONGEST, listener_of
from tests.e2e.support import Home, Server
from tests.support.resp import scripted
from tests.support.virtual import VirtualClock, in_virtual_time, now

ACCOUNT = "a" * 16
YEARS = 1e14
"""Unix seconds, or seconds, that no calendar knows."""


@in_virtual_time
async def test_a_place_that_is_moved_in_the_future_does_not_win_for_ever():
    """Seen: the disk of the host that had read it won over every later one."""
    clock = VirtualClock().clock
    shared = SharedCursor(MemoryCache(now), ACCOUNT, "desk", clock)
    await shared.write(ListenerPosition("poisoned", "", YEARS, sent_at=9e10))
    read = await shared.read()
    assert read.last_id == "poisoned"
    later = clock.wall() + 1
    assert read.moved_at < later
    assert read.sent_at < later
    kept = shared.believed(ListenerPosition("on the disk", "", YEARS))
    assert kept.moved_at < later


@pytest.mark.parametrize("facts", [{"margin": 1.0}, {"margin": YEARS}], ids=str)
def test_a_token_that_lives_for_longer_than_a_century_is_none(facts):
    """Seen: ``token --json`` ended with exit code 1, and ``status`` told of 10^10 days.

    A setting or a server may say a century at most.
    """
    text = json.dumps({"v": VERSION, "token": "t", **facts})
    remaining = 60.0 if facts["margin"] == YEARS else YEARS
    assert decoded("access", text, remaining) is None
    good = json.dumps({"v": VERSION, "token": "t", "margin": LIFETIME / 5})
    assert decoded("access", good, LIFETIME) is not None


def test_such_a_token_costs_one_login(home: Home, server: Server, clean_valkey):
    home.env["REDIS_URL"] = clean_valkey.url
    home.within("token")
    (key,) = clean_valkey.command("KEYS", "*access")
    text = json.dumps({"v": VERSION, "token": "tok", "margin": 1.0})
    clean_valkey.command("SET", key, text, "PX", 10**17)
    done = home.within("token", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["source"] in ("refresh", "login")
    assert "cannot be read" in done.stderr


def test_what_a_listener_says_of_itself_is_no_longer_than_ours_say_it():
    """Seen: a name of 30,000 letters filled the screen of ``status`` over and over."""
    long = "x" * 30_000
    facts = {"v": VERSION, "name": long, "host": long, "pid": 1, "userId": long}
    said = {"lastFailure": {"at": long, "kind": long, "message": long, long: long}}
    seen = listener_of(json.dumps({**facts, **said}))
    texts = [seen.name, seen.host, seen.userId, *seen.lastFailure.values()]
    assert {len(text) for text in texts} == {LONGEST}
    assert max(map(len, seen.lastFailure)) == LONGEST


def array(*items: bytes | int) -> bytes:
    """Return an array of Redis' protocol; what is ready stays."""
    ready = (f":{i}\r\n".encode() if isinstance(i, int) else i for i in items)
    return b"*%d\r\n" % len(items) + b"".join(ready)


def text(value: bytes) -> bytes:
    return b"$%d\r\n%s\r\n" % (len(value), value)


HERE = text(b"127.0.0.1")
MAPS = {
    "more slots than there are": array(array(0, 2**62, array(HERE, 1))),
    "slots below the first": array(array(-9, -1, array(HERE, 1))),
    "slots that are none": array(array(text(b"a"), text(b"b"), array(HERE, 1))),
    "no node": array(array(0, 16383)),
    "a port that is none": array(array(0, 16383, array(HERE, 99_999))),
    "a host that is none": array(array(0, 16383, array(text(b"\xff\x1b"), 1))),
    "a number": b":5\r\n",
}


@pytest.mark.parametrize("answer", MAPS.values(), ids=MAPS)
async def test_a_map_of_slots_that_can_be_none_is_rubbish(answer):
    """Seen: the event loop counted 2^62 slots, and memory went with them."""
    async with scripted(answer) as liar:
        url = liar.url.replace("redis:", "redis+cluster:")
        async with aclosing(RedisClient(url, "the cache")) as client:
            with pytest.raises(CacheFailed, match="rubbish") as said:
                await client.command("GET", "{a}")
    assert str(said.value).isprintable()


PRIMARY = {b"name": b"mine", b"port": b"1", b"flags": b"master"}
STATES = {
    "a number": b":5\r\n",
    "no pairs": array(array(text(b"name"))),
    "no address": array(array(*(text(w) for pair in PRIMARY.items() for w in pair))),
    "garbage": b"\x1b]0;x\x07\r\n",
}


@pytest.mark.parametrize("answer", STATES.values(), ids=STATES)
async def test_a_sentinel_that_tells_rubbish_is_passed_over(answer, clean_sentinel):
    """Seen: one of three that did took the cache away from everybody."""
    async with scripted(answer) as liar:
        url = clean_sentinel.url.replace("//", f"//127.0.0.1:{liar.port},")
        async with aclosing(RedisClient(url, "the cache")) as client:
            assert await client.command("PING") in (b"PONG", "PONG", True)
        alone = liar.url.replace("redis:", "redis+sentinel:")
        async with aclosing(RedisClient(f"{alone}/mine", "the cache")) as client:
            with pytest.raises(CacheFailed, match=r"rubbish|no sentinel answers"):
                await client.command("PING")
