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
    assert (found.title, found.message, found.id) == ("s", "b", 7)
    assert found.timestamp == "2026-01-02T03:04:05Z"


def test_fields_may_stand_one_level_deeper():
    sample = {"title": "t", "text": "m", "meta": {"id": 5, "odd key": 1}}
    found = Rules(read(sample).rules).read(json.dumps(sample), "now")
    assert (found.title, found.message, found.id) == ("t", "m", 5)


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
