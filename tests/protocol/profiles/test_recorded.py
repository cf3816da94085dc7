"""Profiles of real servers, against servers that play what those were heard to say.

The frames and answers are captures of Directus 11.17.4, Home Assistant 2024.3.3,
nchan 1.3.6 and soketi 1.6.1, cut to what matters.
"""

import asyncio
import json
from contextlib import nullcontext

import pytest

from notifyws.errors import MessageRejected, MessageUnconfirmed, NetworkFailed
from tests.protocol.profiles.stage import gaps, listening, sent, stage, until
from tests.support.httpd import answer, json_answer
from tests.support.profile_scene import cutting, scene, telling

USER = {"username": "me@example.com", "password": "sentinel-password"}
NOTE = {"title": "t", "message": "m"}


class Directus:
    """Gives numbered tokens that live ``lives`` ms; each refreshes once."""

    def __init__(self, lives=900_000):
        self.lives, self.given = lives, 0
        self.answers = {
            "POST /auth/login": self.login,
            "POST /auth/refresh": self.refresh,
            "GET /users/me": lambda _: json_answer({"data": {"id": "u1"}}),
            "POST /notifications": lambda _: json_answer({"data": {"id": 1}}),
        }

    def tokens(self):
        self.given += 1
        given = {"access_token": f"access-token-{self.given}", "expires": self.lives}
        given["refresh_token"] = f"refresh-token-{self.given}"
        return json_answer({"data": given})

    def login(self, request):
        assert request.json["email"] == USER["username"]
        assert request.json["password"] == USER["password"]
        return self.tokens()

    def refresh(self, request):
        assert request.json["mode"] == "json"
        assert request.json["refresh_token"] == f"refresh-token-{self.given}"
        return self.tokens()


def directus(*stories, lives=900_000):
    return scene("directus", *stories, answers=Directus(lives).answers, **USER)


def row(number):
    at = "2026-01-02T03:04:05.000Z"
    return {"id": number, "timestamp": at, "subject": f"s{number}", "message": "m"}


async def greet(socket, *missed):
    """Let the client subscribe; return what it asked for."""
    assert (await socket.hears())["type"] == "auth"
    await socket.say({"type": "auth", "status": "ok"})
    subscribe = await socket.hears()
    assert subscribe["collection"] == "directus_notifications"
    init = {"type": "subscription", "event": "init", "uid": "notifyws"}
    await socket.say({**init, "data": [*missed]} if missed else init)
    return subscribe


def created(*numbers):
    rows = [row(number) for number in numbers]
    return {"type": "subscription", "event": "create", "data": rows, "uid": "notifyws"}


async def test_directus_notifications_are_read_and_its_pings_answered():
    async def story(socket):
        assert (await greet(socket))["event"] == "create"
        await socket.say({"type": "ping"})
        assert await socket.hears() == {"type": "pong"}
        await socket.say(created(1, 2))
        await socket.stay()

    async with directus(story) as seen:
        await until(lambda: len(seen.found) == 2)
        told = [(n.id, n.title, n.message) for n in seen.found]
        assert told == [(1, "s1", "m"), (2, "s2", "m")]
        assert seen.found[0].timestamp == "2026-01-02T03:04:05.000Z"
        (socket,) = seen.server.sockets
        assert socket.request.target.startswith("/websocket?access_token=")
        assert socket.pings == 0


async def test_directus_tokens_are_renewed_in_place_when_the_server_says_so():
    async def renew(socket):
        renewal = await socket.hears()
        assert renewal["access_token"] == "access-token-2"
        await socket.say({"type": "auth", "status": "ok", "uid": renewal["uid"]})

    error = {"code": "TOKEN_EXPIRED", "message": "Token expired."}
    expired = {"type": "auth", "status": "error", "error": error}
    async with directus(telling(greet, expired, renew, created(3))) as seen:
        await until(lambda: seen.found)
        assert len(seen.server.sockets) == 1


async def test_directus_tokens_are_renewed_in_place_before_they_end():
    async def renew_twice(socket):
        for number in range(2, 4):
            renewal = await socket.hears()
            assert renewal["access_token"] == f"access-token-{number}"
            await socket.say({"type": "auth", "status": "ok", "uid": "renewal"})

    async with directus(telling(greet, renew_twice, created(3)), lives=1300) as seen:
        await until(lambda: seen.found)
        assert len(seen.server.sockets) == 1


async def test_directus_brings_what_was_missed_and_nothing_twice():
    async def greet_again(socket):
        subscribe = await greet(socket, row(7), row(8), row(9))
        assert subscribe["query"]["filter"] == {"id": {"_gt": 7}}
        assert "event" not in subscribe

    first, second = cutting(greet, created(7)), telling(greet_again, created(9, 10))
    async with directus(first, second) as seen:
        await until(lambda: len(seen.found) == 4)
        assert [n.id for n in seen.found] == [7, 8, 9, 10]
        assert not gaps(seen.events)


async def test_a_revoked_directus_session_leads_to_a_fresh_login():
    code = {"code": "INVALID_CREDENTIALS"}
    error = {"message": "Invalid user credentials.", "extensions": code}
    refused = json_answer({"errors": [error]}, 401)
    answers = Directus().answers | {"POST /auth/refresh": lambda _: refused}
    async with scene("directus", telling(greet), answers=answers, **USER) as seen:
        token = await seen.service._auth.tokens.renew("access-token-1")
        assert (token.value, token.source) == ("access-token-2", "login")
        assert len(seen.server.asked("/auth/login")) == 2


async def test_a_directus_message_goes_to_oneself_over_http():
    async with stage(Directus().answers) as one:
        await sent(one, "directus", NOTE, **USER)
        asked = one.asked("/notifications")[0]
        assert asked.json == {"recipient": "u1", "subject": "t", "message": "m"}
        assert asked.headers["authorization"] == "Bearer access-token-1"
        assert not one.sockets


def home_assistant(*stories):
    def flow(request):
        assert request.json["password"] == USER["password"]
        return json_answer({"type": "create_entry", "result": "one-time-code"})

    def token(request):
        form = dict(pair.split("=") for pair in request.body.decode().split("&"))
        kind = request.headers["content-type"]
        assert kind == "application/x-www-form-urlencoded"
        given = {"access_token": "ha-access", "token_type": "Bearer"}
        given["expires_in"] = 1800
        if form["grant_type"] == "authorization_code":
            assert form["code"] == "one-time-code"
            return json_answer({**given, "refresh_token": "ha-refresh"})
        assert form["refresh_token"] == "ha-refresh"
        return json_answer({**given, "access_token": "ha-access-2"})

    answers = {
        "POST /auth/login_flow": lambda _: json_answer(
            {"type": "form", "flow_id": "flow-1"}
        ),
        "POST /auth/login_flow/flow-1": flow,
        "POST /auth/token": token,
    }
    return scene("home-assistant", *stories, answers=answers, **USER)


def held(name, at="2026-01-02T03:04:05+00:00"):
    return {"notification_id": name, "title": name, "message": "m", "created_at": at}


def persistent(kind, *names):
    event = {"type": kind, "notifications": {name: held(name) for name in names}}
    return {"id": 1, "type": "event", "event": event}


async def hello(socket, *held_there):
    await socket.say({"type": "auth_required", "ha_version": "2024.3.3"})
    auth = await socket.hears()
    assert auth["access_token"].startswith("ha-access")
    await socket.say({"type": "auth_ok", "ha_version": "2024.3.3"})
    first = await socket.hears()
    assert first == {"id": 1, "type": "persistent_notification/subscribe"}
    await socket.say({"id": 1, "type": "result", "success": True, "result": None})
    await socket.say(persistent("current", *held_there))
    second = await socket.hears()
    assert (second["id"], second["event_type"]) == (2, "notifyws_event")
    await socket.say({"id": 2, "type": "result", "success": True, "result": None})


async def test_home_assistant_sends_a_snapshot_and_then_what_is_new():
    changes = persistent("added", "n2"), persistent("removed", "n1")
    first = cutting(lambda socket: hello(socket, "n1"), *changes)
    second = telling(lambda socket: hello(socket, "n1", "n2", "n3"))
    async with home_assistant(first, second) as seen:
        await until(lambda: len(seen.found) == 3)
        await asyncio.sleep(0.05)
        assert [n.title for n in seen.found] == ["n1", "n2", "n3"]
        assert not gaps(seen.events)


async def test_home_assistant_numbers_everything_upwards_and_acknowledges():
    async def acknowledge(socket):
        for outcome in (True, False):
            call = await socket.hears()
            assert call["service_data"] == NOTE
            error = {"code": "x", "message": "no such thing"}
            result = {"id": call["id"], "type": "result", "success": outcome}
            await socket.say({**result, "error": error})

    message = {"type": "x", "payload": NOTE}
    async with home_assistant(telling(hello, acknowledge)) as seen:
        assert (await seen.service.send(message)).status == "delivered"
        with pytest.raises(Exception, match="no such thing"):
            await seen.service.send(message)
        heard = seen.server.sockets[0].heard
        assert [each["id"] for each in heard if "id" in each] == [1, 2, 3, 4]


async def test_home_assistant_keeps_the_refresh_token():
    async with home_assistant(telling(hello)) as seen:
        tokens = seen.service._auth.tokens
        assert (await tokens.renew("ha-access")).value == "ha-access-2"
        assert (await tokens.peek()).refresh == "ha-refresh"


def headed(ident, value):
    return f"id: {ident}\ncontent-type: application/json\n\n{json.dumps(value)}"


NCHAN = {"variables": "channel=news"}
GRAPHQL = {"Sec_WebSocket_Protocol": "graphql-transport-ws"}
META = {"Sec_WebSocket_Protocol": "ws+meta.nchan"}


async def test_nchan_is_resumed_by_the_last_event_id_and_repeats_are_dropped():
    known = headed("17:0", {"title": "one", "n": 1}), headed("17:1", {"title": "two"})

    async def second(socket):  # an id it does not know: everything again
        for number in range(3):
            await socket.say(headed(f"17:{number}", {"title": str(number)}))
        await socket.peer.close(1001, "410 Gone")

    async with stage({}, cutting(*known, after=0.05), second, **META) as one:
        with pytest.raises(NetworkFailed, match="410 Gone"):
            async with listening(one, "nchan", **NCHAN) as (service, found, _events):
                await service.closed()
        assert [n.id for n in found] == ["17:0", "17:1", "17:2"]
        assert [n.title for n in found] == ["one", "two", "2"]
        asked = [socket.request for socket in one.sockets]
        assert asked[0].target == "/sub/news"
        assert "last-event-id" not in asked[0].headers
        assert asked[1].headers["last-event-id"] == "17:1"


async def test_nchan_takes_messages_over_http():
    accepted = {"POST /pub/news": lambda _: answer(202)}
    async with stage(accepted) as one:
        assert (await sent(one, "nchan", NOTE, **NCHAN)).status == "delivered"
        assert one.asked("/pub/news")[0].json["title"] == "t"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (answer(200, b"<!DOCTYPE html><title>Log in</title>"), MessageUnconfirmed),
        (answer(200, b"\n<HTML><body>"), MessageUnconfirmed),
        (answer(504, b"<html>"), MessageUnconfirmed),
        (answer(503, b"later"), MessageRejected),
        (answer(200, b"<?xml version='1.0'?><messages>1</messages>"), None),
        (answer(200, b""), None),
    ],
)
async def test_what_is_no_answer_of_the_server_proves_nothing(said, problem):
    async with stage({"POST /pub/news": lambda _: said}) as one:
        with pytest.raises(problem) if problem else nullcontext():
            await sent(one, "nchan", NOTE, **NCHAN)


async def test_pusher_subscribes_to_a_public_channel_and_reads_json_in_strings():
    async def story(socket):
        hello = json.dumps({"socket_id": "1.2", "activity_timeout": 30})
        await socket.say({"event": "pusher:connection_established", "data": hello})
        assert (await socket.hears())["data"] == {"channel": "news"}
        joined = "pusher_internal:subscription_succeeded"
        await socket.say({"event": joined, "channel": "news"})
        await socket.say({"event": "pusher:ping", "data": {}})
        assert (await socket.hears())["event"] == "pusher:pong"
        data = json.dumps({"title": "t", "message": "m"})
        await socket.say({"event": "note", "channel": "news", "data": data})
        await socket.peer.close(4001, "no such app")

    variables = "app_key=k channel=news"
    async with stage({}, story) as one:
        with pytest.raises(NetworkFailed, match="4001"):
            async with listening(one, "pusher", variables=variables) as (s, found, _):
                await s.closed()
        assert [(n.type, n.title, n.message) for n in found] == [("note", "t", "m")]
        assert one.sockets[0].request.target.startswith("/app/k?protocol=7")


async def test_directus_over_graphql_takes_a_new_socket_before_the_token_ends():
    data = {"key": "5", "event": "create", "data": {**row(5), "id": "5"}}
    item = {"data": {"directus_notifications_mutated": data}}

    async def story(socket):
        assert (await socket.hears())["type"] == "connection_init"
        await socket.say({"type": "connection_ack"})
        assert (await socket.hears())["type"] == "subscribe"
        await socket.say({"type": "next", "id": "notifyws", "payload": item})
        await socket.stay()

    there = {"answers": Directus(lives=1300).answers, "upgrade": GRAPHQL}
    async with scene("directus-graphql", story, **there, **USER) as seen:
        await until(lambda: len(seen.server.sockets) == 2)
        await asyncio.sleep(0.1)
        assert seen.service.is_connected
        assert [n.title for n in seen.found] == ["s5"]
        assert "disconnected" not in [event.name for event in seen.events]
