"""In hand: an entry is acknowledged once everybody here is done with it."""

from __future__ import annotations

import pytest

from notifyws.fleet.group import in_hand
from notifyws.fleet.group.entries import Entry
from notifyws.fleet.group.in_hand import InHand
from tests.support.virtual import run


def entry(number: int, stream: int = 0) -> Entry:
    return Entry(stream, f"{number}-0", f"line {number}")


def holding(count: int, *sinks: str) -> InHand:
    """So many entries, which are shown under their own numbers."""
    hand = InHand(sinks)
    for n in range(1, count + 1):
        hand.take(entry(n), n)
    return hand


def test_what_was_shown_is_acknowledged_where_there_are_no_sinks():
    hand = holding(3)
    hand.settled(2)
    assert hand.acknowledgeable() == {0: ["1-0", "2-0"]}
    assert hand.acknowledgeable() == {}
    assert hand.places == {(0, "3-0")}
    assert len(hand) == 1


def test_what_waits_for_a_sink_is_not_acknowledged():
    hand = holding(2, "exec", "forward")
    hand.settled(2)
    run(hand.done("exec", 1))
    assert not hand.has_done
    run(hand.done("forward", 1))
    assert hand.has_done
    assert hand.acknowledgeable() == {0: ["1-0"]}
    assert (0, "1-0") not in hand
    assert (0, "2-0") in hand


def test_what_every_sink_took_waits_until_it_was_shown():
    hand = holding(1, "exec")
    run(hand.done("exec", 1))
    assert not hand.has_done
    hand.settled(1)
    assert hand.acknowledgeable() == {0: ["1-0"]}


def test_a_sink_that_says_it_twice_is_heard_once():
    hand = holding(1, "exec")
    run(hand.done("exec", 1))
    run(hand.done("exec", 1))
    hand.settled(1)
    assert hand.acknowledgeable() == {0: ["1-0"]}


def test_streams_are_acknowledged_apart():
    hand = InHand(())
    hand.take(entry(1, stream=4), 1)
    hand.take(entry(1, stream=7), 2)
    hand.settled(2)
    assert hand.acknowledgeable() == {4: ["1-0"], 7: ["1-0"]}


@pytest.mark.parametrize(
    ("after", "limit", "found"),
    [
        (0, 10, [1, 2, 3]),
        (1, 10, [2, 3]),
        (0, 2, [1, 2]),
        (3, 10, []),
        (0, 3, [1, 2, 3]),
    ],
)
def test_a_sink_reads_what_waits_for_it_in_order(after, limit, found):
    records = run(holding(3, "exec").waiting("exec", after, limit))
    assert [record.position for record in records] == found
    assert [record.line for record in records] == [f"line {n}" for n in found]


def test_the_backlog_of_a_sink_is_what_waits_for_it():
    hand = holding(3, "exec", "forward")
    run(hand.done("exec", 1))
    assert hand.backlog_of("exec") == (2, len("line 2line 3"))
    assert hand.waits_for("exec")
    run(hand.done("exec", 2))
    run(hand.done("exec", 3))
    assert not hand.waits_for("exec")
    assert hand.waits_for("forward")


def test_what_a_sink_does_not_take_does_not_wait_for_it():
    hand = InHand(("exec", "forward"))
    hand.take(entry(1), 1, ["forward"])
    hand.take(entry(2), 2, [])
    hand.settled(2)
    assert hand.acknowledgeable() == {0: ["2-0"]}
    assert not hand.waits_for("exec")
    run(hand.done("forward", 1))
    assert hand.acknowledgeable() == {0: ["1-0"]}


def test_what_nobody_wants_is_acknowledged_at_once():
    hand = InHand(["exec"])
    hand.finish(entry(1).place)
    assert hand.acknowledgeable() == {0: ["1-0"]}
    assert hand.was_done((0, "1-0"))


def test_what_could_not_be_acknowledged_is_tried_again():
    hand = holding(2)
    hand.settled(2)
    hand.put_back(0, hand.acknowledgeable()[0])
    assert hand.acknowledgeable() == {0: ["1-0", "2-0"]}


def test_what_was_acknowledged_and_is_offered_again_is_known():
    hand = holding(1)
    assert not hand.was_done((0, "1-0"))
    hand.settled(1)
    hand.acknowledgeable()
    assert hand.was_done((0, "1-0"))
    hand.again((0, "1-0"))
    assert hand.acknowledgeable() == {0: ["1-0"]}


def test_the_oldest_that_were_acknowledged_are_forgotten():
    hand = InHand(())
    for n in range(in_hand.REMEMBERED + 1):
        hand.finish(entry(n).place)
    assert not hand.was_done((0, "0-0"))
    assert hand.was_done((0, "1-0"))
    assert hand.was_done((0, f"{in_hand.REMEMBERED}-0"))


def sized(size: int, count: int = 1) -> list[Entry]:
    return [Entry(0, f"{n}-1", "x" * size) for n in range(count)]


def test_more_is_taken_at_once_as_all_goes_well_and_less_where_it_does_not():
    hand = InHand([])
    assert hand.some() == in_hand.FIRST
    hand.came(sized(10))
    assert hand.some() == 2 * in_hand.FIRST
    for _ in range(9):
        hand.came(sized(10))
    assert hand.some() == in_hand.AT_ONCE
    hand.want_less()
    assert hand.some() == in_hand.AT_ONCE // 4


def test_of_large_entries_few_are_taken_and_of_several_streams_fewer_each():
    hand = InHand([])
    hand.came(sized(in_hand.BYTES // 4))
    assert hand.room == hand.some() == 4
    assert hand.some(2) == 2
    assert hand.some(100) == 1


def test_there_is_room_for_a_handful_and_for_so_many_bytes():
    hand = holding(3)
    assert hand.room == in_hand.HANDFUL - 3
    hand.take(Entry(0, "9-9", "x" * in_hand.BYTES), 4)
    assert hand.room <= 0
