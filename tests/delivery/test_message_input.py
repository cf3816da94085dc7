"""Messages from what people type: options, pairs, stdin, lines, whole payloads."""

import pytest

from notifyws.delivery.message_input import (
    SHAPE,
    as_message,
    from_line,
    from_parts,
    from_stdin,
    payload_of,
)
from notifyws.errors import UsageError
from notifyws.models import SAMPLES, Message

NO_TEXTS = {"title": None, "message": None, "link": None}


# Options and pairs.


def test_nothing_given_makes_no_message():
    assert from_parts("t", NO_TEXTS) is None


def test_texts_are_keys_of_the_payload_and_absent_ones_are_not():
    message = from_parts("t", NO_TEXTS | {"title": "T", "message": ""})
    assert message == Message("t", {"title": "T", "message": ""})


@pytest.mark.parametrize(
    ("pair", "key", "value"),
    [
        ("a=b", "a", "b"),
        ("a=", "a", ""),
        ("a==b", "a", "=b"),
        ("a=1", "a", "1"),
        ("url=wss://h:1/?x=y", "url", "wss://h:1/?x=y"),
        ("a=line\nline", "a", "line\nline"),
        ("a:=1", "a", 1),
        ("a:=null", "a", None),
        ('a:={"b":[true]}', "a", {"b": [True]}),
    ],
)
def test_a_pair_is_text_after_one_sign_and_json_after_the_other(pair, key, value):
    assert from_parts("t", NO_TEXTS, [pair]) == Message("t", {key: value})


@pytest.mark.parametrize(
    ("pair", "complaint"),
    [
        *((pair, "is no pair") for pair in ("", "a", "=b", ":=1", "a:b", "a:b=c")),
        *((f"a:={x}", "^a:= is n") for x in ("", "x", "{", "NaN", "1e999", "[" * 300)),
    ],
)
def test_what_is_no_pair_or_no_json_after_its_sign_is_a_wrong_use(pair, complaint):
    with pytest.raises(UsageError, match=complaint):
        from_parts("t", NO_TEXTS, [pair])


def test_pairs_win_over_texts_over_payload_over_the_sample():
    message = from_parts(
        "trip_update",
        NO_TEXTS | {"title": "text", "message": "text"},
        ["message=pair"],
        {"title": "payload", "link": "payload"},
        sample=True,
    )
    assert message.payload == {
        "title": "text",
        "message": "pair",
        "link": "payload",
        "data": SAMPLES["trip_update"]["data"],
    }


def test_an_empty_payload_is_a_payload():
    assert from_parts("t", NO_TEXTS, payload={}) == Message("t", {})


@pytest.mark.parametrize(
    "kind", ["trip_update", "payment_approved", "message_received"]
)
def test_a_sample_is_the_example_of_its_type(kind):
    message = from_parts(kind, NO_TEXTS, sample=True)
    assert message == Message(kind, SAMPLES[kind])
    assert {"title", "message", "link", "data"} == set(message.payload)


def test_a_type_without_an_example_is_a_wrong_use():
    with pytest.raises(UsageError, match="no sample of type 'x'") as caught:
        from_parts("x", NO_TEXTS, sample=True)
    assert caught.value.hint == "known: trip_update, payment_approved, message_received"


# stdin.


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t\r\n"])
def test_nothing_on_stdin_is_a_wrong_use(text):
    with pytest.raises(UsageError, match="stdin was empty"):
        from_stdin("t", text)


@pytest.mark.parametrize(
    ("text", "payload"),
    [
        ('{"title": "T"}\n', {"title": "T"}),
        ('{"a": null}', {"a": None}),
        ("hello\n", {"message": "hello"}),
        (" two\nlines \r\n", {"message": " two\nlines "}),
        ("[1]", {"message": "[1]"}),
        ("5", {"message": "5"}),
        ('{"a": NaN}', {"message": '{"a": NaN}'}),
    ],
)
def test_a_json_object_on_stdin_is_the_payload_and_anything_else_is_text(text, payload):
    assert from_stdin("t", text) == Message("t", payload)


# Lines and objects.


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"type":"t"}', Message("t")),
        ('{"type":"t","payload":{"a":1}}\n', Message("t", {"a": 1})),
        ('{"type":"t","id":"7"}', Message("t", {}, "7")),
        ('{"type":"t","id":7}', Message("t", {}, "7")),
        ('{"type":"t","id":null}', Message("t")),
    ],
)
def test_a_line_is_a_message(line, message):
    assert from_line(line, 1) == message


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "not JSON"),
        ("rubbish", "not JSON"),
        ("NaN", "not JSON: NaN"),
        ("[]", "a message must be an object"),
        ("null", "a message must be an object"),
        ("{}", "a message needs a type"),
        ('{"type":""}', "a message needs a type"),
        ('{"type":5}', "a message needs a type"),
        ('{"type":"t","payload":[]}', "a message's payload must be an object"),
        ('{"type":"t","payload":null}', "a message's payload must be an object"),
        ('{"type":"t","title":"T"}', "a message has no 'title'"),
    ],
)
def test_a_line_that_is_none_is_named_by_its_number(line, complaint):
    with pytest.raises(UsageError, match=f"^line 3: {complaint}") as caught:
        from_line(line, 3)
    assert caught.value.hint == SHAPE


def test_a_line_that_was_no_utf8_is_named_and_one_of_any_language_is_a_message():
    with pytest.raises(UsageError, match=r"^line 3: not UTF-8 text"):
        from_line('{"type":"\udcff"}', 3)
    assert from_line('{"type":"t","id":"ü"}', 1) == Message("t", {}, "ü")


def test_a_message_is_taken_as_it_is():
    message = Message("t")
    assert as_message(message) is message


def test_a_payload_given_whole_is_an_object():
    assert payload_of('{"a": 1}', "--payload") == {"a": 1}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "--payload is not JSON: .+"),
        ("", "--payload is not JSON: .+"),
        ("NaN", "--payload is not JSON: NaN"),
        ("1e999", "--payload is not readable: a number is too large"),
        ("[" * 300, "--payload is n.+"),
        ("[]", "--payload is not a JSON object"),
        ("null", "--payload is not a JSON object"),
    ],
)
def test_a_payload_that_is_none_is_a_wrong_use(text, complaint):
    with pytest.raises(UsageError, match=f"^{complaint}$"):
        payload_of(text, "--payload")


@pytest.mark.parametrize("make", [from_parts, from_stdin])
def test_a_message_without_a_type_is_refused(make):
    with pytest.raises(UsageError, match="needs a type"):
        make("", {"message": "x"} if make is from_parts else "x")


def test_an_empty_message_is_refused_unless_it_is_meant():
    for texts in ({"message": ""}, {"title": "", "message": "", "link": ""}):
        with pytest.raises(UsageError, match="an empty message is not sent"):
            from_parts("t", texts)
    with pytest.raises(UsageError, match="an empty message is not sent"):
        from_stdin("t", "{}")
    assert from_parts("t", {}, payload={}) == Message("t", {})
    assert from_parts("t", {}, ["a="]) == Message("t", {"a": ""})
    assert from_parts("t", {"title": "", "message": "x"}) is not None


def test_text_that_was_no_utf8_is_refused():
    for texts, pairs in (({"message": "\udcff"}, []), ({}, ["a=\udcff"])):
        with pytest.raises(UsageError, match="is not UTF-8 text"):
            from_parts("t", texts, pairs)


def test_a_misspelt_type_of_sample_is_told_which_one_may_be_meant():
    with pytest.raises(UsageError) as caught:
        from_parts("trip_updates", NO_TEXTS, sample=True)
    assert caught.value.hint == "did you mean trip_update?"
