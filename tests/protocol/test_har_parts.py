"""What a HAR's conversations and logins show, case by case."""

import json

import pytest

from notifyws.protocol.har.frame_kinds import numbered_by
from notifyws.protocol.har.recording import Frame, read_recording
from notifyws.protocol.har.secrets import Secrets
from notifyws.protocol.har.values import MOST_LEAVES, expression, leaves
from notifyws.protocol.profile_text import parse, slips
from tests.support.har import (
    ALERT,
    IN,
    OUT,
    PASSWORD,
    REFRESH,
    SOCKET,
    TOKEN,
    USER,
    drafted,
    entry,
    har,
    login,
    socket,
)


def made_of(*entries):
    """The profile of a HAR, which works as it was drafted."""
    text = drafted(har(*entries)).text
    profile = parse(text, "acme")
    assert slips(profile, text, "acme") == []
    return profile


def talk(*frames, path=f"/ws?token={TOKEN}"):
    return made_of(login(), socket(path, 2, *frames))


@pytest.mark.parametrize(
    ("answered", "reply", "silence"),
    [(1, {"type": "pong", "id": "{seq}"}, None), (3, None, 30)],
)
def test_a_servers_ping_is_answered_at_once_or_it_is_a_sign_of_life(
    answered, reply, silence
):
    profile = talk(
        (IN, 10, {"type": "ping", "id": "a"}),
        (OUT, 10 + answered, {"type": "pong", "id": "a"}),
        (IN, 20, {"type": "ping", "id": "b"}),
        (IN, 21, ALERT),
    )
    (rule,) = [each for each in profile.rules if each.match == {"type": "ping"}]
    assert (rule.then, rule.reply) == ("ping" if reply else "ignore", reply)
    assert profile.keepalive.silence == (silence or 30)


def test_a_ping_without_an_object_is_answered_as_it_was():
    profile = talk((IN, 1, {"type": "ping"}), (OUT, 1.1, {"type": "pong", "x": 1}))
    assert profile.rules[0].reply == {"type": "pong", "x": 1}


def test_one_ping_has_no_period_and_may_have_no_answer():
    profile = talk((OUT, 1, {"type": "ping"}), (IN, 2, ALERT))
    ping = profile.keepalive.ping
    assert (ping.send, ping.every, ping.answer_within) == ({"type": "ping"}, None, None)


def test_frames_without_a_kind_are_notifications():
    profile = talk(
        (OUT, 0.1, {"subscribe": ["a"]}),
        (OUT, 0.2, {"subscribe": ["a"]}),
        (OUT, 0.3, ["connect", 1]),
        (IN, 0.4, {"connected": True}),
        (IN, 1, {"headline": "h", "text": "t", "time": 1_790_000_000}),
        (IN, 2, {"headline": "h", "text": "t", "time": 1_790_000_001}),
    )
    assert [each.send for each in profile.handshake] == [{"subscribe": ["{subscribe}"]}]
    assert profile.constants == {"subscribe": "a"}
    assert profile.rules[-1].then == "notification"


def test_a_time_in_milliseconds_is_seen():
    profile = talk(
        (
            IN,
            1,
            {"kind": "x", "data": {"text": "t", "title": "u", "ts": 1_790_000_000_123}},
        )
    )
    assert profile.rules[0].timestamp == "ms"


def test_an_answer_is_known_by_its_words():
    profile = talk(
        (OUT, 0.1, {"type": "subscribe", "id": 7}),
        (IN, 0.2, {"type": "data", "id": 7, "title": "x"}),
        (IN, 0.3, {"type": "subscribed", "status": "ok", "event": TOKEN}),
        (OUT, 0.4, {"type": "join", "id": 9}),
        (OUT, 30, {"type": "typing", "id": 12}),
        (IN, 31, {"type": "typing_ack", "id": 12}),
        (IN, 32, ALERT),
    )
    one, two = profile.handshake
    assert one.expect == "type == 'subscribed' && status == 'ok'"
    assert (two.send, two.expect) == ({"type": "join", "id": "{seq}"}, None)
    thens = {str(each.match): each.then for each in profile.rules}
    assert thens["{'type': 'typing_ack'}"] == "ignore"


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ([{"id": 1}, {"id": 2}], "id"),
        ([{"id": "1"}, {"x": 0}, {"id": "2"}], "id"),
        ([{"id": 2}, {"id": 1}], ""),
        ([{"id": 1}], ""),
        ([{"id": "a"}, {"id": "b"}, {"ref": 1}, {"ref": 5}], "ref"),
        ([], ""),
    ],
)
def test_a_counter_is_a_number_that_only_rises(values, key):
    assert numbered_by([Frame(True, 0.0, "", each) for each in values]) == key


def test_numbers_that_are_text_stay_text():
    profile = talk(
        (OUT, 0.1, {"type": "subscribe", "id": "1", "room": "a"}),
        (OUT, 0.2, {"type": "subscribe", "id": "2", "room": "b"}),
        (IN, 1, ALERT),
    )
    (step,) = profile.handshake
    assert (step.send["id"], step.each) == ("{seq|json}", "room")
    assert profile.constants == {"room": "a,b"}


def test_subscriptions_that_are_not_alike_stay_apart():
    profile = talk(
        (OUT, 0.1, {"type": "subscribe", "room": "a"}),
        (OUT, 0.2, {"type": "subscribe", "room": "a,b"}),
        (OUT, 0.3, {"type": "unsubscribe", "room": "a"}),
        (IN, 0.4, [{"type": "subscribed"}, ALERT]),
        (IN, 0.5, [{"type": "alert", "title": "x", "message": "y"}]),
    )
    assert [each.send["room"] for each in profile.handshake] == ["{room}", "{room_2}"]
    assert profile.socket.split_lists
    assert profile.rules[-1].then == "notification"


def test_leaves_end_and_lists_are_walked():
    assert len(list(leaves([1] * 10_000))) < MOST_LEAVES
    assert [expression(path) for path, _ in leaves({"a b": [1, {"c": 2}]})] == [
        '"a b"[0]',
        '"a b"[1].c',
    ]
    deep = value = {}
    for _ in range(40):
        value["x"] = value = {}
    value["y"] = 1
    assert list(leaves(deep)) == []


def test_a_token_that_was_renewed_before_is_followed_to_the_login():
    new = "tok-2Hd93kLmQ0x1Yz88cd"
    renewed = entry(
        "POST",
        "/oauth",
        1.5,
        form={"grant_type": "refresh_token", "refresh_token": REFRESH},
        answer={"token": new},
    )
    profile = made_of(login(), renewed, socket(f"/ws?token={new}", 2, (IN, 1, ALERT)))
    assert profile.tokens.access == "data.token"
    assert profile.http.refresh.form["refresh_token"] == "{refresh_token}"


def test_a_cookie_that_was_renewed_before_is_followed_to_the_login():
    new = "tok-2Hd93kLmQ0x1Yz88cd"
    profile = made_of(
        login(answer={}, sets={"session": TOKEN}),
        entry(
            "POST", "/refresh", 1.5, cookies={"session": TOKEN}, sets={"session": new}
        ),
        socket("/ws", 2, (IN, 1, ALERT), cookies={"session": new, "a{b": new}),
    )
    assert profile.tokens.access == profile.socket.token_in == "cookie:session"


def test_a_token_that_only_a_refresh_gave_is_its_answers():
    only = entry("POST", "/refresh", 1, body={"refresh": 1}, answer={"token": TOKEN})
    profile = made_of(only, SOCKET)
    assert profile.http.login.path == "/refresh"
    assert profile.tokens.access == "token"


def test_a_token_from_nowhere_is_guessed_in_the_logins_answer():
    other = "jwt-5Tt82kQw91Lm00zz12"
    answer = {"refresh_token": REFRESH, "token": TOKEN, "expires_at": "2026-01-01"}
    profile = made_of(
        login(answer=answer), socket(f"/ws?token={other}", 2, (IN, 1, ALERT))
    )
    assert profile.tokens.access == "token"
    assert profile.tokens.expires_at == "expires_at"


def test_a_plain_word_that_came_before_is_no_link():
    config = entry("GET", "/config", 0, answer={"realm": "customers", "mail": USER})
    body = {"email": USER, "password": PASSWORD, "realm": "customers"}
    profile = made_of(config, login(body=body), SOCKET)
    assert profile.http.login.body["realm"] == "customers"


def test_a_step_keeps_its_query_and_a_token_from_a_header():
    given = login(
        cookies={"lang": "en"}, answer={}, answer_headers={"X-Token": f"Bearer {TOKEN}"}
    )
    given["request"]["url"] += "?mode=json&lang=en"
    profile = made_of(given, SOCKET)
    assert profile.http.login.query == {"mode": "json", "lang": "en"}
    assert profile.tokens.access == "header:x-token"


def test_a_socket_that_was_only_opened_makes_a_profile_too():
    profile = made_of(login(), socket("/ws", 2, subprotocols=TOKEN))
    assert profile.socket.subprotocols == ("{access_token}",)
    assert profile.rules[0].then == "notification"


def test_errors_and_lists_are_told_apart():
    profile = talk(
        (IN, 1, ALERT),
        (IN, 2, {"type": "error", "code": 5}),
        (IN, 3, {"type": "failed", "k" * 300: {"message": "x"}}),
        (IN, 4, [1, 2]),
        (IN, 5, "no json"),
    )
    thens = [(each.then, each.message) for each in profile.rules]
    assert thens[:2] == [("error", None), ("error", None)]


def test_a_deep_number_of_a_user_is_known_again():
    deep = json.loads("[" * 20 + "]" * 20)
    profile = made_of(
        login(answer={"token": TOKEN, "user_id": 4711}),
        socket(
            "/ws",
            2,
            (OUT, 0.1, {"type": "auth", "token": TOKEN, "user_id": 4711, "uid": "x"}),
            (OUT, 0.2, {"type": "subscribe", "who": 4711, "deep": deep}),
            (IN, 1, ALERT),
        ),
    )
    assert profile.handshake[1].send["who"] == "{user_id}"
    assert profile.tokens.user_id == "user_id"


@pytest.mark.parametrize(
    "header",
    ["Basic %%%", "Basic", "Digest abcdefgh", "Bearer", "Basic %%%%", "basic /////w=="],
)
def test_authorization_that_is_none_is_no_trouble(header):
    said = {"Authorization": header}
    odd = entry("GET", "/x", 0, headers=said, answer="a text alone")
    assert not made_of(odd, login(), SOCKET).needs


def test_names_that_no_place_may_have_are_no_token():
    opened = socket("/ws?to{ken=abcdefgh12345678", 2, (IN, 1, ALERT))
    assert made_of(login(), opened).socket.token_in == "none"


def test_a_token_that_is_a_bearer_in_a_frame_is_found():
    profile = talk((OUT, 0.1, {"type": "auth", "jwt": f"Bearer {TOKEN}"}), path="/ws")
    assert profile.handshake[0].send["jwt"] == "Bearer {access_token}"


def test_a_secret_is_known_within_other_texts_and_percent_encoded():
    odd = login(body={"email": USER, "password": "pw/ä 9!"})
    found = Secrets(read_recording(har(odd, socket("/ws", 2, (IN, 1, ALERT))), "x"))
    assert found.hides("pw/ä 9!")
    assert found.hides("a pw/ä 9! b")
    assert found.hides("/x/pw%2F%C3%A4%209%21/y")
    assert not found.hides("pw/ä")
    assert found.without("one\ntwo pw/ä 9!\nthree").count("\n") == 2
    assert "two" not in found.without("one\ntwo pw/ä 9!\nthree")
    assert found.without("none of it") == "none of it"


def test_a_secret_that_is_a_plain_word_leaves_the_lines_of_a_profile():
    plain = login(body={"email": USER, "password": "path"})
    assert made_of(plain, SOCKET).http.login.path == "/api/login"
