"""Profiles made from documentation, against servers built from that documentation.

None of these was run against the real server, and the profiles say so.
"""

import base64
import json
from datetime import UTC, datetime

import pytest

from notifyws.errors import AuthenticationFailed
from notifyws.protocol.loader import profile_text
from notifyws.protocol.profile_text import parse
from tests.protocol.profiles.stage import end_of, gaps, listening, sent, stage, until
from tests.support.httpd import json_answer
from tests.support.profile_scene import cutting, scene, telling

USER = {"username": "me", "password": "sentinel-password"}
NOTE = {"title": "t", "message": "m"}


@pytest.mark.parametrize("name", ["gotify", "ntfy", "mattermost", "centrifugo"])
def test_the_profile_says_that_it_was_not_run(name):
    assert "not run against the real server" in parse(*profile_text(name)).tried


def gotify(number, priority=5):
    at = "2026-01-02T03:04:05Z"
    said = {"id": number, "appid": 1, "title": f"t{number}", "message": "m"}
    click = {"client::notification": {"click": {"url": "https://example.com/a"}}}
    return {**said, "priority": priority, "date": at, "extras": click}


async def test_gotify_makes_a_client_token_and_pages_back_to_what_is_known():
    def client(request):
        basic = base64.b64encode(b"me:sentinel-password").decode()
        assert request.headers["authorization"] == f"Basic {basic}"
        return json_answer({"id": 1, "token": "client-token"})

    def messages(request):
        assert request.headers["x-gotify-key"] == "client-token"
        before = request.target.partition("since=")[2]
        page = [gotify(5), gotify(4)] if not before else [gotify(3), gotify(2)]
        return json_answer({"messages": page, "paging": {}})

    answers = {"POST /client": client, "GET /message": messages}
    first = cutting(gotify(2, priority=9), after=0.05)
    second = telling(gotify(6, priority=0))
    async with scene("gotify", first, second, answers=answers, **USER) as seen:
        await until(lambda: len(seen.found) == 5)
        assert [n.id for n in seen.found] == [2, 3, 4, 5, 6]
        types = [n.type for n in seen.found]
        assert types == ["high", "normal", "normal", "normal", "low"]
        assert seen.found[0].link == "https://example.com/a"
        asked = seen.server.sockets[0].request.target
        assert asked == "/stream?token=client-token"
        assert not gaps(seen.events)


async def test_gotify_sends_with_the_token_of_an_application():
    async with stage({"POST /message": lambda _: json_answer({"id": 1})}) as one:
        said = {"token": "client-token", "variables": "app_token=app-token"}
        assert (await sent(one, "gotify", NOTE, **said)).status == "delivered"
        asked = one.asked("/message")[0]
        assert (asked.headers["x-gotify-key"], asked.json) == ("app-token", NOTE)


async def test_ntfy_is_resumed_since_the_last_id():
    opened = {"id": "o", "time": 1, "event": "open", "topic": "news"}
    alive = {"id": "k", "time": 1, "event": "keepalive", "topic": "news"}
    one = {"id": "m1", "time": 1700000000, "event": "message", "topic": "news"}
    urgent = {**one, "message": "hi", "priority": 5}
    first = cutting(opened, alive, urgent, after=0.05)
    second = telling({**one, "id": "m2", "title": "T", "click": "https://e.x"})
    said = {"variables": "topic=news", "token": "tk_1"}
    async with scene("ntfy", first, second, **said) as seen:
        await until(lambda: len(seen.found) == 2)
        told = [(n.id, n.type, n.title) for n in seen.found]
        assert told == [("m1", "urgent", "news"), ("m2", "default", "T")]
        assert seen.found[0].timestamp == "2023-11-14T22:13:20.000Z"
        asked = [socket.request for socket in seen.server.sockets]
        assert asked[0].headers["authorization"] == "Bearer tk_1"
        assert [each.target for each in asked] == ["/news/ws", "/news/ws?since=m1"]


async def test_a_public_ntfy_topic_needs_no_token_and_takes_messages():
    async with stage({"POST /": lambda _: json_answer({"id": "m"})}) as one:
        await sent(one, "ntfy", {"message": "hi"}, variables="topic=news")
        asked = one.asked("/")[0]
        assert asked.json == {"topic": "news", "message": "hi"}
        assert "authorization" not in asked.headers


async def test_mattermost_gives_its_token_in_a_header_and_posts_in_strings():
    def login(request):
        assert request.json == {"login_id": "me", "password": "sentinel-password"}
        return json_answer({"id": "u1"}, Token="mm-token")

    async def story(socket):
        challenge = await socket.hears()
        assert challenge["action"] == "authentication_challenge"
        assert challenge["data"] == {"token": "mm-token"}
        await socket.say({"event": "hello", "data": {}, "seq": 0})
        await socket.say({"status": "OK", "seq_reply": challenge["seq"]})
        post = {"id": "p1", "message": "hello", "create_at": 1700000000000}
        data = {"sender_name": "@ada", "channel_display_name": "Town Square"}
        data["post"] = json.dumps(post)
        await socket.say({"event": "posted", "data": data, "seq": 1})
        await socket.say({"event": "typing", "data": {}, "seq": 2})
        await socket.stay()

    answers = {"POST /api/v4/users/login": login}
    async with scene("mattermost", story, answers=answers, **USER) as seen:
        await until(lambda: seen.found)
        (post,) = seen.found
        assert (post.title, post.message) == ("Town Square", "@ada: hello")
        assert (post.id, post.timestamp) == ("p1", "2023-11-14T22:13:20.000Z")
        assert await seen.service.get_user_id() == "u1"


async def test_a_mattermost_token_that_fails_is_an_authentication_failure():
    async def story(socket):
        asked = await socket.hears()
        error = {"id": "api.web_socket_router.not_authenticated", "message": "no"}
        await socket.say({"status": "FAIL", "seq_reply": asked["seq"], "error": error})
        await socket.stay()

    assert isinstance(
        await end_of(story, "mattermost", token="bad"), AuthenticationFailed
    )


async def test_centrifugo_speaks_json_lines_and_pings_with_an_empty_object():
    async def story(socket):
        connect = await socket.hears()
        assert connect == {"id": 1, "connect": {"token": "jwt"}}
        await socket.say(
            {"id": 1, "connect": {"client": "c", "ping": 25, "pong": True}}
        )
        subscribe = await socket.hears()
        assert subscribe == {"id": 2, "subscribe": {"channel": "news"}}
        await socket.say({"id": 2, "subscribe": {}})
        await socket.say("{}")
        assert await socket.hears() == {}
        lines = [
            {"push": {"channel": "news", "pub": {"data": {"title": t}, "offset": 1}}}
            for t in ("a", "b")
        ]
        await socket.say("\n".join(map(json.dumps, lines)))
        await socket.peer.close(3500, "invalid token")

    said = {"variables": "channel=news", "token": "jwt"}
    async with stage({}, story) as one:
        with pytest.raises(AuthenticationFailed, match="invalid token"):
            async with listening(one, "centrifugo", **said) as (service, found, _):
                await service.closed()
        assert [n.title for n in found] == ["a", "b"]


async def test_gotify_pages_back_to_a_time():
    pages = []

    def messages(request):
        pages.append(request.target.partition("since=")[2])
        numbers = [9, 8] if len(pages) == 1 else [7, 6]
        found = [{**gotify(n), "date": f"2026-01-02T03:0{n}:00Z"} for n in numbers]
        return json_answer({"messages": found, "paging": {}})

    said = {"since": datetime(2026, 1, 2, 3, 7, tzinfo=UTC), "token": "client-token"}
    answers = {"GET /message": messages}
    async with scene("gotify", telling(), answers=answers, **said) as seen:
        await until(lambda: len(seen.found) == 3)
        assert [n.id for n in seen.found] == [7, 8, 9]
        assert pages == ["", "8"]


async def test_directus_is_asked_by_timestamp_for_a_time_and_by_id_later():
    async def greet(socket):
        assert (await socket.hears())["type"] == "auth"
        await socket.say({"type": "auth", "status": "ok"})
        await socket.hears()

    missed = {"id": 7, "subject": "s", "timestamp": "2024-01-15T10:31:00Z"}
    init = {"type": "subscription", "event": "init", "data": [missed]}
    stories = cutting(greet, init, after=0.05), telling(greet)
    since = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    async with scene("directus", *stories, since=since, token="t") as seen:
        sockets = seen.server.sockets
        await until(lambda: len(sockets) == 2 and len(sockets[1].heard) == 2)
        assert seen.service.listener.received == 1
        asked = [socket.heard[1]["query"]["filter"] for socket in sockets]
        by_time = {"timestamp": {"_gte": "2024-01-15T10:30:00.000Z"}}
        assert asked == [by_time, {"id": {"_gt": 7}}]
