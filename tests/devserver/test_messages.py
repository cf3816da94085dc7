"""What is understood, what is refused, and what is passed on."""

from __future__ import annotations

import json

import pytest

from notifyws.devserver.messages import (
    LIMIT,
    Hello,
    Refused,
    notification_fields,
    published,
    understand,
)
from notifyws.models import Message


@pytest.mark.parametrize(
    ("frame", "meaning"),
    [
        ('{"type":"a","payload":{"b":1}}', Message("a", {"b": 1})),
        ('{"type":"a"}', Message("a", {})),
        ('{"type":"auth","token":"t"}', Hello("t")),
    ],
)
def test_a_frame_is_a_message_or_brings_a_token(frame, meaning):
    assert understand(frame) == meaning


@pytest.mark.parametrize(
    "frame",
    [
        "", "nonsense", "[]", "null", '"a"', "{}", '{"type":""}', '{"type":5}',
        '{"type":"a","payload":[]}', '{"type":"a","payload":null}',
        '{"type":"a","payload":{"x":NaN}}', '{"type":"a","payload":{"x":1e400}}',
        "[" * 60_000, b"{}", '{"type":"a","payload":{"x":"' + "y" * LIMIT + '"}}',
        '{"type":"a","payload":{"x":"' + "é" * (LIMIT // 2) + '"}}',
    ],
)  # fmt: skip
def test_anything_else_is_refused(frame):
    refused = understand(frame)
    assert isinstance(refused, Refused)
    assert json.loads(refused.frame)["payload"].keys() == {"message"}


@pytest.mark.parametrize("ident", ["x-1", 7, ""])
def test_a_refusal_names_the_message_it_is_about(ident):
    refused = understand(json.dumps({"type": "", "id": ident}))
    assert json.loads(refused.frame)["payload"]["id"] == ident


@pytest.mark.parametrize("ident", [None, True, [], {}, 1.5])
def test_what_is_no_id_is_not_given_back(ident):
    refused = understand(json.dumps({"type": "", "id": ident}))
    assert "id" not in json.loads(refused.frame)["payload"]


def test_a_message_as_large_as_allowed_is_taken():
    frame = '{"type":"a","payload":{"x":""}}'
    full = frame.replace('""', '"' + "y" * (LIMIT - len(frame)) + '"')
    assert len(full) == LIMIT
    assert isinstance(understand(full), Message)


@pytest.mark.parametrize(
    ("payload", "data"),
    [
        ({}, None),
        ({"a": 1}, {"a": 1}),
        ({"data": {"b": 2}}, {"b": 2}),
        ({"a": 1, "data": {"b": 2}}, {"a": 1, "b": 2}),
        ({"a": 1, "data": {"a": 2}}, {"a": 2}),
        ({"data": 0}, 0),
        ({"data": [1]}, [1]),
        ({"a": 1, "data": [1]}, {"a": 1, "data": [1]}),
        ({"timestamp": "t", "id": 5}, {"timestamp": "t", "id": 5}),
    ],
)
def test_what_a_notification_has_no_field_for_goes_to_data(payload, data):
    assert notification_fields(Message("t", payload))["data"] == data


def test_a_notification_has_its_fields_in_order():
    fields = notification_fields(
        Message("t", {"link": "/x", "message": "m", "title": "T", "a": 1})
    )
    assert published(fields, 7, "now") == (
        '{"type":"t","id":"7","title":"T","message":"m","link":"/x",'
        '"data":{"a":1},"timestamp":"now"}'
    )


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"link": "", "data": {}}, {}),
        ({"data": 0}, {"data": 0}),
        ({"data": False}, {"data": False}),
        ({"title": 5, "message": [1]}, {"title": "5", "message": "[1]"}),
        ({"id": "9", "color": "red"}, {"color": "red"}),
    ],
    ids=["empty", "zero", "false", "no text", "unknown, and an id"],
)
def test_what_says_something_is_kept_and_the_id_is_ours(fields, shown):
    always = {"type": "t", "id": "7", "title": "", "message": "", "timestamp": "now"}
    frame = json.loads(published({"type": "t", **fields}, 7, "now"))
    assert frame == {**always, **shown}


def test_a_frame_is_one_ascii_line():
    frame = published({"type": "t", "title": "é\n\u2028\ud800"}, 7, "now")
    assert frame.isascii()
    assert "\n" not in frame


def test_what_json_cannot_say_is_not_published():
    with pytest.raises(ValueError):
        published({"type": "t", "data": {"x": float("nan")}}, 7, "now")
