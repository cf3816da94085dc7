"""What lies under a key of ours: good, of a newer version, or not to be read."""

from __future__ import annotations

import json

import pytest

from notifyws.auth.cache.keys import (
    NewerValue,
    UnreadableValue,
    decode,
    decoded,
    is_ident,
)

PLACE = {"last_id": [1], "heard_at": "2024-01-15T10:00:00Z", "moved_at": 5}
TOKEN = {"v": 1, "token": "t", "margin": 0, "userId": None}
LISTENER = {"v": 1, "name": None, "host": "here", "pid": 7}
WORDS = {"generation": "0f" * 16, "lock:x": "0f" * 16, "lost:0f": "2", "probe": "1"}
OBJECTS = [
    ("access", TOKEN),
    ("cursor:desk", {"v": 1, "standing": {}}),
    ("cursor:desk", {"v": 1, "standing": PLACE}),
    ("listener:0f", LISTENER),
    ("listeners:7", {"0f": 5}),
    ("listeners:7", {}),
]
RUBBISH = [
    *(("generation", text) for text in ("", "null", "a b c d e f", "{", '{"v":1}')),
    *(("access", text) for text in ("5", "{", '{"a":' * 9000, "{}", '{"v":true}')),
    ("lost:0f", "often"),
    *(("refresh", json.dumps({**TOKEN, "margin": odd})) for odd in ("1", -1, True)),
    ("refresh", json.dumps({**TOKEN, "token": "a\r\nb"})),
    ("refresh", json.dumps({**TOKEN, "userId": 5})),
    ("cursor:desk", '{"v":1,"standing":[]}'),
    *(
        ("cursor:desk", json.dumps({"v": 1, "standing": {**PLACE, name: "zzz"}}))
        for name in ("heard_at", "moved_at", "mixed", "unknown")
    ),
    ("cursor:desk", json.dumps({"v": 1, "standing": {"heard_at": 5}})),
    *(("listener:0f", json.dumps({**LISTENER, name: []})) for name in LISTENER),
    *(
        ("listener:0f", json.dumps({**LISTENER, "verifyEvery": float(odd)}))
        for odd in ("nan", "inf")
    ),
    *(("listeners:7", text) for text in ('{"a":"x"}', '{"a":1e999}', '{"v":0}')),
]


@pytest.mark.parametrize(("name", "value"), OBJECTS)
def test_a_good_object_is_read(name, value):
    assert decode(name, json.dumps(value)) == value


@pytest.mark.parametrize("name", WORDS)
def test_a_good_word_is_itself(name):
    assert decode(name, WORDS[name]) == WORDS[name]


@pytest.mark.parametrize(("name", "text"), RUBBISH)
def test_rubbish_is_not_to_be_read(name, text):
    with pytest.raises(UnreadableValue):
        decode(name, text)
    assert decoded(name, text) is None


@pytest.mark.parametrize("name", [*WORDS, *(name for name, _ in OBJECTS)])
def test_a_newer_version_is_told_from_rubbish(name):
    with pytest.raises(NewerValue):
        decode(name, '{"v":2,"whatever":[]}')
    assert decoded(name, '{"v":2}') is None


def test_what_is_not_there_holds_nothing():
    assert decoded("access", None) is None


def test_of_a_key_that_is_not_known_nothing_is_demanded():
    assert decode("another", "any text") == "any text"


@pytest.mark.parametrize("ident", ["7", "", 7, 7.5, 1790000000123456, 2**63])
def test_a_server_can_be_asked_by_text_or_number(ident):
    assert is_ident(ident)


@pytest.mark.parametrize("ident", [None, True, [1], {"a": 1}, float("nan"), 10**400])
def test_and_by_nothing_else(ident):
    assert not is_ident(ident)


def test_what_is_to_stay_for_longer_than_we_keep_it_is_not_ours():
    assert decode("denied:0f", "2", 100.0) == "2"
    with pytest.raises(UnreadableValue):
        decode("denied:0f", "2", 1000.0)
