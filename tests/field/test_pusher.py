"""Pusher Channels, Laravel Reverb and soketi, as their sources say they answer."""

from __future__ import annotations

import asyncio
import json

import pytest

from notifyws.errors import AuthenticationFailed, ConnectionLost
from notifyws.events import Disconnected, Failure
from notifyws.protocol.failures import FailureClassifier
from notifyws.protocol.loader import profile_text
from notifyws.protocol.profile_text import parse
from tests.protocol.profiles.stage import Socket, end_of, until
from tests.support.httpd import answer, json_answer
from tests.support.profile_scene import scene, telling

PUBLIC = "app_key=k channel=news"
PRIVATE = "app_key=k channel=private-orders"
PROFILE = parse(*profile_text("pusher"))


def event(name: str, channel: str = "news", data: object = None) -> dict[str, object]:
    """Return an event as Pusher writes it: JSON in a string."""
    return {"event": name, "channel": channel, "data": json.dumps(data)}


def error(code: int | None, message: str) -> dict[str, object]:
    return {"event": "pusher:error", "data": {"code": code, "message": message}}


async def greets(socket: Socket) -> None:
    hello = json.dumps({"socket_id": "1.2", "activity_timeout": 30})
    await socket.say({"event": "pusher:connection_established", "data": hello})


async def joins(socket: Socket) -> dict[str, str]:
    """Let the client subscribe once; return what it said."""
    asked = await socket.hears()
    assert asked["event"] == "pusher:subscribe"
    said: dict[str, str] = asked["data"]
    joined = "pusher_internal:subscription_succeeded"
    await socket.say({"event": joined, "channel": said["channel"]})
    return said


brings = telling(greets, joins, event("alert", data={"message": "hi"}))


def refuses_to_subscribe(frame: object):
    return telling(greets, Socket.hears, frame)


async def ends(story, variables: str = PUBLIC, answers=None, **settings):
    """Return how listening to it ends."""
    return await end_of(story, "pusher", answers, variables=variables, **settings)


@pytest.mark.parametrize(
    ("code", "reason", "verdict"),
    [
        (4000, "Application only accepts SSL connections", "stop"),
        (4001, "Application does not exist", "stop"),
        (4003, "Application disabled", "stop"),
        (4004, "Application is over connection quota", "stop"),
        (4005, "Path not found", "stop"),
        (4006, "Invalid version string format", "stop"),
        (4007, "Unsupported protocol version", "stop"),
        (4008, "No protocol version supplied", "stop"),
        (4009, "Connection is unauthorized", "renew"),
        (4009, "Connection not authorized within timeout.", "renew"),
        (4009, "You got disconnected by the app.", "renew"),
        (4009, "Origin not allowed", "stop"),
        (4100, "Over capacity", "retry"),
        (4200, "Server closed. Please reconnect shortly.", "retry now"),
        (4201, "Pong reply not received in time", "retry now"),
        (4202, "Closed after inactivity", "retry now"),
        (4301, "Client event rejected due to rate limit", "retry"),
        (1001, "", "retry"),
        (1006, "", "retry"),
    ],
)
def test_a_published_code_means_what_the_protocol_says(code, reason, verdict):
    """Pusher's page "Pusher Channels Protocol", "Error codes", and what
    laravel/reverb, src/Protocols/Pusher/Exceptions, and soketi/soketi,
    src/ws-handler.ts, say with them."""
    classifier = FailureClassifier(PROFILE.closes, PROFILE.statuses)
    assert classifier.of(ConnectionLost(code, reason)).value == verdict


@pytest.mark.parametrize(
    ("frame", "exit_code", "words"),
    [
        (error(4001, "Application does not exist"), 5, "Application does not exist"),
        (error(4004, "Application is over connection quota"), 5, "connection quota"),
        (error(4009, "Connection is unauthorized"), 4, "Connection is unauthorized"),
        (error(4009, "Origin not allowed"), 5, "Origin not allowed"),
        (error(None, "something new"), 5, "something new"),
    ],
)
async def test_an_error_before_the_hello_is_judged_like_a_close(
    frame, exit_code, words
):
    """laravel/reverb, src/Protocols/Pusher/Server.php: ``error`` sends a frame and
    leaves the socket open."""
    ended = await ends(telling(frame))
    assert (ended.exit_code, words in ended.message) == (exit_code, True)


@pytest.mark.parametrize("code", [4100, 4200])
async def test_a_server_that_is_full_or_restarts_is_asked_again(code):
    """soketi/soketi, src/ws-handler.ts: 4100 at the limit, 4200 while it closes."""

    async def full(socket: Socket) -> None:
        await socket.say(error(code, "come back"))
        await socket.peer.close(code)

    async with scene("pusher", full, brings, variables=PUBLIC) as seen:
        await until(lambda: seen.found)
        assert len(seen.server.sockets) == 2


@pytest.mark.parametrize(
    ("code", "again"), [(4200, True), (4201, True), (4100, True), (4301, False)]
)
async def test_an_error_on_a_live_socket_is_judged_like_a_close(code, again):
    """laravel/reverb, src/Jobs/PruneStaleConnections.php, says 4201 in a frame; codes
    from 4300 on are about one message (ClientEvent.php)."""

    story = telling(
        greets, joins, error(code, "words"), event("alert", data="still here")
    )
    async with scene("pusher", story, brings, variables=PUBLIC) as seen:
        await until(lambda: seen.found and len(seen.server.sockets) == 1 + again)
        said = [
            each for each in seen.events if isinstance(each, Disconnected | Failure)
        ]
        assert any("words" in (each.reason if again else each.message) for each in said)


async def test_a_user_who_is_disconnected_by_the_app_has_no_more_right_to_listen():
    """soketi/soketi, src/namespace.ts: terminateUserConnections."""

    async def story(socket: Socket) -> None:
        await greets(socket)
        await joins(socket)
        await socket.say(error(4009, "You got disconnected by the app."))
        await socket.peer.close(4009)

    assert (await ends(story, token="t")).exit_code == 4


@pytest.mark.parametrize(
    ("frame", "exit_code", "words"),
    [
        (
            {
                "event": "pusher:subscription_error",
                "channel": "private-orders",
                "data": {
                    "type": "AuthError",
                    "error": "The connection is unauthorized.",
                    "status": 401,
                },
            },
            4,
            "The connection is unauthorized.",
        ),
        (error(4009, "Connection is unauthorized"), 4, "is unauthorized"),
        (error(4009, "Invalid Signature"), 4, "Invalid Signature"),
        (
            error(None, "Invalid signature: Expected HMAC SHA256 hex digest of 1.2"),
            4,
            "Invalid signature",
        ),
    ],
    ids=["soketi", "reverb", "laravel-websockets", "pusher"],
)
async def test_a_signature_that_is_no_good_is_a_refusal_of_who_we_are(
    frame, exit_code, words
):
    """soketi/soketi, src/ws-handler.ts; laravel/reverb, InteractsWithPrivateChannels;
    beyondcode/laravel-websockets 965; pusher/pusher-websocket-java 205."""
    signs = {"POST /broadcasting/auth": lambda _: json_answer({"auth": "k:bad"})}
    ended = await ends(refuses_to_subscribe(frame), PRIVATE, signs, token="t")
    assert (ended.exit_code, words in ended.message) == (exit_code, True)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (4009, "The channel name is not allowed. Read channel conventions"),
        (4009, "The channel name is longer than the allowed 200 characters."),
        (4301, "The maximum size for a channel member is 2 KB."),
    ],
)
async def test_a_channel_that_is_refused_ends_it_with_the_servers_words(status, said):
    """soketi/soketi, src/ws-handler.ts and src/channels: the socket stays open."""
    data = {"error": said, "status": status}
    refused = {"event": "pusher:subscription_error", "channel": "news", "data": data}
    ended = await ends(refuses_to_subscribe(refused))
    assert ended.exit_code == 5
    assert said in ended.message


async def test_a_channel_that_is_taken_away_later_is_subscribed_to_anew():
    """Seen: passed over, and "connected" stayed: a channel that brought nothing."""
    gone = {"type": "AuthError", "error": "gone", "status": 403}

    async def ends_it(socket: Socket) -> None:
        await greets(socket)
        await joins(socket)
        frame = {"event": "pusher:subscription_error", "channel": "news", "data": gone}
        await socket.say(frame)
        await socket.stay()

    story = telling(greets, joins)
    async with scene(
        "pusher", ends_it, story, variables="app_key=k channel=news"
    ) as seen:
        await until(lambda: len(seen.server.sockets) == 2)
        assert any("gone" in getattr(each, "reason", "") for each in seen.events)


async def test_several_channels_are_subscribed_to_one_after_the_other():
    async def story(socket: Socket) -> None:
        await greets(socket)
        assert await joins(socket) == {"channel": "news"}
        await socket.say(event("first", data={"title": "between"}))
        assert await joins(socket) == {"channel": "alerts"}
        await socket.say(event("second", "alerts", {"title": "after"}))
        await socket.stay()

    variables = 'app_key=k channel="news, alerts"'
    async with scene("pusher", story, variables=variables) as seen:
        await until(lambda: len(seen.found) == 2)
        said = [(each.type, each.title, each.fields["channel"]) for each in seen.found]
        assert said == [("first", "between", "news"), ("second", "after", "alerts")]


async def test_private_and_presence_channels_are_signed_by_the_application():
    """pusher/pusher-js, src/core/auth/channel_authorizer.ts and src/core/channels; the
    endpoint of laravel/framework, Illuminate/Broadcasting/BroadcastController.php."""
    asked = []

    def sign(request):
        assert request.headers["authorization"] == "Bearer app-token"
        asked.append(request.body.decode())
        member = (
            {"channel_data": '{"user_id":"7"}'} if b"presence" in request.body else {}
        )
        return json_answer({"auth": f"k:{len(asked)}", **member})

    async def story(socket: Socket) -> None:
        await greets(socket)
        assert await joins(socket) == {"channel": "news"}
        member = {"auth": "k:1", "channel_data": '{"user_id":"7"}'}
        assert await joins(socket) == {"channel": "presence-room", **member}
        assert await joins(socket) == {"channel": "private-orders.7", "auth": "k:2"}
        await socket.say(event("shipped", "private-orders.7", {"title": "t"}))
        await socket.stay()

    variables = 'app_key=k channel="presence-room,news,private-orders.7"'
    async with scene(
        "pusher",
        story,
        answers={"POST /broadcasting/auth": sign},
        variables=variables,
        token="app-token",
    ) as seen:
        await until(lambda: seen.found)
        assert asked == [
            "socket_id=1.2&channel_name=presence-room",
            "socket_id=1.2&channel_name=private-orders.7",
        ]


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (json_answer({"message": "Unauthenticated."}, 401), "Unauthenticated."),
        (json_answer({"message": "", "exception": "AccessDenied"}, 403), "not accept"),
        (json_answer({"message": "CSRF token mismatch."}, 419), "CSRF token mismatch."),
        (answer(403, b"Forbidden"), "not accept"),
    ],
)
async def test_an_application_that_will_not_sign_refuses_who_we_are(reply, words):
    """kerimamansaryyev/dart_pusher_channels 31: Laravel's 403 has no words."""
    answers = {"POST /broadcasting/auth": lambda _: reply}
    ended = await ends(refuses_to_subscribe(None), PRIVATE, answers, token="t")
    assert isinstance(ended, AuthenticationFailed)
    assert words in ended.message


async def test_an_application_without_such_a_place_is_said_by_its_path():
    ended = await ends(
        refuses_to_subscribe(None),
        PRIVATE + " auth_path=api/broadcasting/auth",
        token="t",
    )
    assert ended.exit_code == 5
    assert "/api/broadcasting/auth answered 404" in ended.message


async def test_an_application_that_is_away_for_a_moment_is_asked_again():
    replies = [answer(502), json_answer({"auth": "k:1"})]
    answers = {"POST /broadcasting/auth": lambda _: replies.pop(0)}
    async with scene(
        "pusher", brings, answers=answers, variables=PRIVATE, token="t"
    ) as seen:
        await until(lambda: seen.found)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("hello world", "hello world"),
        ('"hello json"', "hello json"),
        ("42", "42"),
        ("true", "true"),
        ('{"text":"in an object"}', "in an object"),
        ('["a","b"]', ""),
    ],
)
async def test_the_data_of_an_event_may_be_any_text(data, message):
    """Pusher's page: data is "recommended" to be JSON, "although it is possible to
    send any type of payload, for example a simple string"."""

    story = telling(
        greets, joins, {"event": "my-event", "channel": "news", "data": data}
    )
    async with scene("pusher", story, variables=PUBLIC) as seen:
        await until(lambda: seen.found)
        assert (seen.found[0].type, seen.found[0].message) == ("my-event", message)
        assert seen.found[0].data is not None


async def test_two_events_about_one_thing_are_two():
    """An id in the data is that of an order, say; only Laravel's notifications have one
    of their own (laravel/framework, BroadcastNotificationCreated.php)."""
    laravel = r"Illuminate\Notifications\Events\BroadcastNotificationCreated"
    note = {"id": "0d5e", "type": r"App\Notifications\Paid", "message": "paid"}

    async def story(socket: Socket) -> None:
        await greets(socket)
        await joins(socket)
        for message in ("packed", "packed", "sent"):
            await socket.say(event("order", data={"id": 5, "message": message}))
        for _ in range(2):
            await socket.say(event(laravel, data=note))
        await socket.say(event("last", data={}))
        await socket.stay()

    async with scene("pusher", story, variables=PUBLIC) as seen:
        await until(lambda: seen.found and seen.found[-1].type == "last")
        said = [each.message for each in seen.found]
        assert said == ["packed", "packed", "sent", "paid", ""]
        assert (seen.found[3].id, seen.found[3].type) == (
            "0d5e",
            r"App\Notifications\Paid",
        )


async def test_what_pusher_says_to_itself_is_no_notification():
    """soketi/soketi, src/ws-handler.ts; laravel/reverb, EventHandler.php."""

    async def story(socket: Socket) -> None:
        await greets(socket)
        await joins(socket)
        for name in ("member_added", "member_removed", "subscription_count"):
            await socket.say(event(f"pusher_internal:{name}", data={"user_id": "1"}))
        await socket.say({"event": "pusher:cache_miss", "channel": "news"})
        await socket.say({"event": "pusher:ping"})
        assert (await socket.hears())["event"] == "pusher:pong"
        await socket.say(event("pushers-day", data={"title": "ours"}))
        await socket.stay()

    async with scene("pusher", story, variables=PUBLIC) as seen:
        await until(lambda: seen.found)
        await asyncio.sleep(0.02)
        assert [each.type for each in seen.found] == ["pushers-day"]
