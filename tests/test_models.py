"""The nouns: what a server said is kept, what it left out is derived."""

import hashlib
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyws.delivery.targets import DeliveryTargets, Route
from notifyws.models import (
    Account,
    Frame,
    Message,
    Notification,
    Token,
    as_number,
    as_text,
    printable,
    strict_json,
)

NOW = "2024-01-15T10:30:00.000Z"


def notification(**fields):
    return Notification({"type": "t", **fields}, NOW)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [-float("inf")]])
def test_strict_json_holds_no_number_that_json_has_not(value):
    with pytest.raises(ValueError):
        strict_json(value)


def test_strict_json_is_one_line_of_ascii():
    assert (
        strict_json({"a": "é\n\u2028", "b": [1]}) == r'{"a":"\u00e9\n\u2028","b":[1]}'
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (None, ""),
        (0, "0"),
        (False, "false"),
        ({"a": "é"}, '{"a": "é"}'),
    ],
)
def test_a_field_for_people_is_text_or_its_json(value, text):
    assert as_text(value) == text


def test_what_the_server_left_out_has_defaults():
    bare = notification()
    assert (bare.type, bare.title, bare.message) == ("t", "", "")
    assert (bare.link, bare.data, bare.id, bare.timestamp) == (None, None, None, NOW)


def test_what_the_server_said_is_read_as_it_said_it():
    full = notification(title="T", message="M", link="/x", data=[1], timestamp="soon")
    assert (full.title, full.message, full.link) == ("T", "M", "/x")
    assert (full.data, full.timestamp) == ([1], "soon")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"message": "M", "data": "D"}, "M"),
        ({"data": "D"}, "D"),
        ({"data": 7}, "7"),
        ({"data": False}, "false"),
        ({"data": None}, ""),
        ({"data": {"a": 1}}, ""),
        ({"data": ["a"]}, ""),
        ({"title": "D", "data": "D"}, ""),
    ],
)
def test_what_has_no_message_says_its_data_where_that_is_plain(fields, words):
    assert notification(**fields).words == words


@pytest.mark.parametrize("timestamp", [None, ""])
def test_an_empty_timestamp_is_the_time_of_receipt(timestamp):
    assert notification(timestamp=timestamp).timestamp == NOW


@pytest.mark.parametrize(
    ("given", "ident"),
    [
        ("7", "7"),
        (7, 7),
        (0, 0),
        ("", None),
        (None, None),
        (True, None),
        (1.5, None),
        ([1], None),
    ],
)
def test_an_id_is_a_text_or_a_whole_number(given, ident):
    found = notification(id=given).id
    assert (found, type(found)) == (ident, type(ident))


@pytest.mark.parametrize("link", ["", None, 5, {"href": "/"}])
def test_a_link_that_is_no_text_is_none(link):
    assert notification(link=link).link is None


def test_missing_fields_are_added_at_the_end_and_nothing_else_changes():
    shown = Notification({"x": 1, "message": None, "type": "t"}, NOW).as_json()
    assert list(shown.items()) == [
        ("x", 1),
        ("message", None),
        ("type", "t"),
        ("title", ""),
        ("timestamp", NOW),
    ]


def test_a_frame_that_lacks_nothing_is_its_own_line():
    frame = '{ "type":"t", "title":"","message":null, "timestamp":1.10 }'
    assert Notification(json.loads(frame), NOW, frame).line() == frame


@pytest.mark.parametrize(
    "frame",
    ['{"type":\n"t"}', '{"type":"t","é":1}', None],
)
def test_anything_else_is_written_anew(frame):
    fields = json.loads(frame or '{"type":"t"}')
    line = Notification(fields, NOW, frame).line()
    assert line.isascii()
    assert "\n" not in line
    assert json.loads(line) == {
        **fields,
        "title": "",
        "message": "",
        "timestamp": NOW,
    }


_NUMBERS = ["0", "-0", "1E2", "1.0", "0.1234567890123456789", "12345678901234567890"]
_VALUES = [*_NUMBERS, "null", "{}", "[ 1.50 , -0.0 ]", '"}"', '"\\u00e9\\n"']
_NAMES = st.sampled_from(["title", "message", "timestamp", "x", "}", "a b"])
_BLANKS = st.sampled_from(["", " ", "\t "])


def as_written(text: str) -> list:
    """Return an object's members in their order, numbers as their very text."""
    value = json.loads(text, parse_int=str, parse_float=str, parse_constant=pytest.fail)
    return list(value.items())


@settings(max_examples=50, database=None)
@given(st.dictionaries(_NAMES, st.sampled_from(_VALUES)), _BLANKS, _BLANKS)
def test_a_line_is_the_frame_with_what_was_missing_and_no_number_changed(
    members, blank, tail
):
    texts = [f'"{k}"{blank}:{blank}{v}' for k, v in {**members, "type": '"t"'}.items()]
    frame = f"{blank}{{{blank}{f'{blank},'.join(texts)}{blank}}}{tail}"
    line = Notification(json.loads(frame), NOW, frame).line()
    assert line.isascii()
    assert len(line.splitlines()) == 1
    missing = {"title": "", "message": "", "timestamp": NOW}
    added = [(k, v) for k, v in missing.items() if k not in members]
    assert as_written(line) == as_written(frame) + added


def test_a_message_has_an_empty_payload_and_no_id_unless_given():
    assert Message("t") == Message("t", {}, None)


@pytest.mark.parametrize(
    ("lifetime", "margin", "keep"), [(900, 180, 720), (10, 10, 0), (5, 9, 0)]
)
def test_a_token_is_kept_for_its_life_less_the_margin(lifetime, margin, keep):
    assert Token("secret", lifetime, margin).fresh_for == keep


def test_secrets_are_not_shown():
    assert "secret" not in repr(Token("secret", 1, 0))
    assert "secret" not in repr(Account("https://h", "default", "secret"))


def test_an_account_is_a_digest_over_origin_profile_and_user():
    text = b"https://h\ndefault\nanna"
    wanted = hashlib.sha256(text).hexdigest()[:16]
    assert Account("https://h", "default", "anna").id == wanted


def test_accounts_that_differ_in_one_part_differ():
    accounts = [
        Account("https://h", "default", "anna"),
        Account("http://h", "default", "anna"),
        Account("https://h", "other", "anna"),
        Account("https://h", "default", "bert"),
        Account("https://h", "default", "\ud800"),
        Account("https://h", "default", "anna", "https://socket"),
    ]
    assert len({account.id for account in accounts}) == len(accounts)


SOMEBODY = (
    *({"command": "x"}, {"url": "x"}, {"desktop": True}, {"apprise": ("x://",)}),
    *({"tee": "x"}, {"routes": (Route("r"),)}),
)


def test_handing_on_is_to_somebody_or_nobody_and_its_secret_is_not_shown():
    assert not DeliveryTargets().anybody
    for somebody in SOMEBODY:
        assert DeliveryTargets(**somebody).anybody
    assert "hush" not in repr(DeliveryTargets(url="x", secret="hush"))


def test_a_line_can_be_read_back():
    line = Notification({"type": "t"}, NOW, '{"type":"t","own":[1.50,null]}').line()
    again = Notification(json.loads(line), "", line)
    assert again.fields["own"] == [1.5, None]
    assert again.line() == line


@pytest.mark.parametrize(
    ("frame", "line"),
    [
        (
            '{"type":"t","title":"a","message":"b","timestamp":"c","n":1.0}',
            '{"type":"t","title":"a","message":"b","timestamp":"c","n":1.0,'
            '"server":"work"}',
        ),
        (
            '{"type":"t","n":1e2} ',
            '{"type":"t","n":1e2,"title":"","message":"","timestamp":"now",'
            '"server":"work"}',
        ),
        (
            '{"type":"t","server":"home"}',
            '{"type":"t","server":"work","title":"","message":"","timestamp":"now"}',
        ),
    ],
)
def test_of_several_servers_a_line_says_which_whatever_that_says_itself(frame, line):
    told = Notification(json.loads(frame), "now", frame, server="work")
    assert told.line() == line
    assert told.as_json() == json.loads(line)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        *((7, 7.0), (0.5, 0.5), ("12", 12.0), (" 1e3 ", 1000.0), (-1, -1.0)),
        *((True, None), (None, None), ([], None), ("soon", None), (b"7", None)),
        *((10**400, None), ("9" * 400, math.inf), ("nan", None), (math.inf, math.inf)),
    ],
)
def test_a_number_from_outside_is_one_that_can_be_reckoned_with(value, number):
    assert as_number(value) == number


def test_a_frame_is_text_however_it_was_sent():
    assert Frame.of("é", True) == Frame("é", True)
    assert Frame.of(b"\xc3\xa9\xff", False) == Frame("é\ufffd")


def test_what_cannot_be_printed_is_a_blank():
    assert printable("a\x1b\u202eé b") == "a  é b"
