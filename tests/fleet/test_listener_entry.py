"""What listeners leave in the cache: read by older and newer versions alike."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import fields

from notifyws.fleet.listener_entry import Listener, listener_of, places_in, text_of

WHOLE = Listener(
    "desk",
    "here",
    7,
    "connected",
    "2024-01-15T10:00:00Z",
    *(5, 1, 2),
    "2024-01-15T10:01:00Z",
    1,
    {"from": "a", "to": "b", "reason": "cut"},
    *(3, 4, '{"evt":1}', 2, 5),
    {"at": "a", "kind": "network_error", "message": "cut"},
    "42",
    6,
    "workers",
    "leader",
    300.0,
    "2024-01-15T10:02:00Z",
    *(1, 8),
)
CORE = {"v": 1, "name": "desk", "host": "here", "pid": 7}


@pytest.mark.parametrize("listener", [WHOLE, Listener(None, "here", 7)])
def test_what_is_written_is_what_is_read(listener):
    assert listener_of(text_of(listener)) == listener


def test_the_example_has_no_default_in_it():
    assert [f.name for f in fields(WHOLE) if getattr(WHOLE, f.name) == f.default] == []


def test_what_a_newer_version_says_besides_is_passed_over():
    text = json.dumps({**CORE, "mood": "fine", "depth": [1]})
    assert listener_of(text) == Listener("desk", "here", 7)


@pytest.mark.parametrize("left_out", [f.name for f in fields(Listener)][3:])
def test_what_an_older_version_does_not_say_has_its_default(left_out):
    facts = json.loads(text_of(WHOLE))
    del facts[left_out]
    default = {f.name: f.default for f in fields(Listener)}[left_out]
    assert getattr(listener_of(json.dumps(facts)), left_out) == default


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("received", "5"),
        ("received", True),
        ("state", 5),
        ("lastGap", [1]),
        ("lastGap", {"from": 5}),
        ("lastNotUnderstood", {"a": 1}),
        ("userId", 42),
    ],
)
def test_what_makes_no_sense_has_its_default(name, value):
    read = listener_of(json.dumps({**CORE, name: value}))
    assert read == Listener("desk", "here", 7)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{", "5", '{"v":2}', '{"v":1}', "[" * 100_000),
        json.dumps({**CORE, "host": 3}),
        json.dumps({**CORE, "name": []}),
        json.dumps({**CORE, "pid": None}),
        json.dumps({"v": 1, "host": "here", "pid": 7}),
    ],
)
def test_rubbish_is_no_listener(text):
    assert listener_of(text) is None


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (None, {}),
        ('{"a": 5}', {"a": 5.0}),
        *((rubbish, {}) for rubbish in ("", "[1", "[]", '{"a": []}', '{"a": "x"}')),
    ],
)
def test_an_index_names_who_is_in_it(text, places):
    assert places_in(text) == places


@pytest.mark.parametrize("key", [*json.loads(text_of(WHOLE))][4:])
def test_half_a_character_is_like_any_other_rubbish(key):
    """Seen: one such text in a shared cache ended everybody's ``status``."""
    facts = {**json.loads(text_of(WHOLE)), key: "\ud800"}
    assert listener_of(json.dumps(facts)).pid == 7
