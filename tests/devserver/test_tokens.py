"""Sessions and their tokens, without a clock and without a server."""

from __future__ import annotations

import jwt
import pytest

from notifyws.devserver.server import ServerOptions
from notifyws.devserver.state import State
from notifyws.devserver.tokens import Sessions

NOW = 1_700_000_000.0
DEEP = b"[" * 40_000


def sessions(state=None, users=("ann", "bob"), **options):
    chosen = ServerOptions(users=dict.fromkeys(users, "x"), **options)
    return Sessions(state or State(None, 10), chosen)


def access(grant):
    return grant["accessToken"]


def refresh(grant):
    return grant["refreshToken"]


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "a.b.c", "\u00e9.\u00e9.\u00e9", "\ud800", "a" * 5000, "a.b.\u00e9",
     jwt.utils.base64url_encode(DEEP).decode() + ".b.c"],
)  # fmt: skip
def test_rubbish_is_no_token(token):
    assert sessions().whose(token, NOW) is None


@pytest.mark.parametrize(
    "claims", [{"sub": "43"}, {"exp": 2_000_000_000}, {}], ids=["sub", "exp", "none"]
)
@pytest.mark.parametrize(
    ("key", "algorithm"), [(b"k" * 32, "HS256"), ("", "none"), (b"k" * 64, "HS512")]
)
def test_a_token_that_was_not_signed_here_is_no_token(claims, key, algorithm):
    desk = sessions()
    known = jwt.decode(
        access(desk.open("ann", NOW)), options={"verify_signature": False}
    )
    forged = jwt.encode({**known, **claims}, key, algorithm)
    assert desk.whose(forged, NOW) is None


def test_an_access_token_says_who_and_how_long():
    token = access(sessions().open("ann", NOW + 0.7))
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == "42"
    assert (claims["iat"], claims["exp"]) == (NOW, NOW + 900)
    assert isinstance(claims["exp"], int)


def test_tokens_of_one_moment_differ():
    desk = sessions()
    one, two = desk.open("ann", NOW), desk.open("ann", NOW)
    three = desk.renew(refresh(two), NOW)
    assert len({access(each) for each in (one, two, three)}) == 3
    assert len({refresh(each) for each in (one, two, three)}) == 3


def test_an_access_token_is_good_until_it_expires():
    desk = sessions(access_ttl=0.5)
    token = access(desk.open("ann", NOW))
    assert desk.whose(token, NOW + 0.4) == "ann"
    assert desk.whose(token, NOW + 0.5) is None


def test_a_refresh_token_is_spent_by_its_use_and_the_access_token_stays_good():
    desk = sessions()
    first = desk.open("ann", NOW)
    second = desk.renew(refresh(first), NOW + 1)
    assert desk.renew(refresh(first), NOW + 2) is None
    assert desk.renew(refresh(second), NOW + 2)["userId"] == "42"
    assert desk.whose(access(first), NOW + 2) == "ann"


def test_a_refresh_token_expires_and_an_unknown_one_is_refused():
    desk = sessions(refresh_ttl=10)
    grant = desk.open("ann", NOW)
    assert desk.renew(refresh(grant), NOW + 10) is None
    assert desk.renew("nobody's", NOW) is None


def test_revoking_refuses_access_tokens_and_keeps_refresh_tokens():
    desk = sessions()
    ann, bob = desk.open("ann", NOW), desk.open("bob", NOW)
    assert desk.revoke("ann") == 1
    assert desk.whose(access(ann), NOW) is None
    assert desk.whose(access(bob), NOW) == "bob"
    again = desk.renew(refresh(ann), NOW)
    assert desk.whose(access(again), NOW) == "ann"


def test_sessions_that_are_over_are_swept_away_by_the_next_login():
    state = State(None, 10)
    desk = sessions(state, refresh_ttl=10, access_ttl=5)
    desk.open("ann", NOW)
    assert len(state.sessions) == 1
    desk.open("ann", NOW + 10)
    assert len(state.sessions) == 1


def test_a_restored_session_goes_on_but_for_a_user_who_is_no_more():
    state = State(None, 10)
    before = sessions(state)
    ann, bob = before.open("ann", NOW), before.open("bob", NOW)
    desk = sessions(state, users=("ann",))
    assert desk.whose(access(ann), NOW) == "ann"
    assert desk.renew(refresh(ann), NOW + 1)["userId"] == "42"
    assert desk.whose(access(bob), NOW) is None
    assert desk.renew(refresh(bob), NOW + 1) is None


def test_no_token_is_kept():
    state = State(None, 10)
    grant = sessions(state).open("ann", NOW)
    assert refresh(grant) not in repr(state.sessions)
