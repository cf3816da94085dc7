"""Gotify as it is: cut lines, refusals, priorities."""

from http import HTTPStatus

import pytest

from notifyws.errors import AuthenticationFailed, NotifyError
from tests.protocol.profiles.stage import ended, stage, until
from tests.support.httpd import json_answer
from tests.support.profile_scene import scene, telling

TOKEN = {"token": "Ctok", "retry_delays": (0.02,)}
USER = {"username": "me", "password": "sentinel-password", "retry_delays": (0.02,)}
NOBODY = "you need to provide a valid access token or user credentials"


def message(number, **fields):
    """As model/message.go writes it."""
    said = {"id": number, "appid": 3, "message": f"m{number}", "title": "Backup"}
    return {**said, "priority": 5, "date": "2026-05-28T03:42:32.18+02:00", **fields}


def refused(status, words=NOBODY):
    """As error/handler.go writes it."""
    phrase = HTTPStatus(status).phrase
    said = {"error": phrase, "errorCode": status, "errorDescription": words}
    return json_answer(said, status)


async def test_priorities_become_types_however_high_they_are():
    """gotify/android and the web client: above 7 high, above 3 normal."""
    frames = [message(n, priority=p) for n, p in enumerate((0, 3, 4, 7, 8, 10, 42))]
    frames.append(message(7, priority=None))
    async with scene("gotify", telling(*frames), **TOKEN) as seen:
        await until(lambda: len(seen.found) == len(frames))
        kinds = ["low", "low", "normal", "normal", "high", "high", "high", "low"]
        assert [each.type for each in seen.found] == kinds


async def test_everything_in_a_message_is_in_what_is_shown():
    """model/message.go; the extras of docs "Message Extras"."""
    extras = {"client::display": {"contentType": "text/markdown"}}
    extras |= {"android::action": {"onReceive": {"intentUrl": "https://e.x/i"}}}
    async with scene("gotify", telling(message(1, extras=extras)), **TOKEN) as seen:
        await until(lambda: seen.found)
        assert seen.found[0].link == "https://e.x/i"
        assert seen.found[0].fields["application"] == 3
        assert seen.found[0].data["extras"] == extras


async def test_a_login_that_is_refused_tells_the_servers_words():
    async with stage({"POST /client": lambda _: refused(401)}) as one:
        error = await ended(one, "gotify", **USER)
        assert isinstance(error, AuthenticationFailed)
        assert NOBODY in error.message


async def test_a_message_that_is_refused_is_no_matter_of_the_token():
    """api/message.go: a client's token without an application."""
    words = "appid is required when not authenticating with an application token"
    answers = {"POST /message": lambda _: refused(400, words)}
    async with scene("gotify", telling(), answers=answers, **TOKEN) as seen:
        with pytest.raises(NotifyError) as caught:
            await seen.service.send({"type": "x", "payload": {"message": "m"}})
        assert words in caught.value.message
        assert not isinstance(caught.value, AuthenticationFailed)
