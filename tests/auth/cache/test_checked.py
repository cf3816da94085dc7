"""Whatever somebody wrote under our keys of a shared cache harms nobody."""

from __future__ import annotations

import json
from contextlib import aclosing

import pytest

from notifyws.auth.cache.checked import CheckedCache, TokenCipher
from notifyws.auth.cache.memory import FallbackCache
from notifyws.auth.cache.redis import RedisCache
from notifyws.auth.cached_tokens import pack
from notifyws.fleet.listener_entry import Listener, text_of
from notifyws.models import Token

ME = "0123456789abcdef"
TOKEN = pack(Token("secret", 900.0, 180.0), "42")
STANDING = {"last_id": 7, "heard_at": "2024-01-15T10:00:00Z", "moved_at": 5.0}
GOOD = {
    "access": TOKEN,
    "refresh": TOKEN,
    "generation": "0f" * 16,
    "lock": "0f" * 16,
    "denied:0f0f": "1",
    "lost:0f0f": "1",
    "probe": "1",
    "cursor:desk": json.dumps({"v": 1, "standing": {**STANDING, "mixed": False}}),
    "listener:0f0f": text_of(Listener("desk", "here", 7)),
    "listeners:7": json.dumps({"0f0f": 1.7e9}),
}
"""A good value for every key of ours."""


def text(value: str | bytes):
    return lambda valkey, key: valkey.command("SET", key, value, "PX", 60_000)


def changed(**fields):
    """Return what sets fields of a good value that is an object, however deep."""

    def spoil(valkey, key):
        name = key.partition("}:")[2]
        value = json.loads(GOOD[name]) if GOOD[name].startswith("{") else {"v": 1}
        inner = value.get("standing", value)
        known = {each: odd for each, odd in fields.items() if each in inner}
        inner |= known or {"of another": []}
        for each in {"host"} & inner.keys() - known.keys():
            inner[each] = []
        text(json.dumps(value))(valkey, key)

    return spoil


RUBBISH = {
    "nothing": text(""),
    "null": text("null"),
    "a list": text("[1, 2]"),
    "a boolean": text("true"),
    "words": text("zzz zzz"),
    "cut JSON": text('{"v":1,"token":"x","mar'),
    "deep JSON": text('{"a":' * 9000),
    "binary": text(b"\xff\xfe\x00\x80"),
    "no version": text('{"token":"x"}'),
    "an older version": text('{"v":0}'),
    "50 kB": text("x" * 50_000),
    "a megabyte": text("x" * 1_000_000),
    "another type": lambda valkey, key: valkey.command("RPUSH", key, "a"),
    "a hash": lambda valkey, key: valkey.command("HSET", key, "a", "b"),
    "no end": lambda valkey, key: valkey.command("SET", key, GOOD[key.split("}:")[1]]),
    "odd numbers": changed(margin="zzz", moved_at="zzz", pid="zzz"),
    "infinite numbers": changed(margin=float("inf"), moved_at=1e999, pid=1.5),
    "odd texts": changed(token="a\r\nb", heard_at="zzz", host=None),
    "odd kinds": changed(userId=[1], mixed="no", name=[]),
}


def place(name: str) -> str:
    return f"notifyws:{{{ME}}}:{name}"


async def replaced(cache, name: str, valkey) -> None:
    """Store a good value as whoever found nothing does; see it stored."""
    if name == "lock":
        assert await cache.add(ME, name, GOOD[name], 60.0)
    else:
        entries = {name: (GOOD[name], 60.0)}
        assert await cache.replace(ME, entries, expect={name: None})
    assert valkey.command("GET", place(name)) == GOOD[name].encode()


@pytest.mark.fault(33)
@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("what", RUBBISH)
async def test_rubbish_reads_as_empty_is_said_once_and_is_replaced(
    clean_valkey, name, what
):
    RUBBISH[what](clean_valkey, place(name))
    said: list[str] = []
    async with aclosing(CheckedCache(RedisCache(clean_valkey.url), said.append)) as it:
        if name != "lock":
            assert await it.read(ME, name) == {}
            assert await it.read(ME, name) == {}
        await replaced(it, name, clean_valkey)
        assert {n: e.text for n, e in (await it.read(ME, name)).items()} == {
            name: GOOD[name]
        }
    kind = name.partition(":")[0]
    assert said == [
        f"token cache {clean_valkey.url}, {kind}: it cannot be read, so it counts as "
        "empty and is replaced"
    ]


@pytest.mark.fault(33)
@pytest.mark.parametrize("name", GOOD)
async def test_what_a_newer_version_wrote_is_left_alone_and_said_once(
    clean_valkey, name
):
    newer = b'{"v":2,"sealed":[1]}'
    text(newer)(clean_valkey, place(name))
    said: list[str] = []
    async with aclosing(CheckedCache(RedisCache(clean_valkey.url), said.append)) as it:
        assert await it.read(ME, name) == {}
        await it.replace(ME, {name: (GOOD[name], 60.0)}, expect={})
        assert not await it.add(ME, name, GOOD[name], 60.0)
        assert clean_valkey.command("GET", place(name)) == newer
        await it.replace(ME, {name: None}, expect={})
        assert clean_valkey.command("GET", place(name)) is None
        await replaced(it, name, clean_valkey)
    assert len(said) == 1
    assert "a newer version of notifyws wrote it" in said[0]


async def test_what_is_to_stay_longer_than_we_keep_it_holds_nobody_up(clean_valkey):
    warned = []
    checked = CheckedCache(RedisCache(clean_valkey.url), warned.append)
    async with aclosing(checked) as one:
        for name in ("lock", "denied:0f0f", "lost:0f0f", "probe"):
            clean_valkey.command("SET", place(name), GOOD[name], "PX", 9_000_000)
            assert await one.add(ME, name, GOOD[name], 1.0)
    assert len(warned) == 4


@pytest.mark.fault(33)
async def test_rubbish_leaves_the_cache_in_use(clean_valkey):
    said: list[str] = []
    checked = CheckedCache(RedisCache(clean_valkey.url), said.append)
    for name in GOOD:
        clean_valkey.command("RPUSH", place(name), "a")
    async with aclosing(FallbackCache(checked, said.append)) as cache:
        assert await cache.read(ME, *GOOD) == {}
        assert cache.healthy
    assert len(said) == 1


@pytest.mark.fault(33)
async def test_what_another_key_may_open_stays_where_it_is(clean_valkey):
    said: list[str] = []
    redis, cipher = RedisCache(clean_valkey.url), TokenCipher("words")
    async with aclosing(CheckedCache(redis, said.append, cipher)) as encrypted:
        await encrypted.replace(ME, {"access": (TOKEN, 60.0)}, expect={})
        assert await CheckedCache(redis, said.append).read(ME, "access") == {}
        assert (await encrypted.read(ME, "access"))["access"].text == TOKEN
    assert said == []
