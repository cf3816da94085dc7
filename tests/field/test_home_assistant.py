"""Home Assistant, as its source says it answers and as it was heard to answer."""

from __future__ import annotations

import json

import pytest

from notifyws.errors import AuthenticationFailed, NetworkFailed
from notifyws.events import Failure, Gap
from tests.protocol.profiles.stage import Socket, end_of, listening, stays, until
from tests.support.httpd import Request, answer, json_answer
from tests.support.profile_scene import cutting, scene, telling

PROFILE = "home-assistant"
LONG_LIVED = {"token": "long-lived"}
USER = {"username": "me", "password": "sentinel-password"}
ENTRY = {"type": "create_entry", "result": "one-time-code"}
MFA = {"type": "form", "step_id": "mfa", "errors": {}, "flow_id": "f"}
TOKENS = {"access_token": "ha", "refresh_token": "r", "expires_in": 1800}


def home(*steps: object, token: object = TOKENS, status: int = 200):
    """Return the HTTP side: what the login flow says, step by step."""
    left = list(steps or [ENTRY])
    said: list[object] = []

    def flow(request: Request) -> bytes:
        said.append(request.json)
        value = left.pop(0)
        return value if isinstance(value, bytes) else json_answer(value)

    answers = {
        "POST /auth/login_flow": lambda _: json_answer(
            {"type": "form", "flow_id": "f", "step_id": "init", "errors": {}}
        ),
        "POST /auth/login_flow/f": flow,
        "POST /auth/token": lambda _: json_answer(token, status),
    }
    return answers, said


async def greets(socket: Socket) -> None:
    await socket.say({"type": "auth_required", "ha_version": "2026.11.0"})
    assert (await socket.hears())["type"] == "auth"
    await socket.say({"type": "auth_ok", "ha_version": "2026.11.0"})


async def grants(socket: Socket) -> dict[str, object]:
    """Let the client have what it asks for; return that."""
    asked: dict[str, object] = await socket.hears()
    await socket.say(
        {"id": asked["id"], "type": "result", "success": True, "result": None}
    )
    return asked


async def denies(socket: Socket, code: str = "unauthorized") -> dict[str, object]:
    asked: dict[str, object] = await socket.hears()
    error = {"code": code, "message": code.capitalize()}
    await socket.say(
        {"id": asked["id"], "type": "result", "success": False, "error": error}
    )
    return asked


def fired(kind: str, number: int, **data: object) -> dict[str, object]:
    event = {
        "event_type": kind,
        "data": data,
        "origin": "LOCAL",
        "time_fired": f"2026-11-26T19:33:45.{number:06}+00:00",
        "context": {"id": "01M8CNJZETNEGC3DERQB8CHEHH", "user_id": None},
    }
    return {"id": 2, "type": "event", "event": event}


@pytest.mark.parametrize(
    "words",
    [
        "Invalid access token or password",
        "User is not active",
        "User is local only",
        "User cannot authenticate remotely",
    ],
)
async def test_a_token_that_is_refused_is_exit_code_4_with_the_servers_words(words):
    """home-assistant/core, websocket_api/auth.py and http/auth_util.py."""

    async def story(socket: Socket) -> None:
        await socket.say({"type": "auth_required"})
        await socket.hears()
        await socket.say({"type": "auth_invalid", "message": words})
        await socket.peer.close(1000)

    ended = await end_of(story, PROFILE, **LONG_LIVED)
    assert (ended.exit_code, words in ended.message) == (4, True)


@pytest.mark.parametrize(
    ("said", "exit_code", "words"),
    [
        ({"type": "form", "errors": {"base": "invalid_auth"}}, 4, "password"),
        (MFA, 4, "two-factor"),
        ({**MFA, "step_id": "select_mfa_module"}, 4, "two-factor"),
        ({"type": "abort", "reason": "too_many_retry"}, 4, "too_many_retry"),
        (
            json_answer({"message": "Login blocked: User is not active"}, 403),
            4,
            "Login blocked: User is not active",
        ),
        (answer(403, b"403: Forbidden"), 4, "ip_bans.yaml"),
        (json_answer({"message": "Invalid flow specified"}, 404), 5, "Invalid flow"),
        (json_answer({"message": "User input malformed"}, 400), 5, "malformed"),
    ],
)
async def test_a_login_that_is_refused_says_why(said, exit_code, words):
    """home-assistant/core, auth/login_flow.py, auth/providers/__init__.py, http/ban.py:
    most of it with a 200."""
    answers, _ = home(*[said] * 3)
    ended = await end_of(stays, PROFILE, answers, **USER)
    assert (ended.exit_code, words in ended.message) == (exit_code, True)
    assert ("otp=" in ended.hint) is (words == "two-factor")


listens = telling(greets, grants, grants)


async def test_a_code_of_two_factor_authentication_is_a_step_of_the_login():
    """auth/providers/__init__.py, ``async_step_mfa``."""
    answers, said = home(MFA, ENTRY)
    async with scene(
        "home-assistant", listens, answers=answers, variables="otp=123456", **USER
    ):
        client = said[0]["client_id"]
        assert said[1] == {"client_id": client, "code": "123456"}


async def test_an_account_without_a_second_factor_is_not_asked_for_the_code():
    answers, said = home(ENTRY)
    async with scene(
        "home-assistant", listens, answers=answers, variables="otp=123456", **USER
    ):
        assert len(said) == 1


async def test_a_wrong_code_of_two_factor_authentication_is_said():
    answers, _ = home(MFA, {**MFA, "errors": {"base": "invalid_code"}})
    ended = await end_of(stays, PROFILE, answers, variables="otp=000000", **USER)
    assert isinstance(ended, AuthenticationFailed)
    assert "the code of two-factor authentication is wrong" in ended.message


async def test_a_default_event_that_only_an_administrator_may_hear_is_said_once():
    """websocket_api/commands.py, ``handle_subscribe_events``, and
    auth/permissions/events.py: whoever is no administrator has few events."""

    async def story(socket: Socket) -> None:
        await greets(socket)
        await grants(socket)
        assert (await denies(socket))["event_type"] == "notifyws_event"
        note = {"notification_id": "n", "title": "t", "message": "m", "created_at": "c"}
        event = {"type": "added", "notifications": {"n": note}}
        await socket.say({"id": 1, "type": "event", "event": event})
        await socket.stay()

    async with scene("home-assistant", story, token="t") as seen:
        await until(lambda: seen.found)
        said = [each.message for each in seen.events if isinstance(each, Failure)]
        assert said == ["Unauthorized: this is for administrators"]


async def test_an_event_that_was_asked_for_and_is_refused_is_exit_code_4():
    async def story(socket: Socket) -> None:
        await greets(socket)
        await grants(socket)
        assert (await denies(socket))["event_type"] == "doorbell"
        await socket.stay()

    ended = await end_of(story, PROFILE, token="t", variables="event_type=doorbell")
    assert ended.exit_code == 4
    assert "Unauthorized: this is for administrators" in ended.message


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("unauthorized", 4),
        ("unknown_command", 5),
        ("invalid_format", 5),
        ("id_reuse", 5),
        ("not_allowed", 5),
        ("not_found", 5),
        ("not_supported", 5),
        ("home_assistant_error", 5),
        ("service_validation_error", 5),
        ("template_error", 5),
    ],
)
async def test_persistent_notifications_that_are_refused_are_the_end(code, exit_code):
    """websocket_api/const.py, ERR_...: unknown_command where the integration is
    missing."""

    story = telling(greets, lambda socket: denies(socket, code))
    ended = await end_of(story, PROFILE, **LONG_LIVED)
    assert (ended.exit_code, code.capitalize() in ended.message) == (exit_code, True)


@pytest.mark.parametrize("code", ["timeout", "unknown_error"])
async def test_a_subscription_that_fails_for_now_is_tried_again(code):
    """websocket_api/connection.py, ``async_handle_exception``."""

    fails = telling(greets, lambda socket: denies(socket, code))
    async with scene("home-assistant", fails, listens, token="t") as seen:
        assert seen.service.is_connected


async def test_several_kinds_of_events_are_subscribed_to():
    async def story(socket: Socket) -> None:
        await greets(socket)
        await grants(socket)
        kinds = [(await grants(socket))["event_type"] for _ in range(2)]
        for number, kind in enumerate(kinds):
            await socket.say(fired(kind, number, title=kind))
        await socket.stay()

    variables = 'event_type="doorbell,alarm"'
    async with scene("home-assistant", story, token="t", variables=variables) as seen:
        await until(lambda: len(seen.found) == 2)
        assert [each.type for each in seen.found] == ["doorbell", "alarm"]


async def test_two_events_of_one_automation_are_two():
    """home-assistant/core, core.py: what one automation fires shares a context."""

    story = telling(
        greets,
        grants,
        grants,
        fired("notifyws_event", 1, message="opened"),
        fired("notifyws_event", 2, message="closed"),
    )
    async with scene("home-assistant", story, token="t") as seen:
        await until(lambda: len(seen.found) == 2)
        assert [each.message for each in seen.found] == ["opened", "closed"]


@pytest.mark.parametrize(
    ("variables", "is_a_gap"),
    [("", False), ("event_type=doorbell", True), ("event_type=notifyws_event", True)],
)
async def test_events_are_not_sent_again_and_an_interruption_says_so(
    variables, is_a_gap
):
    """Persistent notifications come again with each subscription, events do not."""

    first = cutting(greets, grants, grants)

    async with scene(
        "home-assistant", first, listens, token="t", variables=variables
    ) as seen:
        events = seen.events
        await until(lambda: [each.name for each in events].count("connected") == 2)
        if is_a_gap:
            await until(lambda: any(isinstance(each, Gap) for each in events))
        assert any(isinstance(each, Gap) for each in events) is is_a_gap


async def test_a_refresh_token_of_another_url_is_followed_by_a_login():
    """auth/__init__.py: "invalid_request" where the client id is not the token's."""
    answers, said = home(ENTRY, ENTRY)
    replies = [json_answer(TOKENS), json_answer({"error": "invalid_request"}, 400)]

    def token(request: Request) -> bytes:
        return replies.pop(0) if replies else json_answer(TOKENS)

    answers["POST /auth/token"] = token
    async with scene("home-assistant", listens, answers=answers, **USER) as seen:
        await seen.service.get_access_token()
        assert (await seen.service._auth.tokens.renew("ha")).source == "login"
        assert len(said) == 2
        assert json.loads(json.dumps(said[0])) == said[1]


async def test_a_banned_address_is_exit_code_4():
    """http/ban.py, ``ban_middleware``: 403 to whatever is asked, the upgrade too."""
    from tests.support.httpd import httpd

    async def story(peer):
        await peer.request()
        await peer.write(answer(403, b"403: Forbidden"))

    async with httpd(story) as server:
        with pytest.raises(AuthenticationFailed):
            async with listening(server, "home-assistant", token="t"):
                pass


@pytest.mark.parametrize(
    "page", [answer(200, b"<p>Starting up"), json_answer({"flow_id": None})]
)
async def test_a_page_in_place_of_the_login_flow_is_no_matter_of_configuration(page):
    """Seen: exit code 2, "a variable that is not set", by a proxy's page with a 200."""
    answers = {"POST /auth/login_flow": lambda _: page}
    said = {"max_retries": 0, **USER}
    ended = await end_of(stays, PROFILE, answers, **said)
    assert isinstance(ended, NetworkFailed)
    assert "answered, but the reply holds no flow_id" in ended.message


async def test_a_proxy_that_is_in_its_way_for_a_moment_ends_no_listener():
    answers, _ = home()
    flow = answers["POST /auth/login_flow"]
    pages = [answer(200, b"<p>Starting up")]
    answers["POST /auth/login_flow"] = lambda r: pages.pop() if pages else flow(r)

    async with scene(
        PROFILE, listens, answers=answers, retry_delays=(0.02,), **USER
    ) as seen:
        assert seen.service.is_connected
