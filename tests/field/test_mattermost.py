"""Mattermost as it is: refusals without a word, sessions that end in silence."""

import asyncio
import json

from msgspec.structs import replace

from notifyws.auth.authenticator import Authenticator
from notifyws.config.settings import Settings
from notifyws.errors import AuthenticationFailed
from tests.protocol.profiles.stage import ended, gaps, stage, until
from tests.support.httpd import json_answer
from tests.support.profile_scene import scene, telling

USER = {"username": "me", "password": "sentinel-password"}
LOGIN = "POST /api/v4/users/login"
EXPIRED = "Invalid or expired session, please login again."
QUICK = {"retry_delays": (0.02,)}


def hello(connection="c1"):
    data = {"connection_id": connection, "server_version": "11.0.0"}
    return {"event": "hello", "data": data, "broadcast": {}, "seq": 0}


def posted(ident, message="hi", seq=1, **data):
    post = {"id": ident, "create_at": 1700000000000, "message": message, "type": ""}
    said = {"channel_display_name": "Town Square", "channel_name": "town-square"}
    said |= {"channel_type": "O", "sender_name": "@ada", "team_id": "t1", **data}
    return {"event": "posted", "data": {**said, "post": json.dumps(post)}, "seq": seq}


async def welcome(socket, *frames):
    """Take a challenge, and say hello as server/platform/websocket_router.go does."""
    challenge = await socket.hears()
    assert challenge["action"] == "authentication_challenge"
    for frame in (hello(), {"status": "OK", "seq_reply": challenge["seq"]}, *frames):
        await socket.say(frame)
    return challenge["data"]["token"]


async def hangs_up(socket):
    """mattermost/mattermost, server/channels/app/platform/websocket_router.go:
    ``conn.WebSocket.Close()`` when the session of the challenge's token is not found.
    """
    await socket.hears()
    socket.peer.end()


def refused(ident, message, status=401):
    """An AppError, as server/public/model/utils.go writes it."""
    said = {"id": ident, "message": message, "detailed_error": "", "request_id": "r"}
    return json_answer({**said, "status_code": status}, status)


def logins(*tokens):
    """Answer each login with the next token."""
    left = list(tokens)
    return lambda request: json_answer({"id": "u1"}, Token=left.pop(0))


async def test_a_token_that_the_server_hangs_up_at_is_refused_and_not_tried_for_ever():
    async with stage({}, hangs_up) as one:
        error = await ended(one, "mattermost", token="bad", **QUICK)
        assert isinstance(error, AuthenticationFailed)
        assert len(one.sockets) == 1


ME = "GET /api/v4/users/me"


async def test_a_token_that_the_server_says_is_no_good_is_not_shown_again():
    """``GET /api/v4/users/me`` answers 401 for sure where the socket is only cut."""
    answers = {LOGIN: logins("t1", "t2"), ME: lambda _: refused("x", EXPIRED)}
    async with stage(answers, hangs_up) as one:
        error = await ended(one, "mattermost", **USER, **QUICK)
        assert isinstance(error, AuthenticationFailed)
        assert EXPIRED in error.message
        assert (len(one.sockets), len(one.asked("/api/v4/users/login"))) == (1, 1)


async def test_a_server_that_hangs_up_at_a_good_token_is_waited_for():
    second = telling(lambda socket: welcome(socket, posted("p1")))
    answers = {ME: lambda _: json_answer({"id": "u1"})}
    async with scene(
        "mattermost", hangs_up, hangs_up, second, answers=answers, token="t", **QUICK
    ) as seen:
        await until(lambda: seen.found)
        waits = [each for each in seen.events if each.name == "reconnecting"]
        assert len(waits) == 2
        assert "though it takes the token" in waits[0].reason


async def test_a_fresh_token_that_the_server_hangs_up_at_is_the_end_as_well():
    async with stage({LOGIN: logins("t1", "t2", "t3")}, hangs_up) as one:
        error = await ended(one, "mattermost", **USER, **QUICK)
        assert isinstance(error, AuthenticationFailed)
        assert len(one.asked("/api/v4/users/login")) <= 2


async def test_a_revoked_session_is_replaced_by_one_login_and_nothing_is_lost():
    """attzonko/mmpy_bot#147 for the silent end; an administrator revokes a session."""

    async def first(socket):
        assert await welcome(socket, posted("p1")) == "t1"
        await asyncio.sleep(0.05)
        socket.peer.end()

    async def second(socket):
        assert await welcome(socket, posted("p2")) == "t2"
        await socket.stay()

    async with scene(
        "mattermost",
        first,
        hangs_up,
        second,
        answers={LOGIN: logins("t1", "t2")},
        **USER,
        **QUICK,
    ) as seen:
        await until(lambda: len(seen.found) == 2)
        assert [each.id for each in seen.found] == ["p1", "p2"]
        assert len(seen.server.sockets) == 3


async def test_a_ping_that_the_session_is_too_old_for_renews_it():
    """A revoked session is told nothing (mattermost/mattermost#7981): its events stop,
    and only the answer to a request says so (platform/websocket_router.go).
    """

    async def first(socket):
        await welcome(socket)
        error = {"id": "api.web_socket_router.not_authenticated.app_error"}
        error |= {"message": "Invalid session, please log in again."}
        error |= {"detailed_error": "", "status_code": 401}
        await asyncio.sleep(0.02)
        await socket.say({"status": "FAIL", "error": error, "seq_reply": 2})
        await socket.stay()

    async def second(socket):
        assert await welcome(socket, posted("p2")) == "t2"
        await socket.stay()

    async with scene(
        "mattermost",
        first,
        second,
        answers={LOGIN: logins("t1", "t2")},
        **USER,
        **QUICK,
        stable_after=0.01,
    ) as seen:
        await until(lambda: seen.found)


async def test_a_logout_ends_the_session_at_a_server_without_refresh_tokens():
    """server/channels/api4/user.go, ``logout``: the session of the bearer."""
    answers = {
        LOGIN: logins("t1"),
        "POST /api/v4/users/logout": lambda _: json_answer({}),
    }
    async with stage(answers, hangs_up) as one:
        said = Settings(url=one.url, profile="mattermost", cache_url="memory://")
        auth = Authenticator(replace(said, **USER), print)
        await auth.tokens.get()
        assert await auth.token_manager.logout() is None
        asked = one.asked("/api/v4/users/logout")
        assert [each.headers["authorization"] for each in asked] == ["Bearer t1"]
        assert await auth.token_manager.logout() is None
        assert len(one.asked("/api/v4/users/logout")) == 1


async def test_a_connection_that_the_server_still_knows_goes_on_where_it_ended():
    """Reliable WebSockets: server/channels/app/platform/web_conn.go; a connection that
    goes on is told no hello, and gets no answer to its challenge."""

    async def first(socket):
        await welcome(socket, posted("p1"), {"event": "typing", "data": {}, "seq": 2})
        await asyncio.sleep(0.02)
        socket.peer.end()

    async def second(socket):
        target = socket.request.target
        assert target.endswith("?connection_id=c1&sequence_number=3")
        assert socket.request.headers["authorization"] == "Bearer t"
        await socket.say(posted("p2", seq=3))
        await socket.hears()
        ping = await socket.hears()
        assert ping["action"] == "ping"
        said = {"text": "pong", "version": "11.0.0"}
        await socket.say({"status": "OK", "data": said, "seq_reply": ping["seq"]})
        await socket.stay()

    async with scene("mattermost", first, second, token="t", **QUICK) as seen:
        await until(lambda: len(seen.found) == 2)
        assert not gaps(seen.events)


async def test_a_second_hello_says_that_something_was_lost():
    async def first(socket):
        await welcome(socket, posted("p1"))
        await asyncio.sleep(0.02)
        socket.peer.end()

    second = telling(lambda socket: welcome(socket, posted("p3")))
    async with scene("mattermost", first, second, token="t", **QUICK) as seen:
        await until(lambda: len(seen.found) == 2)
        assert len(gaps(seen.events)) == 1


async def test_a_post_that_is_told_again_by_a_new_session_is_told():
    """Nothing is replayed to a new connection, so that it is no duplicate."""

    async def ends(socket):
        await welcome(socket, posted("p1"))
        await asyncio.sleep(0.02)
        socket.peer.end()

    stays = telling(lambda socket: welcome(socket, posted("p1")))
    async with scene("mattermost", ends, stays, token="t", **QUICK) as seen:
        await until(lambda: len(seen.found) == 2)


async def test_direct_messages_mentions_and_words_of_the_system_are_told_apart():
    """server/channels/app/notification.go; ``mentions`` is only there for the
    mentioned (server/channels/app/web_broadcast_hooks.go)."""
    system = posted("p5")
    post = {**json.loads(system["data"]["post"]), "type": "system_join_channel"}
    system["data"]["post"] = json.dumps(post)
    frames = [
        posted("p1"),
        posted("p2", channel_type="D"),
        posted("p3", channel_type="G", mentions='["u1"]'),
        posted("p4", mentions='["u1"]'),
        system,
        posted("p6", mentions="[]"),
    ]
    story = telling(lambda socket: welcome(socket, *frames))
    async with scene("mattermost", story, token="t") as seen:
        await until(lambda: len(seen.found) == len(frames))
        kinds = ["post", "direct", "group", "mention", "system", "post"]
        assert [each.type for each in seen.found] == kinds
        assert seen.found[0].link == "/_redirect/pl/p1"
        assert seen.found[0].fields["channel"] == "town-square"
        assert seen.found[0].fields["team_id"] == "t1"


async def test_events_that_are_no_posts_are_no_trouble():
    kinds = ("typing", "status_change", "reaction_added", "what_comes_later")
    frames = [{"event": kind, "data": {}, "seq": n} for n, kind in enumerate(kinds, 1)]
    story = telling(lambda socket: welcome(socket, *frames, posted("p1")))
    async with scene("mattermost", story, token="t") as seen:
        await until(lambda: seen.found)
        assert not [each for each in seen.events if each.name == "error"]


async def test_a_logout_shows_the_only_token_that_there_is():
    """A session has one token; ``POST /api/v4/users/logout`` takes it in a header.

    server/channels/api4/user.go, ``logout``: without one nothing ends.
    """
    out = "POST /api/v4/users/logout"
    answers = {LOGIN: logins("session-token"), out: lambda _: json_answer({})}
    async with stage(answers, hangs_up) as one:
        settings = Settings(
            url=one.url, profile="mattermost", cache_url="memory://", **USER
        )
        manager = Authenticator(settings, lambda text: None).token_manager
        await manager.login()
        assert await manager.logout() is None
        (asked,) = one.asked("/api/v4/users/logout")
    assert asked.headers["authorization"] == "Bearer session-token"
