"""Masking: no secret in what others say, and of a redirect only its origin."""

import json
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyws.protocol.masking import (
    LAYERS,
    is_called_secret,
    masked,
    queried,
    redirected,
    sendable,
    spellings,
    without_named,
    without_tokens,
)
from notifyws.ui.sanitize import text_only

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
        ("?t=sentinel%2ftoken%2b3f9c%3d%3d&a=b", "?t=***&a=b"),
    ],
)
def test_a_secret_is_masked_in_every_spelling(text, shown):
    assert masked(text, spellings(SECRET)) == shown


def test_a_secret_is_masked_as_json_spells_it():
    assert masked(r'{"password":"say \"hush\""}', spellings('say "hush"')) == (
        '{"password":"***"}'
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r'{"x": "sentinel\/token+3f9c=="}', '{"x": "***"}'),
        (r'{"x":"\u0073entinel/token\u002B3f9c\u003d="}', '{"x":"***"}'),
        (r'{"d":"{\"x\":\"sentinel\\\/token+3f9c==\"}"}', r'{"d":"{\"x\":\"***\"}"}'),
        (r'{"d":"{\"x\":\"\\u0073entinel/token"}', r'{"d":"{\"x\":\"***"}'),
        (r'{"d":"\u005cu0073entinel/token+3f9c=="}', '{"d":"***"}'),
        (r"a\nsentinel\/token+3f9c==\n\u00e9", r"a\n***\n\u00e9"),
        (r"\/ sentinel/token+3f9c== \/ sentinel\/token", r"\/ *** \/ ***"),
        (r"{\"x\": \"sentinel\/tok\u00", r"{\"x\": \"***\u00"),
        (r"\u0073entinel only, \\ and \/", None),
    ],
)
def test_a_secret_is_masked_by_what_json_means_and_the_rest_stays_as_it_is_spelt(
    text, shown
):
    assert masked(text, spellings(SECRET)) == (text if shown is None else shown)


def test_a_character_that_json_spells_in_two_halves_is_one():
    assert masked(r'["key-\uD83d\uDE00-\ud83d"]', ["key-\U0001f600-"]) == (
        r'["***\ud83d"]'
    )


SECRETS = st.text('aZ09/+=-."\\\n\u00e9\U0001f600', min_size=3, max_size=40)


def spelt(character, way):
    """Return how JSON may write a character."""
    units = character.encode("utf-16-be").hex()
    number = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    match way:
        case 0:
            return number
        case 1:
            return number.upper().replace("U", "u")
        case _:
            plain = json.dumps(character, ensure_ascii=False)[1:-1]
            return r"\/" if (character, way) == ("/", 2) else plain


def below(text, layers):
    """Return a frame that holds a JSON text below layers of JSON."""
    frame = f'{{"x": "<{text}>"}}'
    for _ in range(layers):
        frame = json.dumps({"d": frame})
    return frame


@given(SECRETS.map("Z".__add__), st.data(), st.integers(0, LAYERS - 1))
def test_no_spelling_of_json_hides_a_secret(secret, data, layers):
    ways = st.integers(0, 5)
    text = "".join(spelt(each, data.draw(ways)) for each in secret)
    assert json.loads(f'"{text}"') == secret
    shown = masked(below(text, layers), spellings(secret))
    assert shown == below("***", layers)


@pytest.mark.parametrize(
    "hidden",
    [
        "sen\u200btinel/to\u00adken+3f9c==",
        "sentinel/tok\x1b[0men+3f9\u202ec==",
        "s\x9b1mentinel\x1b]8;;x\x07/token+3f9c=\u2060=",
        "s\u0301entinel/token+3f9c\ufe0f==",
        json.dumps("sen\u200btinel/to\x1b[0mken+3f9c=="),
        "s\\u0065n\u200btinel/t\\u200boken+3f9c==",
    ],
)
def test_nothing_that_vanishes_when_it_is_shown_hides_a_secret(hidden):
    """Seen: masked first and made harmless later, it stood whole on stderr."""
    assert "sen" not in masked(f"bad {hidden}, it is", [SECRET])
    assert text_only(masked(f"\u00e9 {hidden} \u00e9", [SECRET])).strip('"\u00e9 ') in (
        "***",
        '"***"',
    )
    assert "token" not in without_tokens(f"bad {hidden}", [SECRET])
    assert "tok" not in without_tokens(f"bad {hidden}")


def test_what_vanishes_is_looked_past_once_however_deep_it_is():
    deep = "\x1b" * 100_000 + "x" * 100_000
    assert masked(f"{deep} {SECRET}", [SECRET]) == f"{deep} ***"


def test_an_empty_secret_is_none():
    assert masked("abc", [""]) == "abc"


@given(st.lists(st.text("ab", min_size=4, max_size=20), min_size=1), st.text("ab"))
def test_of_many_secrets_the_one_that_goes_on_longest_is_masked(secrets, after):
    known = [f"0123456789xy{each}" for each in secrets]
    assert masked(f"{known[0]}.{after}", known) == f"***.{after}"
    longest = max(
        (each for each in known if f"{known[0]}{after}".startswith(each)), key=len
    )
    shown = masked(f"{known[0]}{after}", known).removeprefix("***")
    assert len(shown) <= len(known[0] + after) - len(longest)


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


def test_printable_ascii_without_blanks_can_be_sent_and_nothing_else():
    assert all(map(sendable, ["a", "!~", "eyJ.x-_=+/"]))
    others = ["", " ", "a b", "a\n", "\ra", "a\x7f", "é", "\ud800"]
    assert not any(map(sendable, others))


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
        (r'{"t\u006fken":"abc","n":1}', r'{"t\u006fken":"***","n":1}'),
        (r'{"d":"{\"t\\u006Fken\":\"abc\"}"}', r'{"d":"{\"t\\u006Fken\":\"***\"}"}'),
        (r'{"token":"a\u0022b","n":"\u0022"}', r'{"token":"***","n":"\u0022"}'),
        (r'{"n":"\u0041b"}', None),
        (
            r'{"d":"{\u0022token\u0022:\u0022abc\u0022,\u0022n\u0022:1}"}',
            r'{"d":"{\u0022token\u0022:\u0022***\u0022,\u0022n\u0022:1}"}',
        ),
        (
            r'{"d":"{\\u0022keys\\u0022:[\\u0022a]\\u0022]}","n":1}',
            r'{"d":"{\\u0022keys\\u0022:***}","n":1}',
        ),
        ('{"token_expires_at":1,"key_ttl":5,"keyExpiresIn":3,"token.type":"x"}', None),
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
        ("a\x1b[2J\nb", "a b"),
    ],
)
def test_a_frame_shows_its_shape_and_nothing_that_may_be_a_token(frame, shown):
    assert without_tokens(frame) == (frame if shown is None else shown)


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
    [
        "key" * 200_000,
        "key=x " * 60_000,
        'token:\\"' + "\\" * 200_000,
        'key:{"' + "\\" * 60_000 + "x",
        "\\" * 200_000 + "\\u0041",
        "\\u005c" * 50_000,
        "\\" + "u005c" * 60_000,
        "sentinel/token+" * 20_000,
        "sentinel\\/token\\/" * 15_000,
    ],
)
def test_a_long_run_of_what_begins_like_a_secret_takes_no_longer_than_it_is_long(text):
    begun = process_time()
    without_named(text, [SECRET, *(f"sentinel/tok{each}" for each in range(500))])
    assert process_time() - begun < 2  # looked at without end, it takes a minute


@pytest.mark.parametrize("name", ["token", "X-Api-Key", "my.password2"])
def test_a_name_tells_of_a_secret(name):
    assert is_called_secret(name)
    assert not is_called_secret(f"{name}_type")


def test_what_begins_as_a_known_secret_is_masked_to_its_end():
    """Seen: the token before this one, but for the header that both have."""
    known = "eyJhbGciOiJIUzI1NiJ9.0002PAYLOAD.0002SIGNATURE"
    other = known.replace("0002", "0001")
    assert masked(f"new {known} old {other}, no", [known]) == "new *** old ***, no"
    assert masked(f'{{"old":"{other}"}}', [known]) == '{"old":"***"}'


@pytest.mark.parametrize("between", ["X", "/", ""])
def test_what_begins_within_such_a_run_is_masked_too(between):
    """Seen: of a password right behind its own beginning, all but its first letters."""
    known = "pa!ssword-long#1"
    said = f"not pa!ssword-lo{between}{known}."
    assert masked(said, [known]) == "not ***."


def test_many_that_begin_within_one_run_are_read_in_little_time():
    known = "abcdefghijkl!secret"
    text = "abcdefghijkl" * 80_000
    began = process_time()
    assert masked(text, [known]) == "***"
    assert process_time() - began < 2.0
