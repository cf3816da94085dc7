"""Sessions and their tokens, without a clock and without a server."""

from __future__ import annotations

import base64
import json

import pytest

from notifyws.devserver.tokens import Sessions, read_jwt, sign_jwt

SECRET = b"k" * 32
NOW = 1_700_000_000.0


def sessions(access_ttl=900.0, refresh_ttl=3600.0, told=None, secret=SECRET):
    told = [] if told is None else told
    return Sessions(
        secret,
        access_ttl,
        refresh_ttl,
        {"ann": "42", "bob": "43"}.__getitem__,
        lambda ident, session: told.append((ident, session)),
    )


def claims_of(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_a_signed_token_is_read_back():
    assert read_jwt(sign_jwt({"sub": "42"}, SECRET), SECRET) == {"sub": "42"}


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", "é.é.é", "\ud800", "a" * 5000, "a.b.é"]
)
def test_rubbish_is_no_token(token):
    assert read_jwt(token, SECRET) is None


def test_a_token_signed_elsewhere_is_no_token():
    assert read_jwt(sign_jwt({"sub": "42"}, b"other"), SECRET) is None


def test_a_token_whose_claims_were_changed_is_no_token():
    head, _, signature = sign_jwt({"sub": "42"}, SECRET).split(".")
    body = base64.urlsafe_b64encode(b'{"sub":"43"}').decode().rstrip("=")
    assert read_jwt(f"{head}.{body}.{signature}", SECRET) is None


def test_signed_claims_that_are_no_object_are_no_token():
    assert read_jwt(sign_jwt([1], SECRET), SECRET) is None


def test_an_access_token_says_who_and_how_long():
    claims = claims_of(sessions().open("ann", NOW + 0.7).access)
    assert claims["sub"] == "42"
    assert (claims["iat"], claims["exp"]) == (NOW, NOW + 900)
    assert isinstance(claims["exp"], int)


def test_tokens_of_one_moment_differ():
    desk = sessions()
    one, two = desk.open("ann", NOW), desk.open("ann", NOW)
    assert one.access != two.access
    assert one.refresh != two.refresh


def test_an_access_token_is_good_until_it_expires():
    desk = sessions(access_ttl=0.5)
    token = desk.open("ann", NOW).access
    assert desk.whose(token, NOW + 0.4) == "ann"
    assert desk.whose(token, NOW + 0.5) is None


def test_a_refresh_token_is_spent_by_its_use():
    desk = sessions()
    first = desk.open("ann", NOW)
    second = desk.renew(first.refresh, NOW + 1)
    assert second.refresh != first.refresh
    assert desk.renew(first.refresh, NOW + 2) is None
    assert desk.renew(second.refresh, NOW + 2).user == "ann"


def test_a_refresh_leaves_the_access_token_before_it_good():
    desk = sessions()
    first = desk.open("ann", NOW)
    desk.renew(first.refresh, NOW)
    assert desk.whose(first.access, NOW) == "ann"


def test_a_refresh_token_expires():
    desk = sessions(refresh_ttl=10)
    grant = desk.open("ann", NOW)
    assert desk.renew(grant.refresh, NOW + 10) is None


def test_an_unknown_refresh_token_is_refused():
    assert sessions().renew("nobody's", NOW) is None


def test_logout_ends_both_tokens_of_that_session_alone():
    desk = sessions()
    mine, other = desk.open("ann", NOW), desk.open("ann", NOW)
    assert desk.close(mine.refresh) == "ann"
    assert desk.close(mine.refresh) is None
    assert desk.whose(mine.access, NOW) is None
    assert desk.renew(mine.refresh, NOW) is None
    assert desk.whose(other.access, NOW) == "ann"


def test_revoking_refuses_access_tokens_and_keeps_refresh_tokens():
    desk = sessions()
    ann, bob = desk.open("ann", NOW), desk.open("bob", NOW)
    assert desk.revoke("ann", NOW) == 1
    assert desk.whose(ann.access, NOW) is None
    assert desk.whose(bob.access, NOW) == "bob"
    again = desk.renew(ann.refresh, NOW)
    assert desk.whose(again.access, NOW) == "ann"


def test_sessions_that_are_over_are_swept_away_by_the_next_login():
    told = []
    desk = sessions(refresh_ttl=10, access_ttl=5, told=told)
    desk.open("ann", NOW)
    desk.open("ann", NOW + 10)
    assert [session is None for _, session in told] == [False, True, False]
    assert len(list(desk)) == 1


def test_a_restored_session_goes_on():
    told = []
    grant = sessions(told=told).open("ann", NOW)
    desk = sessions()
    desk.restore(told[-1][1])
    assert desk.whose(grant.access, NOW) == "ann"
    assert desk.renew(grant.refresh, NOW + 1).user == "ann"


def test_no_token_is_kept_or_shown():
    told = []
    grant = sessions(told=told).open("ann", NOW)
    assert grant.refresh not in repr(told)
