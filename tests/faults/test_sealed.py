"""Tokens at rest in a shared cache: unreadable without the key, never an error."""

from __future__ import annotations

import pytest

from tests.e2e.support import Home, Server
from tests.support.valkey import Valkey


def stored(valkey: Valkey) -> bytes:
    """Everything that lies in the cache."""
    keys = valkey.command("KEYS", "notifyws:*")
    return b"\n".join([*keys, *(valkey.command("GET", key) for key in keys)])


@pytest.mark.fault(39)
def test_a_sealed_token_is_shared_and_cannot_be_read(home, server, clean_valkey):
    home.env |= {"REDIS_URL": clean_valkey.url, "NOTIFYWS_CACHE_KEY": "open sesame"}
    token = home.run("token").stdout.strip()
    assert home.within("token").stdout.strip() == token
    assert server.stats["logins"] == 1
    assert token.encode() not in stored(clean_valkey)
    assert b"open sesame" not in stored(clean_valkey)
    assert '"cached":true' in home.within("status", "--json").stdout


@pytest.mark.fault(39)
def test_a_sealed_embedded_cache_serves_a_warm_token(home: Home, server: Server):
    home.env["NOTIFYWS_CACHE_KEY"] = "open sesame"
    token = home.run("token").stdout
    warm = home.within("token", "--json")
    assert '"source":"cache"' in warm.stdout
    assert token.strip() in warm.stdout
    for file in home.path.rglob("tokens.db*"):
        assert token.strip().encode() not in file.read_bytes()
