"""Sending, and waiting for what comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from notifyws.cli.send_message import Answer, Request, SendSummary, send_and_wait
from notifyws.config.settings import Settings
from notifyws.delivery.sender import SendResult
from notifyws.errors import (
    MessageRejected,
    MessageUnconfirmed,
    NetworkFailed,
    TimeRanOut,
    UsageError,
)
from notifyws.models import Message, Notification
from tests.e2e.support import Server
from tests.protocol.profiles.stage import stage
from tests.support.httpd import json_answer

HELLO = Message("hello", {"title": "Hello"})


@pytest.fixture(scope="module")
def busy() -> Iterator[Server]:
    """A server where something happens all the time."""
    server = Server(traffic=50)
    yield server
    server.stop()


async def sending(server, expression, message=HELLO, **how) -> None:
    there = Settings(
        url=server.url, username="demo", password="demo", cache_url="memory://"
    )
    how = {"timeout": 5.0, "json": False, "quiet": False, **how}
    await send_and_wait(Request(wait=expression, **how), there, message)


def note(title):
    return Notification({"type": "t", "title": title}, "now")


def test_only_what_comes_after_the_message_and_fits_is_an_answer():
    clock = iter([10.0, 10.25])
    answer = Answer(lambda note: note.title == "yes", lambda: next(clock))
    assert not answer.admit(note("yes"))
    answer.expect()
    assert not answer.admit(note("no"))
    assert not answer.satisfied
    assert answer.admit(note("yes"))
    assert not answer.admit(note("yes"))
    assert (answer.satisfied, answer.round_trip) == (True, 0.25)


async def test_the_answer_is_printed_as_a_line_and_the_time_is_said(busy, capfd):
    await sending(busy, "type == 'trip_update'")
    out, err = capfd.readouterr()
    (line,) = out.splitlines()
    assert json.loads(line)["type"] == "trip_update"
    assert err.startswith("Delivered hello; answered in ")
    assert err.endswith(" ms\n")


async def test_with_json_it_stands_in_the_result(busy, capfd):
    message = Message("hello", {"title": "x"}, "a")
    await sending(busy, "title", message, json=True, quiet=True)
    out, err = capfd.readouterr()
    result = json.loads(out)
    assert list(result) == ["status", "type", "id", "roundTripMs", "notification"]
    assert (result["status"], result["id"]) == ("delivered", "a")
    assert 0 < result["roundTripMs"] < 5000
    assert (result["notification"]["title"] != "", err) == (True, "")


async def test_no_answer_in_time_is_exit_3_with_a_hint(busy, capfd):
    with pytest.raises(TimeRanOut, match="no notification fitted --wait") as caught:
        await sending(busy, "type == 'never'", timeout=2.0)
    assert (caught.value.exit_code, capfd.readouterr().out) == (3, "")
    assert "--timeout" in caught.value.hint


@pytest.mark.parametrize("as_json", [False, True])
async def test_a_rejected_message_waits_for_nothing(busy, capfd, as_json):
    with pytest.raises(MessageRejected):
        await sending(busy, "type", Message("t", {"title": 5}), json=as_json)
    assert ('"status":"rejected"' in capfd.readouterr().out) is as_json


async def test_an_expression_that_does_not_parse_is_a_wrong_use(busy):
    with pytest.raises(UsageError, match=r"^--wait is not a JMESPath"):
        await sending(busy, "a..b")


async def test_a_connection_that_is_lost_brings_no_answer(busy):
    received = busy.stats["received"]
    waiting = asyncio.create_task(sending(busy, "type == 'never'", timeout=10.0))
    while (await asyncio.to_thread(lambda: busy.stats))["received"] == received:
        pass  # asking again takes its time
    await asyncio.to_thread(busy.dev, "cut", {"code": 4001, "reason": "bye"})
    with pytest.raises(NetworkFailed, match="bye"):
        await waiting


async def test_who_sends_over_http_connects_to_hear_the_answer(capfd):
    posted = asyncio.Event()

    def post(request):
        posted.set()
        return json_answer({"id": "m1"})

    async def story(socket):
        message = {"event": "message", "topic": "news", "time": 1700000000}
        await posted.wait()
        await socket.say({**message, "id": "m1", "title": "after"})
        await socket.stay()

    async with stage({"POST /": post}, story) as one:
        there = Settings(
            url=one.url,
            profile="ntfy",
            variables="topic=news",
            token="tk",
            cache_url="memory://",
        )
        await send_and_wait(Request(5.0, False, True, "title"), there, HELLO)
    assert json.loads(capfd.readouterr().out)["title"] == "after"


NEVER_ACKNOWLEDGES = """
name = "tardy"
[socket]
path = "/ws"
token_in = "none"
[[rules]]
when = "type"
then = "notification"
[send]
frame = { say = "{payload.title}" }
[send.ack]
when = "ack"
equals = "{payload.title}"
timeout = 60
"""


@pytest.mark.parametrize("timeout", [5.0, 0.2])
async def test_an_answer_is_proof_whatever_a_server_leaves_unacknowledged(
    capfd, tmp_path, timeout
):
    (tmp_path / "tardy.toml").write_text(NEVER_ACKNOWLEDGES)

    async def echo(socket):
        said = await socket.hears()
        await socket.say({"type": "echo", "title": said["say"]})
        await socket.stay()

    async with stage({}, echo) as one:
        profile = str(tmp_path / "tardy.toml")
        there = Settings(url=one.url, profile=profile, cache_url="memory://")
        began = asyncio.get_running_loop().time()
        wait = Request(timeout, False, True, "title == 'Hello'")
        await send_and_wait(wait, there, HELLO)
        assert asyncio.get_running_loop().time() - began < 3
    assert json.loads(capfd.readouterr().out)["type"] == "echo"


@pytest.mark.parametrize(
    ("statuses", "kind", "doubt"),
    [
        (("rejected", "delivered"), MessageRejected, ""),
        (("rejected", "unknown", "unknown"), MessageRejected, "2 that are unknown"),
        (("unknown", "delivered"), MessageUnconfirmed, "it may have arrived"),
    ],
)
def test_nobody_is_told_to_send_again_what_may_have_arrived(statuses, kind, doubt):
    summary = SendSummary()
    summary.add([SendResult(each, "a", None, "why") for each in statuses])
    with pytest.raises(kind) as caught:
        summary.raise_unless_delivered()
    assert doubt in caught.value.hint
    assert ("may have arrived" in caught.value.hint) is bool(doubt)
