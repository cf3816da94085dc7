"""Centrifugo as it is: subscriptions that die on a live socket, and codes."""

import asyncio

import pytest

from notifyws.errors import AuthenticationFailed
from notifyws.protocol.loader import profile_text
from tests.protocol.profiles.stage import ended, listening, scene, stage, until
from tests.support.httpd import json_answer

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
@scene
async def test_a_subscription_that_may_be_renewed_is_renewed_with_a_gap(code, reason):
    """centrifugal/centrifuge, unsubscribe.go: 2500 and above are subscribed anew."""

    async def first(socket):
        await welcome(socket)
        await socket.say(unsubscribed(code, reason))
        await socket.stay()

    async def second(socket):
        await welcome(socket)
        await socket.say(pub("after"))
        await socket.stay()

    async with (
        stage({}, first, second) as one,
        listening(one, "centrifugo", **NEWS) as (_, found, events),
    ):
        await until(lambda: found)
        names = [event.name for event in events]
        assert "gap" in names
        lost = next(each for each in events if each.name == "disconnected")
        assert reason in lost.reason


@scene
async def test_a_subscription_that_the_server_ends_for_good_is_the_end_and_is_said():
    """centrifugal/centrifuge, unsubscribe.go: below 2500 nobody subscribes anew."""

    async def story(socket):
        await welcome(socket)
        await socket.say(unsubscribed(2000, "server unsubscribe"))
        await socket.stay()

    async with stage({}, story) as one:
        error = await ended(one, "centrifugo", **NEWS)
        assert "unsubscribed from news: server unsubscribe" in error.message
        assert len(one.sockets) == 1


@scene
async def test_several_channels_are_subscribed_to_one_after_the_other():
    async def story(socket):
        await welcome(socket, "news", "alerts")
        await socket.say(pub("a", channel="alerts"))
        await socket.stay()

    said = {**NEWS, "variables": 'channel="news,alerts"'}
    async with (
        stage({}, story) as one,
        listening(one, "centrifugo", **said) as (_, found, _events),
    ):
        await until(lambda: found)
        assert found[0].fields["channel"] == "alerts"


@scene
async def test_a_channel_that_is_refused_is_an_error_with_the_servers_words():
    """centrifugal/centrifuge, errors.go: 102."""

    async def story(socket):
        await socket.hears()
        await socket.say({"id": 1, "connect": {}})
        await socket.hears()
        await socket.say(
            {"id": 2, "error": {"code": 102, "message": "unknown channel"}}
        )
        await socket.stay()

    async with stage({}, story) as one:
        assert "unknown channel" in (await ended(one, "centrifugo", **NEWS)).message


@pytest.mark.parametrize(
    ("code", "words"),
    [(101, "unauthorized"), (109, "token expired"), (110, "expired")],
)
@scene
async def test_an_error_about_the_token_is_one_of_authentication(code, words):
    """centrifugal/centrifuge, errors.go."""

    async def story(socket):
        await socket.hears()
        await socket.say({"id": 1, "error": {"code": code, "message": words}})
        await socket.stay()

    async with stage({}, story) as one:
        error = await ended(one, "centrifugo", **NEWS)
        assert isinstance(error, AuthenticationFailed)


@scene
async def test_an_error_that_is_only_temporary_is_tried_again():
    """centrifugal/centrifuge, errors.go: 100, 111, and an application's own."""

    async def first(socket):
        await socket.hears()
        error = {"code": 1200, "message": "wait a little", "temporary": True}
        await socket.say({"id": 1, "error": error})
        await socket.stay()

    async def second(socket):
        await welcome(socket)
        await socket.say(pub("after"))
        await socket.stay()

    async with (
        stage({}, first, second) as one,
        listening(one, "centrifugo", **NEWS) as (_, found, _events),
    ):
        await until(lambda: found)


@pytest.mark.parametrize("code", [3500, 3005])
@scene
async def test_a_disconnect_about_the_token_is_one_of_authentication(code):
    """The same by a close and by a push; centrifugal/centrifuge, disconnect.go."""

    async def closes(socket):
        await welcome(socket)
        await socket.peer.close(code, "connection expired")

    async def pushes(socket):
        await welcome(socket)
        said = {"code": code, "reason": "connection expired"}
        await socket.say({"push": {"disconnect": said}})
        await socket.stay()

    for story in (closes, pushes):
        async with stage({}, story) as one:
            error = await ended(one, "centrifugo", **NEWS)
            assert isinstance(error, AuthenticationFailed)
            assert len(one.sockets) == 1


@scene
async def test_pushes_that_are_no_publications_are_no_trouble():
    """centrifugal/protocol, definitions/client.proto, ``Push``."""
    kinds = ("join", "leave", "message", "subscribe", "refresh", "what_comes_later")
    frames = [{"push": {"channel": "news", kind: {}}} for kind in kinds]

    async def story(socket):
        await welcome(socket)
        for frame in (*frames, pub("after")):
            await socket.say(frame)
        await socket.stay()

    async with (
        stage({}, story) as one,
        listening(one, "centrifugo", **NEWS) as (_, found, events),
    ):
        await until(lambda: found)
        assert not [each for each in events if each.name == "error"]


@scene
async def test_two_publications_about_one_thing_are_two():
    async def story(socket):
        await welcome(socket)
        await socket.say(pub("packed", id=5))
        await socket.say(pub("sent", id=5))
        await socket.stay()

    async with (
        stage({}, story) as one,
        listening(one, "centrifugo", **NEWS) as (_, found, _events),
    ):
        await until(lambda: len(found) == 2)
        assert [each.title for each in found] == ["packed", "sent"]


@scene
async def test_without_a_token_one_connects_as_a_client_that_is_not_known():
    async def story(socket):
        connect = await socket.hears()
        assert connect == {"id": 1, "connect": {"name": "notifyws"}}
        await socket.say({"id": 1, "connect": {}})
        subscribe = await socket.hears()
        await socket.say({"id": subscribe["id"], "subscribe": {}})
        await socket.say(pub("open"))
        await socket.stay()

    async with (
        stage({}, story) as one,
        listening(one, "centrifugo", variables="channel=news") as (_, found, _events),
    ):
        await until(lambda: found)


@scene
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
    async with (
        stage({}, story) as one,
        listening(one, "centrifugo", **said) as (_, found, _events),
    ):
        await until(lambda: found)


@scene
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
    async with (
        stage({"POST /token": token}, story) as one,
        listening(one, str(own), **said) as (_, found, _events),
    ):
        await until(lambda: found)
        assert len(one.sockets) == 1
