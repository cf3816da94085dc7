"""Notifications out of values of any shape."""

import pytest

from notifyws.protocol.arrivals import Many, NotUnderstood
from notifyws.protocol.field_mapping import mapper, plain
from notifyws.protocol.frames import InvalidFrame, decoder
from notifyws.protocol.profile import FieldMapping, Rule
from notifyws.protocol.rules import Rules

RECEIVED = "2026-01-02T03:04:05.000Z"


def read(value, **mapping):
    return [each.as_json() for each in mapper(FieldMapping(**mapping))(value, RECEIVED)]


def shown(value, *names, **mapping):
    return [tuple(each.get(name) for name in names) for each in read(value, **mapping)]


def test_an_item_without_fields_is_the_notification_itself():
    assert plain(Rule(then="notification"))
    assert read({"type": "a", "title": "t"}) == [
        {"type": "a", "title": "t", "message": "", "timestamp": RECEIVED}
    ]


def test_what_is_no_object_becomes_data():
    assert shown("hello", "type", "data") == [("notification", "hello")]


def test_a_list_is_as_many_notifications():
    found = shown(
        [{"subject": "a"}, {"subject": "b"}],
        "title",
        items="@",
        fields={"title": "subject"},
    )
    assert found == [("a",), ("b",)]


def test_the_values_of_a_map_are_notifications_and_know_their_key():
    frame = {"all": {"n1": {"t": "a"}, "n2": {"t": "b"}}}
    found = shown(
        frame,
        "id",
        "title",
        items="all",
        values=True,
        fields={"id": "key", "title": "t"},
    )
    assert found == [("n1", "a"), ("n2", "b")]


def test_a_list_in_a_list_sees_fields_of_its_parent_and_of_the_frame():
    frame = {
        "site": "north",
        "groups": [
            {"severity": "high", "alerts": [{"text": "a"}, {"text": "b"}]},
            {"severity": "low", "alerts": [{"text": "c"}]},
        ],
    }
    found = shown(
        frame,
        "type",
        "message",
        "title",
        items="groups",
        children="alerts",
        fields={"type": "parent.severity", "message": "text", "title": "frame.site"},
        words={"type": {"high": "critical"}},
    )
    assert found == [
        ("critical", "a", "north"),
        ("critical", "b", "north"),
        ("low", "c", "north"),
    ]


def test_only_items_that_count_are_kept():
    found = shown([{"n": 1}, {"n": 5}], "data", items="@", keep="n > `2`")
    assert found == [(None,)]


def test_nothing_where_there_are_no_items():
    assert read({"a": 1}, items="nonesuch", fields={"title": "a"}) == []


def test_text_stands_in_where_an_expression_finds_nothing():
    mapping = {
        "fields": {"title": "subject"},
        "text": {"title": "{user.name} wrote", "type": "mail", "message": "{no.such}"},
    }
    frame = {"user": {"name": "Ada"}}
    assert shown(frame, "type", "title", "message", **mapping) == [
        ("mail", "Ada wrote", "")
    ]
    assert shown({"subject": "s"}, "title", **mapping) == [("s",)]


def test_text_sees_parent_and_frame_too():
    frame = {"name": "n", "items": [1]}
    assert shown(frame, "title", items="items", text={"title": "{frame.name}{x}"}) == [
        ("n",)
    ]


@pytest.mark.parametrize(
    ("unit", "value", "timestamp"),
    [
        ("s", "1705314600:[0],-", "2024-01-15T10:30:00.000Z"),
        ("s", "2024-01-15T10:30:00Z", "2024-01-15T10:30:00Z"),
        ("s", "2:0", RECEIVED),
        ("s", 1700000000, "2023-11-14T22:13:20.000Z"),
        ("s", "1700000000", "2023-11-14T22:13:20.000Z"),
        ("ms", 1700000000123, "2023-11-14T22:13:20.123Z"),
        ("s", "yesterday", RECEIVED),
        ("s", 1e300, RECEIVED),
        ("s", None, RECEIVED),
        ("iso", "2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"),
    ],
)
def test_timestamps_are_iso_or_unix_time(unit, value, timestamp):
    fields = {"timestamp": "t"}
    assert shown({"t": value}, "timestamp", fields=fields, timestamp=unit) == [
        (timestamp,)
    ]


@pytest.mark.parametrize(
    ("value", "data"), [('{"a":1}', {"a": 1}), ("not json", "not json"), (7, 7)]
)
def test_data_may_be_json_in_a_string(value, data):
    fields = {"data": "d"}
    assert shown({"d": value}, "data", fields=fields, encoding="json") == [(data,)]


def test_fields_beyond_the_known_ones_are_kept_in_their_order():
    found = read({"a": 1, "b": 2}, fields={"zeta": "a", "title": "b", "alpha": "a"})
    assert list(found[0])[:4] == ["type", "title", "zeta", "alpha"]


def test_severity_words_and_numbers_become_types():
    words = {"type": {"5": "critical", "low": "info"}}
    for value, kind in [(5, "critical"), ("low", "info"), ("odd", "odd"), (7, "7")]:
        found = shown({"p": value}, "type", fields={"type": "p"}, words=words)
        assert found == [(kind,)]


def test_a_frame_that_is_a_json_string_is_read_twice():
    rules = Rules(
        [Rule(then="notification", fields={"title": "t"})], decoder(json_in=["@"])
    )
    assert rules.read('"{\\"t\\":\\"x\\"}"', RECEIVED).title == "x"
    text = Rules([Rule(then="notification", fields={"message": "item"})])
    assert text.read('"hello"', RECEIVED).message == "hello"


def test_json_inside_a_string_field_is_read():
    rules = Rules(
        [Rule(then="notification", fields={"title": "data.a.t"})],
        decoder(json_in=["data", "data.a", "gone.b"]),
    )
    frame = '{"data":"{\\"a\\":\\"{\\\\\\"t\\\\\\":\\\\\\"x\\\\\\"}\\"}"}'
    assert rules.read(frame, RECEIVED).title == "x"
    assert rules.read('{"data":7}', RECEIVED).title == ""


def test_several_values_in_a_frame_are_several_arrivals():
    rules = Rules([Rule(then="notification")], decoder("json lines"))
    arrival = rules.read('{"type":"a"}\n\n{"type":"b"}\n7', RECEIVED)
    assert isinstance(arrival, Many)
    assert [type(each).__name__ for each in arrival.arrivals] == [
        "Notification",
        "Notification",
        "NotUnderstood",
    ]
    assert isinstance(rules.read('{"type":', RECEIVED), NotUnderstood)


def test_a_header_block_stands_before_the_json():
    rules = Rules(
        [Rule(then="notification", fields={"id": "headers.id", "title": "body.t"})],
        decoder("headers+json"),
    )
    for end in ("\n", "\r\n"):
        frame = end.join(["Id: 7:0", "content-type: x", "", '{"t":"x"}'])
        found = rules.read(frame, RECEIVED)
        assert (found.id, found.title) == ("7:0", "x")


def test_a_body_that_is_no_json_is_text():
    assert decoder("headers+json")("a: b\n\nhello") == [
        {"headers": {"a": "b"}, "body": "hello"}
    ]


ITEM = {
    "id": 7,
    "event": "x",
    "channel": "news",
    "priority": 1,
    "twin": 1,
    "at": 1700000000,
    "payload": {"id": 3, "text": "t"},
    "wrapped": {"body": {"deep": [1]}, "tags": ["a"], "gone": None},
}
FIELDS = {
    "type": "event",
    "title": "wrapped.title || channel",
    "message": "payload.text",
    "data": "payload",
    "id": "payload.id",
    "timestamp": "at",
    "level": "priority",
    "body": "wrapped.body",
}


def test_what_no_field_shows_stands_beside_them_or_below_frame():
    (found,) = read(ITEM, fields=FIELDS, timestamp="s", words={"level": {"1": "low"}})
    assert found == {
        "type": "x",
        "title": "news",
        "message": "t",
        "data": ITEM["payload"],
        "id": 3,
        "timestamp": "2023-11-14T22:13:20.000Z",
        "level": "low",
        "body": {"deep": [1]},
        "priority": 1,
        "twin": 1,
        "wrapped": {"tags": ["a"], "gone": None},
        "frame": {"id": 7},
    }


def test_two_names_of_one_value_are_both_there_unless_a_field_shows_them():
    (found,) = read({"a": 5, "b": 5, "d": {}}, fields={"title": "a", "data": "d"})
    assert (found["b"], "a" in found) == (5, False)


def test_a_second_choice_that_was_not_taken_is_there():
    fields = {"title": "a || b", "data": "d"}
    (found,) = read({"a": "x", "b": "y", "d": [1], "type": "t"}, fields=fields)
    assert (found["title"], found["b"], found["type"]) == ("x", "y", "notification")
    assert found["frame"] == {"type": "t"}


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"m": "aGVsbG8g8J+YgA==", "e": "base64"}, "hello 😀"),
        ({"m": "aGVsbG8="}, "aGVsbG8="),
        ({"m": "no base64", "e": "base64"}, "no base64"),
        ({"m": "R3L832U=", "e": "base64"}, "Grüße"),
        ({"m": 5, "e": "base64"}, "5"),
    ],
)
def test_text_is_decoded_where_the_item_says_that_it_is_base64(item, message):
    mapping = {"fields": {"message": "m"}, "base64": {"message": "e == 'base64'"}}
    (found,) = mapper(FieldMapping(**mapping))(item, RECEIVED)
    assert found.message == message
    assert found.data == item


def test_base64_may_hold_json():
    item = {"d": "eyJhIjoxfQ=="}
    mapping = {"fields": {"data": "d"}, "base64": {"data": "d"}, "encoding": "json"}
    assert shown(item, "data", **mapping) == [({"a": 1},)]


def test_an_id_that_cannot_be_worked_out_is_said_once_a_frame_and_counted():
    rule = Rule(then="notification", items="@", fields={"id": "join('@', [a, b])"})
    rules = Rules([rule])
    *found, said = rules.read('[{"a":"x"},{"a":"y"}]', RECEIVED).arrivals
    assert [each.id for each in found] == [None, None]
    assert said.reason.startswith("no id: ")
    assert rules.read('{"a":"x","b":"y"}', RECEIVED).id == "x@y"


@pytest.mark.parametrize(
    "expression",
    ["length(frame.data)", "parent[?@ == `3`] | [0]", "frame.data[]", "frame.*.a"],
)
def test_where_each_of_many_items_asks_for_all_of_a_large_frame_it_is_not_read(
    expression,
):
    """Otherwise one frame of a megabyte would be looked at for hours."""
    mapping = Rule(then="notification", items="data", fields={"title": expression})
    read = mapper(mapping)
    assert len(read({"data": [1, 2, 3]}, "now")) == 3
    assert read({"data": []}, "now") == []
    with pytest.raises(InvalidFrame, match="too large for what the profile asks"):
        read({"data": list(range(100_000))}, "now")


def test_a_field_of_what_is_around_an_item_may_be_picked_however_many_there_are():
    fields = {"title": "parent.name || frame.name"}
    mapping = Rule(then="notification", items="data", fields=fields)
    found = mapper(mapping)({"name": "n", "data": list(range(10_000))}, "now")
    assert {each.title for each in found} == {"n"}


def test_an_object_of_which_all_is_shown_is_not_there_twice():
    fields = {"title": "a.b", "data": "d"}
    (found,) = read({"a": {"b": "x"}, "d": [1]}, fields=fields)
    assert "a" not in found


def test_a_text_that_repeats_too_much_is_refused_before_it_is_there():
    frame = {"large": "x" * 1_000_000}
    assert read(frame, text={"title": "{large}" * 9})[0]["title"] == "x" * 9_000_000
    with pytest.raises(InvalidFrame, match="repeat too much"):
        read(frame, text={"title": "{large}" * 250})
