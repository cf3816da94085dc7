"""From frames to whoever is told: once, in order, or in a gap that is said."""

from __future__ import annotations

import asyncio

import pytest

from notifyws.delivery import Inbox
from notifyws.events import Failure, Gap
from notifyws.intake import Frame, Intake, NoRoom
from notifyws.models import Notification
from notifyws.protocol.profile import Rule
from notifyws.protocol.resume import Cursor
from notifyws.protocol.rules import Rules, ServerError
from tests.support.scripted import note
from tests.support.virtual import VirtualWorld, in_virtual_time, turns

RULES = Rules(
    [
        Rule(match={"type": "error"}, then="error", message="message", id="id"),
        Rule(match={"type": "gap"}, then="gap"),
        Rule(match={"type": "hello"}, then="ignore"),
        Rule(then="notification"),
    ]
)
AT = "2024-01-15T10:30:{:06.3f}Z"
ERROR = '{"type":"error","message":"no","id":"a"}'


class Desk:
    """An intake, its queue, and everybody who is told."""

    def __init__(self, cursor: Cursor | None = None, *, room: int = 3, **how) -> None:
        self.clock = VirtualWorld()
        self.inbox: Inbox = Inbox(room, 10_000)
        self.cursor = cursor or Cursor(can_resume=False)
        self.intake = Intake(RULES, self.inbox, self.cursor, self.clock.world, **how)
        self.told: list = []
        self.intake.observers.append(self.told.append)

    def take(self, *frames: str | bytes) -> None:
        for frame in frames:
            self.intake.take(frame)

    async def read(self) -> list:
        """Return what waits, notifications by their ids."""
        return [named(item) for item in await self.inbox.get()]


def named(item):
    return item.id if isinstance(item, Notification) else item


def dropped(count: int, start: float, end: float) -> Gap:
    reason = f"{count} dropped: whoever reads them is too slow"
    return Gap(AT.format(start), AT.format(end), reason)


@in_virtual_time
async def test_a_notification_is_handed_over_with_its_time_of_receipt():
    desk = Desk()
    await asyncio.sleep(1.5)
    desk.take(note(1, title="Hello"))
    (notification,) = await desk.inbox.get()
    assert (notification.title, notification.received) == ("Hello", AT.format(1.5))
    assert (desk.intake.received, desk.cursor.last_id) == (1, 1)
    assert desk.told == []


@in_virtual_time
async def test_a_duplicate_is_dropped_and_one_without_an_id_never_is():
    desk = Desk(Cursor(1), room=10)
    desk.take(note(1), note(2), note(2), note(), note(), note(1))
    assert await desk.read() == [2, None, None]
    assert desk.intake.received == 3


@in_virtual_time
async def test_the_server_s_error_is_told_and_passed_to_the_sender():
    desk, errors = Desk(), []
    desk.take(ERROR)
    desk.intake.on_server_error = errors.append
    desk.take(ERROR)
    assert await desk.read() == [Failure("server_error", "no")] * 2
    assert errors == [ServerError("no", "a")]


@in_virtual_time
async def test_a_frame_that_is_not_understood_is_one_error_event():
    desk = Desk()
    desk.take("nonsense", b"\x00", "[]", '{"type":""}', '{"a":NaN}')
    kinds = [(each.name, each.type) for each in await desk.read()]
    assert kinds == [("error", "invalid_message")] * 5


@in_virtual_time
async def test_a_frame_of_no_interest_is_told_to_nobody():
    desk = Desk()
    desk.take('{"type":"hello"}', note(1))
    assert await desk.read() == [1]
    assert desk.told == []


@in_virtual_time
async def test_the_server_s_gap_begins_where_the_connection_was_interrupted():
    desk = Desk()
    await asyncio.sleep(9)
    desk.intake.interrupted_at = AT.format(4)
    desk.take('{"type":"gap"}')
    (gap,) = await desk.read()
    assert (gap.start, gap.end, gap.recovered) == (AT.format(4), AT.format(9), False)


@in_virtual_time
async def test_the_server_s_gap_without_an_interruption_is_now():
    desk = Desk()
    desk.take('{"type":"gap"}')
    (gap,) = await desk.read()
    assert gap.start == gap.end == AT.format(0)


@in_virtual_time
async def test_observers_are_told_at_once_and_readers_in_their_turn():
    desk = Desk()
    desk.take(note(1), "nonsense", note(2))
    assert [event.name for event in desk.told] == ["error"]
    first, error, last = await desk.read()
    assert (first, error, last) == (1, desk.told[0], 2)


@in_virtual_time
async def test_frames_as_they_are_come_too_where_they_are_asked_for():
    desk = Desk(room=10, frames=True)
    desk.take('{"type":"hello"}', b"\xff", note(1))
    hello, error, binary, last = await desk.read()
    assert (hello, binary, last) == (Frame('{"type":"hello"}'), Frame("\ufffd"), 1)
    assert error.type == "invalid_message"


@in_virtual_time
async def test_without_room_a_server_that_can_replay_is_to_be_left():
    desk = Desk(Cursor(0))
    desk.take(note(1), note(2), note(3))
    with pytest.raises(NoRoom):
        desk.take(note(4))
    assert desk.cursor.last_id == 3
    assert await desk.read() == [1, 2, 3]


@in_virtual_time
async def test_room_is_there_again_when_the_reader_comes_back():
    desk = Desk(Cursor(0))
    desk.take(note(1), note(2), note(3))
    with pytest.raises(NoRoom):
        desk.take(note(4))
    waiting = asyncio.create_task(desk.intake.room())
    await desk.read()
    coming_back = asyncio.create_task(desk.read())
    await waiting
    desk.take(note(4))
    assert await coming_back == [4]


@in_virtual_time
async def test_without_room_and_replay_the_newest_are_dropped_in_one_gap():
    desk = Desk()
    desk.take(note(1), note(2), note(3))
    await asyncio.sleep(1)
    desk.take(note(4))
    await asyncio.sleep(1)
    desk.take(note(5))
    assert await desk.read() == [1, 2, 3]
    await asyncio.sleep(1)
    coming_back = asyncio.create_task(desk.read())
    await asyncio.sleep(1)
    assert await coming_back == [dropped(2, 1, 3)]
    desk.take(note(6))
    assert await desk.read() == [6]
    assert desk.told == [dropped(2, 1, 3)]
    assert desk.intake.received == 4


@in_virtual_time
async def test_one_without_an_id_is_dropped_even_where_the_server_can_replay():
    desk = Desk(Cursor(0), room=1)
    desk.take(note(1), note())
    desk.intake.close()
    assert await desk.read() == [1, dropped(1, 0, 0)]


@in_virtual_time
async def test_the_gap_is_said_once_and_before_what_follows_it():
    desk = Desk(room=2)
    desk.take(note(1), note(2), note(3))
    await desk.read()
    coming_back = asyncio.create_task(desk.read())
    await asyncio.sleep(0)
    desk.take(note(4))
    assert await coming_back == [dropped(1, 0, 0), 4]
    await turns()
    assert desk.told == [dropped(1, 0, 0)]


@in_virtual_time
async def test_each_time_the_queue_is_full_has_a_gap_of_its_own():
    desk = Desk(room=1)
    for number in (1, 3):
        desk.take(note(number), note(number + 1))
        assert await desk.read() == [number]
        assert await desk.read() == [dropped(1, 0, 0)]


@in_virtual_time
async def test_what_was_dropped_is_said_before_the_end():
    desk = Desk(room=1)
    desk.take(note(1), note(2), note(3))
    await asyncio.sleep(2)
    desk.intake.close()
    assert await desk.read() == [1, dropped(2, 0, 2)]
    assert await desk.read() == []


@in_virtual_time
async def test_a_frame_that_is_no_notification_is_dropped_in_no_silence_either():
    desk = Desk(room=1, frames=True)
    desk.take('{"type":"hello"}', '{"type":"hello"}')
    desk.intake.close()
    assert await desk.read() == [Frame('{"type":"hello"}'), dropped(1, 0, 0)]
