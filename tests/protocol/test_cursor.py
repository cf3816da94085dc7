"""The cursor: where a listener stands, and what it asks for."""

from datetime import UTC, datetime

import pytest

from notifyws.protocol.cursor import Cursor


def test_from_now_there_is_nothing_to_ask_for():
    cursor = Cursor()
    assert (cursor.last_id, cursor.can_resume) == (None, False)


@pytest.mark.parametrize("start", ["7", 7, 0])
def test_a_start_can_be_asked_for_and_counts_as_seen(start):
    cursor = Cursor(start)
    assert (cursor.last_id, cursor.can_resume) == (start, True)
    assert not cursor.deduplicator.is_new(start)


def test_a_server_that_cannot_replay_is_not_asked():
    cursor = Cursor("7", can_resume=False)
    cursor.advance("8")
    assert not cursor.can_resume


def test_the_cursor_moves_to_what_was_handed_over():
    cursor = Cursor()
    cursor.advance("a")
    cursor.advance("b")
    assert (cursor.last_id, cursor.can_resume) == ("b", True)
    assert [cursor.deduplicator.is_new(ident) for ident in "abc"] == [
        False,
        False,
        True,
    ]


def test_what_has_no_id_moves_nothing():
    cursor = Cursor("7")
    cursor.advance(None)
    assert cursor.last_id == "7"


def test_ids_alone_cover_everything():
    cursor = Cursor()
    assert not cursor.covers_everything
    cursor.advance("a")
    assert cursor.covers_everything


def test_one_without_an_id_and_they_never_do_again():
    cursor = Cursor("7")
    cursor.advance(None)
    cursor.advance("8")
    assert (cursor.can_resume, cursor.covers_everything) == (True, False)


def test_without_a_replay_nothing_is_covered():
    assert not Cursor("7", can_resume=False).covers_everything


def test_what_an_earlier_process_was_given_is_a_duplicate():
    cursor = Cursor("c", seen=["a", "b", "c"], mixed=True)
    assert [cursor.deduplicator.is_new(ident) for ident in "abcd"] == [
        False,
        False,
        False,
        True,
    ]
    assert cursor.mixed
    assert not cursor.covers_everything


def test_a_place_that_another_host_reached_is_where_it_begins():
    cursor = Cursor("a")
    cursor.begin_at("m")
    assert cursor.last_id == "m"
    assert not cursor.deduplicator.is_new("m")


MOMENT = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
OLD, NEW = "2024-01-15T10:29:59Z", "2024-01-15T10:30:00Z"


def test_a_time_to_begin_at_can_be_asked_for_until_something_was_handed_over():
    cursor = Cursor(since=MOMENT)
    assert (cursor.place, cursor.can_resume, cursor.last_id) == (MOMENT, True, None)
    cursor.advance("a")
    assert (cursor.place, cursor.since) == ("a", None)
    assert Cursor("7").place == "7"
    assert Cursor().place is None


def test_what_a_replay_brings_from_before_that_time_is_too_old():
    cursor = Cursor(since=MOMENT)
    cursor.reconnected(30.0)
    assert cursor.is_too_old(OLD, 29.0)
    assert not cursor.is_too_old(NEW, 29.0)


def test_nothing_is_too_old_once_the_replay_is_over():
    cursor = Cursor(since=MOMENT)
    assert not cursor.is_too_old(OLD, 0.0)
    cursor.reconnected(30.0)
    assert not cursor.is_too_old(OLD, 30.0)
    assert not Cursor().is_too_old(OLD, 0.0)


def test_what_is_too_old_is_so_also_behind_newer_ones_and_after_a_reconnect():
    cursor = Cursor(since=MOMENT)
    cursor.reconnected(30.0)
    cursor.advance("a")
    assert cursor.is_too_old(OLD, 1.0)
    assert not cursor.is_too_old(OLD, 31.0)
    cursor.reconnected(90.0)
    assert cursor.is_too_old(OLD, 61.0)


@pytest.mark.parametrize(("snapshot", "repeated"), [(True, True), (False, False)])
def test_only_a_server_that_sends_what_it_holds_repeats_at_a_reconnect(
    snapshot, repeated
):
    cursor = Cursor(snapshot=snapshot, repeats=True)
    assert not cursor.deduplicator.is_repeat("tick", now=0)
    cursor.reconnected(until=10)
    assert cursor.deduplicator.is_repeat("tick", now=1) is repeated


def test_where_not_all_can_be_had_again_nothing_counts_as_covered():
    assert not Cursor(7, partial=True).can_resume
    assert not Cursor(7, partial=True).covers_everything
    assert not Cursor(snapshot=True, partial=True).covers_everything
    assert Cursor(snapshot=True).covers_everything
