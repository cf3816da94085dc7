"""Centrifugo as it is: subscriptions that die on a live socket, and codes."""

import asyncio

import pytest

from notifyws.protocol.loader import profile_text
from tests.protocol.profiles.stage import Socket, ended, gaps, listening, stage, until
from tests.support.httpd import json_answer
from tests.support.profile_scene import cutting, scene, telling

NEWS = {"variables": "channel=news", "token": "jwt", "retry_delays": (0.02,)}

BACKEND = """
[http.login]
path = "/token"
[tokens]
access = "token"
expires_in = "ttl"
[socket]
"""
"""How a backend of your own gives connection tokens."""


async def welcome(socket, *channels, token="jwt"):
    """Answer a connect command, and a subscribe command for each channel."""
    connect = await socket.hears()
    assert connect["connect"] == {"token": token}
    await socket.say({"id": connect["id"], "connect": {"client": "c", "ping": 25}})
    for channel in channels or ("news",):
        subscribe = await socket.hears()
        assert subscribe["subscribe"]["channel"] == channel
        await socket.say({"id": subscribe["id"], "subscribe": {}})


def pub(title, channel="news", **data):
    said = {"data": {"title": title, **data}, "offset": 1}
    return {"push": {"channel": channel, "pub": said}}


def unsubscribed(code, reason):
    said = {"code": code, "reason": reason}
    return {"push": {"channel": "news", "unsubscribe": said}}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (2500, "insufficient state"),
        (2501, "subscription expired"),
        (2502, "state invalidated"),
    ],
)
async def test_a_subscription_that_may_be_renewed_is_renewed_with_a_gap(code, reason):
    """centrifugal/centrifuge, unsubscribe.go: 2500 and above are subscribed anew."""

    first = telling(welcome, unsubscribed(code, reason))
    second = telling(welcome, pub("after"))
    async with scene("centrifugo", first, second, **NEWS) as seen:
        await until(lambda: seen.found)
        names = [event.name for event in seen.events]
        assert "gap" in names
        lost = next(each for each in seen.events if each.name == "disconnected")
        assert reason in lost.reason


async def test_a_subscription_that_the_server_ends_for_good_is_the_end_and_is_said():
    """centrifugal/centrifuge, unsubscribe.go: below 2500 nobody subscribes anew."""

    story = telling(welcome, unsubscribed(2000, "server unsubscribe"))
    async with stage({}, story) as one:
        error = await ended(one, "centrifugo", **NEWS)
        assert "unsubscribed from news: server unsubscribe" in error.message
        assert len(one.sockets) == 1


async def test_several_channels_are_subscribed_to_one_after_the_other():
    story = telling(
        lambda socket: welcome(socket, "news", "alerts"), pub("a", channel="alerts")
    )
    said = {**NEWS, "variables": 'channel="news,alerts"'}
    async with scene("centrifugo", story, **said) as seen:
        await until(lambda: seen.found)
        assert seen.found[0].fields["channel"] == "alerts"


async def recovers(socket, asked, **said):
    """Answer the subscription of a reconnect."""
    connect = await socket.hears()
    await socket.say({"id": connect["id"], "connect": {}})
    subscribe = await socket.hears()
    assert subscribe["subscribe"] == {"channel": "news", **asked}
    answer = {"recoverable": True, "epoch": "e1", "was_recovering": True, **said}
    await socket.say({"id": subscribe["id"], "subscribe": answer})


async def begins(socket):
    """A channel with a history: an offset of 0 is left out."""
    connect = await socket.hears()
    await socket.say({"id": connect["id"], "connect": {}})
    subscribe = await socket.hears()
    assert subscribe["subscribe"] == {"channel": "news"}
    answer = {"recoverable": True, "epoch": "e1"}
    await socket.say({"id": subscribe["id"], "subscribe": answer})


async def test_what_was_missed_in_a_channel_with_a_history_is_recovered():
    """centrifugal.dev, "Stream history and recovery"; centrifugal/protocol,
    definitions/client.proto, ``SubscribeResult``."""
    missed = [{"data": {"title": "b"}, "offset": 2}, {"data": {"title": "c"}}]

    first = cutting(begins, pub("a"), after=0.02)

    async def second(socket):
        asked = {"recover": True, "offset": 1, "epoch": "e1"}
        await recovers(socket, asked, recovered=True, offset=3, publications=missed)
        await asyncio.sleep(0.02)
        socket.peer.cut()

    async def third(socket):
        asked = {"recover": True, "offset": 3, "epoch": "e1"}
        await recovers(socket, asked, recovered=True, offset=3)
        await socket.say(pub("d"))
        await socket.stay()

    async with scene("centrifugo", first, second, third, **NEWS) as seen:
        await until(lambda: len(seen.found) == 4)
        assert [each.title for each in seen.found] == ["a", "b", "c", "d"]
        assert not gaps(seen.events)


async def test_a_history_that_does_not_go_back_far_enough_is_a_gap():
    first = cutting(begins, after=0.02)

    async def second(socket):
        asked = {"recover": True, "offset": 0, "epoch": "e1"}
        await recovers(socket, asked, epoch="e2", offset=7)
        await socket.say(pub("after"))
        await socket.stay()

    async with scene("centrifugo", first, second, **NEWS) as seen:
        await until(lambda: seen.found)
        assert len(gaps(seen.events)) == 1


async def test_an_error_that_is_only_temporary_is_tried_again():
    """centrifugal/centrifuge, errors.go: 100, 111, and an application's own."""

    async def first(socket):
        await socket.hears()
        error = {"code": 1200, "message": "wait a little", "temporary": True}
        await socket.say({"id": 1, "error": error})
        await socket.stay()

    second = telling(welcome, pub("after"))
    async with scene("centrifugo", first, second, **NEWS) as seen:
        await until(lambda: seen.found)


AGAIN, AUTHENTICATION, ENDED = 0, 4, 5
DISCONNECTS = {
    3000: ("connection closed", AGAIN),
    3001: ("shutdown", AGAIN),
    3004: ("internal server error", AGAIN),
    3005: ("connection expired", AUTHENTICATION),
    3006: ("subscription expired", AGAIN),
    3008: ("slow", AGAIN),
    3009: ("write error", AGAIN),
    3010: ("insufficient state", AGAIN),
    3011: ("force reconnect", AGAIN),
    3012: ("no pong", AGAIN),
    3013: ("too many requests", AGAIN),
    3014: ("state invalidated", AGAIN),
    3500: ("invalid token", AUTHENTICATION),
    3501: ("bad request", ENDED),
    3502: ("stale", ENDED),
    3503: ("force disconnect", ENDED),
    3504: ("connection limit", ENDED),
    3505: ("channel limit", ENDED),
    3506: ("inappropriate protocol", ENDED),
    3507: ("permission denied", AUTHENTICATION),
    3508: ("not available", ENDED),
    3509: ("too many errors", ENDED),
    4000: ("the application's own", AGAIN),
    4499: ("the application's own", AGAIN),
    4500: ("the application's own", ENDED),
    4999: ("the application's own", ENDED),
}
"""centrifugal/centrifuge, disconnect.go: code -> reason, and what it leads to."""
ERRORS = {
    100: ("internal server error", AGAIN),
    101: ("unauthorized", AUTHENTICATION),
    102: ("unknown channel", ENDED),
    103: ("permission denied", AUTHENTICATION),
    104: ("method not found", ENDED),
    105: ("already subscribed", ENDED),
    106: ("limit exceeded", AGAIN),
    107: ("bad request", ENDED),
    108: ("not available", ENDED),
    109: ("token expired", AUTHENTICATION),
    110: ("expired", AUTHENTICATION),
    111: ("too many requests", AGAIN),
    112: ("unrecoverable position", ENDED),
    113: ("concurrent pagination", AGAIN),
    400: ("the application's own", ENDED),
    1999: ("the application's own", ENDED),
}
"""centrifugal/centrifuge, errors.go: the same."""


async def leads_to(leading, words, one):
    """Check that a listener of this server ends like that, in these words, or not."""
    if leading == AGAIN:
        async with listening(one, "centrifugo", **NEWS):
            await until(lambda: len(one.sockets) > 1)
    else:
        error = await ended(one, "centrifugo", **NEWS)
        assert error.exit_code == leading
        assert words in error.message
        assert len(one.sockets) == 1


def first(story):
    """Tell a story to the first socket, and be well to all others."""

    well = telling(welcome)
    return stage({}, story, well)


@pytest.mark.parametrize("code", DISCONNECTS)
async def test_each_disconnect_leads_to_what_its_code_says(code):
    """The same by a close and by a push."""
    reason, leading = DISCONNECTS[code]

    async def closes(socket):
        await welcome(socket)
        await socket.peer.close(code, reason)

    pushes = telling(
        welcome, {"push": {"disconnect": {"code": code, "reason": reason}}}
    )
    for story in (closes, pushes):
        async with first(story) as one:
            await leads_to(leading, reason, one)


@pytest.mark.parametrize("code", ERRORS)
async def test_each_error_leads_to_what_its_code_says(code):
    """The same for a connection and for a subscription."""
    words, leading = ERRORS[code]
    error = {"code": code, "message": words}
    connecting = telling(Socket.hears, {"id": 1, "error": error})
    subscribing = telling(
        Socket.hears, {"id": 1, "connect": {}}, Socket.hears, {"id": 2, "error": error}
    )
    for story in (connecting, subscribing):
        async with first(story) as one:
            await leads_to(leading, words, one)


async def test_pushes_that_are_no_publications_are_no_trouble():
    """centrifugal/protocol, definitions/client.proto, ``Push``."""
    kinds = ("join", "leave", "message", "subscribe", "refresh", "what_comes_later")
    frames = [{"push": {"channel": "news", kind: {}}} for kind in kinds]

    async def story(socket):
        await welcome(socket)
        for frame in (*frames, pub("after")):
            await socket.say(frame)
        await socket.stay()

    async with scene("centrifugo", story, **NEWS) as seen:
        await until(lambda: seen.found)
        assert not [each for each in seen.events if each.name == "error"]


async def test_two_publications_about_one_thing_are_two():
    story = telling(welcome, pub("packed", id=5), pub("sent", id=5))
    async with scene("centrifugo", story, **NEWS) as seen:
        await until(lambda: len(seen.found) == 2)
        assert [each.title for each in seen.found] == ["packed", "sent"]


async def test_without_a_token_one_connects_as_a_client_that_is_not_known():
    async def story(socket):
        connect = await socket.hears()
        assert connect == {"id": 1, "connect": {"name": "notifyws"}}
        await socket.say({"id": 1, "connect": {}})
        subscribe = await socket.hears()
        await socket.say({"id": subscribe["id"], "subscribe": {}})
        await socket.say(pub("open"))
        await socket.stay()

    async with scene("centrifugo", story, variables="channel=news") as seen:
        await until(lambda: seen.found)


async def test_a_channels_own_token_goes_into_the_subscription():
    async def story(socket):
        await socket.hears()
        await socket.say({"id": 1, "connect": {}})
        subscribe = await socket.hears()
        assert subscribe["subscribe"] == {"channel": "news", "token": "sub"}
        await socket.say({"id": 2, "subscribe": {}})
        await socket.say(pub("private"))
        await socket.stay()

    said = {**NEWS, "variables": "channel=news subscription_token=sub"}
    async with scene("centrifugo", story, **said) as seen:
        await until(lambda: seen.found)


async def test_the_connections_token_is_renewed_in_place(tmp_path):
    """centrifugal/centrifuge-js, src/centrifuge.ts, ``_refresh``; a profile that adds
    how your backend gives tokens."""
    text = profile_text("centrifugo")[0].replace("[socket]", BACKEND)
    own = tmp_path / "own.toml"
    own.write_text(text.replace('name = "centrifugo"', 'name = "own"'))
    given = iter([("first", 0.2), ("second", 900)])

    def token(request):
        return json_answer(dict(zip(("token", "ttl"), next(given), strict=True)))

    async def story(socket):
        await welcome(socket, token="first")
        refresh = await socket.hears()
        assert refresh["refresh"] == {"token": "second"}
        await socket.say(
            {"id": refresh["id"], "refresh": {"expires": True, "ttl": 900}}
        )
        await asyncio.sleep(0.01)
        await socket.say(pub("after"))
        await socket.stay()

    said = {"variables": "channel=news", "username": "me", "password": "p"}
    async with scene(str(own), story, answers={"POST /token": token}, **said) as seen:
        await until(lambda: seen.found)
        assert len(seen.server.sockets) == 1
