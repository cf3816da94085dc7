"""ntfy as it is: what its server says, and what it does not."""

import base64

from tests.protocol.profiles.stage import listening, scene, stage, until
from tests.support.httpd import json_answer

TOPIC = {"variables": "topic=news"}
USER = {"username": "phil", "password": "sentinel-password"}
BASIC = "Basic " + base64.b64encode(b"phil:sentinel-password").decode()
OPEN = {"id": "openopenopen", "time": 1700000000, "event": "open", "topic": "news"}
ONE = {**OPEN, "id": "mmmmmmmmmmm1", "event": "message", "message": "hi"}
UNAUTHORIZED = {"code": 40101, "http": 401, "error": "unauthorized"}
FORBIDDEN = {"code": 40301, "http": 403, "error": "forbidden"}


def saying(*frames):
    """The story of a topic where these are said."""

    async def story(socket):
        for frame in frames:
            await socket.say(frame)
        await socket.stay()

    return story


@scene
async def test_username_and_password_are_shown_to_a_topic_behind_basic():
    """binwiederhier/ntfy, server/server.go, ``maybeAuthenticate``."""
    async with (
        stage({}, saying(OPEN, ONE)) as one,
        listening(one, "ntfy", **TOPIC, **USER) as (_, found, _events),
    ):
        await until(lambda: found)
        assert one.sockets[0].request.headers["authorization"] == BASIC


@scene
async def test_a_token_is_shown_instead_of_username_and_password():
    async with (
        stage({}, saying(OPEN, ONE)) as one,
        listening(one, "ntfy", **TOPIC, **USER, token="tk_1") as (_, found, _events),
    ):
        await until(lambda: found)
        assert one.sockets[0].request.headers["authorization"] == "Bearer tk_1"


@scene
async def test_a_message_is_sent_with_username_and_password_too():
    taken = {"POST /": lambda _: json_answer({"id": "m"})}
    async with (
        stage(taken, saying(OPEN)) as one,
        listening(one, "ntfy", **TOPIC, **USER) as (service, _, _events),
    ):
        await service.send({"type": "x", "payload": {"message": "hi"}})
        assert one.asked("/")[-1].headers["authorization"] == BASIC
