"""Tokens encrypted at rest: what lies in the store, and what a wrong key sees."""

from __future__ import annotations

import base64
import re
import sys

import pytest

from notifyws.auth.cache.checked import ENCRYPTED, CheckedCache, TokenCipher
from notifyws.auth.cache.memory import MemoryCache
from notifyws.auth.cached_tokens import pack
from notifyws.errors import ConfigurationError
from notifyws.models import Token

ME, YOU = "0" * 16, "1" * 16
OURS, THEIRS = TokenCipher("ours"), TokenCipher("theirs")
BEFORE_FERNET = "s1:" + base64.b64encode(bytes(60)).decode()
OWNER = "0f" * 16


def token(value: str) -> str:
    return pack(Token(value, 60.0, 0.0), None)


TOKEN, ANOTHER = token("sentinel-token-c0de"), token("another")


def encrypting(store, cipher=OURS) -> CheckedCache:
    return CheckedCache(store, pytest.fail, cipher)


@pytest.fixture
def store() -> MemoryCache:
    return MemoryCache()


@pytest.fixture
def cache(store) -> CheckedCache:
    return encrypting(store)


async def text(cache, name="access"):
    return (await cache.read(ME, name))[name].text


async def test_no_token_lies_in_the_store_and_none_twice_alike(store, cache):
    seen = set()
    for _ in range(2):
        entries = dict.fromkeys(ENCRYPTED, (TOKEN, 60.0))
        assert await cache.replace(ME, entries, expect={})
        seen |= {await text(store, name) for name in ENCRYPTED}
    assert len(seen) == 4
    assert not [each for each in seen if "sentinel" in each]
    assert await text(cache) == TOKEN


async def test_what_is_no_secret_stays_as_it_is(store, cache):
    assert await cache.add(ME, "lock", OWNER, 15.0)
    assert not await cache.add(ME, "lock", "ff" * 16, 15.0)
    assert await text(store, "lock") == OWNER


async def test_another_key_a_plain_value_and_rubbish_read_as_an_empty_cache():
    store = MemoryCache()
    hidden = OURS.encrypt(ME, "access", TOKEN)
    for odd in (hidden, TOKEN, "", "zażółć", "\ud800", BEFORE_FERNET, hidden[:-4]):
        await store.replace(ME, {"access": (odd, 60.0)}, expect={})
        theirs = encrypting(store, THEIRS)
        assert await theirs.read(ME, "access") == {}
        assert await theirs.add(ME, "access", ANOTHER, 60.0), odd
        assert await text(theirs) == ANOTHER


async def test_a_value_copied_to_another_account_or_name_reads_as_empty(store, cache):
    assert await cache.add(ME, "access", TOKEN, 60.0)
    copied = (await text(store), 60.0)
    await store.replace(ME, {"refresh": copied}, expect={})
    await store.replace(YOU, {"access": copied}, expect={})
    assert set(await cache.read(ME, "access", "refresh")) == {"access"}
    assert await cache.read(YOU, "access") == {}


async def test_a_key_is_changed_without_a_login():
    store = MemoryCache()
    old, both, new = (
        encrypting(store, TokenCipher(keys)) for keys in ("old", "new, old", "new")
    )
    assert await old.add(ME, "access", TOKEN, 60.0)
    assert await text(both) == TOKEN
    assert await new.read(ME, "access") == {}
    again = {"access": (ANOTHER, 60.0)}
    assert await both.replace(ME, again, expect={"access": TOKEN})
    assert await text(new) == ANOTHER
    assert await old.read(ME, "access") == {}


@pytest.mark.slow
@pytest.mark.parametrize("key", ["x", "open sesame", "zażółć", "\ud800", "k" * 5000])
@pytest.mark.parametrize("text", ["", "two\nlines\r\n", "zażółć 🗝 \x00", "\ud800"])
def test_any_text_is_a_key_and_can_be_encrypted(key, text):
    hidden = TokenCipher(key).encrypt(ME, "access", text)
    assert TokenCipher(f" , {key} ,").decrypt(ME, "access", hidden) == text


@pytest.mark.parametrize("keys", [",", " , ,", " "])
def test_a_list_without_a_key_is_a_wrong_setting(keys):
    with pytest.raises(ConfigurationError, match="holds no key"):
        TokenCipher(keys)


async def test_what_is_expected_is_compared_with_what_was_encrypted(store, cache):
    assert await cache.add(ME, "access", TOKEN, 60.0)
    assert not await cache.add(ME, "access", ANOTHER, 60.0)
    assert not await cache.replace(ME, {"access": None}, expect={"access": ANOTHER})
    assert await cache.replace(ME, {"access": None}, expect={"access": TOKEN})
    assert await store.read(ME, "access") == {}


async def test_who_was_faster_wins_though_both_saw_the_same():
    class Slow(MemoryCache):
        async def read(self, account, *names):
            found = await super().read(account, *names)
            if "access" in found:
                faster = OURS.encrypt(ME, "access", token("faster"))
                await super().replace(ME, {"access": (faster, 60.0)}, expect={})
            return found

    cache = encrypting(Slow())
    assert await cache.add(ME, "access", TOKEN, 60.0)
    entries = {"access": (ANOTHER, 60.0)}
    assert not await cache.replace(ME, entries, expect={"access": TOKEN})


def test_without_the_extra_the_hint_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.fernet", None)
    with pytest.raises(ConfigurationError) as caught:
        TokenCipher("words")
    assert "NOTIFYWS_CACHE_KEY needs the extra secure" in caught.value.message
    assert re.search(r"\[.*\bsecure\b.*\]", caught.value.hint)
