"""Masking: no secret in what others say, and of a redirect only its origin."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyws.protocol.masking import (
    masked,
    queried,
    redirected,
    sendable,
    spellings,
    without_named,
    without_tokens,
)

SECRET = "sentinel/token+3f9c=="
LONG = "eyJhbGciOiJIUzI1NiJ9." + "x" * 300


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("nothing here", "nothing here"),
        (f"Bearer {SECRET}", "Bearer ***"),
        (f"{SECRET}{SECRET}, {SECRET}", "******, ***"),
        ("?t=sentinel%2Ftoken%2B3f9c%3D%3D&a=b", "?t=***&a=b"),
    ],
)
def test_a_secret_is_masked_in_every_spelling(text, shown):
    assert masked(text, spellings(SECRET)) == shown


def test_a_secret_is_masked_as_json_spells_it():
    assert masked(r'{"password":"say \"hush\""}', spellings('say "hush"')) == (
        '{"password":"***"}'
    )


def test_a_secret_that_was_cut_short_is_masked_as_far_as_it_goes():
    secrets = spellings(LONG)
    assert masked(f"bad: {LONG[:100]}", secrets) == "bad: ***"
    assert masked(f"bad: {LONG[:30]}... {LONG[:12]}", secrets) == "bad: ***... ***"
    assert masked(f"bad: {LONG[:11]}", secrets) == f"bad: {LONG[:11]}"


def test_a_secret_that_repeats_its_own_beginning_is_masked_whole():
    secret = f"{'ab' * 6}-x-{'ab' * 6}-y"
    assert masked(f"{secret}, {secret}", spellings(secret)) == "***, ***"


@pytest.mark.parametrize("secret", ["a" * 4, "a" * 40, "ab" * 20])
def test_nothing_of_a_monotonous_secret_is_left(secret):
    assert masked(secret * 5000, spellings(secret)).strip("*") == ""


def test_of_two_secrets_that_begin_alike_both_are_masked():
    secrets = spellings("demo", "demonstration")
    assert masked("demo and demonstration", secrets) == "*** and ***"


def test_what_is_too_short_to_be_a_secret_is_left_alone():
    assert spellings("abc", "") == ()
    assert masked("abc", spellings("abc")) == "abc"


@pytest.mark.parametrize(
    ("location", "said"),
    [
        (None, ""),
        ("", ""),
        (
            "https://h:8/p?access_token=x#y",
            " (a redirect to https://h:8, not followed)",
        ),
        ("wss://me:pass@h/", " (a redirect to wss://h, not followed)"),
        ("//h/p?t=x", " (a redirect to //h, not followed)"),
        ("/p?t=x", " (a redirect within this server, not followed)"),
        ("?t=x", " (a redirect within this server, not followed)"),
        ("mailto:x", " (a redirect elsewhere, not followed)"),
        ("http://[x", " (a redirect elsewhere, not followed)"),
    ],
)
def test_of_a_redirect_only_the_origin_is_said(location, said):
    assert redirected(302, location) == said
    assert redirected(401, location) == ""


@pytest.mark.parametrize("token", ["a", "!~", "eyJ.x-_=+/"])
def test_printable_ascii_without_blanks_can_be_sent(token):
    assert sendable(token)


@pytest.mark.parametrize(
    "token", ["", " ", "a b", "a\n", "\ra", "a\x7f", "é", "\ud800"]
)
def test_nothing_else_can_be_sent(token):
    assert not sendable(token)


def test_secrets_that_begin_alike_are_each_masked_whole():
    one, other = "eyJhbGciOiJI.first.signature", "eyJhbGciOiJI.second.longer"
    said = f"old {one} new {other} cut {other[:20]}"
    for order in ([one, other], [other, one]):
        assert masked(said, order) == "old *** new *** cut ***"


# Frames that others may see


OPAQUE = "q7Zr-0_Kd8+x/Wm2" * 3
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("frame", "shown"),
    [
        ('{"evt":"trip","n":17}', '{"evt":"trip","n":17}'),
        ('{"at":"2024-01-15T10:30:00.000Z"}', '{"at":"2024-01-15T10:30:00.000Z"}'),
        ('{"token":"abc"}', '{"token":"***"}'),
        ('{"Access_Token": "a b c"}', '{"Access_Token": "***"}'),
        ('{"password":"a\\"b","n":1}', '{"password":"***","n":1}'),
        ('{"secret":5,"n":1}', '{"secret":***,"n":1}'),
        (r'{"d":"{\"jwt\":\"abc\",\"n\":1}"}', r'{"d":"{\"jwt\":\"***\",\"n\":1}"}'),
        ("{'session': 'abc', 'n': 1}", "{'session': '***', 'n': 1}"),
        ("api_key=abc&n=1", "api_key=***&n=1"),
        ("Authorization: Bearer abc", "Authorization: Bearer ***"),
        (f'{{"t":"{OPAQUE}"}}', '{"t":"***"}'),
        (f'["{JWT}"]', '["***"]'),
        (f"subscribe {OPAQUE} now", "subscribe *** now"),
        (f'{{"{OPAQUE}":1}}', '{"***":1}'),
        ('{"name_of_a_long_word":1}', '{"name_of_a_long_word":1}'),
        ('{"token_type":"Bearer","tokenType":"x","n":1}', None),
        ('{"token":"cut of', '{"token":"***'),
        ('{"token":["abcdef12345"]}', '{"token":***}'),
        ('{"token":{"v":"abcdef12345"},"n":1}', '{"token":***,"n":1}'),
        ('{"tokens":[["a]b"],{"c":"\\"]"}],"n":1}', '{"tokens":***,"n":1}'),
        (r'{"d":"{\"token\":[\"a]\"],\"n\":1}"}', r'{"d":"{\"token\":***,\"n\":1}"}'),
        ("{'keys': ['a]', 'b'], 'n': 1}", "{'keys': ***, 'n': 1}"),
        ('{"token":["cut of', '{"token":***'),
        ("token=", "token="),
        ('{"token":,"n":1}', '{"token":,"n":1}'),
        ("Bearer abc123def456", "Bearer ***"),
        ("got Bearer abc, why?", "got Bearer ***, why?"),
        ("basic token abc1 is bad", "basic token *** is bad"),
        ('bearer "abc"', 'bearer "***"'),
        ("Bearer token required", "Bearer token required"),
        ("Basic authentication is required", "Basic authentication is required"),
        ("token abcdefghijkl", "token ***"),
        ("token a1 is bad", "token *** is bad"),
        ("token 'AbCd'.", "token '***'."),
        ("token ab.cd", "token ***"),
        ("Token expired. Token Expired, TOKEN EXPIRED", None),
        ("the token is no good: it has expired", None),
        ("tokens7 abc123", None),
        ("a\x1b[2J\nb", "a [2J b"),
    ],
)
def test_a_frame_shows_its_shape_and_nothing_that_may_be_a_token(frame, shown):
    assert without_tokens(frame) == (frame if shown is None else shown)


def test_a_known_secret_is_masked_wherever_it_stands():
    assert without_tokens("x hunter22 y", spellings("hunter22")) == "x *** y"


def test_a_url_s_own_secrets_are_known_by_their_names():
    url = "wss://h/ws?channel=news&access_token=a%2Fb&apiKey=c&empty="
    assert queried(url) == ("a/b", "c")
    assert queried("wss://h/ws") == ()


@given(
    st.text("abz019-_.+/=~%", min_size=16).map("1".__add__),
    st.text(max_size=20),
    st.text(),
)
def test_no_long_run_is_ever_seen(token, before, after):
    assert token not in without_tokens(f'{before} "{token}" {after}')


@pytest.mark.parametrize(
    "text",
    ["key" * 20_000, 'token:\\"' + "\\" * 200_000, 'key:{"' + "\\" * 60_000 + "x"],
)
def test_a_long_run_of_what_begins_like_a_secret_takes_no_longer_than_it_is_long(text):
    begun = process_time()
    without_named(text)
    assert process_time() - begun < 2  # looked at without end, it takes a minute
