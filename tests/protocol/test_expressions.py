"""Expressions: compiled once, bounded, and never an exception while they are used."""

import pytest

from notifyws.errors import UsageError
from notifyws.protocol.expressions import (
    DEEPEST,
    LONGEST,
    UNFIT,
    BadExpression,
    bare_word,
    compiled,
    finder,
    first_line,
    later,
    names,
    of_option,
    truthy,
)


def test_a_search_finds_what_is_there_and_nothing_else():
    assert compiled("a.b || c")({"c": 1}) == 1
    assert compiled("a.b")({}) is None
    assert compiled("[?a > `1`].b | [0]")([{"a": 2, "b": "x"}]) == "x"


@pytest.mark.parametrize(
    "expression",
    ["length(n)", "length(none)", "contains(n, t)", "t > n", "ceil(to_number(inf))"],
)
def test_what_cannot_be_worked_out_is_null(expression):
    assert compiled(expression)({"t": "x", "n": 1, "inf": "inf"}) is None


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


def nested(form: str, times: int, inner: str = "a") -> str:
    for _ in range(times):
        inner = form.format(inner)
    return inner


@pytest.mark.parametrize(
    "form",
    [
        "{}|[@,@]",
        "({})[*].[@,@][]",
        "({})[?a].[@,@][]",
        "({})[?`true`].[@,@][]",
        "({})[:].[@,@][]",
        "map(&[@,@], {})[]",
        "[@,@][?{}]",
        "[@,@][?!({}) || @ == `1`]",
        "sort_by([@,@], &length({}))",
        "max_by([@,@], &length({}))",
        "[[@,@][?{}]][0]",
    ],
)
def test_expressions_that_repeat_their_input_too_often_are_refused(form):
    """Whether it makes as much, or only looks at as much. Seen: steps of ``[?x]`` that
    were not counted made 13 million items of one; conditions within conditions take
    the time alone.
    """
    compiled(nested(form, 2, "[@]"))
    with pytest.raises(BadExpression, match="repeats its input"):
        compiled(nested(form, 7, "[@]"))


@pytest.mark.parametrize(
    "form", ["to_string([{}])", "{}|to_string([@])", "map(&to_string([@]), {})"]
)
def test_expressions_that_escape_what_was_escaped_too_often_are_refused(form):
    """Seen: each doubles every quote, so that 19 made 53 MB of a hundred."""
    compiled(nested(form, 3))
    with pytest.raises(BadExpression, match="repeats its input"):
        compiled(nested(form, 4))


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("join(join('', a), a)", "must be a text in quotes"),
        ("join(a, b)", "must be a text in quotes"),
        (f"join('{'x' * 300}', a)", "repeats its input"),
        (nested("join('xxxxxxxx', [{}])", 3), "repeats its input"),
    ],
)
def test_expressions_that_put_much_between_much_are_refused(expression, reason):
    """Seen: what a frame holds, between all that it holds, is the square of it."""
    with pytest.raises(BadExpression, match=reason):
        compiled(expression)
    compiled("join(': ', [a, b, join('', c)])")


def test_what_only_chooses_does_not_count_as_repeating():
    compiled(" || ".join(f"a.b{n}" for n in range(30)))
    compiled("sort_by(a, &b)[0]")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("to_number(@)", "nan"),
        ("to_number(@)", "-Infinity"),
        ("to_number(@)", "1e999"),
        ("to_number(@)", "9" * 5_000),
        ("sum(@)", [1e308, 1e308]),
        ("avg(@)", [1e308, 1e308]),
        ("sum(@)", [int("9" * 4_299)] * 50),
        ("map(&to_number(@), @) | [0]", ["1e999"]),
    ],
)
def test_a_number_that_json_cannot_say_is_null(expression, value):
    """Seen: a server's text decided, and the listener ended where it was written."""
    assert compiled(expression)(value) is None
    assert compiled(f"{{a: [{expression}]}}")(value) == {"a": [None]}


@pytest.mark.parametrize("literal", ["NaN", "1e999", '{"a": [-Infinity]}'])
def test_an_expression_that_holds_a_number_that_json_cannot_say_is_refused(literal):
    with pytest.raises(BadExpression, match="a number that JSON cannot say"):
        compiled(f"a || `{literal}`")


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


def test_what_is_there_is_true_and_what_is_empty_is_not():
    assert all(map(truthy, [0, 0.0, "no", [None], {"a": None}, True]))
    assert not any(map(truthy, [None, False, "", [], {}]))


# Of options


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("(" * 2_000, "it is nested too deeply"),
        ("!" * 100_000, "it is nested too deeply"),
        (f"data[{'9' * 5_000}]", "it holds a number that is too long"),
        ("&data", "& stands only before what a function takes"),
        ("data | {a: &type}", "& stands only before what a function takes"),
        ("length(data[?&type])", "& stands only before what a function takes"),
    ],
)
def test_an_expression_that_nobody_could_use_is_refused_in_one_sentence(
    expression, why
):
    with pytest.raises(UsageError, match=r"^--x is not a JMESPath") as caught:
        of_option(expression, "--x", "as in: a")
    assert str(caught.value).endswith(f": {why}")


@pytest.mark.parametrize(
    "expression",
    [
        "nonesuch(data)",
        "Length(data)",
        "data && !nonesuch(@)",
        "length(nonesuch(data)) > `0`",
        "data[1:].{a: nonesuch(@)}",
        "data[?nonesuch(a)] | [0]",
        "sort_by(data, &nonesuch(@))",
    ],
)
def test_a_function_that_does_not_exist_is_a_wrong_use_at_once(expression):
    with pytest.raises(UsageError, match=r"^--x is not .* there is no function"):
        of_option(expression, "--x", "as in: a")


@pytest.mark.parametrize(
    "expression",
    [
        "contains(`[1, 2]`, data.n)",
        'data == `{"n": 1}`',
        "data.nonesuch || data.n",
        "data.l[::2]",
        "data.l[?@ == `[3]`]",
        "'nonesuch()' && length(data.l) == `2`",
        "data.l && sort_by([data], &n)",
    ],
)
def test_literals_fields_and_known_functions_are_no_unknown_functions(expression):
    search = of_option(expression, "--x", "as in: a")
    given = [{"data": {"n": 1, "l": [[3], 4]}}, {"data": {"n": 1}}]
    assert any(map(truthy, map(search, given)))


def test_an_option_s_expression_may_be_long_and_says_when_it_does_not_fit():
    of_option(" || ".join(f"a{n}" for n in range(DEEPEST * 2)), "--x", "")
    with pytest.raises(UNFIT) as caught:
        of_option("abs(a)", "--x", "")({"a": "text"})
    assert "\n" not in first_line(caught.value)
    assert first_line(RecursionError()) == "RecursionError"


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        ("type == trip_update", "trip_update"),
        ("a && data[?kind != mine]", "mine"),
        ("type == 'trip_update'", None),
        ("data.from == data.to", None),
        ("title", None),
    ],
)
def test_a_text_without_quotes_is_a_field_that_is_compared_with(expression, word):
    assert bare_word(expression) == word
