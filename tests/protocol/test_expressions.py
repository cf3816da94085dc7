"""Expressions: compiled once, bounded, and never an exception while they are used."""

import pytest

from notifyws.protocol.expressions import (
    DEEPEST,
    LONGEST,
    BadExpression,
    compiled,
    finder,
    later,
    names,
    truthy,
)

DOUBLING = "[@,@]"


def test_a_search_finds_what_is_there_and_nothing_else():
    assert compiled("a.b || c")({"c": 1}) == 1
    assert compiled("a.b")({}) is None
    assert compiled("length(a)")({"a": 1}) is None
    assert compiled("[?a > `1`].b | [0]")([{"a": 2, "b": "x"}]) == "x"


def test_what_is_compiled_later_finds_the_same():
    search = later("a.b || c")
    assert [search({"c": 1}), search({"a": {"b": 2}})] == [1, 2]


@pytest.mark.parametrize(
    ("expression", "offset"),
    [
        ("a.[", 3),
        ("a b", 2),
        ("nonesuch(a)", 0),
        ("a || nonesuch(a)", 5),
        ("a | &b", 4),
        ("", 0),
    ],
)
def test_a_bad_expression_says_where(expression, offset):
    with pytest.raises(BadExpression) as caught:
        compiled(expression)
    assert caught.value.offset == offset
    assert caught.value.reason


def test_expressions_that_repeat_their_input_too_often_are_refused():
    compiled("|".join([DOUBLING] * 8))
    with pytest.raises(BadExpression, match="repeats its input"):
        compiled("|".join([DOUBLING] * 9))
    with pytest.raises(BadExpression, match="repeats its input"):
        compiled(".".join(["{a: @, b: @}"] * 9))
    with pytest.raises(BadExpression, match="repeats its input"):
        compiled("to_string(" + "|".join([DOUBLING] * 20) + ")")


def test_what_only_chooses_does_not_count_as_repeating():
    compiled(" || ".join(f"a.b{n}" for n in range(30)))
    compiled("sort_by(a, &b)[0]")


def test_expressions_have_a_length_and_a_depth():
    with pytest.raises(BadExpression, match="longer than"):
        compiled("a" * (LONGEST + 1))
    with pytest.raises(BadExpression, match="nested too deeply"):
        compiled("|".join("a" * (DEEPEST + 1)))
    with pytest.raises(BadExpression, match="nested too deeply"):
        compiled("!" * (LONGEST - 1) + "a")


def test_the_names_of_an_expression_are_its_fields():
    assert names("parent.a || b[?c == 'd'].e") == {"parent", "a", "b", "c", "e"}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("a.b", "in the body"),
        ("header:X-Token", "in a header"),
        ("cookie:Session", "in a cookie"),
        ("header:Missing", None),
        ("cookie:session", None),
    ],
)
def test_a_value_is_found_in_body_header_or_cookie(place, value):
    body = {"a": {"b": "in the body"}}
    headers, cookies = {"x-token": "in a header"}, {"Session": "in a cookie"}
    assert finder(place)(body, headers, cookies) == value


@pytest.mark.parametrize("value", [0, 0.0, "no", [None], {"a": None}, True])
def test_what_is_there_is_true(value):
    assert truthy(value)


@pytest.mark.parametrize("value", [None, False, "", [], {}])
def test_what_is_empty_is_not(value):
    assert not truthy(value)
