"""Tokens encrypted at rest: what lies in the store, and what a wrong key sees."""

from __future__ import annotations

import base64
import sys

import pytest

from notifyws.auth.cache.encrypted import SEALED, Seal, SealedCache
from notifyws.auth.cache.memory import MemoryCache
from notifyws.errors import ConfigurationError
from tests.support.aio import on_a_loop

ME, YOU = "0" * 16, "1" * 16
OURS, THEIRS = Seal("ours"), Seal("theirs")
BEFORE_FERNET = "s1:" + base64.b64encode(bytes(60)).decode()
TOKEN = "sentinel-token-c0de"


async def raw(cache, name="access"):
    return (await cache.read(ME, name))[name].text


@on_a_loop
async def test_no_token_lies_in_the_store_and_none_twice_alike():
    store = MemoryCache()
    cache = SealedCache(store, OURS)
    seen = set()
    for _ in range(2):
        entries = dict.fromkeys(SEALED, (TOKEN, 60.0))
        assert await cache.replace(ME, entries, expect={})
        seen |= {await raw(store, name) for name in SEALED}
    assert len(seen) == 4
    assert not [text for text in seen if TOKEN in text]
    assert (await cache.read(ME, "access"))["access"].text == TOKEN
    assert (cache.backend, cache.url) == ("memory", "memory://")
    await cache.ping()


@on_a_loop
async def test_what_is_no_secret_stays_as_it_is():
    store = MemoryCache()
    cache = SealedCache(store, OURS)
    assert await cache.add(ME, "lock", "owner", 15.0)
    assert not await cache.add(ME, "lock", "other", 15.0)
    assert await raw(store, "lock") == "owner"


@on_a_loop
async def test_another_key_a_plain_value_and_rubbish_read_as_an_empty_cache():
    store = MemoryCache()
    sealed = OURS.close(ME, "access", TOKEN)
    for text in (sealed, TOKEN, "", "zażółć", "\ud800", BEFORE_FERNET, sealed[:-4]):
        await store.replace(ME, {"access": (text, 60.0)}, expect={})
        theirs = SealedCache(store, THEIRS)
        assert await theirs.read(ME, "access") == {}
        assert await theirs.add(ME, "access", "new", 60.0), text
        assert (await theirs.read(ME, "access"))["access"].text == "new"


@on_a_loop
async def test_a_value_copied_to_another_account_or_name_reads_as_empty():
    store = MemoryCache()
    cache = SealedCache(store, OURS)
    assert await cache.add(ME, "access", TOKEN, 60.0)
    sealed = (await raw(store), 60.0)
    await store.replace(ME, {"refresh": sealed}, expect={})
    await store.replace(YOU, {"access": sealed}, expect={})
    assert set(await cache.read(ME, "access", "refresh")) == {"access"}
    assert await cache.read(YOU, "access") == {}


@on_a_loop
async def test_a_key_is_changed_without_a_login():
    store = MemoryCache()
    old, both, new = (
        SealedCache(store, Seal(keys)) for keys in ("old", "new, old", "new")
    )
    assert await old.add(ME, "access", TOKEN, 60.0)
    assert (await both.read(ME, "access"))["access"].text == TOKEN
    assert await new.read(ME, "access") == {}
    again = {"access": ("another", 60.0)}
    assert await both.replace(ME, again, expect={"access": TOKEN})
    assert (await new.read(ME, "access"))["access"].text == "another"
    assert await old.read(ME, "access") == {}


@pytest.mark.parametrize("key", ["x", "open sesame", "zażółć", "\ud800", "k" * 5000])
def test_any_text_is_a_key(key):
    sealed = Seal(key).close(ME, "access", TOKEN)
    assert Seal(f" , {key} ,").open(ME, "access", sealed) == TOKEN


@pytest.mark.parametrize("keys", [",", " , ,", " "])
def test_a_list_without_a_key_is_a_wrong_setting(keys):
    with pytest.raises(ConfigurationError, match="holds no key"):
        Seal(keys)


@on_a_loop
async def test_what_is_expected_is_compared_with_what_was_sealed():
    store = MemoryCache()
    cache = SealedCache(store, OURS)
    assert await cache.add(ME, "access", "one", 60.0)
    assert not await cache.add(ME, "access", "two", 60.0)
    assert not await cache.replace(ME, {"access": None}, expect={"access": "two"})
    assert await cache.replace(ME, {"access": None}, expect={"access": "one"})
    assert await store.read(ME, "access") == {}
    await cache.aclose()


@on_a_loop
async def test_who_was_faster_wins_though_both_saw_the_same():
    class Slow(MemoryCache):
        async def read(self, account, *names):
            found = await super().read(account, *names)
            if "access" in found:
                other = {"access": (OURS.close(ME, "access", "faster"), 60.0)}
                await super().replace(ME, other, expect={})
            return found

    cache = SealedCache(Slow(), OURS)
    assert await cache.add(ME, "access", "one", 60.0)
    assert not await cache.replace(
        ME, {"access": ("two", 60.0)}, expect={"access": "one"}
    )


def test_without_the_extra_the_hint_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.fernet", None)
    with pytest.raises(ConfigurationError) as caught:
        Seal("words")
    assert "notifyws[secure]" in caught.value.hint
