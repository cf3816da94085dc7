"""What scripts ask for: a template filled in, or what a query finds."""

from __future__ import annotations

import pytest

from notifyws.delivery.filters import first_line
from notifyws.errors import UsageError
from notifyws.ui.formatting import Format, Query

TRIP = {
    "type": "trip_update",
    "title": "Trip Started",
    "message": None,
    "n": 3,
    "ok": True,
    "data": {"tripId": "123", "stops": [{"at": "Höhe"}, "end"], "a-b": 0.5},
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{title}", "Trip Started"),
        ("{title}: {data.tripId}!", "Trip Started: 123!"),
        ("{title}{title}", "Trip StartedTrip Started"),
        ("[{message}]", "[]"),
        ("[{nonesuch}{data.nonesuch.deeper}{title.x}{n.x}]", "[]"),
        ("{n} {ok} {data.a-b}", "3 true 0.5"),
        ("{data.stops}", '[{"at":"Höhe"},"end"]'),
        ("{data.stops.0.at} {data.stops.1}", "Höhe end"),
        ("[{data.stops.2}{data.stops.-1}{data.stops.x}{data.stops.²}]", "[]"),
        ("{{title}} {{{n}}} }}{{", "{title} {3} }{"),
        (r"{n}\t{ok}\n\r\0\\t", "3\ttrue\n\r\0\\t"),
    ],
)
def test_a_template_is_filled_with_what_is_there(template, text):
    assert Format(template).text(TRIP, str) == text


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{title", r"has a { without its other half"),
        ("title}", r"has a } without its other half"),
        ("{{title}", r"has a } without its other half"),
        ("{a{b}}", r"has a { without its other half"),
        ("{}", r"{} names no field"),
        ("{ title }", r"{ title } names no field"),
        ("{title:>9}", r"{title:>9} names no field"),
        ("{title!r}", r"{title!r} names no field"),
        ("{data[0]}", r"{data\[0\]} names no field"),
        ("{data.}", r"{data\.} names no field"),
        (r"\q", r"unknown escape \\q"),
        ("\\", r"unknown escape \\$"),
    ],
)
def test_a_wrong_template_is_a_wrong_use_that_says_where(template, complaint):
    with pytest.raises(UsageError, match=complaint) as caught:
        Format(template)
    assert caught.value.hint


def test_each_value_is_cleaned_and_the_template_s_own_text_is_not():
    shape = Format(r"{title}\n{data.tripId}")
    assert shape.text(TRIP, str.upper) == "TRIP STARTED\n123"


def test_a_template_knows_what_it_wants():
    assert Format("{time} {data.json}{time}").names == ("time", "data")


@pytest.mark.parametrize(
    ("template", "end"),
    [("", "\n"), ("{title}", "\n"), (r"{title}\0", ""), (r"\0{title}", "\n")],
)
def test_a_newline_follows_unless_the_template_ends_in_nul(template, end):
    assert Format(template).end == end


@pytest.mark.parametrize(
    ("expression", "text", "as_json"),
    [
        ("title", "Trip Started", '"Trip Started"'),
        ("n", "3", "3"),
        ("ok", "true", "true"),
        ("message", "", "null"),
        ("nonesuch.deeper", "", "null"),
        ("data.stops", '[{"at":"Höhe"},"end"]', '[{"at":"H\\u00f6he"},"end"]'),
        ("{a: n, b: title}", '{"a":3,"b":"Trip Started"}', None),
        ("join('-', [type, title])", "trip_update-Trip Started", None),
    ],
)
def test_a_query_prints_text_bare_and_null_as_nothing(expression, text, as_json):
    query = Query(expression)
    assert query.text(TRIP, str) == text
    assert (query.end, query.names) == ("\n", ())
    wanted = text if as_json is None else as_json
    assert Query(expression, as_json=True).text(TRIP, str) == wanted or as_json is None


def test_what_a_query_finds_is_cleaned_unless_it_is_json():
    assert Query("title").text(TRIP, str.upper) == "TRIP STARTED"
    assert Query("title", as_json=True).text(TRIP, str.upper) == '"Trip Started"'


@pytest.mark.parametrize("expression", ["a..b", "", "nonesuch(@)"])
def test_a_wrong_query_is_a_wrong_use_at_once(expression):
    with pytest.raises(UsageError, match=r"^--query is not a JMESPath") as caught:
        Query(expression)
    assert "--query" in caught.value.hint


def test_a_query_that_does_not_fit_is_said_once_and_finds_nothing():
    warned: list[str] = []
    query = Query("length(n)", warn=warned.append)
    assert [query.text(TRIP, str), query.text(TRIP, str)] == ["", ""]
    assert query.text({"n": "abc"}, str) == "3"
    (said,) = warned
    assert said.startswith("--query does not fit: ")


@pytest.mark.parametrize("price", ["Infinity", "-inf", "nan", "1e400"])
@pytest.mark.parametrize("expression", ["to_number(price)", "[{a: to_number(price)}]"])
def test_a_number_that_is_no_json_is_said_once_and_null(expression, price):
    warned: list[str] = []
    given = {"price": price}
    as_json = Query(expression, as_json=True, warn=warned.append)
    assert [as_json.text(given, str), as_json.text(given, str)] == ["null", "null"]
    assert Query(expression, warn=warned.append).text(given, str) == ""
    assert len(warned) == 2
    assert "does not fit" in warned[0]


def test_what_a_function_gives_that_is_no_json_is_null_too():
    warned: list[str] = []
    query = Query("to_array(&n)", as_json=True, warn=warned.append)
    assert query.text(TRIP, str) == "null"
    assert "not JSON serializable" in warned[0]


def test_an_expression_is_no_query():
    with pytest.raises(UsageError, match="& stands only before"):
        Query("&n")


def test_a_complaint_without_words_is_called_by_its_name():
    assert first_line(RecursionError()) == "RecursionError"


def test_with_nobody_to_warn_that_is_a_wrong_use():
    with pytest.raises(UsageError, match="--query does not fit"):
        Query("length(n)").text(TRIP, str)
