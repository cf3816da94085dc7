"""What a cache holds of an account: good texts are read, rubbish is nothing."""

import json
from dataclasses import dataclass

import pytest

from notifyws.auth.cached_tokens import (
    AccessToken,
    CachedTokens,
    pack,
    read_cached_tokens,
)
from notifyws.models import Token


@dataclass
class OutboxRecord:
    text: str
    remaining: float = 100.0


def packed(**changes):
    return json.dumps(json.loads(pack(Token("secret", 900, 180), "42")) | changes)


def test_a_packed_token_has_a_version_its_margin_and_whose_it_is():
    assert json.loads(pack(Token("tök", 900, 180), "42")) == {
        "v": 1,
        "token": "tök",
        "margin": 180,
        "userId": "42",
    }


def test_a_token_may_have_no_margin():
    access = read_cached_tokens({"access": OutboxRecord(packed(margin=0), 60.0)}).access
    assert access.remaining == 60.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "rubbish",
        "[]",
        "null",
        "{}",
        "[" * 100_000,
        "9" * 5000,
        packed(v=2),
        packed(token=""),
        packed(token=5),
        packed(token=None),
        packed(margin=-1),
        packed(margin="x"),
        packed(margin=None),
        packed(margin=10**400),
        packed(margin=float("inf")),
        packed(margin=float("nan")),
        *(packed(token=f"a{odd}b") for odd in ("\r\n", "\x1b", " ", "\ud800", "é")),
        packed(userId=["me"]),
    ],
)
def test_rubbish_counts_as_nothing(text):
    held = read_cached_tokens(
        {"access": OutboxRecord(text), "refresh": OutboxRecord(text)}
    )
    assert (held.access, held.refresh, held.refresh_remaining) == (None, None, None)
    assert (held.access_text, held.refresh_text) == (text, text)


def test_an_empty_cache_holds_nothing():
    assert read_cached_tokens({}) == CachedTokens()


def test_an_access_token_has_its_margin_left_beyond_its_time_in_the_cache():
    access = read_cached_tokens({"access": OutboxRecord(packed(), 60.0)}).access
    assert access == AccessToken("secret", "cache", 240.0, "42")


def test_everything_there_is_read():
    held = read_cached_tokens(
        {
            "access": OutboxRecord(packed(token="a", userId="1")),
            "refresh": OutboxRecord(packed(token="r", userId="2"), 1000.0),
            "generation": OutboxRecord("g7"),
        }
    )
    assert held.access.value == "a"
    assert (held.refresh, held.refresh_remaining) == ("r", 1180.0)
    assert (held.user_id, held.generation) == ("1", "g7")


def test_the_refresh_token_tells_whose_it_is_when_no_access_token_does():
    assert read_cached_tokens({"refresh": OutboxRecord(packed())}).user_id == "42"


def test_tokens_are_not_shown():
    held = read_cached_tokens(
        {"access": OutboxRecord(packed()), "refresh": OutboxRecord(packed())}
    )
    assert "secret" not in repr(held)


def test_a_token_that_was_seen_already_is_no_other():
    held = read_cached_tokens({"access": OutboxRecord(packed())})
    assert held.other_than(held.access.value) is None
    assert held.other_than("older") is held.access
    assert read_cached_tokens({}).other_than(None) is None
