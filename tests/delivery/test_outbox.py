"""What arrived is handed on: once if all goes well, again if it does not, in order."""

from __future__ import annotations

import asyncio

import pytest

from notifyws.config.settings import Settings
from notifyws.delivery.outbox_records import OUTPUT, DeadLetter, DeliveryCounts
from notifyws.delivery.targets import Route
from notifyws.errors import DeliveryFailed
from tests.support.queue import MemoryStore, ScriptedSink, Story, keep, line, note
from tests.support.virtual import elapsed, turns

pytestmark = pytest.mark.virtual_time

NO = DeliveryFailed("no")


async def test_each_sink_gets_everything_in_its_order():
    one, other = ScriptedSink(), ScriptedSink(name="forward")
    story = Story(one, other)
    async with story.running() as outbox:
        for n in range(5):
            outbox.keep(note(n, n), n + 1)
        assert outbox.waiting["exec"].count == 5
        await outbox.drained()
        assert outbox.waiting["exec"].count == outbox.waiting["forward"].size == 0
    assert one.titles == other.titles == list("01234")
    assert one.closed
    assert story.store.closed


async def test_what_arrives_while_a_group_is_written_is_the_next_group():
    story = Story(ScriptedSink())
    story.store.pause = 1.0
    async with story.running() as outbox:
        outbox.keep(note(0), 1)
        await asyncio.sleep(0.5)
        keep(outbox, *range(9))
        await outbox.drained()
    assert story.store.kept[:2] == [1, 9]


def busy(seconds):
    return DeliveryFailed("busy", after=seconds)


BUG = RuntimeError("bug")
RETRIES = {
    "a failure": ([NO, NO], [0, 1, 3], None),
    "a bug": ([BUG, BUG], [0, 1, 3], None),
    "what fails to the end": ([NO, NO, NO], [0, 1, 3], ("no", 3)),
    "what is final": ([DeliveryFailed("never", final=True)], [0], ("never", 1)),
    "a short wish": ([busy(0.5)], [0, 1], None),
    "a wish": ([busy(7.0)], [0, 7], None),
    "a wish beyond all limits": ([busy(9e9)], [0, 300], None),
}


@pytest.mark.parametrize(("fails", "tries", "letter"), RETRIES.values(), ids=RETRIES)
async def test_a_sink_that_fails_is_tried_again_and_holds_up_those_behind(
    fails, tries, letter
):
    story = Story(sink := ScriptedSink(*fails))
    await story.run(1, 2)
    assert sink.tries == [*((at, "1") for at in tries), (tries[-1], "2")]
    assert story.rejected == ([("exec", *letter)] if letter else [])
    assert [each.line for each in story.letters] == [note(1).line()] * bool(letter)


async def test_what_came_of_each_notification_is_counted_by_sink():
    sink = ScriptedSink(NO, 0.5, 2.0, NO, BUG, NO)
    story = Story(sink, ScriptedSink(name="forward"))
    outbox = await story.run(*range(3))
    worked = DeliveryCounts(delivered=2, rejected=1, tries=6, retries=3, seconds=2.5)
    assert outbox.counts["exec"] == worked
    assert outbox.counts["forward"] == DeliveryCounts(delivered=3, tries=3)
    assert len(story.letters) == 1


async def test_several_at_a_time_are_never_more_than_allowed():
    sink = ScriptedSink(*[1.0] * 6)
    story = Story(sink, settings=Settings(concurrency=3))
    async with story.running() as outbox:
        keep(outbox, *range(6))
        assert await elapsed(outbox.drained()) == 2.0
    assert sink.most == 3


async def test_who_arrives_never_waits_for_a_sink():
    story = Story(sink := ScriptedSink(1000.0))
    async with story.running() as outbox:
        keep(outbox, *range(1000))
        await turns(20)
        assert sum(story.store.kept) == 1000
        assert sink.titles == []
    assert sink.closed


async def test_a_killed_process_hands_on_again_what_was_under_way():
    first = Story(ScriptedSink(0.0, 1000.0))
    first.outbox.start()
    for n in range(4):
        first.outbox.keep(note(n, n), n + 1)
    await asyncio.sleep(1)
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:  # as SIGKILL does: nothing more is written
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    second = Story(sink := ScriptedSink(), store=MemoryStore(first.store))
    assert second.outbox.waiting["exec"].count == 3
    async with second.running() as outbox:
        outbox.keep(note(4, 4), 1)
        await outbox.drained()
    assert sink.titles == list("1234")
    assert second.outbox.past.position.last_id == 3
    assert list(second.outbox.past.seen) == [0, 1, 2, 3]
    assert second.store.position.last_id == 4


async def test_what_was_not_shown_is_there_for_the_next_process():
    story = Story()
    async with story.running() as outbox:
        for n in range(3):
            outbox.keep(note(n, n), n + 1)
        outbox.settled(0)
        outbox.settled(2)
    again = MemoryStore(story.store)
    assert [kept.line for kept in again.past.unshown] == [note(2, 2).line()]
    second = Story(store=again)
    async with second.running() as outbox:
        (kept,) = again.past.unshown
        outbox.show_again(kept.position, 1)
        outbox.keep(note(3, 3), 2)
        outbox.settled(1)
    third = MemoryStore(second.store)
    assert [kept.line for kept in third.past.unshown] == [note(3, 3).line()]


async def test_what_is_dropped_from_the_view_is_handed_on_all_the_same():
    story = Story(sink := ScriptedSink())
    async with story.running() as outbox:
        outbox.keep(note(1), None)
        await outbox.drained()
    assert sink.titles == ["1"]
    assert not [key for key in story.store.rows if key[0] == OUTPUT]


async def test_what_nobody_wants_moves_the_cursor_of_a_durable_listener_alone():
    for durable, expected in [(True, 7), (False, None)]:
        story = Story(sink := ScriptedSink(), durable=durable)
        async with story.running() as outbox:
            outbox.passed(note(7, 7))
        assert story.store.position.last_id == expected
        assert sink.tries == []


async def test_what_has_no_id_is_remembered_as_such():
    story = Story()
    async with story.running() as outbox:
        outbox.keep(note(1, 1), 1)
        assert not outbox.position.mixed
        outbox.keep(note(2), 2)
    assert story.store.position.mixed
    assert story.store.position.last_id == 1


@pytest.mark.parametrize(("fails", "why"), [([], ""), ([NO] * 9, ", after: no")])
async def test_without_a_name_what_is_left_at_the_end_becomes_dead_letters(fails, why):
    story = Story(ScriptedSink(*fails, 1000.0), durable=False)
    async with story.running(2.0) as outbox:
        keep(outbox, 1, 2)
    error = f"the listener ended before it{why}"
    assert story.rejected == [("exec", error, 0)] * 2
    assert [each.line for each in story.letters] == [note(1).line(), note(2).line()]


async def test_what_a_listener_with_a_name_cannot_keep_becomes_dead_letters_as_well():
    """Seen: on a full disk all that waited, and its place, were gone without a word."""
    story = Story(ScriptedSink(1000.0))
    story.store.saves = False
    async with story.running() as outbox:
        keep(outbox, 1, 2)
    assert [each.line for each in story.letters] == [note(1).line(), note(2).line()]
    assert "the next listener of this name knows nothing" in story.warnings[-1]


async def test_the_end_waits_for_sinks_that_are_quick_enough():
    story = Story(sink := ScriptedSink(0.3), durable=False)
    async with story.running(0.5) as outbox:
        outbox.keep(note(1), 1)
    assert sink.titles == ["1"]
    assert story.letters == []


async def test_a_queue_at_its_limit_refuses_the_newest_aloud():
    size = len(note(0).line())
    sink = ScriptedSink(5.0)
    story = Story(sink, settings=Settings(queue_disk=2 * size))
    async with story.running() as outbox:
        keep(outbox, *range(5))
        assert len(story.warnings) == 1
        assert "exec is too slow" in story.warnings[0]
        await outbox.drained()
        assert story.gaps == []
        outbox.keep(note(5), 5)
        assert story.gaps == ["3 were not handed to exec: it is too slow"]
        await outbox.drained()
    assert sink.titles == ["0", "1", "5"]
    assert len(story.gaps) == 1
    counts = story.outbox.counts["exec"]
    assert (counts.delivered, counts.dropped) == (3, 3)


async def test_what_was_refused_is_said_at_the_end_at_the_latest():
    story = Story(ScriptedSink(50.0), settings=Settings(queue_disk=60))
    keep(story.outbox, *range(3))
    await story.outbox.aclose(1.0)  # though it never began
    assert len(story.gaps) == 1


async def test_a_quiet_line_is_noted_now_and_then_while_it_is_up():
    story = Story()
    heard = ["", "one", None, "two"]
    story.outbox.heard_at = lambda: heard[0]
    async with story.running():
        heard[0] = "one"
        await asyncio.sleep(5.1)
        assert story.store.position.heard_at == "one"
        heard[0] = None
        kept = len(story.store.kept)
        await asyncio.sleep(60)
        assert len(story.store.kept) == kept
    assert story.store.position.heard_at == "one"


async def test_where_it_stands_is_told_after_it_was_written():
    told = []

    async def tell(position):
        told.append((position.last_id, story.store.position.last_id))

    story = Story()
    story.outbox.on_moved = tell
    async with story.running() as outbox:
        outbox.keep(note(1, "a"), 1)
        await turns(20)
        assert told == [("a", "a")]


async def test_a_sink_that_begins_to_fail_says_why_once_until_it_works_again():
    sink = ScriptedSink(NO, NO, 0.0, 0.0, NO)
    story = Story(sink)
    await story.run(*range(4))
    said = "exec did not take a notification: no; it is tried again"
    assert story.warnings == [said, said]


RUBBISH = ["rubbish", "[1]", '{"no":"type"}', "", '"text"', "[" * 100_000, "a\nb"]


@pytest.mark.parametrize("rubbish", RUBBISH)
async def test_a_row_that_is_no_notification_is_a_dead_letter_and_stops_nothing(
    rubbish,
):
    story = Story(sink := ScriptedSink())
    before = story.store
    before.rows |= {("exec", 1): line(1), ("exec", 2): rubbish, ("exec", 3): line(3)}
    again = Story(sink, store=MemoryStore(before))
    await again.run(4)
    assert sink.titles == ["1", "3", "4"]
    assert again.rejected == [("exec", "it is no notification, what waited for it", 0)]
    assert DeadLetter.of_line(again.letters[0].as_line()).line == rubbish


async def test_a_row_that_cannot_be_shown_is_a_dead_letter():
    before = MemoryStore()
    before.rows = {(OUTPUT, 1): "rubbish", (OUTPUT, 2): line(2)}
    story = Story(store=MemoryStore(before))
    await story.outbox.reject_unshowable()
    await story.outbox.aclose(0.0)
    assert [(x.sink, x.line) for x in story.letters] == [(OUTPUT, "rubbish")]
    assert story.outbox.counts[OUTPUT].rejected == 1
    assert list(story.store.rows) == [(OUTPUT, 2)]


def failing(method: str, *errors: Exception) -> MemoryStore:
    """A store that fails at first, which one should never do."""
    store, left = MemoryStore(), list(errors)
    works = getattr(store, method)

    async def fails(*given):
        if left:
            raise left.pop()
        return await works(*given)

    setattr(store, method, fails)
    return store


@pytest.mark.parametrize("method", ["keep", "waiting", "done"])
async def test_a_bug_in_the_queue_is_said_and_handing_on_goes_on(method):
    story = Story(sink := ScriptedSink(), store=failing(method, BUG, BUG))
    await story.run(*range(5))
    assert list(dict.fromkeys(sink.titles)) == list("01234")
    assert len(story.warnings) == 2
    assert "failed unexpectedly: RuntimeError('bug')" in story.warnings[0]


async def test_what_the_store_lost_is_a_gap_and_waits_no_longer():
    story = Story(ScriptedSink(100.0, 100.0))
    async with story.running() as outbox:
        keep(outbox, 1, 2)
        await asyncio.sleep(1)
        story.store.rows.clear()
        story.store.lost.append(("then", "the file is damaged"))
        outbox.keep(note(3), 3)
        await asyncio.sleep(1)
        assert story.gaps == ["the file is damaged"]
        assert outbox.waiting["exec"].count == 1
        story.store.rows["exec", 1] = ""  # what is under way is done with later
        await outbox.drained()


async def test_what_waits_for_a_sink_that_is_gone_is_said_and_stays():
    first = Story(ScriptedSink(NO, name="old/exec"))
    async with first.running() as outbox:
        keep(outbox, 1, 2)
        await turns(9)
    again = Story(ScriptedSink(name="new/exec"), store=MemoryStore(first.store))
    async with again.running():
        (said,) = again.warnings
    assert said.startswith("2 wait for old/exec, which is not among those handed on to")
    assert sum(sink == "old/exec" for sink, _ in again.store.rows) == 2


async def test_a_sink_gets_only_what_goes_its_route():
    one, other = ScriptedSink(name="a/exec"), ScriptedSink(name="b/exec")
    story = Story(one, other, routes=[Route("a", "title == '1'"), Route("b")])
    async with story.running() as outbox:
        keep(outbox, 1, 2)
        assert outbox.waiting["a/exec"].count == 1
        await outbox.drained()
    assert (one.titles, other.titles) == (["1"], ["1", "2"])
