"""What is wrong with tokens that work."""

from __future__ import annotations

import pytest

from notifyws.diagnostics.account_findings import (
    TokenLife,
    of_access,
    of_login,
    of_mistyped,
    of_refresh,
    of_renewal,
    of_user,
)

DAY = 86400.0
USUAL = TokenLife(900.0, 0.2)


def test_the_usual_lives_are_no_trouble():
    assert of_access(USUAL) is None
    assert of_access(TokenLife(37.5, 0.2)) is None  # it is cached for half a minute
    assert of_refresh(TokenLife(7 * DAY, 1 / 14), USUAL) is None
    assert of_refresh(TokenLife(7 * DAY, 1 / 14), None) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "live 1 s and are cached for less than 1 s"),
        (5, "live 5 s and are cached for 4 s"),
        (37, "live 37 s and are cached for 29 s"),
    ],
)
def test_a_token_of_seconds_is_fetched_all_the_time(seconds, words):
    found = of_access(TokenLife(seconds, 0.2))
    assert words in found.detail
    assert found.hint == "have the server give tokens of some minutes"


@pytest.mark.parametrize("margin", [0.9, 0.71])
def test_a_margin_that_leaves_hardly_anything_is_lowered(margin):
    found = of_access(TokenLife(100.0, margin))
    assert f"lower NOTIFYWS_ACCESS_MARGIN: it is {margin}" in found.hint


@pytest.mark.parametrize("configured", [None, 0, 450, 900, 1800])
def test_a_lifetime_that_is_configured_much_alike_is_no_trouble(configured):
    assert of_access(TokenLife(900.0, 0.2, configured)) is None


@pytest.mark.parametrize(
    ("configured", "words"), [(449, "7 min 29 s"), (1801, "30 min")]
)
def test_the_servers_word_counts_and_the_configured_one_is_told(configured, words):
    found = of_access(TokenLife(900.0, 0.2, configured))
    assert found.detail.endswith(f"by the server's own word, not {words} as configured")
    assert "unset NOTIFYWS_ACCESS_TTL" in found.hint
    found = of_refresh(TokenLife(7 * DAY, 1 / 14, configured), USUAL)
    assert "unset NOTIFYWS_REFRESH_TTL" in found.hint


@pytest.mark.parametrize(
    ("life", "hint"),
    [
        (TokenLife(900.0, 0.0), "have the server give refresh tokens that live longer"),
        (TokenLife(600.0, 0.1), "have the server give refresh tokens that live longer"),
        (TokenLife(1800.0, 0.5), "lower NOTIFYWS_REFRESH_MARGIN: it is 0.5"),
    ],
)
def test_a_refresh_token_must_outlive_an_access_token(life, hint):
    found = of_refresh(life, USUAL)
    assert found.hint == hint


def test_a_token_that_nothing_can_renew_is_told_in_time():
    assert of_renewal(700, can_renew=True) is None
    found = of_renewal(700, can_renew=False)
    assert found.detail.startswith("the access token ends in 11 min and nothing can ")


def test_who_we_are_is_no_trouble_unless_it_is_another():
    assert of_user(None, "43") is of_user("42", "") is of_user("42", "42") is None
    found = of_user("42", "43")
    assert found.detail == "the server takes us for user 42, not 43"


def test_whoever_is_not_logged_in_is_told_how():
    found = of_login("https://h.example")
    assert "not logged in to https://h.example" in found.detail
    assert (found.status, found.hint) == ("warn", "notifyws auth login")


def test_a_variable_that_looks_like_a_setting_is_told_with_what_it_looks_like():
    found = of_mistyped("NOTIFYWS_PROFIL", ".env", "NOTIFYWS_PROFILE")
    assert found.detail == "NOTIFYWS_PROFIL in .env is no setting"
    assert found.hint == "is it NOTIFYWS_PROFILE?"
