"""Frames that speak to us, places for tokens, cursors: the rest of a profile."""

import pytest

from notifyws.errors import (
    ConfigurationError,
)
from notifyws.models import Notification
from notifyws.protocol.cursor import Cursor
from notifyws.protocol.profile import Ack, Profile, Renewal, Rule, Tokens
from notifyws.protocol.profile_schema import validated
from notifyws.protocol.rules import (
    Acknowledged,
    Asked,
    AuthFailed,
    Expired,
    Ignored,
    Many,
    Pong,
    RenewalAnswer,
    Rules,
)
from notifyws.protocol.templates import check, fill, mentions
from notifyws.protocol.token_replies import (
    Answer,
    Lifetimes,
    NoToken,
    captured,
    read_tokens,
)
from notifyws.protocol.upgrade import upgrade_request

AT = "2026-01-02T03:04:05.000Z"


def profiled(**parts):
    rules = [{"then": "notification"}]
    return validated(Profile, {"name": "p", "rules": rules, **parts})


@pytest.mark.parametrize(
    ("then", "arrival"),
    [
        ("ping", Asked({"a": 1})),
        ("pong", Pong()),
        ("ack", Ignored()),
        ("ignore", Ignored()),
        ("token expired", Expired("w")),
        ("auth failed", AuthFailed("w")),
    ],
)
def test_a_frame_may_speak_to_us(then, arrival):
    rules = Rules([Rule(then=then, reply={"a": 1}, message="why", when="op == 'x'")])
    assert rules.read('{"op":"x","why":"w"}', AT) == arrival


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
        assert rules.read(frame, AT) == arrival
    plain = Rules([Rule(then="ignore")], None, Ack(when="op"), None)
    assert plain.read('{"op":1}', AT) == Acknowledged("", ok=True)


def test_values_that_came_some_other_way_are_read_by_the_rules():
    rules = Rules([Rule(then="notification")])
    arrival = rules.value({"type": "a", "title": "t"}, AT)
    assert isinstance(arrival, Notification)
    assert '"title":"t"' in arrival.line()


def test_several_items_with_several_things_each_are_flat():
    rules = Rules([Rule(then="notification", items="@", fields={"title": "t"})])
    arrival = rules.read('[{"t":"a"},{"t":"b"}]', AT)
    assert isinstance(arrival, Many)
    assert len(arrival.arrivals) == 2


SOCKET = {
    "path": "/live/{room}",
    "query": {"v": "2", "since": "{last_id}"},
    "headers": {"X-Room": "{room}", "X-Gone": "{gone}"},
    "cookies": {"a": "1", "b": "{room}"},
    "subprotocols": ["one", "{gone}"],
    "token_in": "cookie:session",
}
URL = "wss://h.example"


def test_the_socket_is_opened_as_the_profile_says():
    known = {"room": "a/b c"}
    one = upgrade_request(profiled(socket=SOCKET), URL, "T", variables={"room": "ab"})
    assert one.url == f"{URL}/live/ab?v=2"
    assert one.headers == {"X-Room": "ab", "Cookie": "a=1; b=ab; session=T"}
    assert one.subprotocols == ("one",)
    coded = upgrade_request(
        profiled(socket={**SOCKET, "headers": {}}), URL, "T", variables=known
    )
    assert coded.url == f"{URL}/live/a%2Fb%20c?v=2"


def test_a_url_with_a_path_of_its_own_wins():
    profile = profiled(socket={"path": "/live"})
    assert upgrade_request(profile, f"{URL}/mine?x=1", "T").url == f"{URL}/mine?x=1"
    assert upgrade_request(profile, f"{URL}/?x=1", "T").url == f"{URL}/live?x=1"


def test_a_path_needs_its_variables():
    with pytest.raises(ConfigurationError, match="needs a variable"):
        upgrade_request(profiled(socket={"path": "/live/{room}"}), URL, "T")


def test_headers_are_printable_ascii():
    profile = profiled(socket={"headers": {"X": "{room}"}})
    with pytest.raises(ConfigurationError, match="printable ASCII"):
        upgrade_request(profile, URL, "T", variables={"room": "a\r\nb"})


def test_no_token_is_needed_where_the_profile_says_so():
    assert upgrade_request(profiled(socket={"token_in": "none"}), URL, "").headers == {}


def test_a_header_that_needs_more_than_is_known_is_left_out():
    profile = profiled(socket={"token": "{access_token} {room}"})
    assert upgrade_request(profile, URL, "T").headers == {}


def test_the_cursor_goes_into_a_header():
    profile = profiled(resume={"header": "Last-Event-ID"})
    assert upgrade_request(profile, URL, "T", last_id=7).headers["Last-Event-ID"] == "7"
    assert "Last-Event-ID" not in upgrade_request(profile, URL, "T").headers


def test_repeats_of_what_has_no_id_are_told_while_two_connections_overlap():
    cursor = Cursor(repeats=True)
    assert not cursor.is_repeat("before", now=0)
    cursor.overlapping()
    for _ in range(2):
        assert not cursor.is_repeat("tick", now=1)
    cursor.expect_repeats(until=10)
    assert cursor.is_repeat("tick", now=2)
    assert cursor.is_repeat("tick", now=2)
    assert not cursor.is_repeat("tick", now=2)
    assert not cursor.is_repeat("before", now=2)


def test_equal_content_is_news_again_later():
    cursor = Cursor(snapshot=True)
    assert not cursor.is_repeat("tick", now=0)
    cursor.reconnected(until=10)
    assert not cursor.is_repeat("tick", now=11)


def test_only_a_server_that_sends_what_it_holds_repeats_at_a_reconnect():
    cursor = Cursor(repeats=True)
    assert not cursor.is_repeat("tick", now=0)
    cursor.reconnected(until=10)
    assert not cursor.is_repeat("tick", now=1)


LIVES = Lifetimes()
NOW = 1_700_000_000.0


def tokens(answers, **where):
    places = validated(Tokens, {"access": "token", **where})
    return read_tokens(places, answers, LIVES, NOW)


def lifetime(body, **where):
    return tokens([Answer({"token": "T", **body})], **where).access.lifetime


@pytest.mark.parametrize(
    ("body", "where", "seconds"),
    [
        ({"e": 900_000}, {"expires_in": "e", "unit": "ms"}, 900),
        ({"e": "soon"}, {"expires_in": "e", "unit": "ms"}, 900),
        ({"e": True}, {"expires_in": "e", "unit": "ms", "lifetime": 60}, 60),
        ({"at": NOW + 60}, {"expires_at": "at"}, 60),
        ({"at": (NOW + 60) * 1000}, {"expires_at": "at"}, 60),
        ({"at": "2023-11-14T22:14:20Z"}, {"expires_at": "at"}, 60),
        ({"at": "2023-11-14T22:14:20"}, {"expires_at": "at"}, 60),
        ({"at": "tomorrow"}, {"expires_at": "at", "lifetime": 30}, 30),
        ({"at": NOW - 5}, {"expires_at": "at", "lifetime": 30}, 30),
        ({}, {"lifetime": 30}, 30),
    ],
)
def test_a_lifetime_is_said_in_many_ways(body, where, seconds):
    assert lifetime(body, **where) == pytest.approx(seconds)


def test_a_token_may_stand_in_a_header_with_its_prefix():
    answer = Answer(None, {"authorization": "Bearer abc"}, {"r": "refresh"})
    pair = tokens([answer], access="header:Authorization", refresh="cookie:r")
    assert (pair.access.value, pair.refresh.value) == ("abc", "refresh")


def test_the_last_answer_with_a_token_counts_and_any_may_name_the_user():
    pair = tokens(
        [Answer({"token": "old"}), Answer({"token": "new"}), Answer({"me": 5})],
        user_id="me",
    )
    assert (pair.access.value, pair.user_id) == ("new", "5")


def test_no_answer_with_a_token_is_said():
    with pytest.raises(NoToken):
        tokens([])


def test_what_a_step_captures_is_found_in_its_answer():
    answer = Answer({"a": {"b": 1}}, {"x": "y"})
    places = {"one": "a.b", "two": "header:X", "three": "cookie:z"}
    assert captured(places, answer) == {"one": 1, "two": "y", "three": None}


def test_filters_write_values_in_other_forms():
    known = {"a": {"b": "x?>"}, "n": 5}
    assert fill("{a|json} {a.b|b64} {a.b|b64url} {n|json}", known) == (
        '{"b":"x?>"} eD8+ eD8- 5'
    )
    assert fill(["{null}", "{{n}}", "{a.b}", "{n.x}"], known) == [None, "{n}", "x?>"]


def test_the_uses_of_a_variable_are_found_anywhere():
    template = {"a": ["x {seq}", 5], "b": {"c": "{other}"}}
    assert mentions(template, "seq")
    assert not mentions(template, "c")
    assert not mentions(("a", None), "a")


def test_unknown_filters_are_refused_anywhere():
    check({"a": ["{x|json}", 5]})
    with pytest.raises(ValueError, match="there is no filter"):
        check({"a": ["{x|sh}"]})
