"""Sinks with quiet hours and digests: nothing is lost, late only as far as meant."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from notifyws.delivery import timed_worker
from notifyws.delivery.outbox_records import notification_of
from notifyws.delivery.targets import Quiet, Route, Timing
from notifyws.delivery.timed_worker import SHOWN, WIDTH, digest_of
from notifyws.errors import DeliveryFailed
from notifyws.models import Notification
from tests.support.queue import MemoryStore, ScriptedSink, Story, keep, note
from tests.support.virtual import EPOCH, VirtualClock, elapsed, now

pytestmark = pytest.mark.virtual_time

NO = DeliveryFailed("no")


class DigestSink(ScriptedSink):
    """Tells what the digests that it was given hold."""

    @property
    def digests(self):
        """The titles that each one held."""
        found = [each.data or {} for each in self.given]
        return [[n["title"] for n in each.get("notifications", ())] for each in found]


class Timed(Story):
    """An outbox with one route that has a time of its own, and a sink beside it."""

    def __init__(self, timing, *context, **how):
        self.routed = DigestSink(*context, name="r/exec")
        self.other = ScriptedSink(name="exec")
        super().__init__(
            self.routed, self.other, routes=[Route("r", timing=timing)], **how
        )


def quiet(begins_in, lasts):
    """Hours of quiet that begin in so many minutes, and last so many."""
    start = datetime.fromtimestamp(EPOCH) + timedelta(minutes=begins_in)
    end = start + timedelta(minutes=lasts)
    return Quiet.of(f"{start:%H:%M}-{end:%H:%M}")


async def sleep(seconds):
    await VirtualClock().clock.sleep(seconds)


async def test_a_digest_is_one_notification_with_what_came_since_the_first():
    story = Timed(Timing(digest=600.0))
    async with story.running() as outbox:
        await sleep(100)
        for n in range(3):
            outbox.keep(note(n), n + 1)
            await sleep(10)
        await sleep(569)
        assert story.routed.given == []
        assert story.other.titles == ["0", "1", "2"]  # nobody waits for a route
        await sleep(2)
    assert story.routed.digests == [["0", "1", "2"]]
    assert story.outbox.counts["r/exec"].delivered == 3
    assert story.outbox.waiting["r/exec"].count == 0


async def test_a_digest_is_not_later_for_a_machine_that_slept():
    story = Timed(Timing(digest=600.0))
    async with story.running() as outbox:
        outbox.keep(note(1), 1)
        await sleep(60)
        story.clock.suspended = 8 * 3600.0
        await sleep(timed_worker.LOOK + 1)
        assert story.routed.titles == ["1"]


async def test_the_next_digest_begins_with_the_next_notification():
    story = Timed(Timing(digest=60.0))
    async with story.running() as outbox:
        keep(outbox, 1, 2)
        await sleep(1000)
        keep(outbox, 3, 4)
        await sleep(59)
        assert story.routed.digests == [["1", "2"]]
        await sleep(2)
    assert story.routed.digests == [["1", "2"], ["3", "4"]]


async def test_one_alone_is_no_digest():
    story = Timed(Timing(digest=60.0))
    async with story.running() as outbox:
        outbox.keep(note("alone"), 1)
        await sleep(61)
    assert story.routed.titles == ["alone"]


async def test_a_full_digest_does_not_wait(monkeypatch):
    story = Timed(Timing(digest=600.0))
    async with story.running() as outbox:
        keep(outbox, *range(timed_worker.MOST + 2))
        await sleep(1)
        first = [str(n) for n in range(timed_worker.MOST)]
        assert story.routed.digests == [first]
        await sleep(600)
    assert [len(each) for each in story.routed.digests] == [timed_worker.MOST, 2]


async def test_a_digest_of_long_lines_is_cut_where_it_is_enough():
    story = Timed(Timing(digest=60.0))
    long = "x" * (timed_worker.MOST_BYTES // 2)
    async with story.running() as outbox:
        for n in range(3):
            outbox.keep(note(f"{n}{long}"), n + 1)
        await sleep(1)
        assert [[t[0] for t in each] for each in story.routed.digests] == [["0", "1"]]
        await sleep(60)
    assert story.routed.titles[-1][0] == "2"


async def test_a_digest_that_fails_is_tried_again_and_becomes_one_dead_letter():
    story = Timed(Timing(digest=60.0), NO, NO, NO)
    async with story.running() as outbox:
        keep(outbox, 1, 2)
        await sleep(70)
    (letter,) = story.letters
    assert (letter.sink, letter.error, letter.attempts) == ("r/exec", "no", 3)
    assert notification_of(letter.line).title == "2 notifications"
    counts = story.outbox.counts["r/exec"]
    assert (counts.rejected, counts.retries, counts.delivered) == (2, 2, 0)
    assert story.store.rows == {("output", 1): note(1).line()} | {
        ("output", 2): note(2).line()
    }


async def test_what_is_rubbish_in_a_queue_is_a_dead_letter_and_no_part_of_a_digest():
    before = MemoryStore()
    before.rows = {("r/exec", 1): "rubbish", ("r/exec", 2): note("good").line()}
    story = Timed(Timing(digest=60.0), store=MemoryStore(before))
    async with story.running():
        await sleep(61)
    assert [letter.line for letter in story.letters] == ["rubbish"]
    assert story.routed.titles == ["good"]


async def test_a_durable_listener_that_ends_keeps_its_digest_for_the_next_time():
    first = Timed(Timing(digest=600.0))
    async with first.running(1.0) as outbox:
        keep(outbox, 1, 2)
        assert await elapsed(outbox.drained()) < 1
    assert first.routed.given == first.letters == []
    second = Timed(Timing(digest=600.0), store=MemoryStore(first.store))
    async with second.running() as outbox:
        outbox.keep(note(3), 3)
        await sleep(601)
    assert second.routed.digests == [["1", "2", "3"]]


async def test_any_other_that_ends_hands_its_digest_on_at_once():
    story = Timed(Timing(digest=600.0), durable=False)
    async with story.running() as outbox:
        keep(outbox, 1, 2)
        await sleep(1)
        assert await elapsed(outbox.drained()) < 1
    assert story.routed.digests == [["1", "2"]]
    assert story.letters == []


@pytest.mark.parametrize("begun", [0.5, 1.5, 2.5])
async def test_what_is_still_being_written_at_the_end_is_in_that_digest_too(begun):
    story = Timed(Timing(digest=600.0), durable=False)
    story.store.pause = 1.0
    async with story.running() as outbox:
        outbox.keep(note(1), 1)
        await sleep(begun)
        keep(outbox, 2, 3)
        await outbox.drained()
    assert story.routed.digests == [["1", "2", "3"]]


async def test_in_quiet_hours_nothing_is_handed_on_and_then_all_of_it_in_order():
    story = Timed(Timing(quiet(10, 480)))
    async with story.running() as outbox:
        outbox.keep(note("before"), 1)
        await sleep(600)
        keep(outbox, *range(3))
        await sleep(480 * 60 - 61)
        assert story.routed.titles == ["before"]
        assert story.other.titles == ["before", "0", "1", "2"]
        await sleep(122)
    assert story.routed.titles == ["before", "0", "1", "2"]
    assert story.outbox.counts["r/exec"].seconds < 1


async def test_a_digest_of_a_night_is_one():
    story = Timed(Timing(quiet(0, 480), 600.0))
    async with story.running() as outbox:
        for n in range(3):
            outbox.keep(note(n), n + 1)
            await sleep(3600)
        assert story.routed.given == []
        await sleep(480 * 60)
    assert story.routed.digests == [["0", "1", "2"]]


@pytest.mark.parametrize("durable", [True, False])
async def test_who_waits_for_the_sinks_does_not_wait_for_the_morning(durable):
    story = Timed(Timing(quiet(0, 480)), durable=durable)
    async with story.running(1.0) as outbox:
        keep(outbox, 1, 2)
        await outbox.drained()
        assert now() < 1
    assert len(story.letters) == (0 if durable else 2)
    assert story.routed.given == []
    assert story.other.titles == ["1", "2"]


AT = "2026-01-15T10:30:00.000Z"


def test_it_counts_and_holds_each_as_the_server_wrote_it():
    exact = notification_of('{"type":"t","title":"","message":"m","n":[1.50]}')
    digest = digest_of([exact, note("two")], AT)
    assert (digest.type, digest.title) == ("digest", "2 notifications")
    assert digest.timestamp == AT
    assert digest.data["count"] == 2
    assert [each["title"] for each in digest.data["notifications"]] == ["", "two"]
    assert '"n":[1.50]' in digest.line()
    assert notification_of(digest.line()).data == digest.data


def test_its_message_has_a_line_for_each_of_the_first():
    many = [
        Notification({"type": "t", "title": "A", "message": "x\n y"}, "then"),
        Notification({"type": "t"}, "then"),
        Notification({"type": "t", "title": "L", "message": "z" * 999}, "then"),
        *map(note, range(SHOWN)),
    ]
    first, second, third, *_, last = digest_of(many, AT).message.split("\n")
    assert (first, second, last) == ("A: x y", "t", "and 3 more")
    assert len(third) == WIDTH
    assert third.endswith("…")
