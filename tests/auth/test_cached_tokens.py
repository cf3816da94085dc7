"""What a cache holds of an account: good texts are read, rubbish is nothing."""

import json

import pytest

from notifyws.auth.cache import Entry
from notifyws.auth.cached_tokens import (
    AccessToken,
    CachedTokens,
    pack,
    read_cached_tokens,
)
from notifyws.models import Token


def packed(remaining=100.0, **changes):
    good = json.loads(pack(Token("secret", 900, 180), "42"))
    return Entry(json.dumps(good | changes), remaining)


def test_a_packed_token_has_a_version_its_margin_and_whose_it_is():
    assert json.loads(pack(Token("tök", 900, 180), "42")) == {
        "v": 1,
        "token": "tök",
        "margin": 180,
        "userId": "42",
    }


@pytest.mark.parametrize("margin", [0, 180])
def test_an_access_token_has_its_margin_left_beyond_its_time_in_the_cache(margin):
    access = read_cached_tokens({"access": packed(60.0, margin=margin)}).access
    assert access == AccessToken("secret", "cache", 60.0 + margin, "42")
    assert "secret" not in repr(access)


@pytest.mark.parametrize(
    "entry",
    [
        *(Entry(text, 9.0) for text in ("", "rubbish", "[" * 100_000)),
        *(packed(**odd) for odd in ({"v": 2}, {"token": None}, {"userId": ["me"]})),
        *(packed(margin=odd) for odd in (10**400, float("inf"), float("nan"))),
        *(packed(token=f"a{odd}b") for odd in ("\r\n", "\x1b", " ", "\ud800", "é")),
    ],
)
def test_rubbish_counts_as_nothing(entry):
    cached = read_cached_tokens({"access": entry, "refresh": entry})
    assert (cached.access, cached.refresh, cached.refresh_remaining) == (None,) * 3
    assert (cached.access_text, cached.refresh_text) == (entry.text, entry.text)


def test_everything_there_is_read():
    cached = read_cached_tokens(
        {
            "access": packed(token="a", userId="1"),
            "refresh": packed(1000.0, token="r", userId="2"),
            "generation": Entry("0f" * 16, 9.0),
        }
    )
    assert cached.access.value == "a"
    assert (cached.refresh, cached.refresh_remaining) == ("r", 1180.0)
    assert (cached.user_id, cached.generation) == ("1", "0f" * 16)
    assert read_cached_tokens({}) == CachedTokens()


def test_the_refresh_token_tells_whose_it_is_when_no_access_token_does():
    assert read_cached_tokens({"refresh": packed()}).user_id == "42"


def test_a_token_that_was_seen_already_is_no_other():
    cached = read_cached_tokens({"access": packed()})
    assert cached.other_than("secret") is None
    assert cached.other_than("older") is cached.access
    assert read_cached_tokens({}).other_than(None) is None


@pytest.mark.parametrize(
    ("value", "source", "known"),
    [
        ("opaque", "login", True),
        ("opaque", "cache", True),
        ("opaque", "static", False),
        ("e30.eyJleHAiOjF9.", "static", True),
        ("", "static", False),
    ],
)
def test_how_long_a_token_lives_somebody_said_or_it_says_itself(value, source, known):
    assert AccessToken(value, source, 900.0).life_is_known is known


@pytest.mark.parametrize(
    ("token", "why", "said"),
    [
        ("t", "", "the server does not accept"),
        ("t", "expired", ": expired"),
        ("", "", "token"),
    ],
)
def test_a_token_that_is_not_accepted_is_an_error_of_ours(token, why, said):
    error = AccessToken(token, "static", 0.0).not_accepted(why)
    assert said in error.message
    assert error.hint
