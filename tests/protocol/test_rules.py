"""What a frame means, and that a notification is always one line of strict JSON."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyws.models import Notification
from notifyws.protocol.arrivals import (
    Acknowledged,
    Expired,
    Ignored,
    Many,
    NotUnderstood,
    Pong,
    RenewalAnswer,
    ServerError,
    ServerGap,
    ServerPing,
    SessionEnded,
    notifications,
    others_of,
    tells_gap,
)
from notifyws.protocol.frames import decoder
from notifyws.protocol.profile import Ack, Renewal, Rule
from notifyws.protocol.profile_schema import validated
from notifyws.protocol.rules import Rules
from tests.protocol import DEFAULT

UNSUBSCRIBED = "the server ended the subscription"
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
        ("[]", "an empty list"),
        ("[5]", "an element of a list that is not a JSON object"),
        ('"text"', "not a JSON object"),
        ("null", "not a JSON object"),
        ("5", "not a JSON object"),
        ("{}", "an object without a type"),
        ('{"type":""}', "an object without a type"),
        ('{"type":null}', "an object without a type"),
        ('{"type":5}', "an object without a type"),
        (b"", "not JSON"),
        (b'{"type":"\xff"}', "a binary frame of 12 bytes"),
    ],
    ids=range(13),
)
def test_a_frame_that_makes_no_sense_is_not_understood(frame, reason):
    found = read(frame)
    assert isinstance(found, NotUnderstood)
    assert reason in found.reason


@pytest.mark.parametrize(
    "frame",
    [
        '{"type":"a","id":1}\n{"type":"error","message":"m"}\r\n {"type":"a","id":2}\n',
        '{"type":"a","id":1}{"type":"error","message":"m"}{"type":"a","id":2}',
        '[{"type":"a","id":1},{"type":"error","message":"m"},{"type":"a","id":2}]',
        '[{"type":"a","id":1}] [{"type":"error","message":"m"},{"type":"a","id":2}]',
        b'{"type":"a","id":1}\n{"type":"error","message":"m"}\n{"type":"a","id":2}',
    ],
    ids=["lines", "side by side", "a list", "lists", "binary"],
)
def test_several_values_in_a_frame_are_as_many_frames(frame):
    first, second, third = read(frame).arrivals
    assert (first.id, second, third.id) == (1, ServerError("m"), 2)


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ('{"type":"gap"}', True),
        ('{"type":"a"} {"type":"gap"} {"type":"a"}', True),
        ('{"type":"a"}', False),
        ('{"type":"a"} {"type":"error","message":"m"}', False),
    ],
)
def test_a_gap_is_seen_whatever_shares_its_frame(frame, told):
    rules = Rules([Rule(match={"type": "gap"}, then="gap"), Rule(then="notification")])
    assert tells_gap(rules.read(frame, NOW)) is told


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ('{"type":"a"', "not JSON"),
        ("NaN", "not JSON: NaN"),
        ("}", "not JSON"),
        ("[" * 300 + "]" * 300, "nested too deeply"),
    ],
    ids=range(4),
)
def test_what_cannot_be_read_spoils_nothing_before_it(rest, reason):
    good, bad = read(f'{{"type":"a","id":1}}\n{rest}').arrivals
    assert good.id == 1
    assert isinstance(bad, NotUnderstood)
    assert reason in bad.reason


@pytest.mark.parametrize("frame", ["[5,5,5,5,5,5,5,5,5]", "5 " * 9])
def test_what_is_not_understood_in_a_frame_is_one_thing_that_is_counted(frame):
    found = read(frame)
    assert isinstance(found, NotUnderstood)
    assert found.count == 9
    mixed = read('{"type":"a"} 5 {"type":"b"} 5')
    assert [getattr(each, "count", each) for each in mixed.arrivals][1] == 2
    assert len(mixed.arrivals) == 3


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


@settings(max_examples=25, database=None)
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
        ("auth failed", SessionEnded("renew", "w")),
        ("unsubscribed", SessionEnded("retry", "w", UNSUBSCRIBED)),
    ],
)
def test_a_frame_may_speak_to_us(then, arrival):
    rules = Rules([Rule(then=then, reply={"a": 1}, message="why", when="op == 'x'")])
    assert rules.read('{"op":"x","why":"w"}', NOW) == arrival


ENDING = [
    ({"then": "unsubscribed"}, 2500, "retry"),
    ({"then": "unsubscribed", "means": "stop"}, 2500, "stop"),
    ({"then": "unsubscribed", "means": "stop", "code": "code"}, 4100, "retry now"),
    ({"then": "unsubscribed", "code": "code"}, 4999, "retry"),
    ({"then": "auth failed", "code": "code"}, 4100, "retry now"),
    ({"then": "error", "means": "expired"}, 1, "expired"),
    ({"then": "error", "code": "code"}, 4100, "retry now"),
    ({"then": "error", "code": "code"}, 4301, None),
    ({"then": "error", "code": "code"}, "4100", None),
    ({"then": "error"}, 4100, None),
]


@pytest.mark.parametrize(("rule", "code", "means"), ENDING)
def test_a_frame_may_end_the_session_and_says_by_a_code_what_that_means(
    rule, code, means
):
    said = Rule(**rule, message="why")
    rules = Rules([said], closes={"4100-4199": "retry now"})
    found = rules.read(json.dumps({"code": code, "why": "w"}), NOW)
    if means is None:
        assert found == ServerError("w")
    else:
        assert (found.means, found.message) == (means, "w")


def test_acknowledgements_and_renewals_are_asked_before_the_rules():
    ack = Ack(when="op == 'ack'", id="id", ok="fine", message="why")
    fail = [
        {"when": "op == 'no'", "message": "why"},
        {"when": "op == 'never'", "means": "stop"},
    ]
    renewal = validated(
        Renewal, {"how": "frame", "frame": {}, "ok": "op == 'ok'", "fail": fail}
    )
    rules = Rules([Rule(then="ignore")], None, ack, renewal)
    for frame, arrival in {
        '{"op":"ack","id":"5","fine":true}': Acknowledged("5", ok=True),
        '{"op":"ack","id":5,"why":"w"}': Acknowledged("5", ok=False, message="w"),
        '{"op":"ok"}': RenewalAnswer(ok=True),
        '{"op":"no","why":"w"}': RenewalAnswer(ok=False, message="w"),
        '{"op":"never"}': RenewalAnswer(ok=False, means="stop"),
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


TOPICS = [
    Rule(then="notification", items="[?topic == 'a']", fields={"title": "t"}),
    Rule(when="[?topic == 'b']", then="notification", items="[?topic == 'b'].t"),
    Rule(match={"topic": "c"}, then="ignore"),
]


def test_what_one_rule_leaves_of_a_list_is_for_the_rules_below_and_then_counted():
    frame = json.dumps([{"topic": each, "t": each} for each in "abcad"])
    *found, left = Rules(TOPICS[:1]).read(frame, NOW).arrivals
    assert [each.title for each in found] == ["a", "a"]
    assert left == NotUnderstood("no rule takes 3 elements of the list")
    found = Rules(TOPICS).read(frame, NOW).arrivals
    assert [each.fields.get("data") for each in found[2:]] == ["b"]


def test_where_lists_are_split_the_rules_look_at_each_element():
    frame = json.dumps([{"topic": each, "t": each} for each in "acd"])
    rule = Rule(match={"topic": "a"}, then="notification", fields={"title": "t"})
    rules = Rules([rule, TOPICS[2]], decoder(split_lists=True))
    first, ignored, unknown = rules.read(frame, NOW).arrivals
    assert (first.title, ignored) == ("a", Ignored())
    assert unknown == NotUnderstood("no rule of the profile matches it")


def test_whoever_follows_sees_every_value_before_it_is_judged():
    seen = []
    rules = Rules([Rule(then="ignore")], follow=seen.append)
    assert rules.read('{"a":1} {"a":2}', NOW) == Many((Ignored(), Ignored()))
    assert seen == [{"a": 1}, {"a": 2}]


def test_a_renewal_that_is_not_answered_is_known_by_its_failures_alone():
    fail = [{"when": "op == 'no'"}]
    renewal = validated(Renewal, {"how": "frame", "frame": {}, "fail": fail})
    rules = Rules([Rule(then="ignore")], renewal=renewal)
    assert rules.read('{"op":"ok"}', NOW) == Ignored()
    assert rules.read('{"op":"no"}', NOW) == RenewalAnswer(ok=False)


@pytest.mark.parametrize(
    ("below", "otherwise"),
    [
        ({"then": "auth failed", "message": "why"}, SessionEnded("renew", "w")),
        ({"then": "token expired", "message": "why"}, Expired("w")),
        ({"then": "error", "message": "why"}, ServerError("w")),
        ({"then": "ignore"}, None),
        ({"then": "notification"}, None),
    ],
)
def test_a_refused_renewal_is_what_the_rules_say_where_none_is_waited_for(
    below, otherwise
):
    fail = [{"when": "op == 'no'", "message": "why"}]
    renewal = validated(Renewal, {"how": "frame", "frame": {}, "fail": fail})
    rules = Rules([validated(Rule, below)], renewal=renewal)
    answer = rules.read('{"op":"no","why":"w","type":"x"}', NOW)
    assert answer == RenewalAnswer(False, "w", otherwise=otherwise)


def test_what_arrived_is_notifications_and_others():
    rules = Rules([Rule(match={"a": 1}, then="ignore"), Rule(then="notification")])
    alone = rules.read('{"a":1}', NOW)
    assert (notifications(alone), others_of(alone)) == ([], [Ignored()])
    both = rules.read('{"a":1}{"type":"t"}', NOW)
    assert [each.type for each in notifications(both)] == ["t"]
    assert others_of(both) == [Ignored()]


def test_a_frame_that_is_too_large_for_its_rule_is_not_understood():
    rule = Rule(then="notification", items="data", fields={"title": "length(frame.x)"})
    frame = json.dumps({"data": [0] * 5000, "x": [0] * 5000})
    found = Rules((rule,)).read(frame, NOW)
    assert isinstance(found, NotUnderstood)
    assert "too large for what the profile asks" in found.reason


def test_gaps_of_one_frame_are_one():
    text = '[{"type":"gap"},{"type":"gap"},{"type":"t"},{"type":"gap"}]'
    gap, told = read(text).arrivals
    assert isinstance(gap, ServerGap)
    assert told.type == "t"


# What bursts are made of.

DEEP = '{"type":"a","x":' + "[" * 300 + "]" * 300 + "}"
WIDE = '{"type":"a","x":[' + "[]," * 300 + "[]]}"


@pytest.mark.parametrize(
    "odd",
    [
        *(
            "",
            "1",
            "[]",
            '{"type":',
            '{"type":7}',
            '{"type":""}',
            "{}",
            '{"a":"\ud800"}',
        ),
        *('{"type":"error","message":"m"}', '{"type":"a"}{"type":"b"}', DEEP),
        b'{"type":"a"}',
    ],
)
def test_of_a_burst_the_plain_notifications_that_it_begins_with_are_read_at_once(odd):
    frames = ['{"type":"a","id":"1"}', WIDE, odd, '{"type":"b"}']
    found = RULES.plain(frames, NOW)
    assert len(RULES.plain(frames[:2], NOW)) == 2
    alone = [read(frame) for frame in frames[:2]]
    assert [(each.fields, each.frame, each.received) for each in found] == [
        (each.fields, each.frame, each.received) for each in alone
    ]


@pytest.mark.parametrize(
    "rules",
    [
        Rules([Rule(when="a", then="ignore"), Rule(then="notification")]),
        Rules([Rule(then="notification", fields={"title": "a"})]),
        Rules([Rule(match={"kind": "a"}, then="notification")]),
        Rules(DEFAULT.rules, decoder("json lines")),
        Rules(DEFAULT.rules, follow=lambda value: None),
    ],
)
def test_where_a_profile_has_to_look_at_frames_none_is_plain(rules):
    assert rules.plain(['{"type":"a"}'], NOW) == []
