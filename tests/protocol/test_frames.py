"""Frames: strict JSON or a sentence in, and out what a profile makes of a message."""

import json
from types import MappingProxyType

import pytest

from notifyws.errors import UsageError
from notifyws.models import Message, strict_json
from notifyws.protocol.expressions import BadExpression
from notifyws.protocol.frames import (
    DEEPEST,
    Composed,
    Composer,
    InvalidFrame,
    decode,
    decode_all,
    decoder,
    json_path,
)
from notifyws.protocol.profile import Ack, Send
from notifyws.protocol.templates import TemplateContext


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


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1" * 400 + ".0"])
def test_a_number_that_would_become_infinite_is_refused(number):
    with pytest.raises(InvalidFrame, match="a number is too large"):
        decode(f'{{"a": {number}}}')


@pytest.mark.parametrize("number", ["9" * 5000, "-" + "9" * 5000])
def test_an_endless_integer_is_refused(number):
    with pytest.raises(InvalidFrame, match="an integer has too many digits"):
        decode(number)


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


# Messages.


PLAIN = {"type": "{type}", "payload": "{payload}", "id": "{id}"}


def context():
    drawn = iter(["u1", "u2"])
    return TemplateContext({"room": "news"}, lambda: 1700000000.5, lambda: next(drawn))


def composed(frame, *messages, equals=None):
    ack = None if equals is None else Ack(when="ack", equals=equals)
    composer, one = Composer(Send(frame=frame, ack=ack)), context()
    return [composer.compose(message, one) for message in messages]


def test_it_is_the_template_filled_with_the_message():
    (one,) = composed(PLAIN, Message("note", {"title": "x"}, "a"))
    assert one == Composed('{"type":"note","payload":{"title":"x"},"id":"a"}', "")


def test_what_it_does_not_have_is_left_out_and_an_empty_payload_is_not():
    (one,) = composed(PLAIN, Message("note"))
    assert one.frame == '{"type":"note","payload":{}}'


def test_any_mapping_is_a_payload():
    (one,) = composed("{payload|json}", Message("note", MappingProxyType({"n": 1})))
    assert one.frame == '{"n":1}'


def test_the_name_of_its_acknowledgement_is_filled_too_and_may_be_missing():
    named = Message("note", {"ref": 7})
    ones = composed(PLAIN, named, Message("note"), equals="{payload.ref}")
    assert [one.key for one in ones] == ["7", ""]


@pytest.mark.parametrize(
    ("frame", "equals", "frames", "keys"),
    [
        ("{seq}", "", ["1", "2"], ["", ""]),
        ("{room}", "{seq}", ["news", "news"], ["1", "2"]),
        ("{seq} {uuid}", "{uuid}", ["1 u1", "2 u2"], ["u1", "u2"]),
        ("{room} {now}", "", ["news 1700000000", "news 1700000000"], ["", ""]),
    ],
)
def test_each_frame_has_the_next_number_and_a_text_of_its_own(
    frame, equals, frames, keys
):
    ones = composed(frame, Message("a"), Message("b"), equals=equals)
    assert [one.frame for one in ones] == frames
    assert [one.key for one in ones] == keys


def test_a_message_of_which_nothing_is_left_is_a_wrong_use():
    with pytest.raises(UsageError, match="nothing of note can be sent"):
        composed("{payload.title}", Message("note"))


@pytest.mark.parametrize("value", [float("nan"), {1, 2}])
def test_a_payload_that_is_not_json_is_a_wrong_use(value):
    with pytest.raises(UsageError, match="the payload of note is not JSON"):
        composed(PLAIN, Message("note", {"x": value}))


def test_a_text_that_is_not_utf_8_is_a_wrong_use_and_within_json_it_is_none():
    half = Message("note", {"title": "\ud800"})
    with pytest.raises(UsageError, match="the text of note is not UTF-8"):
        composed("{payload.title}", half)
    (one,) = composed("{payload|json}", half)
    assert one.frame == '{"title":"\\ud800"}'


def test_a_text_of_any_language_is_sent_as_it_is():
    (one,) = composed("{payload.title}", Message("note", {"title": "Grüße 🚕"}))
    assert one.frame == "Grüße 🚕"
