"""What a server sends again, or sends late: shown once, and never the past as news."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from functools import partial
from itertools import count

import pytest

from notifyws import NotificationService
from notifyws.config.settings import Settings
from tests.protocol.profiles.stage import stage, until
from tests.support.httpd import json_answer
from tests.support.profile_scene import cutting, scene, telling

HOUR = 3600.0


def moment(ago: float) -> float:
    return datetime.now(UTC).timestamp() - ago


def iso(ago: float) -> str:
    return datetime.fromtimestamp(moment(ago), UTC).isoformat()


def ntfy(ident: str, ago: float = 0.0) -> dict:
    said = {"id": ident, "time": int(moment(ago)), "event": "message", "topic": "t"}
    return said | {"message": ident}


def nchan(ident: str, ago: float = 0.0) -> str:
    return f"id: {int(moment(ago))}:{len(ident)}\n\n" + json.dumps({"message": ident})


def default(ident: str, ago: float = 0.0) -> dict:
    return {"type": "t", "id": ident, "message": ident, "timestamp": iso(ago)}


META = {"Sec_WebSocket_Protocol": "ws+meta.nchan"}
SERVERS = {
    "ntfy": (ntfy, {"variables": "topic=t"}, {}),
    "nchan": (nchan, {"variables": "channel=t"}, META),
}


cut_after = partial(cutting, after=0.1)


def texts(notifications) -> list[str]:
    return [each.message for each in notifications]


@pytest.mark.parametrize("profile", SERVERS)
async def test_a_server_that_does_not_know_the_id_brings_nothing_old_as_new(profile):
    """ntfy looks for a message that was never cached, and sends all that it caches.

    binwiederhier/ntfy, server/message_cache.go: ``messagesSinceID``. nchan sends a
    newcomer the oldest first: slact/nchan#360.
    """
    frame, settings, upgrade = SERVERS[profile]
    first = cut_after(frame("live"))
    past = [frame("x" * n, 6 * HOUR - n) for n in range(10, 13)]
    second = telling(*past, frame("missed while away"), frame("new"))
    async with scene(profile, first, second, upgrade=upgrade, **settings) as seen:
        await until(lambda: "new" in texts(seen.found))
        assert texts(seen.found) == ["live", "missed while away", "new"]
        assert "gap" not in [event.name for event in seen.events]


@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
async def test_a_clock_that_is_wrong_by_an_hour_makes_nothing_that_was_missed_old(
    ahead,
):
    first = cut_after(ntfy("live", ahead))
    second = telling(ntfy("old", ahead + 2 * HOUR), ntfy("missed", ahead))
    async with scene("ntfy", first, second, variables="topic=t") as seen:
        await until(lambda: "missed" in texts(seen.found))
        assert texts(seen.found) == ["live", "missed"]


async def test_a_replay_that_begins_at_an_id_and_is_cut_goes_on_with_what_is_old():
    first = cut_after(default("b", 5 * HOUR), default("c", 4 * HOUR))
    second = telling(default("d", 3 * HOUR), default("e"))
    async with stage({}, first, second) as one:
        settings = Settings(
            url=one.url, token="t", retry_delays=(0.1,), cache_url="memory://"
        )
        found = []
        async with NotificationService(settings, since="a") as service:
            service.on("message")(found.append)
            await service.connect_with_retry()
            await until(lambda: len(found) == 4)
    assert texts(found) == ["b", "c", "d", "e"]


async def by_name(*stories) -> list[str]:
    """Return what a listener shows that is stopped and started again."""
    shown = []
    async with stage({}, *stories) as one:
        topic = {"profile": "ntfy", "variables": "topic=t"}
        settings = Settings(url=one.url, cache_url="memory://", **topic)
        for last in ("live", "new"):
            async with NotificationService(settings, name="desk") as service:
                service.on("message")(lambda each: shown.append(each.message))
                await service.connect_with_retry()
                await until(lambda last=last: last in shown)
    return shown


async def test_a_named_listener_that_comes_back_is_shown_what_it_missed_alone(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    stories = (
        telling(ntfy("live")),
        telling(ntfy("old", 6 * HOUR), ntfy("missed"), ntfy("new")),
    )
    assert await by_name(*stories) == ["live", "missed", "new"]


async def test_a_timestamp_in_the_future_makes_nothing_that_was_missed_old():
    absurd = default("absurd") | {"timestamp": "2099-01-01T00:00:00Z"}
    first = cut_after(absurd, default("live"))
    second = telling(default("missed", 8), default("new"))
    async with scene("default", first, second, token="t") as seen:
        await until(lambda: "new" in texts(seen.found))
    assert texts(seen.found) == ["absurd", "live", "missed", "new"]


async def test_a_named_listener_is_shown_what_it_missed_by_a_clock_that_is_behind(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    stories = (
        telling(ntfy("live", HOUR)),
        telling(ntfy("old", 7 * HOUR), ntfy("missed", HOUR), ntfy("new")),
    )
    assert await by_name(*stories) == ["live", "missed", "new"]


async def test_a_publisher_who_is_late_is_heard_after_a_restart(tmp_path, monkeypatch):
    """Seen: what it had sent meanwhile was left out, for it was dated before the last.

    A server of the default profile that was asked for what came after an id sends that.
    """
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    missed = [default(str(n), n * 60) for n in (19, 15, 10, 6, 1)]
    shown, stories = [], (telling(default("live")), telling(*missed))
    async with stage({}, *stories) as one:
        settings = Settings(url=one.url, token="t", cache_url="memory://")
        for last in ("live", "1"):
            async with NotificationService(settings, name="desk") as service:
                service.on("message")(lambda each: shown.append(each.message))
                await service.connect_with_retry()
                await until(lambda last=last: last in shown)
    assert shown == ["live", "19", "15", "10", "6", "1"]


async def test_a_catch_up_whose_last_message_was_deleted_does_not_page_to_the_start():
    """Gotify lets a user delete messages: gotify/server, api/message.go."""
    pages = []

    def gotify(number: int, ago: float = 0.0) -> dict:
        said = {"id": number, "appid": 1, "title": "t", "message": str(number)}
        return said | {"priority": 5, "date": iso(ago)}

    def messages(request):
        pages.append(request.target.partition("since=")[2])
        page = [gotify(9), gotify(8), gotify(3, HOUR)] if not pages[-1] else []
        return json_answer({"messages": page})

    async with scene(
        "gotify",
        cut_after(gotify(7)),
        telling(),
        answers={"GET /message": messages},
        token="t",
    ) as seen:
        await until(lambda: len(seen.found) == 3)
        assert texts(seen.found) == ["7", "8", "9"]
        assert pages == [""]


async def test_an_id_that_comes_with_other_words_is_another_notification():
    """Otherwise a profile whose id names a topic, a user or a day shows one of them."""
    same = [default("a"), default("a")]
    first = telling(same[0], same[0], same[1] | {"message": "other"}, default("b"))
    warned = []
    async with stage({}, first) as one:
        settings = Settings(url=one.url, token="t", cache_url="memory://")
        async with NotificationService(settings, warn=warned.append) as service:
            found = []
            service.on("message")(found.append)
            await service.connect()
            await until(lambda: "b" in texts(found))
    assert texts(found) == ["a", "other", "b"]
    assert [each for each in warned if "id is not unique" in each] == warned[-1:]


RETAINING = """
name = "retaining"
[http.login]
path = "/auth/login"
body = { username = "{username}", password = "{password}" }
[tokens]
access = "accessToken"
[socket]
[renewal]
how = "reconnect"
[[rules]]
match = { type = "expired" }
then = "token expired"
[[rules]]
then = "notification"
"""
SNAPSHOT = RETAINING + "\n[resume]\nsnapshot = true\n"


@pytest.mark.parametrize("text", [RETAINING, SNAPSHOT], ids=["retained", "snapshot"])
async def test_what_a_server_sends_to_all_who_come_is_shown_once(tmp_path, text):
    """Retained messages have no id, and come with every connection of a renewal."""
    profile = tmp_path / "retaining.toml"
    profile.write_text(text)
    retained = [{"type": "retained", "message": each} for each in ("door", "window")]

    sockets, logins = count(1), count(1)

    async def story(socket):
        number = next(sockets)
        for each in retained:
            await socket.say(each)
        await asyncio.sleep(0.1)
        await socket.say({"type": "live", "message": str(number)})
        await socket.say({"type": "expired"})
        await socket.stay()

    def login(request):
        return json_answer({"accessToken": f"t{next(logins)}", "expiresIn": 900})

    async with scene(
        str(profile),
        story,
        answers={"POST /auth/login": login},
        username="u",
        password="p",
    ) as seen:
        await until(lambda: "4" in texts(seen.found))
    assert texts(seen.found)[:6] == ["door", "window", "1", "2", "3", "4"]
