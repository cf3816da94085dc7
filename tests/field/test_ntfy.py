"""ntfy as it is: what its server says, and what it does not."""

import base64

import pytest
from msgspec.structs import replace

from notifyws import NotificationService
from notifyws.config.settings import Settings
from notifyws.errors import AuthenticationFailed
from tests.protocol.profiles.stage import ended, stage, until
from tests.support.httpd import json_answer
from tests.support.profile_scene import scene, telling

TOPIC = {"variables": "topic=news"}
USER = {"username": "phil", "password": "sentinel-password"}
BASIC = "Basic " + base64.b64encode(b"phil:sentinel-password").decode()
OPEN = {"id": "openopenopen", "time": 1700000000, "event": "open", "topic": "news"}
ONE = {**OPEN, "id": "mmmmmmmmmmm1", "event": "message", "message": "hi"}
UNAUTHORIZED = {"code": 40101, "http": 401, "error": "unauthorized"}


async def test_username_and_password_are_shown_to_a_topic_behind_basic():
    """binwiederhier/ntfy, server/server.go, ``maybeAuthenticate``."""
    async with scene("ntfy", telling(OPEN, ONE), **TOPIC, **USER) as seen:
        await until(lambda: seen.found)
        assert seen.server.sockets[0].request.headers["authorization"] == BASIC


async def test_a_token_is_shown_instead_of_username_and_password():
    async with scene("ntfy", telling(OPEN, ONE), **TOPIC, **USER, token="tk_1") as seen:
        await until(lambda: seen.found)
        assert seen.server.sockets[0].request.headers["authorization"] == "Bearer tk_1"


async def test_a_message_is_sent_with_username_and_password_too():
    taken = {"POST /": lambda _: json_answer({"id": "m"})}
    async with scene("ntfy", telling(OPEN), answers=taken, **TOPIC, **USER) as seen:
        await seen.service.send({"type": "x", "payload": {"message": "hi"}})
        assert seen.server.asked("/")[-1].headers["authorization"] == BASIC


async def test_bytes_that_are_no_text_are_shown_as_text():
    """binwiederhier/ntfy, server/server.go, ``handleBodyAsMessageAutoDetect``: what is
    not UTF-8 is written as base64."""
    coded = base64.b64encode("Grüße".encode("latin-1")).decode()
    frame = {**ONE, "message": coded, "encoding": "base64"}
    async with scene("ntfy", telling(OPEN, frame), **TOPIC) as seen:
        await until(lambda: seen.found)
        assert seen.found[0].message == "Grüße"


async def test_nothing_that_a_message_holds_is_missing():
    """binwiederhier/ntfy, model/model.go, ``Message``, and what comes later."""
    action = {"id": "a", "action": "view", "label": "Open", "url": "https://e.x"}
    attached = {"name": "a.jpg", "type": "image/jpeg", "url": "https://e.x/a.jpg"}
    more = {"icon": "https://e.x/i.png", "actions": [action], "attachment": attached}
    more |= {"content_type": "text/markdown", "sequence_id": "job1", "percentage": 50}
    more |= {"tags": ["warning", "skull"], "expires": 1700043200, "later": {"a": 1}}
    async with scene("ntfy", telling(OPEN, {**ONE, **more}), **TOPIC) as seen:
        await until(lambda: seen.found)
        assert {**seen.found[0].data, **more} == seen.found[0].data
        assert seen.found[0].link == "https://e.x/a.jpg"
        assert seen.found[0].fields["tags"] == ["warning", "skull"]


async def test_events_that_are_no_messages_are_no_trouble():
    """binwiederhier/ntfy#1536 for two of them; the last is still to come."""
    kinds = ("keepalive", "poll_request", "message_clear", "message_delete", "later")
    frames = [{**ONE, "event": kind, "sequence_id": "job1"} for kind in kinds]
    async with scene("ntfy", telling(OPEN, *frames, ONE), **TOPIC) as seen:
        await until(lambda: seen.found)
        assert len(seen.found) == 1
        assert not [each for each in seen.events if each.name == "error"]


async def test_several_topics_are_one_path_and_the_server_is_told_what_to_leave_out():
    """docs/subscribe/api.md, "Subscribe to multiple topics", "Filter messages"."""
    wanted = """topic="news,alerts" priority="high,urgent" tags="error" """
    async with scene(
        "ntfy", telling(OPEN, {**ONE, "topic": "alerts"}), variables=wanted
    ) as seen:
        await until(lambda: seen.found)
        target = seen.server.sockets[0].request.target
        assert target == "/news%2Calerts/ws?priority=high%2Curgent&tags=error"
        assert (seen.found[0].title, seen.found[0].fields["topic"]) == (
            "alerts",
            "alerts",
        )


@pytest.mark.parametrize("since", ["all", "latest", "mmmmmmmmmmm0"])
async def test_what_the_server_keeps_is_asked_for_in_its_own_words(since):
    """docs/subscribe/api.md, "Fetch cached messages"."""
    said = Settings(profile="ntfy", cache_url="memory://", **TOPIC)
    async with stage({}, telling(OPEN, ONE)) as one:
        service = NotificationService(replace(said, url=one.url), since=since)
        found = []
        service.on("message")(found.append)
        async with service:
            await service.connect()
            await until(lambda: found)
        assert one.sockets[0].request.target == f"/news/ws?since={since}"


@pytest.mark.parametrize("credentials", [{}, USER, {"token": "tk_old"}])
async def test_a_topic_that_wants_somebody_else_is_a_matter_of_authentication(
    credentials,
):
    """binwiederhier/ntfy, server/errors.go: 40101."""
    async with stage({}, telling(), refusal=(UNAUTHORIZED, 401)) as one:
        error = await ended(one, "ntfy", **TOPIC, **credentials, retry_delays=(0.02,))
        assert isinstance(error, AuthenticationFailed)
