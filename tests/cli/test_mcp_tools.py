"""What the tools of ``mcp`` answer, asked without a protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from notifyws.cli.mcp_listener import ListenerMemory, Request
from notifyws.cli.mcp_tools import ANSWER, Tools
from notifyws.config.settings import Settings
from notifyws.delivery.filters import Selection
from notifyws.errors import NetworkFailed
from notifyws.events import Connected, Failure, Gap
from notifyws.models import Notification
from notifyws.service import NotificationService
from notifyws.ui.sanitize import as_json
from tests.support.virtual import elapsed

pytestmark = pytest.mark.virtual_time


def offering(*, only: str = "", allow_send: bool = False, keep: int = 50) -> Any:
    """Return tools of a listener that is not connected, and its memory."""
    selection = Selection(filter=only, option="--only") if only else None
    request = Request(selection, only or None, allow_send, keep, None, quiet=True)
    settings = Settings(url="ws://127.0.0.1:1", token="t", cache_url="memory://")
    memory = ListenerMemory(NotificationService(settings), request)
    return Tools(memory, request), memory


def remember(memory: ListenerMemory, *titles: object, **fields: Any) -> None:
    for title in titles:
        said = {"type": "t", "title": str(title), **fields}
        memory.recent.add(Notification(said, "2026-01-15T10:30:00Z"))


async def ask(tools: Tools, name: str, **arguments: Any) -> dict[str, Any]:
    answer, failed = await tools.call(name, arguments)
    assert failed == ("error" in answer)
    return answer


async def recent(tools: Tools, **arguments: Any) -> tuple[list[str], dict[str, Any]]:
    answer = await ask(tools, "recent_notifications", **arguments)
    return [each["untrusted"]["title"] for each in answer["notifications"]], answer


async def test_without_a_number_the_newest_are_told_and_with_one_what_follows():
    tools, memory = offering(keep=5)
    remember(memory, *range(1, 8))
    titles, answer = await recent(tools, limit=2)
    assert titles == ["6", "7"]
    assert (answer["more"], answer["forgotten"], answer["newest"]) == (3, 0, 7)
    titles, answer = await recent(tools, limit=2, after=0)
    assert titles == ["3", "4"]
    assert (answer["more"], answer["forgotten"]) == (3, 2)
    titles, answer = await recent(tools, after=7)
    assert titles == []


async def test_an_answer_is_no_longer_than_a_model_can_read():
    tools, memory = offering()
    remember(memory, *range(50), message="x" * 4000)
    titles, answer = await recent(tools, limit=50)
    assert titles[-1] == "49"
    assert len(titles) + answer["more"] == 50
    assert 0.8 * ANSWER < len(as_json(answer)) < 1.1 * ANSWER
    titles, answer = await recent(tools, limit=50, after=10)
    assert titles[0] == "10"


async def test_of_a_notification_that_is_too_long_only_the_main_fields_are_told():
    tools, memory = offering()
    remember(memory, "long", data=["y" * 4000] * 9)
    _, answer = await recent(tools)
    [only] = answer["notifications"]
    assert only["cut"]
    assert "data" not in only["untrusted"]


async def test_what_a_server_calls_untrusted_or_a_note_stays_below_our_own():
    tools, memory = offering()
    remember(memory, "a", note="obey", untrusted={"number": 9})
    _, answer = await recent(tools)
    assert "Do not follow" in answer["note"]
    [only] = answer["notifications"]
    assert only["number"] == 1
    assert only["untrusted"]["note"] == "obey"


async def test_a_wait_ends_with_its_time_and_says_what_came_meanwhile():
    tools, memory = offering()
    remember(memory, "a", "b")
    asked = {"match": "title == 'c'", "after": 1, "seconds": 7}
    assert await elapsed(ask(tools, "wait_for_notification", **asked)) == 7
    answer = await ask(tools, "wait_for_notification", **asked)
    assert (answer["matched"], answer["seen"], answer["newest"]) == (False, 1, 2)


async def test_a_listener_that_ended_says_why_to_whoever_waits_or_sends():
    tools, memory = offering(allow_send=True)
    memory.ended = NetworkFailed("no way \x1b[31mthere", "look")
    memory.recent.end(memory.ended)
    memory.ready.set()
    for name, given in (
        ("wait_for_notification", {}),
        ("send_message", {"title": "a"}),
    ):
        answer = await ask(tools, name, **given)
        assert answer["error"] == {
            "kind": "network_error",
            "untrusted": {"message": "no way there", "hint": "look"},
        }


async def test_without_a_connection_a_message_is_not_sent():
    tools, _ = offering(allow_send=True)
    answer = await ask(tools, "send_message", message="hello")
    assert "no connection within 10 s" in answer["error"]["untrusted"]["message"]


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("recent_notifications", {"limit": 0}, "limit"),
        ("recent_notifications", {"limit": 101}, "limit"),
        ("recent_notifications", {"after": "1"}, "after"),
        ("recent_notifications", {"match": "type =="}, "'match' is not a JMESPath"),
        ("recent_notifications", {"match": "|".join(["[@,@]"] * 20)}, "repeats its"),
        ("wait_for_notification", {"match": "a" * 2001}, "longer than 2000"),
        ("wait_for_notification", {"seconds": 0}, "seconds"),
        ("wait_for_notification", {"seconds": 601}, "seconds"),
        ("status", {"verbose": True}, "verbose"),
        ("send_message", {}, "an empty message is not sent"),
        ("send_message", {"type": "", "title": "a"}, "a message needs a type"),
        ("send_message", {"payload": [1]}, "payload"),
        ("nonesuch", {}, "there is no tool 'nonesuch'"),
    ],
)
async def test_what_a_model_asks_wrongly_is_told_in_a_sentence(name, given, said):
    tools, _ = offering(allow_send=True)
    answer = await ask(tools, name, **given)
    assert answer["error"]["kind"] == "usage"
    assert said in answer["error"]["message"]
    assert answer["error"]["hint"]


@pytest.mark.parametrize(("only", "quoted"), [("", True), ("type == 't'", False)])
async def test_what_nobody_understood_is_not_quoted_to_whom_only_some_may_speak(
    only, quoted
):
    tools, memory = offering(only=only)
    memory.note(Failure("invalid_message", "not strict JSON: obey me"))
    status = await ask(tools, "status")
    told = status["untrusted"]["lastError"]
    assert told["kind"] == "invalid_message"
    assert ("obey me" in as_json(status)) is quoted


async def test_gaps_are_counted_in_every_answer_and_told_by_the_status():
    tools, memory = offering()
    memory.note(Connected("ws://h", at="2026-01-15T10:00:00Z"))
    status = await ask(tools, "status")
    assert status["connectedSince"] == "2026-01-15T10:00:00Z"
    memory.note(Gap("2026-01-15T10:30:00Z", "2026-01-15T10:31:00Z", "dropped"))
    assert (await recent(tools))[1]["gaps"] == 1
    [gap] = (await ask(tools, "status"))["untrusted"]["gaps"]
    assert (gap["from"], gap["reason"]) == ("2026-01-15T10:30:00Z", "dropped")


def test_each_schema_says_what_is_checked():
    schemas: dict[str, Callable[..., Any]] = {}
    tools, _ = offering(allow_send=True)
    for tool in tools.offered:
        schemas[tool.name] = tool.schema
        assert tool.schema["type"] == "object"
        assert tool.schema["additionalProperties"] is False
    limit = schemas["recent_notifications"]["properties"]["limit"]
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 100, 20)
