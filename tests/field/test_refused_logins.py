"""A server that refuses who we are is heard: its sentence is shown, and 4 is the end.

What each answers stands in its source: mattermost/mattermost, server/i18n/en.json and
server/channels/app/authentication.go; directus/directus, packages/errors and
api/src/services/authentication.ts; home-assistant/core,
homeassistant/components/auth/{__init__,login_flow}.py; gotify/server,
auth/authentication.go and model/error.go; binwiederhier/ntfy, server/errors.go.
"""

from __future__ import annotations

import json

import pytest

from notifyws.auth.http_api import HttpApi
from notifyws.errors import AuthenticationFailed, NotifyError, TokenRefused
from notifyws.protocol.loader import profile_text
from notifyws.protocol.profile_text import parse
from notifyws.protocol.token_replies import Lifetimes
from tests.protocol.profiles.stage import until
from tests.support.httpd import answer, httpd, in_a_thread, json_answer, says
from tests.support.profile_scene import scene, telling

NAMES = "centrifugo default directus directus-graphql gotify home-assistant mattermost"
PROFILES = {
    name: parse(*profile_text(name)) for name in f"{NAMES} nchan ntfy pusher".split()
}
TOKEN, ADMINISTRATOR = "personal access token", "administrator"
CORRECT = "correct the username or password"


def said(ident: str, message: str, status: int = 401) -> bytes:
    """Return Mattermost's answer."""
    body = {"id": ident, "message": message, "detailed_error": "", "request_id": "r"}
    return json_answer({**body, "status_code": status}, status)


def directus(code: str, message: str, status: int = 401) -> bytes:
    error = {"message": message, "extensions": {"code": code}}
    return json_answer({"errors": [error]}, status)


LOCKED = "Your account is locked because of too many failed password attempts."
LOGINS = [
    (
        "mattermost",
        said("mfa.validate_token.authenticate.app_error", "Invalid MFA token."),
        "Invalid MFA token.",
        TOKEN,
    ),
    (
        "mattermost",
        said("api.user.check_user_login_attempts.too_many.app_error", LOCKED),
        LOCKED,
        ADMINISTRATOR,
    ),
    (
        "mattermost",
        said("api.user.login.inactive.app_error", "Your account is deactivated."),
        "Your account is deactivated.",
        ADMINISTRATOR,
    ),
    (
        "mattermost",
        said(
            "api.user.login.not_verified.app_error",
            "Login failed because email address has not been verified.",
        ),
        "has not been verified",
        "e-mail address",
    ),
    (
        "mattermost",
        said(
            "api.user.login.use_auth_service.app_error",
            "Please sign in using GitLab.",
            400,
        ),
        "Please sign in using GitLab.",
        TOKEN,
    ),
    (
        "mattermost",
        said(
            "api.user.login.invalid_credentials_email_username",
            "Enter a valid email or username and/or password.",
        ),
        "Enter a valid email",
        CORRECT,
    ),
    ("directus", directus("INVALID_CREDENTIALS", "Invalid user credentials."), "", ""),
    ("directus", directus("INVALID_OTP", "Invalid user OTP."), "OTP", ""),
    ("directus", directus("USER_SUSPENDED", "User suspended."), "suspended", ""),
    ("directus", directus("INVALID_PROVIDER", "Invalid provider.", 403), "", ""),
    (
        "gotify",
        json_answer(
            {
                "error": "Unauthorized",
                "errorCode": 401,
                "errorDescription": "you need to provide a valid access token or user "
                "credentials to access this api",
            },
            401,
        ),
        "you need to provide a valid access token",
        CORRECT,
    ),
    (
        "gotify",
        json_answer({"error": "Forbidden", "errorDescription": "not allowed"}, 403),
        "not allowed",
        ADMINISTRATOR,
    ),
    (
        "home-assistant",
        json_answer({"message": "Login blocked: User is local only"}, 403),
        "Login blocked: User is local only",
        "",
    ),
    ("default", json_answer({"error": {"reason": "unknown user"}}, 404), "unknown", ""),
    ("default", json_answer({"detail": "Account disabled."}, 423), "Account", ""),
    ("default", answer(401, b"Wrong password\r\n"), "Wrong password", CORRECT),
    (
        "default",
        answer(401, b"<html>no\x1b[2J</html>"),
        "refused the username",
        CORRECT,
    ),
    (
        "default",
        answer(401, WWW_Authenticate='Bearer error_description="too many sessions"'),
        "too many sessions",
        ADMINISTRATOR,
    ),
    (
        "default",
        json_answer({"message": "no\x1b]0;x\x07 \u202eentry\r\nhint: rm"}, 401),
        "no ]0;x entry hint: rm",
        CORRECT,
    ),
]


def side(origin: str, name: str) -> HttpApi:
    return HttpApi(origin, PROFILES[name], Lifetimes(), variables={"topic": "t"})


async def failing(call) -> NotifyError:
    with pytest.raises(NotifyError) as caught:
        await call
    return caught.value


@pytest.mark.parametrize(("profile", "answered", "words", "hint"), LOGINS)
async def test_a_refused_login_is_told_in_the_servers_words(
    profile, answered, words, hint
):
    async with httpd(says(answered)) as server:
        error = await failing(side(server.origin, profile).login("me", "secret"))
    assert isinstance(error, AuthenticationFailed)
    assert words in error.message
    assert hint in error.hint
    assert error.hint
    assert error.message.isprintable()


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("name", [n for n, p in PROFILES.items() if p.http.login])
async def test_whatever_profile_refuses_a_login_it_is_exit_4(name, status):
    answered = json_answer({"message": "Invalid credentials"}, status)
    async with httpd(says(answered)) as server:
        error = await failing(side(server.origin, name).login("me", "secret"))
    assert error.exit_code == 4
    assert "Invalid credentials" in error.message


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("name", [n for n, p in PROFILES.items() if p.http.refresh])
async def test_whatever_profile_refuses_a_refresh_it_is_exit_4(name, status):
    answered = json_answer({"error": "invalid_grant", "message": "Expired."}, status)
    async with httpd(says(answered)) as server:
        error = await failing(side(server.origin, name).refresh("spent"))
    assert error.exit_code == 4


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("name", "step"),
    [
        (name, step)
        for name, profile in PROFILES.items()
        for step, there in (
            ("verify", profile.http.verify),
            ("catch_up", profile.resume and profile.resume.catchup),
            ("send", profile.send and profile.send.http),
        )
        if there
    ],
)
async def test_whatever_step_refuses_a_token_says_so_in_the_servers_words(
    name, step, status
):
    answered = json_answer({"message": "Token expired."}, status)
    known = {"channel": "c", "publish": "p", "subscribe": "s", "topic": "t"}
    async with httpd(says(answered)) as server:
        call = getattr(side(server.origin, name), step)
        error = await failing(call("token", *([] if step == "verify" else [known])))
    assert isinstance(error, TokenRefused)
    assert error.words == "Token expired."


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, b"<html>403 Forbidden</html>"),
        (404, b"404 page not found"),
        (400, b'{"message": "the body is no JSON"}'),
        (429, b'{"message": "invalid token; too many"}'),
        (502, b'{"message": "invalid token"}'),
    ],
)
async def test_what_does_not_speak_of_the_user_is_no_refusal(status, body):
    async with httpd(says(answer(status, body))) as server:
        error = await failing(side(server.origin, "default").login("me", "secret"))
    assert error.exit_code == 5
    assert str(status) in error.message


WORDS = json_answer({"message": "RBAC: access denied"}, 403)


@pytest.mark.parametrize(
    ("status", "message", "by_words"),
    [
        *((status, "access denied", True) for status in (403, 404, 405, 407, 423)),
        *((status, "access denied", False) for status in (400, 401, 422)),
    ],
)
async def test_an_error_tells_whether_only_words_refuse(status, message, by_words):
    async with httpd(says(json_answer({"message": message}, status))) as server:
        error = await failing(side(server.origin, "default").login("me", "secret"))
    assert isinstance(error, AuthenticationFailed)
    assert error.by_words is by_words


async def test_a_proxys_words_are_not_the_end_at_a_server_that_has_worked():
    """envoyproxy/envoy, source/extensions/filters/http/rbac/rbac_filter.cc."""
    logins, refreshes = [], []

    async def once(socket):
        await socket.peer.close(3000, "")

    again = telling({"type": "a", "title": "after"})

    def login(_):
        logins.append(1)
        tokens = {"accessToken": "a", "refreshToken": "r", "expiresIn": 900}
        return json_answer(tokens) if len(logins) == 1 else WORDS

    def refresh(_):
        refreshes.append(1)
        denied = len(refreshes) <= 3
        return WORDS if denied else json_answer({"accessToken": "b", "expiresIn": 9})

    answers = {"POST /auth/login": login, "POST /auth/refresh": refresh}
    who = {"username": "me", "password": "right", "stable_after": 0}
    async with scene("default", once, again, answers=answers, **who) as seen:
        await until(lambda: seen.found)
    assert len(refreshes) == 4


async def test_a_refused_password_that_ends_in_a_space_is_said_to():
    async with httpd(says(answer(401))) as server:
        error = await failing(side(server.origin, "default").login("me", "secret "))
    assert "space" in error.hint


def test_a_login_that_is_refused_ends_a_command_with_4_and_the_servers_words(home):
    async def story(peer):
        await peer.request()
        await peer.write(said("mfa.validate_token", "Invalid MFA token."))

    with in_a_thread(story) as server:
        env = {
            "WEBSOCKET_SERVER_URL": server.url,
            "NOTIFYWS_PROFILE": "mattermost",
            "WEBSOCKET_USERNAME": "me",
            "WEBSOCKET_PASSWORD": "secret",
        }
        done = home.within("listen", "--json", env=env)
    told = json.loads(done.stderr.splitlines()[-1])["error"]
    assert done.returncode == 4
    assert "refused the login of me: Invalid MFA token." in told["message"]
    assert TOKEN in told["hint"]
