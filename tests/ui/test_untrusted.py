"""What a model is given of others is data: harmless, bounded, and JSON."""

from __future__ import annotations

import json

from notifyws.models import Notification
from notifyws.ui.untrusted import LONGEST, as_data, as_json, notification_data


def nested(levels: int) -> object:
    value: object = "deep"
    for _ in range(levels):
        value = [value]
    return value


def test_every_text_is_made_harmless_keys_too_and_lines_stay():
    said = {"a\u202eb": ["\x1b[31mred\x1b[0m", {"k\x00": "one\ntwo\u200b\ud800"}]}
    expected = {"ab": ["red", {"k\ufffd": "one\ntwo\ufffd"}]}
    assert as_data(said) == expected


def test_a_name_that_looks_like_another_replaces_none():
    """Seen: whoever may add a key wrote over one of the server's, for a model."""
    said = {"by\u200b": 1, "by": 2, "\u200bby": 3, "by (3)": 4, "b\u200by\u200b": 5}
    assert as_data(said) == {
        "by (2)": 1,
        "by": 2,
        "by (4)": 3,
        "by (3)": 4,
        "by (5)": 5,
    }
    many = {"by" + "\u200b" * n: n for n in range(2_000)}
    assert list(as_data(many).values()) == list(range(2_000))


def test_numbers_and_constants_stay_as_they_are():
    said = {"big": 2**70, "small": 1e-300, "yes": True, "none": None}
    assert json.loads(as_json(as_data(said))) == said


def test_what_is_nested_too_deeply_is_left_out():
    assert "deep" in as_json({"v": as_data(nested(15))})
    assert "deep" not in as_json({"v": as_data(nested(17))})


def test_a_notification_keeps_the_servers_fields_and_letters_of_all_scripts():
    said = {"type": "t", "title": "Прив\u200bет", "extra": {"n": 1}}
    fields, cut = notification_data(Notification(said, "now"))
    assert not cut
    assert fields == {
        **said,
        "title": "Привет",
        "message": "",
        "timestamp": "now",
    }
    assert "Привет" in as_json(fields)


def test_of_a_notification_that_is_too_long_the_main_fields_stay():
    said = {"type": "t", "title": {"odd": "x" * 9000}, "data": ["y" * 4000] * 9}
    fields, cut = notification_data(Notification(said, "now"))
    assert cut
    assert list(fields) == ["type", "title", "message", "timestamp"]
    assert "characters more" in fields["title"]
    assert len(as_json(fields)) < LONGEST
