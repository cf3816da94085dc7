"""What a server refuses is named before anybody waits for notifications."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from notifyws.auth.authenticator import Authenticator
from notifyws.config.settings import Settings
from notifyws.diagnostics.profile_check import Stage, walk
from notifyws.models import Message
from tests.protocol.profiles.stage import Socket, Story, scene, stage
from tests.support.examining import looked
from tests.support.httpd import Request, answer, json_answer

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
CHOSEN = {"profile": "acme.toml", "variables": "topic=news", "token": TOKEN}
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
def test_status_names_what_a_subscription_is_refused_for(
    acme, story, where, words, hint
):
    @scene
    async def tried() -> None:
        async with stage({}, story) as server:
            report = await looked(server.url, **CHOSEN)
        checks = {check.name: check for check in report.checks}
        check = checks[where[0]]
        assert (check.name, check.status, check.exit_code) == where, report.checks
        assert words in check.detail
        assert check.hint.startswith(hint)

    tried()


async def walked(
    answers: dict[str, Callable[[Request], bytes]], story: Story, **how: Any
) -> dict[str, Stage]:
    """Return what came of each step against a server."""
    chosen = {**CHOSEN, **how.pop("settings", {})}
    async with stage(answers, story) as server:
        settings = Settings(url=server.url, cache_url="memory://", **chosen)
        auth = Authenticator(settings, lambda text: None)
        return {each.name: each async for each in walk(auth, 0.3, **how)}


@pytest.mark.parametrize(("story", "where", "words", "hint"), REFUSALS)
def test_profile_check_names_it_with_the_same_exit_code(
    acme, story, where, words, hint
):
    @scene
    async def tried() -> None:
        stages = await walked({}, story)
        *_, last = stages.values()
        if where[1] == "warn":
            assert stages["ping"].outcome == "warn"
            assert stages["ping"].detail in words.replace("connected, but ", "")
            return
        assert last.error is not None
        assert (last.outcome, last.error.exit_code) == ("fail", where[2])
        assert words in last.detail
        assert TOKEN not in json.dumps([each.trace for each in stages.values()])

    tried()


@scene
async def test_an_id_that_is_not_unique_is_a_doubt(acme) -> None:
    same = {"type": "order", "id": 7}
    story = says({"ok": 1}, {**same, "state": "new"}, {**same, "state": "paid"})
    stages = await walked({}, story)
    assert stages["ids"].outcome == "warn"
    assert stages["ids"].detail.startswith("the id 7 came twice, with other content")
    assert "unique_ids = false" in stages["ids"].detail


test_an_id_that_is_not_unique_is_a_doubt = pytest.mark.usefixtures("acme")(
    test_an_id_that_is_not_unique_is_a_doubt
)
