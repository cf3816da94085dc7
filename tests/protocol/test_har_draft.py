"""A profile out of a HAR: what it tells, what it asks, and no secret of it."""

import json
import re
from pathlib import Path

import pytest

from notifyws.errors import ConfigurationError
from notifyws.protocol.har.recording import read_recording
from notifyws.protocol.har.sockets import host_of
from notifyws.protocol.profile_text import parse, slips
from notifyws.protocol.rules import Rules
from tests.support.har import (
    ALERT,
    IN,
    OUT,
    PASSWORD,
    REFRESH,
    SHAPES,
    SOCKET,
    TOKEN,
    USER,
    drafted,
    entry,
    har,
    login,
    named,
    socket,
)

RECORDED = sorted(Path(__file__).parent.parent.joinpath("har").glob("*.har"))


def profile_of(text, **answers):
    made = drafted(text, **answers).text
    profile = parse(made, "acme")
    assert slips(profile, made, "acme") == []
    return profile


def secrets_in(value):
    """What is secret in a HAR, by the plainest rule: named so, or a cookie."""
    found = set()
    for one in value["log"]["entries"]:
        for said in (one["request"], one["response"]):
            cookies = {each["value"] for each in said.get("cookies", ())}
            found |= {each for each in cookies if len(each) > 7}
        texts = [one["request"].get("postData", {}).get("text", "")]
        texts += [one["response"].get("content", {}).get("text", "")]
        texts += [each["data"] for each in one.get("_webSocketMessages", ())]
        key = r'\\?"\w*(?:[Pp]assword|[Tt]oken|jwt)\\?": ?\\?"([^"\\]{6,})'
        found |= {each for text in texts for each in re.findall(key, text)}
    return found


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_makes_a_sound_profile_without_a_secret(name):
    assert profile_of(SHAPES[name])
    made = drafted(SHAPES[name]).text
    assert [each for each in (USER, "csrf-Zk29") if each in made] == []


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_what_chromium_recorded_makes_a_sound_profile_without_a_secret(path):
    text = path.read_text("utf-8")
    made = drafted(text)
    profile = profile_of(text)
    assert profile.http.login
    assert profile.tokens.access
    secrets = secrets_in(json.loads(text))
    assert len(secrets) > 2
    assert [each for each in secrets if each in made.text] == []


@pytest.mark.parametrize(
    ("place", "token_in", "steps"),
    [
        ("query", "query:access_token", 0),
        ("message", "none", 1),
        ("subprotocol", "subprotocol:bearer", 0),
    ],
)
def test_the_development_servers_page_is_read_whole(place, token_in, steps):
    (path,) = (each for each in RECORDED if each.stem == f"devserver-{place}")
    profile = profile_of(path.read_text("utf-8"))
    assert (profile.socket.path, profile.socket.token_in) == ("/ws", token_in)
    assert profile.http.login.path == "/auth/login"
    assert profile.http.refresh.body == {"refreshToken": "{refresh_token}"}
    tokens = profile.tokens
    assert (tokens.access, tokens.refresh) == ("accessToken", "refreshToken")
    assert len(profile.handshake) == steps
    assert profile.rules[-1].then == "notification"


def test_a_token_in_a_header_is_found_with_refresh_and_logout():
    profile = profile_of(SHAPES["bearer header"])
    assert profile.http.login.body == {"email": "{username}", "password": "{password}"}
    assert profile.http.refresh.body == {"refresh_token": "{refresh_token}"}
    assert profile.http.logout.headers == {"authorization": "Bearer {access_token}"}
    assert (profile.tokens.access, profile.tokens.unit) == ("data.token", "ms")
    place = profile.socket.token_in, profile.socket.header
    assert place == ("header", "Authorization")


def test_a_token_in_the_query_stands_beside_what_is_constant():
    profile = profile_of(SHAPES["token in query"])
    assert profile.socket.token_in == "query:access_token"
    assert profile.socket.query == {"v": "2"}
    assert profile.resume.query == "since"


def test_a_session_in_a_cookie_is_followed_back_to_its_form():
    profile = profile_of(SHAPES["cookie session"])
    first, second = profile.http.login
    assert (first.method, first.capture) == ("GET", {"csrftoken": "cookie:csrftoken"})
    assert second.form["csrfmiddlewaretoken"] == "{csrftoken}"
    assert second.accept == (302,)
    assert profile.tokens.access == profile.socket.token_in == "cookie:sessionid"


@pytest.mark.parametrize(
    ("offered", "kept"),
    [
        ("v1.acme", "{subprotocol}"),
        ("v1.json", "v1.json"),
        ("v12.stomp", "v12.stomp"),
        ("Zq7horse", "{subprotocol}"),
        ("Zq7horse-battery-staple", "{subprotocol}"),
    ],
)
def test_a_token_as_a_subprotocol_leaves_of_the_others_those_that_are_known(
    offered, kept
):
    """Seen: a secret that is short, or has dashes, stood in the profile as it was."""
    recorded = SHAPES["subprotocol"]
    other = json.loads(json.dumps(recorded).replace("v1.acme", offered))
    profile = profile_of(other)
    assert profile.socket.token_in == "subprotocol:bearer"
    assert profile.socket.subprotocols == (kept,)


def test_a_conversation_is_handshake_ping_rules_and_renewal():
    profile = profile_of(SHAPES["first message"])
    hello, auth, subscribe = profile.handshake
    assert (hello.expect, hello.capture) == ("op == 'hello'", {"session": "session"})
    assert auth.send == {
        "op": "auth",
        "token": "{access_token}",
        "session": "{session}",
    }
    assert subscribe.send["channel"] == "{channel}"
    assert subscribe.expect == "op == 'subscribed'"
    assert profile.constants == {"channel": "news"}
    assert profile.rules[0].reply == {"op": "pong"}
    assert profile.renewal.how == "frame"
    assert profile.renewal.frame["token"] == "{access_token}"
    frame = json.dumps({"op": "alert", "payload": {"title": "a", "text": "b"}})
    found = Rules(profile.rules).read(frame, "now")
    assert (found.title, found.message) == ("a", "b")


def test_graphql_over_websockets_is_read():
    profile = profile_of(SHAPES["graphql-ws"])
    init, subscribe = profile.handshake
    assert init.send["payload"] == {"token": "{access_token}"}
    assert init.expect == "type == 'connection_ack'"
    assert subscribe.send["id"] == "{uuid}"
    assert subscribe.expect is None
    assert profile.keepalive.ping.every == 12
    value = {
        "type": "next",
        "payload": {"data": {"alert": {"title": "a", "body": "b"}}},
    }
    found = Rules(profile.rules).read(json.dumps(value), "now")
    assert (found.title, found.message) == ("a", "b")


def test_a_login_of_several_steps_captures_what_the_next_one_needs():
    profile = profile_of(SHAPES["several steps"])
    begin, password, exchange = profile.http.login
    assert begin.body == {"client_id": "{origin}/", "handler": ["{handler}", "{null}"]}
    assert password.path == "/auth/flow/{flow_id}"
    assert password.body["otp"] == "{otp}"
    assert exchange.form["code"] == "{result}"
    assert profile.handshake[-1].send == {"type": "subscribe_events", "id": "{seq}"}
    assert profile.handshake[-1].expect == "type == 'result' && success"
    assert "left out: get_states" in drafted(SHAPES["several steps"]).text


def test_a_ticket_is_got_with_the_token_of_the_login():
    profile = profile_of(SHAPES["ticket"])
    login_step, ticket = profile.http.login
    assert login_step.capture == {"token": "data.token"}
    assert ticket.headers == {"authorization": "Bearer {token}"}
    assert profile.tokens.access == "ticket"


def test_what_a_browser_left_out_is_asked_for():
    text = har(login(answer={"ok": True}), socket("/ws", 2, (IN, 1, ALERT)))
    made = drafted(text)
    assert [each.key for each in made.questions] == ["cookie", "access"]
    assert any("sensitive data" in each for each in made.remarks)
    answered = profile_of(text, cookie="sid")
    assert answered.socket.token_in == answered.tokens.access == "cookie:sid"
    assert drafted(text, cookie="sid").questions == ()


def test_without_a_login_it_needs_a_ready_made_token():
    made = drafted(har(SOCKET))
    assert "NOTIFYWS_TOKEN" in made.text
    assert any("ready-made" in each for each in made.remarks)


def test_which_socket_and_which_kinds_is_asked_where_it_is_open():
    text = har(
        login(),
        socket("/hmr", 1, (IN, 1, ALERT), subprotocols="vite-hmr"),
        socket("/other", 2, (IN, 1, {"type": "alert", "title": "x"})),
        socket(
            f"/ws?token={TOKEN}",
            2,
            (IN, 1, ALERT),
            (IN, 2, {"type": "presence", "who": 4}),
            (IN, 3, {"type": "error", "message": "no"}),
            (IN, 4, {"type": "hb"}),
            (IN, 9, {"type": "hb"}),
        ),
    )
    made = drafted(text)
    assert {each.key: each.default for each in made.questions} == {
        "socket": "/ws",
        "types": "alert",
    }
    profile = profile_of(text)
    assert [rule.then for rule in profile.rules] == [
        *("ignore", "error", "ignore", "notification")
    ]
    assert profile.keepalive.silence == 15
    both = profile_of(text, types="alert, presence")
    assert [rule.then for rule in both.rules].count("notification") == 2
    assert profile_of(text, socket="/other").socket.path == "/other"


def test_what_is_not_everybodys_is_a_variable_that_is_needed():
    auth = {"type": "auth", "token": TOKEN, "user_id": 4711, "api_key": "k-secret-9"}
    text = har(
        login(
            body={"login": USER, "password": PASSWORD, "client_secret": "s3cr3t-value"}
        ),
        socket(
            "/t/0f8fad5b-d9cb-469f-a165-70867728950e/ws",
            2,
            (OUT, 0.1, {**auth, "sent": 1_790_000_002, "big": 1 << 60}),
            (OUT, 0.2, {"type": "subscribe", "topic": "x", "where": PASSWORD + "!"}),
            (IN, 1, ALERT),
        ),
    )
    profile = profile_of(text)
    assert {*profile.needs} == {"id_2", "user_id", "api_key", "client_secret", "big"}
    assert profile.socket.path == "/t/{id_2}/ws"
    assert profile.handshake[0].send["sent"] == "{now}"
    assert profile.constants == {"topic": "x"}
    assert not any(each in drafted(text).text for each in ("s3cr3t", "4711"))


def test_a_refused_login_is_known_again():
    wrong = entry(
        "POST",
        "/api/login",
        0,
        body={"email": USER, "password": "wrong-one"},
        status=422,
        answer={"error": {"message": "no such user"}},
    )
    text = har(wrong, login(), SOCKET)
    (failure,) = profile_of(text).http.failures
    assert (failure.status, failure.means) == ("422", "bad credentials")
    assert failure.message == "error.message"


def test_a_session_that_is_renewed_by_its_cookie_is_said_so():
    text = har(
        login(answer={}, sets={"session": TOKEN}),
        entry("POST", "/auth/refresh", 1.5, body={"mode": "session"}, answer={}),
        socket("/ws", 2, (IN, 1, ALERT), cookies={"session": TOKEN}),
    )
    made = drafted(text)
    assert "as where a cookie holds it" in made.text
    assert parse(made.text, "acme").http.refresh is None


def test_a_socket_of_another_origin_is_named():
    text = har(
        login(), socket(f"/ws?token={TOKEN}", 2, (IN, 1, ALERT), host="ws.example.com")
    )
    made = drafted(text)
    assert made.url == "wss://app.example.com"
    assert made.socket_url == "wss://ws.example.com"


def test_basic_authentication_and_other_prefixes_are_kept():
    basic = {"Authorization": "Basic YW5uQGV4YW1wbGUuY29tOmNvcnJlY3QtaG9yc2UtOQ=="}
    text = har(
        entry("GET", "/token", 1, headers=basic, answer={"jwt": TOKEN}),
        socket("/ws", 2, (IN, 1, ALERT), headers={"X-Auth-Token": TOKEN}),
    )
    profile = profile_of(text)
    assert profile.http.login.basic == "{username}:{password}"
    assert profile.socket.header == "X-Auth-Token"
    assert profile.socket.token == "{access_token}"
    glued = har(
        login(), socket("/ws", 2, (IN, 1, ALERT), subprotocols=f"v1, token.{TOKEN}")
    )
    assert profile_of(glued).socket.subprotocols == ("v1", "token.{access_token}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (har(socket("/socket.io/?EIO=4", 1, (IN, 1, "0{}"))), "speaks Socket.IO"),
        (har(socket("/x", 1, (IN, 1, "{}\x1e"))), "speaks SignalR"),
        (har(socket("/x", 1, (IN, 1, "CONNECTED\nversion:1.2\n\n\0"))), "speaks STOMP"),
        (har(socket("/x", 1, (IN, 1, "hello"))), "holds JSON"),
        (har(login()), "holds no WebSocket"),
        ("", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "no log.entries"),
        ('{"log": {"entries": {}}}', "no log.entries"),
        ('{"log": {"entries": [1, null, {}, {"request": []}]}}', "holds no WebSocket"),
    ],
    ids=range(10),
)
def test_what_is_no_har_or_what_no_profile_can_say_is_a_sentence(text, said):
    with pytest.raises(ConfigurationError, match=said):
        drafted(text)


ODD = [
    None,
    5,
    [],
    {"type": "send"},
    {"type": "send", "data": 5, "time": "x"},
    {"type": "receive", "data": "x" * ((1 << 20) + 1)},
    {"type": "receive", "opcode": 2, "data": "%%"},
    {"type": "receive", "opcode": 2, "data": "eyJ0aXRsZSI6ICJ0In0="},
    {"type": "receive", "data": "[" * 500 + "]" * 500},
    {
        "type": "receive",
        "data": json.dumps({"type": "\x1b[2J\u202e", "a b": {"": [1]}}),
    },
    {"type": "receive", "data": '{"type": "a"}\n{"type": "b", "title": "\\ud800"}'},
    {"type": "receive", "data": json.dumps({"k" * 3000: {TOKEN: {"title": "x"}}})},
    {"type": "send", "data": json.dumps({"type": "auth", "n": [[[[{}]]]], "x": 1.5})},
]


def test_odd_entries_and_frames_are_passed_over():
    odd = socket("/a%23 b\x1b/{x}", 2, headers={"X-Odd": "\x1b]52;c;\x07" * 50})
    odd["_webSocketMessages"] = ODD
    broken = [
        None,
        {"request": {"url": "http://[", "method": 5}},
        {"request": {"url": "file:///etc/passwd"}},
        entry("BREW", "//x", 0, body={"password": PASSWORD}, answer={"token": TOKEN}),
        login(answer_headers={"Set-Cookie": "a=b; Path=/\nc=d"}),
    ]
    broken[-1]["request"]["cookies"] = "none"
    broken[-1]["request"]["headers"] += named({"Cookie": "q=long-cookie-value-1"})
    broken[-1]["request"]["postData"] = {
        "mimeType": "multipart/form-data; boundary=x",
        "text": "--x\r\nContent-Disposition: form-data; "
        f'name="password"\r\n\r\n{PASSWORD}\r\n--x--',
    }
    broken[-1]["startedDateTime"] = "yesterday"
    broken[-1]["response"]["content"] = {"encoding": "base64", "text": "\udc80"}
    made = drafted(json.dumps({"log": {"entries": [*broken, odd]}}))
    parse(made.text, "acme")
    assert made.text.isascii()
    assert "long-cookie" not in made.text
    assert "\x1b" not in made.text


def test_a_host_is_a_name():
    read = read_recording(SHAPES["ticket"], "x")
    assert host_of(read) == "app-example-com"
    odd = har(socket("/", 1, host="[::1]:80"))
    assert host_of(read_recording(odd, "x")) == "1--80"
    assert host_of(read_recording(har(socket("/", 1, host="--")), "x")) == "recorded"


def test_a_password_that_is_a_word_of_the_page_is_in_no_line():
    text = har(
        login(body={"email": USER, "password": "subscribe-me"}),
        socket(
            f"/ws?token={TOKEN}",
            2,
            (OUT, 0.1, {"type": "subscribe-me", "channel": "subscribe-me"}),
            (IN, 1, {"subscribe-me": "a", "title": REFRESH}),
        ),
    )
    made = drafted(text)
    parse(made.text, "acme")
    assert "subscribe-me" not in made.text


def test_an_answer_that_the_browser_forgot_is_named():
    forgotten = login()
    forgotten["response"]["content"] = {"mimeType": "application/json", "size": 9}
    made = drafted(har(forgotten, SOCKET))
    assert "#     POST /api/login" in made.text
    assert any("browsers forget" in each for each in made.remarks)


def test_home_assistants_page_is_read_as_far_as_it_was_recorded():
    (path,) = (each for each in RECORDED if each.stem == "home-assistant")
    profile = profile_of(path.read_text("utf-8"))
    assert profile.http.login[-1].form["grant_type"] == "authorization_code"
    tokens = profile.tokens
    assert (tokens.access, tokens.refresh) == ("access_token", "refresh_token")
    assert profile.socket.path == "/api/websocket"
    assert profile.socket.split_lists
    auth, *subscriptions = profile.handshake
    assert auth.send == {"type": "auth", "access_token": "{access_token}"}
    assert auth.expect == "type == 'auth_ok'"
    assert "persistent_notification/subscribe" in str(subscriptions)
    assert {"event_type"} == {each.each for each in subscriptions if each.each}
