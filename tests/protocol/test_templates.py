"""Templates: what is known is filled in, what is not is left out."""

import pytest

from notifyws.protocol.templates import UNSET, check, fill, mentions

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
