"""From frames to whoever is told: once, in order, or in a gap that is said."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from notifyws.connection.event_emitter import UNNOTICED, GapStart
from notifyws.connection.ports import QueueFull
from notifyws.delivery.filters import Selection
from notifyws.delivery.queue import ANNOUNCEMENTS, EASY, DeliveryQueue
from notifyws.delivery.receiver import BREATH, PATIENCE, Frame, Receiver
from notifyws.delivery.server_words import LONGEST, TOLD
from notifyws.events import Failure, Gap
from notifyws.models import Notification
from notifyws.protocol.arrivals import ServerError, notifications
from notifyws.protocol.cursor import Cursor
from notifyws.protocol.profile import Rule
from notifyws.protocol.rules import Rules
from tests.support.scripted import note
from tests.support.virtual import VirtualClock, elapsed, now, turns

pytestmark = pytest.mark.virtual_time

RULES = Rules(
    [
        Rule(match={"type": "error"}, then="error", message="message", id="id"),
        Rule(match={"type": "gap"}, then="gap"),
        Rule(match={"type": "hello"}, then="ignore"),
        Rule(then="notification"),
    ]
)
AT = "2024-01-15T10:30:{:06.3f}Z"


class Desk:
    """A receiver, its queue, and everybody who is told."""

    def __init__(self, cursor: Cursor | None = None, *, room: int = 3, **how) -> None:
        self.clock = VirtualClock()
        self.queue: DeliveryQueue = DeliveryQueue(
            room, 1_000_000 if room > 100 else 10_000
        )
        self.cursor = cursor or Cursor(can_resume=False)
        self.receiver = Receiver(
            RULES, self.queue, self.cursor, self.clock.clock, **how
        )
        self.told: list = []
        self.receiver.emitter.observers.append(self.told.append)

    def take(self, *frames: str | bytes) -> None:
        """Take frames in that nobody has to wait for."""
        assert self.receiver.take(frames) is None

    async def feed(self, *frames: str | bytes) -> None:
        """Take frames in as a link does, each in a burst of its own."""
        for frame in frames:
            await self.feed_burst(frame)

    async def feed_burst(self, *frames: str | bytes) -> None:
        """Take frames in that came at once."""
        if (pause := self.receiver.take(frames)) is not None:
            await pause

    def fill(self) -> None:
        """Take in as many as there is room for."""
        self.take(note(1), note(2), note(3))

    async def read(self) -> list:
        """Return what waits, notifications by their ids."""
        return [named(item) for item in await self.queue.get()]


def named(item):
    return item.id if isinstance(item, Notification) else item


def dropped(count: int, start: float, end: float) -> Gap:
    reason = f"{count} dropped: whoever reads them is too slow"
    return Gap(AT.format(start), AT.format(end), reason)


async def test_a_notification_is_handed_over_with_its_time_of_receipt():
    desk = Desk()
    await asyncio.sleep(1.5)
    desk.take(note(1, title="Hello"))
    (notification,) = await desk.queue.get()
    assert (notification.title, notification.received) == ("Hello", AT.format(1.5))
    assert (desk.receiver.received, desk.cursor.last_id) == (1, 1)
    assert desk.told == []


async def test_a_duplicate_is_dropped_and_one_without_an_id_never_is():
    desk = Desk(Cursor(1), room=10)
    desk.take(note(1), note(2), note(2), note(), note(), note(1))
    assert await desk.read() == [2, None, None]
    assert (desk.receiver.received, desk.receiver.repeats) == (3, 3)


@pytest.mark.parametrize("passed_on", [False, True])
async def test_the_beginning_of_a_server_s_error_is_told_and_the_sender_hears(
    passed_on,
):
    desk, errors = Desk(), []
    if passed_on:
        desk.receiver.on_server_error = errors.append
    message = "no" * LONGEST
    desk.take(f'{{"type":"error","message":"{message}","id":"a"}}')
    assert await desk.read() == [Failure("server_error", message[:LONGEST])]
    assert errors == [ServerError(message, "a")] * passed_on


async def test_gaps_that_a_server_says_by_the_thousand_are_one_in_its_place():
    """Seen: a line for each, 17 MB of them in 20 s."""
    desk = Desk(Cursor(1), room=10)
    desk.take(note(2), *['{"type":"gap"}' * 500] * 3, note(3))
    assert [type(each) for each in await desk.read()] == [int, Gap, int]
    desk.take('{"type":"gap"}')
    assert [type(each) for each in desk.told] == [Gap, Gap]


async def test_of_errors_that_come_by_the_thousand_the_first_are_told_and_all_counted():
    """Seen: 60,000 lines for a frame, and no pong was read meanwhile."""
    desk, errors = Desk(), []
    desk.receiver.on_server_error = errors.append
    desk.take(*['{"type":"error","message":"no"}{"type":"gap"}' * 500] * 3)
    failures = [e for e in await desk.read() if isinstance(e, Failure)]
    no, rest = Failure("server_error", "no"), "and 1,400 errors more"
    assert failures == [no] * TOLD + [Failure("server_error", rest)]
    assert len(errors) == 1_500
    desk.take('{"type":"error","message":"no"}')
    assert await desk.read() == [no]


async def test_what_a_server_repeats_of_ours_is_told_to_nobody():
    desk, errors, acks = Desk(), [], []
    desk.receiver.secrets = lambda: ("s3cret-token",)
    desk.receiver.on_server_error = errors.append
    desk.receiver.on_acknowledged = acks.append
    desk.take('{"type":"error","message":"no good: s3cret-token"}')
    assert await desk.read() == [Failure("server_error", "no good: ***")]
    assert errors == [ServerError("no good: ***")]


async def test_a_frame_that_is_not_understood_is_one_error_event():
    desk = Desk()
    desk.take("nonsense", b"\x00", "[]", '{"type":""}', '{"a":NaN}')
    kinds = [(each.name, each.type) for each in await desk.read()]
    assert kinds == [("error", "invalid_message")] * 5


@pytest.mark.parametrize(
    ("interrupted", "start"), [(AT.format(4), AT.format(4)), (None, AT.format(9))]
)
async def test_the_server_s_gap_begins_where_the_connection_was_interrupted_or_now(
    interrupted, start
):
    desk = Desk()
    await asyncio.sleep(9)
    if interrupted:
        desk.receiver.gaps.begin(GapStart(interrupted))
    desk.take('{"type":"gap"}')
    (gap,) = await desk.read()
    assert (gap.start, gap.end, gap.recovered) == (start, AT.format(9), False)


async def test_a_gap_never_begins_after_its_end_whatever_the_wall_clock_does():
    desk = Desk()
    desk.clock.wall_offset = 50
    desk.receiver.gaps.begin(GapStart(desk.receiver.emitter.now()))
    desk.clock.wall_offset = 20
    desk.take('{"type":"gap"}')
    (gap,) = await desk.read()
    assert (gap.start, gap.end) == (AT.format(20), AT.format(20))


@pytest.mark.parametrize(
    ("offset", "start", "end"), [(-20, 5, 20), (0, 25, 40), (15, 25, 55)]
)
async def test_a_gap_is_never_shorter_than_it_took_though_the_clock_is_set(
    offset, start, end
):
    desk = Desk()
    await asyncio.sleep(30)
    since = desk.receiver.emitter.since(desk.clock.clock.wall() - 5)
    await asyncio.sleep(10)
    desk.clock.wall_offset = offset
    desk.receiver.emitter.gap(since, "why")
    (gap,) = await desk.read()
    assert (gap.start, gap.end) == (AT.format(start), AT.format(end))


async def test_when_the_clock_was_set_since_the_longest_silence_is_assumed():
    desk = Desk()
    await asyncio.sleep(10)
    for heard in (100.0, -3600.0):
        since = desk.receiver.emitter.since(desk.clock.clock.wall() + heard)
        assert since.at == now() - UNNOTICED


async def test_a_gap_is_told_however_many_events_wait():
    desk = Desk()
    await desk.feed(*["nonsense"] * (ANNOUNCEMENTS + 1))
    desk.receiver.emitter.gap(GapStart(AT.format(0)), "why")
    told = await desk.read()
    assert len(told) == ANNOUNCEMENTS + 1
    assert told[-1] == Gap(AT.format(0), desk.receiver.emitter.now(), "why")


async def test_a_burst_waits_for_the_one_before_it_to_be_shown():
    desk = Desk(room=10_000)
    assert desk.receiver.take([note(number) for number in range(EASY)]) is None
    pause = desk.receiver.take([note(EASY)])
    assert pause is not None
    waiting = asyncio.ensure_future(pause)
    await turns()
    assert not waiting.done()
    assert len(await desk.read()) == EASY + 1
    await waiting
    assert now() == 0.0


async def test_who_does_not_come_is_waited_for_once():
    desk = Desk(room=10_000)
    for number in range(0, 5_000, 1000):
        await desk.feed_burst(*map(note, range(number, number + 1000)))
    assert now() == BREATH
    assert len(await desk.read()) == 5_000
    await desk.feed_burst(*map(note, range(5_000, 6_000)))
    assert now() == 2 * BREATH


async def test_observers_are_told_at_once_and_readers_in_their_turn_with_its_time():
    desk = Desk()
    await asyncio.sleep(1.5)
    desk.take(note(1), '{"type":"hello"}', "nonsense", note(2))
    (error,) = desk.told
    await asyncio.sleep(60)
    assert await desk.read() == [1, error, 2]
    assert (error.name, error.at) == ("error", AT.format(1.5))


async def test_frames_as_they_are_come_too_where_they_are_asked_for():
    desk = Desk(room=10, frames=True)
    desk.take('{"type":"hello"}', b"\xff", two := note(1) + note(2))
    hello, error, binary, *both, frame = await desk.read()
    assert (hello, binary, both) == (Frame('{"type":"hello"}'), Frame("\ufffd"), [1, 2])
    assert frame == Frame(two, has_news=True)
    assert error.type == "invalid_message"


async def test_a_notification_that_is_all_of_a_frame_stands_for_it():
    desk = Desk(room=10, frames=True)
    text = f" {note(1)} "
    desk.take(text, text.encode())
    (item,) = await desk.queue.get()
    assert item.frame == text


# Without room


@pytest.mark.parametrize("can_resume", [True, False])
async def test_a_reader_that_comes_back_in_time_loses_nothing(can_resume):
    desk = Desk(Cursor(0 if can_resume else None, can_resume=can_resume))
    desk.fill()
    assert await desk.read() == [1, 2, 3]
    feeding = asyncio.create_task(desk.feed(note(4), note(5), note(6)))
    await asyncio.sleep(PATIENCE - 0.1)
    assert desk.receiver.received == 3
    reading = asyncio.create_task(desk.read())
    await feeding
    assert await reading == [4, 5, 6]
    assert (now(), desk.told, desk.receiver.received) == (PATIENCE - 0.1, [], 6)


async def test_while_there_is_not_room_enough_for_what_waits_it_goes_on_waiting():
    desk, fields = Desk(room=9), {"text": "x" * 4000}
    desk.take(note(1, **fields))
    await desk.read()
    desk.take(note(2, **fields))
    feeding = asyncio.create_task(desk.feed(note(3, text="x" * 7000)))
    await asyncio.sleep(1)
    assert await desk.read() == [2]
    await asyncio.sleep(0.5)
    assert not feeding.done()
    assert await desk.read() == [3]
    await feeding
    assert (now(), desk.told) == (1.5, [])


async def test_without_room_for_two_seconds_a_server_that_can_replay_is_to_be_left():
    desk = Desk(Cursor(0))
    desk.fill()
    with pytest.raises(QueueFull):
        await desk.feed(note(4))
    assert (now(), desk.cursor.last_id) == (PATIENCE, 3)
    assert await desk.read() == [1, 2, 3]
    assert desk.told == []


async def test_what_was_refused_is_new_when_it_comes_again():
    desk = Desk(Cursor(0))
    desk.fill()
    with pytest.raises(QueueFull):
        await desk.feed(note(4))
    waiting = asyncio.create_task(desk.receiver.room())
    await desk.read()
    await turns()
    assert not waiting.done()
    coming_back = asyncio.create_task(desk.read())
    await waiting
    desk.take(note(3), note(4))
    assert await coming_back == [4]


async def test_without_room_and_replay_the_newest_are_dropped_in_one_gap():
    desk = Desk()
    desk.fill()
    await asyncio.sleep(1)
    assert await elapsed(desk.feed(note(4))) == PATIENCE
    await asyncio.sleep(1)
    await desk.feed(note(5))
    assert await desk.read() == [1, 2, 3]
    await asyncio.sleep(1)
    coming_back = asyncio.create_task(desk.read())
    await asyncio.sleep(1)
    assert await coming_back == [dropped(2, 1, 5)]
    desk.take(note(6))
    assert await desk.read() == [6]
    assert desk.told == [dropped(2, 1, 5)]
    assert desk.receiver.received == 4


async def test_while_dropping_goes_on_nobody_waits_again():
    desk = Desk()
    desk.fill()
    await desk.feed(note(4))
    assert await elapsed(desk.feed(*(note(number) for number in range(5, 50)))) == 0
    assert await desk.read() == [1, 2, 3]
    desk.receiver.close()
    assert await desk.read() == [dropped(46, 0, PATIENCE)]
    assert desk.receiver.dropped == 46


async def test_each_time_the_queue_is_full_it_waits_and_has_a_gap_of_its_own():
    desk = Desk(room=1)
    for number, start in ((1, 0), (3, 2)):
        desk.take(note(number))
        assert await elapsed(desk.feed(note(number + 1))) == PATIENCE
        assert await desk.read() == [number]
        assert await desk.read() == [dropped(1, start, start + 2)]


async def test_one_without_an_id_is_dropped_and_seen_even_if_the_server_can_replay():
    desk = Desk(Cursor(0), room=1)
    desk.take(note(1))
    assert desk.cursor.covers_everything
    await desk.feed(note())
    desk.receiver.close()
    assert (desk.cursor.last_id, desk.cursor.covers_everything) == (1, False)
    assert await desk.read() == [1, dropped(1, 0, 2)]
    assert await desk.read() == []


async def test_the_gap_is_said_once_and_before_what_follows_it():
    desk = Desk(room=2)
    await desk.feed(note(1), note(2), note(3))
    await desk.read()
    coming_back = asyncio.create_task(desk.read())
    await asyncio.sleep(0)
    desk.take(note(4))
    assert await coming_back == [dropped(1, 0, 2), 4]
    await turns()
    assert desk.told == [dropped(1, 0, 2)]


@pytest.mark.parametrize(
    ("cursor", "said"),
    [(Cursor(can_resume=False), [dropped(1, 0, 1)]), (Cursor(0), [])],
    ids=["dropped", "replayed"],
)
async def test_one_that_waits_for_room_at_the_end_lies_in_a_gap_or_comes_again(
    cursor, said
):
    desk = Desk(cursor)
    desk.fill()
    feeding = asyncio.create_task(desk.feed(note(4)))
    await asyncio.sleep(1)
    feeding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await feeding
    desk.receiver.close()
    assert await desk.read() == [1, 2, 3, *said]
    assert (cursor.last_id, cursor.deduplicator.is_new(4)) == (3, True)


async def test_a_frame_that_is_no_notification_is_dropped_in_no_silence_either():
    desk = Desk(room=1, frames=True)
    desk.take('{"type":"hello"}', '{"type":"hello"}')
    desk.receiver.close()
    assert await desk.read() == [Frame('{"type":"hello"}'), dropped(1, 0, 0)]


def odd(enough: int) -> Selection:
    """Return what wants odd ids, and so many of them."""
    return Selection(filter="contains(`[1, 3, 5]`, id)", count=enough)


class RecordingOutbox:
    """Notes what is to be kept."""

    def __init__(self) -> None:
        self.kept: list = []

    def keep(self, notification: Notification, number: int | None) -> None:
        self.kept.append((notification.id, number))

    def keep_all(self, notifications: list[Notification], first: int) -> None:
        for number, notification in enumerate(notifications, first):
            self.keep(notification, number)

    def passed(self, notification: Notification) -> None:
        self.kept.append(notification.id)


async def test_what_is_not_wanted_moves_the_cursor_and_is_not_told():
    outbox = RecordingOutbox()
    desk = Desk(Cursor(), selection=odd(9), outbox=outbox)
    desk.take(note(1), note(2), note(3))
    assert await desk.read() == [1, 3]
    assert outbox.kept == [(1, 1), 2, (3, 2)]
    assert desk.cursor.last_id == 3
    assert desk.receiver.received == 3


async def test_once_there_were_enough_the_cursor_stays():
    desk = Desk(Cursor(), selection=odd(1), outbox=(outbox := RecordingOutbox()))
    desk.take(note(1), note(2), note(3))
    assert await desk.read() == [1]
    assert desk.cursor.last_id == 1
    assert outbox.kept == [(1, 1)]


async def test_what_a_slow_reader_misses_is_kept_for_the_sinks():
    desk = Desk(outbox=(outbox := RecordingOutbox()))
    desk.fill()
    await desk.feed(note(4))
    assert outbox.kept[-1] == (4, None)
    assert len(desk.queue) == 3
    desk.receiver.close()


@pytest.mark.parametrize("can_resume", [True, False])
async def test_without_room_what_is_not_wanted_is_neither_kept_nor_missed(can_resume):
    cursor = Cursor(0 if can_resume else None, can_resume=can_resume)
    desk = Desk(cursor, room=1, selection=odd(9), outbox=(outbox := RecordingOutbox()))
    desk.take(note(1))
    assert await elapsed(desk.feed(note(2), note(4))) == 0
    assert (outbox.kept, desk.receiver.filtered) == ([(1, 1), 2, 4], 2)
    desk.receiver.close()
    assert await desk.read() == [1]


async def test_what_is_not_wanted_says_no_gap_before_there_is_room():
    desk = Desk(room=1, selection=odd(9))
    desk.take(note(1))
    await desk.feed(note(3), note(4), note(5))
    assert desk.told == []
    desk.receiver.close()
    assert await desk.read() == [1, dropped(2, 0, PATIENCE)]


async def test_what_was_missed_is_taken_in_by_the_same_rule_as_a_frame():
    desk = Desk(Cursor(0), room=9, selection=odd(9))
    desk.take(note(1))
    values = [{"type": "a", "id": n} for n in (1, 2, 3)]
    missed = notifications(desk.receiver.meaning_of(values))
    is_news = desk.cursor.is_news
    assert [is_news(each) for each in missed] == [False, True, True]
    await desk.receiver.catch_up(missed)
    assert await desk.read() == [1, 3]
    assert not any(is_news(each) for each in missed)


BEGIN = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
GAP = '{"type":"gap"}'


def beginning() -> Desk:
    """A desk whose listener begins at a time, connected to a server that replays."""
    desk = Desk(Cursor(since=BEGIN))
    desk.cursor.opened(0.0, 30.0)
    desk.receiver.gaps.begin(GapStart("2024-01-15T10:30:00.000Z"))
    return desk


def old(number: int) -> str:
    return note(number, timestamp="2024-01-15T10:29:00Z")


async def test_who_begins_at_a_time_is_told_nothing_older_in_whatever_order_it_comes():
    desk = beginning()
    desk.take(old(1), old(2), note(3, timestamp="2024-01-15T10:30:00Z"), old(4))
    assert await desk.read() == [3]
    assert desk.cursor.last_id == 3
    await asyncio.sleep(30)  # the replay must be over
    desk.take(old(5))
    assert await desk.read() == [5]


async def test_a_gap_before_what_is_older_than_asked_for_is_none():
    desk = beginning()
    desk.take(GAP, old(1), note(2))
    assert await desk.read() == [2]
    assert desk.receiver.repeats == 1


async def test_a_gap_before_what_is_wanted_is_told_from_that_time_on():
    desk = beginning()
    await asyncio.sleep(2)
    desk.take(GAP, note(1))
    gap, first = await desk.read()
    assert (gap.start, gap.end, first) == (AT.format(0), AT.format(2), 1)


async def test_a_gap_after_which_nothing_comes_is_told_in_the_end():
    desk = beginning()
    desk.take(GAP)
    assert desk.told == []
    desk.receiver.close()
    assert [event.name for event in desk.told] == ["gap"]
