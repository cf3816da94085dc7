"""What a frame means, and that a notification is always one line of strict JSON."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyws.models import Notification
from notifyws.protocol.profile import Ack, Renewal, Rule
from notifyws.protocol.profile_schema import validated
from notifyws.protocol.rules import (
    Acknowledged,
    AuthFailed,
    Expired,
    Ignored,
    Many,
    NotUnderstood,
    Pong,
    RenewalAnswer,
    Rules,
    ServerError,
    ServerGap,
    ServerPing,
)
from tests.protocol import DEFAULT

NOW = "2024-01-15T10:30:00.000Z"
RULES = Rules(DEFAULT.rules)
WHOLE = '{"type":"t","title":"","message":"","timestamp":"x"%s}'


def read(frame):
    return RULES.read(frame, NOW)


# The default profile.


def test_an_object_with_a_type_is_a_notification():
    found = read('{"type": "trip_update", "title": "T"}')
    assert isinstance(found, Notification)
    assert (found.type, found.title, found.received) == ("trip_update", "T", NOW)


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (
            '{"type":"error","payload":{"message":"bad","id":"7"}}',
            ServerError("bad", "7"),
        ),
        (
            '{"type":"error","payload":{"message":"bad","id":7}}',
            ServerError("bad", "7"),
        ),
        ('{"type":"error","message":"bad"}', ServerError("bad")),
        ('{"type":"error"}', ServerError("no reason given")),
        ('{"type":"error","payload":[]}', ServerError("no reason given")),
        ('{"type":"error","message":{"a":1}}', ServerError('{"a": 1}')),
    ],
)
def test_an_error_frame_says_what_was_wrong_with_which_message(frame, error):
    assert read(frame) == error


@pytest.mark.parametrize(
    ("frame", "gap"),
    [
        ('{"type":"gap","from":"a","to":"b"}', ServerGap("a", "b")),
        ('{"type":"gap","from":5}', ServerGap("5", "")),
        ('{"type":"gap"}', ServerGap()),
    ],
)
def test_a_gap_frame_says_from_where_to_where(frame, gap):
    assert read(frame) == gap


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("hello", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "not a JSON object"),
        ('"text"', "not a JSON object"),
        ("null", "not a JSON object"),
        ("5", "not a JSON object"),
        ("{}", "an object without a type"),
        ('{"type":""}', "an object without a type"),
        ('{"type":null}', "an object without a type"),
        ('{"type":5}', "an object without a type"),
        (b"", "a binary frame of 0 bytes"),
        (b'{"type":"t"}', "a binary frame of 12 bytes"),
    ],
    ids=range(12),
)
def test_a_frame_that_makes_no_sense_is_not_understood(frame, reason):
    found = read(frame)
    assert isinstance(found, NotUnderstood)
    assert reason in found.reason


# Rules.


def test_the_first_rule_that_matches_wins():
    rules = Rules(
        [
            Rule(match={"type": "ping", "quiet": True}, then="ignore"),
            Rule(match={"type": "ping"}, then="error", message="why"),
            Rule(then="notification"),
        ]
    )
    assert rules.read('{"type":"ping","quiet":true}', NOW) == Ignored()
    assert rules.read('{"type":"ping","why":"x"}', NOW) == ServerError("x")
    assert isinstance(rules.read('{"type":"pong"}', NOW), Notification)


def test_what_no_rule_matches_is_not_understood():
    rules = Rules([Rule(match={"kind": "n"}, then="notification")])
    found = rules.read('{"type":"t"}', NOW)
    assert found == NotUnderstood("no rule of the profile matches it")


@pytest.mark.parametrize(
    "expression",
    ["length(type)", "contains(type, n)", "type > n", "ceil(to_number(i))"],
)
def test_an_expression_that_cannot_be_worked_out_finds_nothing(expression):
    rules = Rules([Rule(then="gap", start=f"[{expression}][5:] | {expression}")])
    found = rules.read('{"type":"t","n":1,"i":"inf"}', NOW)
    assert found in (ServerGap(), ServerGap("1"))


# Lines.


@pytest.mark.parametrize(
    "frame",
    [
        WHOLE % "",
        WHOLE % ',"nul":"\\u0000","half":"\\ud800","line":"\\u2028"',
        WHOLE % ', "spaces" : 1.50 ,\t"tab":[1E5]',
        WHOLE % ',"twice":1,"twice":2',
        '{"timestamp":null,"message":[],"title":5,"type":"t"}',
    ],
)
def test_a_frame_that_already_is_such_a_line_is_passed_on_as_it_is(frame):
    assert read(frame).line() is frame


@pytest.mark.parametrize(
    ("frame", "line"),
    [
        (WHOLE % ',"a":"é"', WHOLE % ',"a":"\\u00e9"'),
        (WHOLE % ',"a":"\u2028"', WHOLE % ',"a":"\\u2028"'),
        (WHOLE % ',\n"a":1', WHOLE % ',"a":1'),
        (WHOLE % ',\r"a":1', WHOLE % ',"a":1'),
        (WHOLE % "" + "\n", WHOLE % ""),
        (
            '{"z":1,"type":"t","message":"m","a":2}',
            f'{{"z":1,"type":"t","message":"m","a":2,"title":"","timestamp":"{NOW}"}}',
        ),
    ],
)
def test_any_other_frame_is_written_as_such_a_line(frame, line):
    assert read(frame).line() == line


@pytest.mark.parametrize("missing", ["title", "message", "timestamp"])
def test_one_missing_field_is_enough_to_be_written_anew(missing):
    fields = json.loads(WHOLE % "")
    del fields[missing]
    assert list(json.loads(read(json.dumps(fields)).line()))[-1] == missing


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=5,
)
_KEYS = st.sampled_from(["title", "message", "timestamp", "id", "x", "é", "\u2028"])


@settings(max_examples=25, deadline=None, database=None)
@given(
    st.dictionaries(_KEYS, _VALUES, max_size=5),
    st.booleans(),
    st.sampled_from([None, 1]),
)
def test_a_notification_is_always_one_ascii_line_of_strict_json(fields, ascii, indent):
    given = {**fields, "type": "t"}
    found = read(json.dumps(given, ensure_ascii=ascii, indent=indent))
    line = found.line()
    assert line.isascii()
    assert not set(line) & set("\r\n")
    back = json.loads(line, parse_constant=pytest.fail)
    assert back == found.as_json()
    assert list(back.items())[: len(given)] == list(given.items())
    assert set(back) == set(given) | {"title", "message", "timestamp"}


# Frames that speak to us.


@pytest.mark.parametrize(
    ("then", "arrival"),
    [
        ("ping", ServerPing({"a": 1})),
        ("pong", Pong()),
        ("ack", Ignored()),
        ("ignore", Ignored()),
        ("token expired", Expired("w")),
        ("auth failed", AuthFailed("w")),
    ],
)
def test_a_frame_may_speak_to_us(then, arrival):
    rules = Rules([Rule(then=then, reply={"a": 1}, message="why", when="op == 'x'")])
    assert rules.read('{"op":"x","why":"w"}', NOW) == arrival


def test_acknowledgements_and_renewals_are_asked_before_the_rules():
    ack = Ack(when="op == 'ack'", id="id", ok="fine", message="why")
    fail = [{"when": "op == 'no'", "message": "why"}, {"when": "op == 'never'"}]
    renewal = validated(
        Renewal, {"how": "frame", "frame": {}, "ok": "op == 'ok'", "fail": fail}
    )
    rules = Rules([Rule(then="ignore")], None, ack, renewal)
    for frame, arrival in {
        '{"op":"ack","id":"5","fine":true}': Acknowledged("5", ok=True),
        '{"op":"ack","id":5,"why":"w"}': Acknowledged("5", ok=False, message="w"),
        '{"op":"ok"}': RenewalAnswer(ok=True),
        '{"op":"no","why":"w"}': RenewalAnswer(ok=False, message="w"),
        '{"op":"never"}': RenewalAnswer(ok=False),
        '{"op":"else"}': Ignored(),
    }.items():
        assert rules.read(frame, NOW) == arrival
    plain = Rules([Rule(then="ignore")], None, Ack(when="op"), None)
    assert plain.read('{"op":1}', NOW) == Acknowledged("", ok=True)


def test_values_that_came_some_other_way_are_read_by_the_rules():
    rules = Rules([Rule(then="notification")])
    arrival = rules.value({"type": "a", "title": "t"}, NOW)
    assert isinstance(arrival, Notification)
    assert '"title":"t"' in arrival.line()


def test_several_items_with_several_things_each_are_flat():
    rules = Rules([Rule(then="notification", items="@", fields={"title": "t"})])
    arrival = rules.read('[{"t":"a"},{"t":"b"}]', NOW)
    assert isinstance(arrival, Many)
    assert len(arrival.arrivals) == 2
