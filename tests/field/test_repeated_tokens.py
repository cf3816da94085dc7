"""A server that refuses a token may repeat it, in whatever frame: nobody sees it."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from notifyws import Message, NotificationService
from notifyws.auth.authenticator import Authenticator
from notifyws.config.settings import Settings
from notifyws.diagnostics.connection_probe import ConnectionProbe
from notifyws.diagnostics.profile_check import walk
from tests.protocol.profiles.stage import end_of, stage
from tests.support.httpd import json_answer

TOKEN = "sentinel-token-1d1d1d1d1d1d1d1d1d1d"
SHORT = "CabcDEF12345xyz"


def refusing(*frames):
    async def story(socket) -> None:
        for frame in frames:
            await socket.say(frame)
        await socket.stay()

    return story


REFUSALS = {
    "a handshake of Home Assistant": (
        "home-assistant",
        [{"type": "auth_required"}, {"type": "auth_invalid", "message": "{} is bad"}],
    ),
    "a handshake of Directus": (
        "directus",
        [{"type": "auth", "status": "error", "error": {"message": "no {} no"}}],
    ),
}


def spelled(value, token):
    """Return a frame that names a token where it has ``{}``."""
    if isinstance(value, dict):
        return {key: spelled(each, token) for key, each in value.items()}
    return value.replace("{}", token)


@pytest.mark.parametrize("token", [TOKEN, SHORT])
@pytest.mark.parametrize(("profile", "frames"), REFUSALS.values(), ids=REFUSALS)
async def test_a_token_that_a_refusal_repeats_is_masked(profile, frames, token):
    """Seen on stderr, in JSON, in ``status`` and with an agent: a good token."""
    story = refusing(*[spelled(frame, token) for frame in frames])
    error = await end_of(story, profile, token=token, max_retries=0)
    assert "***" in error.message
    assert token not in f"{error.message} {error.args} {error.as_json()}"


PASSWORD = "Sup3rSecretPassw0rd-XyZ"
REFRESH = "refreshTOKENrefresh0001-abcdefgh"
SAID = f"pw={PASSWORD} token {TOKEN} refresh {REFRESH}"
AUTH_FAILED = {"type": "auth", "status": "error", "error": {"message": SAID}}
SUBSCRIBED = {"type": "subscription", "event": "init", "data": [], "uid": "notifyws"}
GONE = {"type": "subscribe", "status": "error", "error": {"message": SAID}}
STORIES = {
    "a handshake": [AUTH_FAILED],
    "a session": [{"type": "auth", "status": "ok"}, SUBSCRIBED, AUTH_FAILED],
    "a subscription": [{"type": "auth", "status": "ok"}, SUBSCRIBED, GONE],
}


@pytest.mark.parametrize("frames", STORIES.values(), ids=STORIES)
async def test_so_is_all_that_a_login_told_and_got(frames):
    """Seen: the password and the refresh token, whole, where a session ended."""
    tokens = {"access_token": TOKEN, "refresh_token": REFRESH, "expires": 900_000}
    login = {"POST /auth/login": lambda _: json_answer({"data": tokens})}
    who = {"username": "me", "password": PASSWORD, "max_retries": 0}
    error = await end_of(refusing(*frames), "directus", login, **who)
    assert "pw=*** token *** refresh ***" in error.message
    shown = f"{error.message} {error.args} {error.as_json()}"
    assert not [each for each in (PASSWORD, TOKEN, REFRESH) if each in shown]


COMPLAINT = {"type": "x", "status": "error", "error": {"message": SAID}}


@asynccontextmanager
async def checked(*frames):
    """Give who logs in at a server that says these, once its handshake is done."""
    tokens = {"access_token": TOKEN, "refresh_token": REFRESH, "expires": 900_000}
    paths = "POST /auth/login", "POST /auth/refresh"
    login = dict.fromkeys(paths, lambda _: json_answer({"data": tokens}))
    who = {"username": "me", "password": PASSWORD, "cache_url": "memory:"}
    async with stage(login, refusing(*frames)) as server:
        settings = Settings(url=server.url, profile="directus", keyring=False, **who)
        auth = Authenticator(settings, print)
        try:
            yield auth
        finally:
            await auth.aclose()


async def test_so_it_is_in_what_a_check_hears():
    """Seen: whole in ``status --check``, where the check had masked all else."""
    said = [{"type": "auth", "status": "ok"}, SUBSCRIBED, COMPLAINT]
    async with checked(*said) as auth:
        probe = ConnectionProbe(auth, await auth.tokens.get())
        await probe.open()
        assert await probe.hear(5.0)
        await probe.close()
        assert probe.complaint == "pw=*** token *** refresh ***"


@pytest.mark.parametrize("last", [COMPLAINT, GONE, AUTH_FAILED])
async def test_so_it_is_in_what_a_check_of_a_profile_tells(last):
    said = [{"type": "auth", "status": "ok"}, SUBSCRIBED, last]
    async with checked(*said) as auth:
        told = str([stage async for stage in walk(auth, 0.2)])
    assert "pw=*** token *** refresh ***" in told
    assert not [each for each in (PASSWORD, TOKEN, REFRESH) if each in told]


async def test_so_it_is_where_a_request_is_refused_that_did_not_show_it():
    """Seen: the password of a login, repeated in the refusal of a message."""
    tokens = {"access_token": TOKEN, "refresh_token": REFRESH, "expires": 900_000}
    answers = {
        "POST /auth/login": lambda _: json_answer({"data": tokens}),
        "GET /users/me": lambda _: json_answer({"errors": [{"message": SAID}]}, 400),
    }
    who = {"username": "me", "password": PASSWORD, "cache_url": "memory:"}
    async with stage(answers, refusing()) as server:
        settings = Settings(url=server.url, profile="directus", keyring=False, **who)
        service = NotificationService(settings)
        (result,) = await service.send_all([Message("t", {"title": "x"})])
    assert "***" in str(result)
    assert PASSWORD not in str(result)


UNANSWERED = """
name = "asks"
[[handshake]]
expect = "op == 'ready'"
timeout = 0.2
[[rules]]
then = "notification"
"""


@pytest.mark.parametrize("token", [TOKEN, SHORT])
async def test_so_it_is_in_what_no_step_awaits(tmp_path, token):
    (profile := tmp_path / "asks.toml").write_text(UNANSWERED)
    story = refusing({"op": "hello", "note": f"you said {token} to me"})
    error = await end_of(story, str(profile), token=token, max_retries=0)
    assert "you said ***" in error.message
    assert token not in error.message


ENDED = """
name = "ends"
[[rules]]
match = { op = "end" }
then = "unsubscribed"
means = "stop"
message = "why"
[[rules]]
then = "notification"
"""


@pytest.mark.parametrize("token", [TOKEN, SHORT])
async def test_so_it_is_where_a_live_subscription_is_ended(tmp_path, token):
    (profile := tmp_path / "ends.toml").write_text(ENDED)
    story = refusing({"op": "end", "why": f"{token} may not"})
    error = await end_of(story, str(profile), token=token, max_retries=0)
    assert "*** may not" in error.message
    assert token not in error.message
