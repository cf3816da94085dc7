"""What a server refuses is named before anybody waits for notifications."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from notifyws.auth.authenticator import Authenticator
from notifyws.config.settings import Settings
from notifyws.diagnostics.findings import Finding
from notifyws.diagnostics.profile_check import walk
from notifyws.models import Message
from tests.protocol.profiles.stage import Socket, Story, stage
from tests.support.examining import in_the_page, looked
from tests.support.httpd import Request, json_answer

pytestmark = pytest.mark.usefixtures("alone")

PROFILE = """
name = "acme"
[needs]
topic = "the topic"
[socket]
token_in = "none"
[[handshake]]
send = { token = "{access_token}", topic = "{topic}" }
expect = "ok"
closed = "renew once"
fail = [
  { when = "error == 'who'", means = "expired", message = "words" },
  { when = "error", means = "stop", message = "words" },
]
[[rules]]
when = "error"
then = "error"
message = "words"
[[rules]]
when = "gone"
then = "unsubscribed"
means = "stop"
message = "gone"
[[rules]]
then = "notification"
[closes]
"4100" = "renew"
"""
CATCHUP = """
[resume.catchup]
step = { path = "/missed", method = "GET", query = { after = "{last_id}" } }
items = "missed"
"""
SEND = """
[send]
frame = { say = "{payload}" }
"""
HTTP = """
[http.login]
path = "/login"
body = { name = "{username}", word = "{password}" }
[http.logout]
path = "/logout"
body = { refresh = "{refresh_token}" }
[tokens]
access = "token"
refresh = "again"
"""
TOKEN, REFRESH = "sentinel-access-d1a6", "sentinel-refresh-d1a6"
CHOSEN = {"profile": "./acme.toml", "variables": "topic=news", "token": TOKEN}
ANOTHER = "set another NOTIFYWS_TOKEN, or unset it and run: notifyws auth login"
MAY = "may this user have topic of NOTIFYWS_VARIABLES? see each step: "


@pytest.fixture
def acme(alone):
    """Write the profile; more tables may stand behind it."""

    def write(more: str = "") -> None:
        (alone / "acme.toml").write_text(PROFILE + more)

    write()
    return write


def says(*values: Any, close: tuple[int, str] | None = None, cut: bool = False):
    """Return the story of a server that answers the first frame with these."""

    async def story(socket: Socket) -> None:
        await socket.hears()
        for value in values:
            await socket.say(value)
        if cut:
            return socket.peer.cut()
        if close is not None:
            await socket.peer.close(*close)
            return socket.peer.cut()
        return await socket.stay()

    return story


REFUSALS = [
    (
        says({"error": "topic", "words": "news is \x1b[31mnot yours"}),
        ("websocket", "fail", 5),
        "the server refused the handshake: news is \x1b[31mnot yours",
        MAY,
    ),
    (
        says({"error": "who", "words": "token revoked"}),
        ("websocket", "fail", 4),
        "does not accept the ready-made token: ",
        ANOTHER,
    ),
    (says(cut=True), ("websocket", "fail", 4), "may not accept the token", ANOTHER),
    (
        says({"ok": 1}, {"error": "late", "words": "news is for members"}),
        ("ping", "warn", 0),
        "connected, but the server says: news is for members",
        MAY,
    ),
    (
        says({"ok": 1}, {"gone": "news was closed"}),
        ("ping", "fail", 5),
        "the server ended the subscription: news was closed",
        MAY,
    ),
    (
        says({"ok": 1}, close=(4100, "token revoked")),
        ("ping", "fail", 4),
        "does not accept the ready-made token: connection closed (4100)",
        ANOTHER,
    ),
]


@pytest.mark.parametrize(("story", "where", "words", "hint"), REFUSALS)
async def test_status_names_what_a_subscription_is_refused_for(
    acme, story, where, words, hint
):
    async with stage({}, story) as server:
        report = await looked(server.url, **CHOSEN)
    checks = {check.name: check for check in report.checks}
    check = checks[where[0]]
    assert (check.name, check.status, check.exit_code) == where, report.checks
    assert words in check.detail
    assert check.hint.startswith(hint)
    assert in_the_page(check.hint)


async def walked(
    answers: dict[str, Callable[[Request], bytes]], story: Story, **how: Any
) -> dict[str, Finding]:
    """Return what came of each step against a server."""
    chosen = {**CHOSEN, **how.pop("settings", {})}
    async with stage(answers, story) as server:
        settings = Settings(url=server.url, cache_url="memory://", **chosen)
        auth = Authenticator(settings, lambda text: None)
        return {each.name: each async for each in walk(auth, 0.6, **how)}


@pytest.mark.parametrize(("story", "where", "words", "hint"), REFUSALS)
async def test_profile_check_names_it_with_the_same_exit_code(
    acme, story, where, words, hint
):
    stages = await walked({}, story)
    *_, last = stages.values()
    if where[1] == "warn":
        assert stages["ping"].status == "warn"
        assert stages["ping"].detail in words.replace("connected, but ", "")
        return
    assert last.error is not None
    assert (last.status, last.error.exit_code) == ("fail", where[2])
    assert words in last.detail
    assert TOKEN not in json.dumps([each.trace for each in stages.values()])


tells = pytest.mark.usefixtures("acme")


@tells
async def test_an_id_that_is_not_unique_is_a_doubt() -> None:
    same = {"type": "order", "id": 7}
    story = says({"ok": 1}, {**same, "state": "new"}, {**same, "state": "paid"})
    stages = await walked({}, story)
    assert stages["ids"].status == "warn"
    assert stages["ids"].detail.startswith("the id 7 came twice, with other content")
    assert "unique_ids = false" in stages["ids"].detail


MISSED = {"missed": [{"type": "note", "id": 8}, {"type": "note", "id": 9}]}


def serves(request: Request) -> bytes:
    """Answer with what came after the last id, as the profile asks for it."""
    return json_answer(MISSED if "after=8" not in request.target else {"missed": []})


def logs_in(request: Request) -> bytes:
    """Answer as OAuth does: what tells of a token is no secret (RFC 6749, 5.1)."""
    about = {"token_type": "Bearer", "token_expires_in": "900"}
    return json_answer({"token": TOKEN, "again": REFRESH, **about})


async def test_all_steps_are_gone_when_asked_up_to_the_logout(acme) -> None:
    acme(SEND + CATCHUP + HTTP)
    asked: list[Request] = []

    def logs_out(request: Request) -> bytes:
        asked.append(request)
        return json_answer({})

    async def story(socket: Socket) -> None:
        await socket.hears()
        await socket.say({"ok": 1})
        assert await socket.hears() == {"say": {"title": "T"}}
        await socket.say({"type": "note", "id": 7})
        await socket.stay()

    stages = await walked(
        {"POST /login": logs_in, "GET /missed": serves, "POST /logout": logs_out},
        story,
        settings={"token": "", "username": "me", "password": "sentinel-password"},
        send=Message("note", {"title": "T"}),
        everything=True,
    )
    outcomes = {name: stage.status for name, stage in stages.items()}
    assert [name for name, seen in outcomes.items() if seen == "pass"] == [
        *("login", "socket", "first frame", "ping"),
        *("send", "catch-up", "ids", "logout"),
    ]
    assert stages["send"].detail == "the server took the message"
    assert stages["ids"].detail.startswith("3 different ids")
    assert json.loads(asked[0].body) == {"refresh": REFRESH}
    traces = "".join(line for each in stages.values() for line in each.trace)
    assert not [secret for secret in (TOKEN, REFRESH) if secret in traces]
    assert '"token_type": "Bearer", "token_expires_in": "900"' in traces


@pytest.mark.parametrize(
    ("replies", "code", "words"),
    [
        ([{"error": 1, "words": "no such key"}], 6, "rejected the message: no such"),
        ([], 6, "nothing shows that the message was taken: no answer: connection cut"),
    ],
)
async def test_a_message_that_is_not_taken_fails_with_the_servers_words(
    acme, replies, code, words
):
    acme(SEND)

    async def story(socket: Socket) -> None:
        await socket.hears()
        await socket.say({"ok": 1})
        await socket.hears()
        for each in replies:
            await socket.say(each)
        if not replies:
            return socket.peer.cut()
        return await socket.stay()

    stages = await walked({}, story, send=Message("note", {"title": "T"}))
    error = stages["send"].error
    assert error is not None
    assert (error.exit_code, words in error.message) == (code, True), error


def frames(*values: Any):
    """Return the story of a server that says these, one after each frame it hears."""

    async def story(socket: Socket) -> None:
        for value in values:
            if value is not None:
                await socket.say(value)
            await socket.hears()
        await socket.stay()

    return story


HELLO = {
    "event": "pusher:connection_established",
    "data": json.dumps({"socket_id": "1.2", "activity_timeout": 30}),
}
NO = "not for you"
BUILT_IN: dict[str, tuple[str, Story, int]] = {
    "centrifugo": (
        "channel=news",
        frames(
            None,
            {"id": 1, "connect": {"client": "c"}},
            {"id": 2, "error": {"code": 103, "message": NO}},
        ),
        4,
    ),
    "pusher": (
        "app_key=k channel=news",
        frames(
            HELLO,
            {
                "event": "pusher:subscription_error",
                "channel": "news",
                "data": {"status": 4009, "error": NO, "type": "AuthError"},
            },
        ),
        4,
    ),
    "home-assistant": (
        "event_type=mine",
        frames({"type": "auth_required"}, {"type": "auth_invalid", "message": NO}),
        4,
    ),
    "directus": (
        "collection=secrets",
        frames(
            None,
            {"type": "auth", "status": "ok"},
            {
                "type": "subscribe",
                "status": "error",
                "error": {"code": "FORBIDDEN", "message": NO},
            },
        ),
        4,
    ),
    "directus-graphql": (
        "collection=secrets",
        frames(
            None,
            {"type": "connection_ack"},
            {"type": "error", "id": "notifyws", "payload": [{"message": NO}]},
        ),
        5,
    ),
    "mattermost": ("", says(cut=True), 4),
}


@pytest.mark.parametrize("profile", BUILT_IN)
async def test_status_names_the_refusal_of_every_kind_of_server(profile):
    """A refusal is shown in the server's words; a cut line as what it may mean."""
    variables, story, code = BUILT_IN[profile]
    async with stage({}, story) as server:
        chosen = {"profile": profile, "variables": variables, "token": TOKEN}
        report = await looked(server.url, **chosen)
    check = report.failure
    assert check is not None, report.checks
    assert (check.name in ("websocket", "ping"), check.exit_code) == (True, code)
    assert (NO if profile != "mattermost" else "not accept") in check.detail
    assert "listen -v" not in check.hint
