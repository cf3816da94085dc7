"""Frames: strict JSON, or a sentence about what is wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyws.models import strict_json
from notifyws.protocol.expressions import BadExpression
from notifyws.protocol.frames import (
    DEEPEST,
    InvalidFrame,
    decode,
    decode_all,
    decoder,
    json_path,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "b": [true, null, "x"]}', {"a": 1, "b": [True, None, "x"]}),
        (' \t\r\n"text" \n', "text"),
        ("null", None),
        ("[]", []),
        ("-0.5e3", -500.0),
        ("1e-999", 0.0),
        ("9" * 4000, int("9" * 4000)),
        ('"\\u0000\\ud800\u2028"', "\0\ud800\u2028"),
        ('{"a":1,"a":2}', {"a": 2}),
    ],
)
def test_strict_json_is_its_value(text, value):
    assert decode(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "text",
        '{"a":',
        "{'a': 1}",
        '{"a": 1,}',
        "{} {}",
        '\ufeff{"a": 1}',
        '"a\nb"',
        '"a\0b"',
        "01",
        "NaN",
        '{"a": Infinity}',
        "[-Infinity]",
    ],
)
def test_what_is_no_json_is_said_to_be_none(text):
    with pytest.raises(InvalidFrame, match=r"^not JSON: "):
        decode(text)


NUMBERS = st.from_regex(
    r"-?(0|[1-9]\d{0,30})(\.\d{1,30})?([eE][+-]?\d{1,3})?", fullmatch=True
)
SCALARS = st.one_of(NUMBERS, st.text().map(json.dumps), st.text().map(repr))
TEXTS = st.recursive(
    SCALARS | st.text('\\"{}[]:,0e.-+ \n\t\x00\x1fu8dé', max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda parts: f"[{','.join(parts)}]")
        | st.lists(st.tuples(st.text("ab", max_size=1), inner), max_size=4).map(
            lambda pairs: "{" + ",".join(f'"{k}":{v}' for k, v in pairs) + "}"
        )
    ),
    max_leaves=8,
)


@given(TEXTS)
def test_a_text_is_read_as_pythons_own_reader_reads_it(text):
    assert said(decode, text) in (said(json.loads, text), "too large")


def said(read, text):
    try:
        return repr(read(text))
    except ValueError as error:
        return "too large" if "too large" in str(error) else "no JSON"


def test_an_array_of_little_values_takes_linear_time():
    assert len(decode_all("[" * 150 + "]" * 150 + "\n{}" * 100_000)) == 100_001


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("@", ()),
        ("data", ("data",)),
        ("data.body", ("data", "body")),
        ("@.data", ("data",)),
        ("@[]", (None,)),
        ("[].data", (None, "data")),
        ("a-b.items[][].x y", ("a-b", "items", None, None, "x y")),
    ],
)
def test_a_path_of_json_in_text_is_keys_and_elements_of_lists(path, steps):
    assert json_path(path) == steps


@pytest.mark.parametrize(
    ("path", "offset"),
    [("", 0), ("a..b", 1), (".a", 0), ("a[0]", 1), ("a[", 1), ("@a", 1), ("a.", 1)],
)
def test_any_other_path_is_refused_at_its_place(path, offset):
    with pytest.raises(BadExpression) as caught:
        json_path(path)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        (
            "[].data",
            [{"data": "[1]"}, {"data": "x"}, 5],
            [{"data": [1]}, {"data": "x"}, 5],
        ),
        ("@[]", ['{"a":1}', "x"], [{"a": 1}, "x"]),
        ("items[].d", {"items": [{"d": "{}"}]}, {"items": [{"d": {}}]}),
        ("items[].d", {"items": 5}, {"items": 5}),
        ("[].d", [], []),
    ],
)
def test_json_in_text_is_read_in_every_element_of_a_list(path, value, found):
    assert decoder(json_in=[path])(json.dumps(value)) == [found]


@pytest.mark.parametrize(
    ("number", "why"),
    [
        *((each, "a number is too large") for each in ("1e400", "-1e400")),
        ("1" * 400 + ".0", "a number is too large"),
        *((f"{sign}{'9' * 5000}", "an integer has too many digits") for sign in "- "),
    ],
)
def test_a_number_that_is_infinite_or_endless_is_refused(number, why):
    with pytest.raises(InvalidFrame, match=why):
        decode(f'{{"a": {number}}}')


@pytest.mark.parametrize("depth", [DEEPEST + 1, 600, 970, 5000, 100_000])
@pytest.mark.parametrize(("opened", "closed"), ["[]", ('{"a":', "}")])
def test_what_is_too_deep_is_refused(opened, closed, depth):
    inside = "0" if closed == "}" else ""
    with pytest.raises(InvalidFrame, match="nested too deeply"):
        decode(opened * depth + inside + closed * depth)


def test_what_is_just_not_too_deep_can_be_written_again_far_down_a_stack():
    value = decode("[" * DEEPEST + "]" * DEEPEST)

    def down(steps):
        return down(steps - 1) if steps else strict_json(value)

    assert down(300) == "[" * DEEPEST + "]" * DEEPEST


def test_only_the_deepest_place_counts():
    around = DEEPEST - 1
    text = "[" * around + "[],[],[]" + "]" * around
    assert strict_json(decode(text)) == text
    with pytest.raises(InvalidFrame, match="nested too deeply"):
        decode(f"[{text}]")


@pytest.mark.parametrize("text", ["[" + "[]," * 999 + "[]]", '"' + "[" * 999 + '"'])
def test_many_brackets_side_by_side_or_in_text_are_not_deep(text):
    assert strict_json(decode(text)) == text


def test_200_000_keys_are_taken():
    text = "{" + ",".join(f'"{n}":{n}' for n in range(200_000)) + "}"
    assert len(decode(text)) == 200_000


@pytest.mark.parametrize("text", ['{"a":1}}', '{"a":1}x', "{}1"])
def test_what_follows_a_value_without_a_blank_is_no_value(text):
    value, error = decode_all(text)
    assert isinstance(value, dict)
    assert "extra data" in str(error)


def test_numbers_of_several_values_in_a_frame_stay_what_they_are():
    assert decode_all('{"a":1.5} {"b":2e3}') == [{"a": 1.5}, {"b": 2000.0}]
