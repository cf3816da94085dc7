"""Templates: what is known is filled in, what is not is left out."""

import pytest

from notifyws.errors import ConfigurationError
from notifyws.protocol.profile import Profile
from notifyws.protocol.profile_schema import validated
from notifyws.protocol.templates import UNSET, check, fill, given_variables, mentions

KNOWN = {"n": 5, "text": "t", "flag": False, "map": {"a": 1}, "empty": "", "gone": None}


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{n}", 5),
        ("{flag}", False),
        ("{map}", {"a": 1}),
        ("{empty}", ""),
        ("{n} ", "5 "),
        ("Bearer {text}", "Bearer t"),
        ("{text}-{n}-{flag}", "t-5-false"),
        ("{n}{n}", "55"),
        ("{gone}", UNSET),
        ("{unknown}", UNSET),
        ("{text} and {gone}", UNSET),
        ("plain", "plain"),
        ("", ""),
        ("{} {N} {a b} {n", "{} {N} {a b} {n"),
        (7, 7),
        (None, None),
        (1.5, 1.5),
        (True, True),
    ],
)
def test_a_string_is_filled_and_a_lone_variable_keeps_its_type(template, value):
    filled = fill(template, KNOWN)
    assert (filled, type(filled)) == (value, type(value))


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ({"a": "{n}", "b": "{gone}"}, {"a": 5}),
        ({"a": {"b": "{gone}", "c": 1}}, {"a": {"c": 1}}),
        ({"a": {"b": "{gone}"}, "c": {}}, {"c": {}}),
        (["{n}", "{gone}", 3], [5, 3]),
        (("{n}", ["{unknown}"], []), [5, []]),
        ({"{n}": "{n}"}, {"{n}": 5}),
    ],
)
def test_parts_that_are_not_set_are_left_out(template, value):
    assert fill(template, KNOWN) == value


def test_what_was_filled_in_is_not_filled_again():
    assert fill("x{a}", {"a": "{b}", "b": "no"}) == "x{b}"


def test_unset_shows_its_name():
    assert repr(UNSET) == "UNSET"


def test_filters_write_values_in_other_forms():
    known = {"a": {"b": "x?>"}, "n": 5}
    assert fill("{a|json} {a.b|b64} {a.b|b64url} {n|json}", known) == (
        '{"b":"x?>"} eD8+ eD8- 5'
    )
    assert fill(["{null}", "{{n}}", "{a.b}", "{n.x}"], known) == [None, "{n}", "x?>"]


def test_the_uses_of_a_variable_are_found_anywhere():
    template = {"a": ["x {seq}", 5], "b": {"c": "{other}"}}
    assert mentions(template, "seq")
    assert not mentions(template, "c")
    assert not mentions(("a", None), "a")


def test_unknown_filters_are_refused_anywhere():
    check({"a": ["{x|json}", 5]})
    with pytest.raises(ValueError, match="there is no filter"):
        check({"a": ["{x|sh}"]})


# What a profile leaves open.


PROFILE = validated(
    Profile,
    {
        "name": "open",
        "constants": {"path": "sub", "size": 5},
        "needs": {"channel": "the channel to listen to"},
        "rules": [{"then": "notification"}],
    },
)


@pytest.mark.parametrize(
    "text",
    [
        "channel=news path=new",
        "path=new,channel=news",
        "channel=\"news\" path='new'",
        " channel=news,\n path=new ",
    ],
)
def test_variables_are_pairs_in_any_order(text):
    known = {"path": "new", "size": 5, "channel": "news"}
    assert given_variables(PROFILE, text) == known


def test_quotes_hold_blanks_together():
    assert given_variables(PROFILE, 'channel="a b"')["channel"] == "a b"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "needs channel: the channel to listen to", 'NOTIFYWS_VARIABLES="channel='),
        ("channel=", "needs channel", "channel="),
        ("chanel=news", "has no variable chanel", "did you mean channel?"),
        ("zzz=1", "has no variable zzz", "profile show"),
        ("channel", "not a list of name=value", "channel=news"),
    ],
)
def test_what_is_missing_or_unknown_is_said(text, message, hint):
    with pytest.raises(ConfigurationError, match=message) as caught:
        given_variables(PROFILE, text)
    assert hint in caught.value.hint


def test_a_variable_that_ends_in_a_newline_is_said_to():
    with pytest.raises(ConfigurationError, match="channel ends in a newline"):
        given_variables(PROFILE, 'channel="news\n"')
