"""Replies of the HTTP side: which tokens, for how long, and whose."""

import base64
import json

import pytest

from notifyws.errors import ConfigurationError
from notifyws.protocol.profile import Tokens
from notifyws.protocol.profile_schema import validated
from notifyws.protocol.token_replies import (
    LONGEST,
    Answer,
    Lifetimes,
    NoToken,
    captured,
    claims,
    read_tokens,
    says_its_end,
    static_token,
    subject,
)
from tests.protocol import DEFAULT

NOW = 1_700_000_000.0
LIVES = Lifetimes()


def encoded(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def jwt(**said):
    return f"{encoded({'alg': 'none'})}.{encoded(said)}.signature"


def read(body, where=DEFAULT.tokens):
    return read_tokens(where, [Answer(body)], LIVES, NOW)


def lifetime(**body):
    return read({"accessToken": "a", **body}).access.lifetime


CAMEL = {"accessToken": "a", "refreshToken": "r", "expiresIn": 60, "userId": "42"}
SNAKE = {"access_token": "a", "refresh_token": "r", "expires_in": 60, "user_id": 42}


@pytest.mark.parametrize(
    "body", [{**CAMEL, "refreshExpiresIn": 90}, {**SNAKE, "refresh_expires_in": 90}]
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_tokens_are_found_in_either_spelling_and_in_data(body, wrapped):
    pair = read({"data": body} if wrapped else body)
    assert (pair.access.value, pair.access.lifetime) == ("a", 60)
    assert (pair.refresh.value, pair.refresh.lifetime) == ("r", 90)
    assert pair.user_id == "42"


def test_a_refresh_token_is_not_always_there():
    assert read({"accessToken": "a"}).refresh is None


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        5,
        {},
        {"accessToken": ""},
        {"accessToken": None},
        {"accessToken": True},
        {"accessToken": ["a"]},
        {"data": {"refreshToken": "r"}},
    ],
)
def test_a_reply_without_an_access_token_is_refused(body):
    with pytest.raises(NoToken, match="holds no access token"):
        read(body)


def test_what_a_profile_does_not_look_for_is_not_found():
    body = {"t": "a", "refreshToken": "r", "expiresIn": 60, "userId": "42"}
    pair = read(body, Tokens(access="t"))
    assert (pair.access.lifetime, pair.refresh, pair.user_id) == (900, None, None)


@pytest.mark.parametrize(
    "value", ["a\n", "a b", "\x1b[31ma", "\ud800", "é", "a\x7f", " z"]
)
def test_a_token_that_no_header_can_carry_is_no_token(value):
    with pytest.raises(NoToken, match="access token is not printable") as caught:
        read({"accessToken": value})
    assert value not in str(caught.value)
    assert read({"accessToken": "a", "refreshToken": value}).refresh is None


# Lifetimes.


@pytest.mark.parametrize(
    ("stated", "lives"),
    [
        (60, 60),
        (0.5, 0.5),
        ("120", 120),
        (1e12, LONGEST),
        (float("inf"), LONGEST),
        (0, 900),
        (-5, 900),
        (None, 900),
        ("soon", 900),
        ("", 900),
        (True, 900),
        ([60], 900),
        (float("nan"), 900),
        (10**400, 900),
    ],
)
def test_a_stated_lifetime_is_believed_where_it_makes_sense(stated, lives):
    assert lifetime(expiresIn=stated) == lives
    refresh = read(
        {"accessToken": "a", "refreshToken": "r", "refreshExpiresIn": stated}
    )
    assert refresh.refresh.lifetime == (604800 if lives == 900 else lives)


@pytest.mark.parametrize(
    ("said", "lives"),
    [
        ({"exp": NOW + 60, "iat": NOW}, 60),
        ({"exp": 1060, "iat": 1000}, 60),
        ({"exp": NOW + 60}, 60),
        ({"exp": str(NOW + 60)}, 60),
        ({"exp": NOW - 60}, 900),
        ({"exp": "x"}, 900),
        ({"exp": None}, 900),
        ({"exp": 10**400}, 900),
        ({"exp": float("nan")}, 900),
        ({"exp": NOW + 60, "iat": "x"}, 900),
        ({"iat": NOW}, 900),
        ({}, 900),
    ],
)
def test_a_jwt_says_how_long_it_lives_where_the_reply_does_not(said, lives):
    token = jwt(**said)
    pair = read({"accessToken": token, "refreshToken": token})
    assert pair.access.lifetime == lives
    assert pair.refresh.lifetime == (604800 if lives == 900 else lives)


def test_the_reply_is_believed_before_the_token():
    body = {"accessToken": jwt(exp=NOW + 60), "expiresIn": 30}
    assert read(body).access.lifetime == 30


def test_an_access_token_of_15_minutes_is_kept_for_12():
    access = read({"accessToken": "a"}).access
    assert (access.lifetime, access.margin, access.fresh_for) == (900, 180, 720)


def test_a_refresh_token_of_7_days_is_kept_for_6_and_a_half():
    refresh = read({"accessToken": "a", "refreshToken": "r"}).refresh
    assert refresh.fresh_for == pytest.approx(6.5 * 86400) == pytest.approx(561600)


# Whose they are.


@pytest.mark.parametrize(
    ("body", "user"),
    [
        ({"accessToken": "a", "userId": "u"}, "u"),
        ({"accessToken": jwt(sub="s"), "userId": "u"}, "u"),
        ({"accessToken": jwt(sub="s")}, "s"),
        ({"accessToken": jwt(sub="s"), "userId": ""}, "s"),
        ({"accessToken": jwt(sub="s"), "userId": True}, "s"),
        ({"accessToken": "a", "userId": 0}, "0"),
        ({"accessToken": "a"}, None),
    ],
)
def test_the_user_is_named_by_the_reply_else_by_the_token(body, user):
    assert read(body).user_id == user


@pytest.mark.parametrize(
    ("sub", "user"),
    [("s", "s"), (7, "7"), ("", None), (None, None), (True, None), ([1], None)],
)
def test_a_subject_is_a_text_or_a_whole_number(sub, user):
    assert subject(jwt(sub=sub)) == user


# JWTs.


def test_the_claims_of_a_jwt_are_read_without_its_signature():
    assert claims(jwt(a="é?>~")) == {"a": "é?>~"}


@pytest.mark.parametrize(
    "token",
    [
        "",
        "opaque",
        "a.b",
        "a.b.c.d",
        "..",
        "a.!!!.c",
        "a.é.c",
        "a.bbbbb.c",
        f"a.{encoded('[1]')}.c",
        f"a.{encoded('{')}.c",
        f"a.{encoded('9' * 5000)}.c",
        f"a.{encoded('[' * 100_000)}.c",
        f"a.{base64.urlsafe_b64encode(bytes([255, 254, 200])).decode()}.c",
    ],
    ids=range(13),
)
def test_what_is_no_jwt_has_no_claims(token):
    assert claims(token) == {}


# Ready-made tokens.


@pytest.mark.parametrize(
    ("token", "left"),
    [
        ("opaque", 900),
        (jwt(sub="s"), 900),
        (jwt(exp="x"), 900),
        (jwt(exp=NOW + 60), 60),
        (jwt(exp=NOW + 60, iat=NOW - 840), 60),
        (jwt(exp=NOW - 60), 0),
        (jwt(exp=NOW + 1e12), LONGEST),
    ],
)
def test_a_ready_made_token_has_what_is_left_of_its_own_life(token, left):
    pair = static_token(token, LIVES, NOW)
    assert (pair.access.lifetime, pair.access.margin) == (left, 0)
    assert (pair.access.value, pair.refresh) == (token, None)


@pytest.mark.parametrize(
    ("token", "says"),
    [("opaque", False), (jwt(), False), (jwt(exp="x"), False), (jwt(exp=1), True)],
)
def test_only_a_token_that_names_its_end_says_how_long_it_is_good(token, says):
    assert says_its_end(token) is says


def test_a_ready_made_token_says_whose_it_is():
    assert static_token(jwt(sub="s"), LIVES, NOW).user_id == "s"


# What a profile may say of them.


def tokens(answers, **where):
    places = validated(Tokens, {"access": "token", **where})
    return read_tokens(places, answers, LIVES, NOW)


def lifetime_of(body, **where):
    return tokens([Answer({"token": "T", **body})], **where).access.lifetime


@pytest.mark.parametrize(
    ("body", "where", "seconds"),
    [
        ({"e": 900_000}, {"expires_in": "e", "unit": "ms"}, 900),
        ({"e": "soon"}, {"expires_in": "e", "unit": "ms"}, 900),
        ({"e": True}, {"expires_in": "e", "unit": "ms", "lifetime": 60}, 60),
        ({"at": NOW + 60}, {"expires_at": "at"}, 60),
        ({"at": (NOW + 60) * 1000}, {"expires_at": "at"}, 60),
        ({"at": "2023-11-14T22:14:20Z"}, {"expires_at": "at"}, 60),
        ({"at": "2023-11-14T22:14:20"}, {"expires_at": "at"}, 60),
        ({"at": "tomorrow"}, {"expires_at": "at", "lifetime": 30}, 30),
        ({"at": NOW - 5}, {"expires_at": "at", "lifetime": 30}, 30),
        ({}, {"lifetime": 30}, 30),
    ],
)
def test_a_lifetime_is_said_in_many_ways(body, where, seconds):
    assert lifetime_of(body, **where) == pytest.approx(seconds)


def test_a_token_may_stand_in_a_header_with_its_prefix():
    answer = Answer(None, {"authorization": "Bearer abc"}, {"r": "refresh"})
    pair = tokens([answer], access="header:Authorization", refresh="cookie:r")
    assert (pair.access.value, pair.refresh.value) == ("abc", "refresh")


def test_the_last_answer_with_a_token_counts_and_any_may_name_the_user():
    pair = tokens(
        [Answer({"token": "old"}), Answer({"token": "new"}), Answer({"me": 5})],
        user_id="me",
    )
    assert (pair.access.value, pair.user_id) == ("new", "5")


def test_what_a_step_captures_is_found_in_its_answer():
    answer = Answer({"a": {"b": 1}}, {"x": "y"})
    places = {"one": "a.b", "two": "header:X", "three": "cookie:z"}
    assert captured(places, answer) == {"one": 1, "two": "y", "three": None}


def test_a_ready_made_token_that_no_header_can_carry_is_refused():
    with pytest.raises(ConfigurationError, match="not printable"):
        static_token("a\x1bb", Lifetimes(900, 900, 0.2, 0.2), now=0.0)
