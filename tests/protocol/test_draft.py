"""A first profile, guessed from a sample frame: always sound, mostly right."""

import json

import pytest

from notifyws.protocol.draft import Answers, draft
from notifyws.protocol.profile_text import parse
from notifyws.protocol.rules import Rules


def read(sample, **answers):
    text = draft(Answers("acme", sample=json.dumps(sample), **answers))
    return parse(text, "acme")


ITEM = {"subject": "s", "body": "b", "id": 7, "created_at": "2026-01-02T03:04:05Z"}


@pytest.mark.parametrize(
    "sample",
    [
        ITEM,
        [ITEM],
        {"event": "alerts", "items": [ITEM]},
        {"event": "alert", "payload": ITEM},
        {"odd-name": ITEM, "other": {"x": 1}, "none": []},
    ],
)
def test_the_notification_is_found_wherever_it_is(sample):
    rules = Rules(read(sample).rules)
    found = rules.read(json.dumps(sample), "2026-02-02T00:00:00Z")
    assert (found.title, found.message) == ("s", "b")
    assert found.timestamp == "2026-01-02T03:04:05Z"


def test_fields_may_stand_one_level_deeper():
    sample = {"title": "t", "meta": {"body": "m", "odd key": 1}}
    found = Rules(read(sample).rules).read(json.dumps(sample), "now")
    assert (found.title, found.message) == ("t", "m")


@pytest.mark.parametrize("sample", ["", "no json", '{"type": "a", "title": "t"}'])
def test_without_a_better_guess_frames_are_notifications_as_they_are(sample):
    profile = parse(draft(Answers("acme", sample=sample)), "acme")
    assert profile.rules[0].fields == {}


@pytest.mark.parametrize("sample", [[], [5], {"a": 1}, {}])
def test_odd_samples_make_sound_profiles_too(sample):
    assert read(sample).rules


def test_the_answers_are_what_the_profile_says():
    profile = read(
        ITEM,
        login_path="/in",
        username_key="mail",
        token_path="a.b",
        token_in="message",
        socket_path="/ws",
    )
    assert profile.http.login.body == {"mail": "{username}", "password": "{password}"}
    assert profile.tokens.access == "a.b"
    assert (profile.socket.path, profile.socket.token_in) == ("/ws", "message")
    assert profile.socket.first_frame


@pytest.mark.parametrize(
    ("sample", "path"),
    [
        ([ITEM], "id"),
        (ITEM, "id"),
        ([{"message_id": 3, "text": "x"}], "message_id"),
        ([{"text": "x", "meta": {"uuid": "a"}}], "meta.uuid"),
        ([{"topic": "debug", "data": {"id": "d1", "msg": "x"}}], None),
        ({"topic": "debug", "data": {"id": "d1", "name": "n", "msg": "x"}}, None),
        ([{**ITEM}, {**ITEM, "body": "another"}], None),
        ([{"meta": {"id": 1}, "text": "a"}, {"meta": {"id": 2}, "text": "b"}], None),
    ],
)
def test_an_id_is_guessed_only_where_it_can_be_the_notifications_own(sample, path):
    text = draft(Answers("acme", sample=json.dumps(sample)))
    assert parse(text, "acme").rules[0].fields.get("id") == path
    assert (f'id = "{path}"' in text) is (path is not None)
    assert "ust have an id of its own" in text or "is the same in two samples" in text


def test_an_id_that_differs_between_samples_needs_no_remark():
    frames = [{"event": "alert", "payload": {**ITEM, "id": n}} for n in (7, 8)]
    text = draft(Answers("acme", sample="\n".join(map(json.dumps, frames))))
    assert parse(text, "acme").rules[0].fields["id"] == "id"
    assert "an id of its own" not in text


def test_samples_with_one_id_make_no_notifications_as_they_are():
    frames = [{"type": "a", "id": "sensor", "title": n} for n in "xy"]
    profile = parse(
        draft(Answers("acme", sample=str.join(" ", map(json.dumps, frames)))), "acme"
    )
    rules = Rules(profile.rules)
    assert [rules.read(json.dumps(each), "now").id for each in frames] == [None, None]


def test_notifications_two_levels_down_are_found_with_what_is_said_of_all():
    sample = {
        "event": "delta",
        "updates": [
            {
                "timestamp": "2026-01-02T03:04:05Z",
                "values": [
                    {"path": "speed", "value": 3},
                    {"path": "depth", "value": 4},
                ],
            }
        ],
    }
    found = Rules(read(sample).rules).read(json.dumps(sample), "now").arrivals
    assert [(each.title, each.message) for each in found] == [
        ("speed", "3"),
        ("depth", "4"),
    ]
    assert {each.type for each in found} == {"delta"}
    assert {each.timestamp for each in found} == {"2026-01-02T03:04:05Z"}
