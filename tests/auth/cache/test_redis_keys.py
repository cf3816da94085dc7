"""Where in a command its key stands."""

from __future__ import annotations

import pytest

from notifyws.auth.cache.redis_keys import key_of


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("PING", None),
        ("info server", None),
        ("XADD", None),
        ("SET k v PX 1", "k"),
        ("DEL k l", "k"),
        ("EVAL script 2 k l arg", "k"),
        ("EVALSHA digest 0 arg", None),
        ("EVAL script", None),
        ("XGROUP CREATE k g 0", "k"),
        ("XINFO STREAM k", "k"),
        ("XREAD COUNT 1 BLOCK 5 STREAMS k 0", "k"),
        ("XREADGROUP GROUP g me COUNT 1 streams k >", "k"),
        ("XREADGROUP GROUP STREAMS STREAMS STREAMS k >", "k"),
        ("XREADGROUP GROUP g me COUNT 1", None),
        ("XREAD STREAMS", None),
    ],
)
def test_a_key_is_found(words, key):
    said = words.split()
    assert key_of(said) == key
    raw = [said[0], *(word.encode() for word in said[1:])]
    assert key_of(raw) == (key and key.encode())


def test_a_number_is_a_word_as_well():
    assert key_of(["EVAL", "script", 1, "k"]) == "k"
    assert key_of(["EVAL", "script", 0, "k"]) is None
