"""Everybody is told, in order; a handler's bug is nobody else's."""

from __future__ import annotations

import asyncio

import pytest

from notifyws.delivery import dispatcher as module
from notifyws.delivery.dispatcher import Handlers
from notifyws.errors import UsageError
from notifyws.events import (
    Closed,
    Connected,
    Connecting,
    Disconnected,
    Failure,
    Reconnecting,
)
from notifyws.models import Notification
from tests.support.virtual import turns

pytestmark = pytest.mark.virtual_time

URL = "wss://ws.example.com"


MEBIBYTE = "x" * (1 << 20)


def note(number: int, frame: str | None = None) -> Notification:
    return Notification({"type": "note", "id": number}, "2024-01-15T10:30:00Z", frame)


def recorded(*events: str) -> tuple[Handlers, list]:
    """Return handlers that note down with what they were called."""
    handlers, calls = Handlers(), []
    for event in events:
        handlers.on(event)(lambda *given, event=event: calls.append((event, *given)))
    return handlers, calls


async def listened(feed) -> list:
    """Return the ids an iteration sees until its end."""
    seen = []
    while burst := await feed.get():
        seen += [notification.id for notification in burst]
    return seen


async def test_each_event_s_handlers_get_what_belongs_to_it():
    handlers, calls = recorded(*module.EVENTS)
    failure, notification = Failure("network_error", "down"), note(1)
    for item in (
        Connecting(URL),
        Connected(URL, "42"),
        notification,
        Disconnected(1012, "restart"),
        Reconnecting(1, 0.5, "restart"),
        failure,
        Closed(),
    ):
        await handlers.tell(item)
    assert calls == [
        ("connected",),
        ("message", notification),
        ("disconnected", 1012, "restart"),
        ("reconnecting", 1, 0.5),
        ("error", failure),
    ]


def test_an_unknown_event_is_a_usage_error_that_names_the_known_ones():
    with pytest.raises(UsageError) as caught:
        Handlers().on("mesage")
    assert "mesage" in caught.value.message
    assert "message" in caught.value.hint


def test_registering_leaves_the_handler_as_it_was():
    def handler():
        """Do nothing."""

    assert Handlers().on("connected")(handler) is handler


async def test_handlers_run_one_after_the_other_in_their_order():
    handlers, order = Handlers(), []

    @handlers.on("connected")
    async def slow():
        await asyncio.sleep(5)
        order.append("slow")

    @handlers.on("connected")
    def quick():
        order.append("quick")

    await handlers.tell(Connected(URL))
    assert order == ["slow", "quick"]


async def test_a_handler_that_raises_keeps_nothing_from_the_others():
    handlers, seen = Handlers(), []
    feed = handlers.feed()
    handlers.on("message")(lambda notification: 1 / 0)
    handlers.on("message")(lambda notification: seen.append(notification.id))
    problem = await handlers.tell(note(1))
    handlers.end()
    assert type(problem) is ZeroDivisionError
    assert seen == [1]
    assert await listened(feed) == [1]


async def test_handlers_that_raise_are_all_reported():
    handlers = Handlers()
    handlers.on("connected")(lambda: 1 / 0)
    handlers.on("connected")([].pop)
    problem = await handlers.tell(Connected(URL))
    kinds = [type(each) for each in problem.exceptions]
    assert kinds == [ZeroDivisionError, IndexError]


async def test_each_iteration_sees_everything_from_where_it_began():
    handlers = Handlers()
    await handlers.tell(note(1))
    first = handlers.feed()
    await handlers.tell(note(2))
    second = handlers.feed()
    await handlers.tell(note(3))
    handlers.end()
    assert await listened(first) == [1, 2, 3]
    assert await listened(second) == [3]


async def test_an_iteration_waits_for_what_comes():
    handlers = Handlers()
    listening = asyncio.create_task(listened(handlers.feed()))
    await asyncio.sleep(5)
    await handlers.tell(note(1))
    await turns()
    await handlers.tell(note(2))
    handlers.end()
    assert await listening == [1, 2]


async def test_an_iteration_that_begins_after_the_end_sees_what_came_early_and_ends():
    handlers = Handlers()
    await handlers.tell(note(1))
    handlers.end()
    assert await listened(handlers.feed()) == [1]
    assert await listened(handlers.feed()) == []


LIMITS = pytest.mark.parametrize(
    ("most", "frame"), [(module.KEPT, None), (16, MEBIBYTE)], ids=["count", "bytes"]
)


@LIMITS
@pytest.mark.parametrize("begun", [True, False])
async def test_whoever_tells_waits_for_an_iteration_that_is_far_behind(
    most, frame, begun
):
    handlers = Handlers()
    feed = handlers.feed() if begun else None
    for number in range(most):
        await handlers.tell(note(number, frame))
    telling = asyncio.create_task(handlers.tell(note(most, frame)))
    await asyncio.sleep(5)
    assert not telling.done()
    feed = feed or handlers.feed()
    listening = asyncio.create_task(listened(feed))
    await telling
    handlers.end()
    assert await listening == [*range(most + 1)]


@LIMITS
async def test_with_a_handler_what_came_far_too_early_is_no_longer_kept(most, frame):
    handlers, calls = recorded("message")
    for number in range(most + 1):
        await handlers.tell(note(number, frame))
    assert len(calls) == most + 1
    handlers.end()
    assert await listened(handlers.feed()) == []


async def test_with_a_handler_as_well_what_came_early_is_kept_for_an_iteration():
    handlers, calls = recorded("message")
    for number in range(3):
        await handlers.tell(note(number, MEBIBYTE))
    feed = handlers.feed()
    handlers.end()
    assert len(calls) == 3
    assert await listened(feed) == [0, 1, 2]


async def test_one_that_is_larger_than_all_room_is_taken_when_nothing_else_waits():
    handlers = Handlers()
    feed = handlers.feed()
    await handlers.tell(note(1, MEBIBYTE * 17))
    handlers.end()
    assert await listened(feed) == [1]


async def test_an_iteration_that_is_left_keeps_nobody_waiting():
    handlers = Handlers()
    left, other = handlers.feed(), handlers.feed()
    for number in range(module.KEPT):
        await handlers.tell(note(number))
        await other.get()
    telling = asyncio.create_task(handlers.tell(note(module.KEPT)))
    await turns()
    assert not telling.done()
    handlers.leave(left)
    await telling
    await handlers.tell(note(module.KEPT + 1))
    handlers.end()
    assert await listened(other) == [module.KEPT, module.KEPT + 1]


async def test_after_an_end_it_can_begin_again():
    handlers = Handlers()
    handlers.end()
    assert await listened(handlers.feed()) == []
    handlers.begin()
    feed = handlers.feed()
    await handlers.tell(note(1))
    handlers.end()
    assert await listened(feed) == [1]
