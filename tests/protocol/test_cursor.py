"""The cursor: where a listener stands, and what it asks for."""

from datetime import UTC, datetime

import pytest

from notifyws.models import Notification
from notifyws.protocol.cursor import Cursor
from notifyws.protocol.places import Places
from notifyws.protocol.profile import Follow


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
    assert not cursor.covers_everything


def test_the_cursor_moves_to_what_was_handed_over():
    cursor = Cursor()
    cursor.advance("a")
    cursor.advance("b")
    assert (cursor.last_id, cursor.can_resume) == ("b", True)
    assert [cursor.deduplicator.is_new(ident) for ident in "abc"] == [0, 0, 1]


def test_ids_alone_cover_everything():
    cursor = Cursor()
    assert not cursor.covers_everything
    cursor.advance("a")
    assert cursor.covers_everything


def test_one_without_an_id_and_they_never_do_again():
    cursor = Cursor("7")
    cursor.advance(None)
    assert cursor.last_id == "7"
    cursor.advance("8")
    assert (cursor.can_resume, cursor.covers_everything) == (True, False)


def test_what_an_earlier_process_was_given_is_a_duplicate():
    cursor = Cursor("c", seen=["a", "b", "c"], mixed=True)
    assert [cursor.deduplicator.is_new(ident) for ident in "abcd"] == [0, 0, 0, 1]
    assert cursor.mixed
    assert not cursor.covers_everything


def test_a_place_that_another_host_reached_is_where_it_begins():
    cursor = Cursor("a")
    cursor.begin_at("m")
    assert cursor.last_id == "m"
    assert not cursor.deduplicator.is_new("m")


MOMENT = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


def at(timestamp, ident="x"):
    fields = {"type": "t", "id": ident, "timestamp": timestamp}
    return Notification(fields, "2024-01-15T12:00:00Z")


OLD, NEW = at("2024-01-15T10:29:59Z"), at("2024-01-15T10:30:00Z")


def test_a_time_to_begin_at_can_be_asked_for_until_something_was_handed_over():
    cursor = Cursor(since=MOMENT)
    assert (cursor.place, cursor.can_resume, cursor.last_id) == (MOMENT, True, None)
    cursor.advance("a")
    assert (cursor.place, cursor.since) == ("a", None)
    assert Cursor("7").place == "7"
    assert Cursor().place is None


def test_what_a_replay_brings_from_before_that_time_is_too_old():
    cursor = Cursor(since=MOMENT)
    cursor.opened(0.0, 30.0)
    assert cursor.is_too_old(OLD, 29.0)
    assert not cursor.is_too_old(NEW, 29.0)


def test_nothing_is_too_old_once_the_replay_is_over():
    cursor = Cursor(since=MOMENT)
    assert not cursor.is_too_old(OLD, 0.0)
    cursor.opened(0.0, 30.0)
    assert not cursor.is_too_old(OLD, 30.0)
    assert not Cursor().is_too_old(OLD, 0.0)


def test_what_is_too_old_is_so_also_behind_newer_ones_and_after_a_reconnect():
    cursor = Cursor(since=MOMENT)
    cursor.opened(0.0, 30.0)
    cursor.advance("a")
    assert cursor.is_too_old(OLD, 1.0)
    assert not cursor.is_too_old(OLD, 31.0)
    cursor.opened(60.0, 30.0)
    assert cursor.is_too_old(OLD, 61.0)


@pytest.mark.parametrize(("snapshot", "repeated"), [(True, True), (False, False)])
def test_only_a_server_that_sends_what_it_holds_repeats_at_a_reconnect(
    snapshot, repeated
):
    cursor = Cursor(snapshot=snapshot, repeats=True)
    cursor.opened(-60.0, 10.0)
    assert not cursor.deduplicator.is_repeat("tick", now=-1)
    cursor.opened(0.0, 10.0)
    assert cursor.deduplicator.is_repeat("tick", now=1) is repeated


BEGAN = 1_705_314_600.0  # 2024-01-15T10:30:00Z
EARLIER = at("2024-01-15T10:20:00Z")


@pytest.mark.parametrize(
    ("start", "opened", "too_old"),
    [
        ({"began_at": BEGAN}, 2, False),  # it asks for nothing that was
        ({"began_at": BEGAN, "snapshot": True, "can_resume": False}, 2, False),
        ({"began_at": BEGAN, "last_id": "a"}, 1, True),
        ({"began_at": BEGAN, "last_id": "a", "partial": True}, 1, True),
        ({"began_at": BEGAN, "last_id": "a", "can_resume": False}, 2, False),
        ({"last_id": "a"}, 2, False),  # only the server knows when that was
        ({}, 2, False),
    ],
)
def test_in_a_resume_what_is_older_than_the_beginning_is_no_news(
    start, opened, too_old
):
    cursor = Cursor(**start, dumps=True)
    for _ in range(opened):
        cursor.opened(0.0, 30.0)
    assert cursor.is_repeat(EARLIER, EARLIER.id, lambda: 1.0) is too_old
    assert cursor.is_news(EARLIER) is not too_old
    assert not cursor.is_repeat(EARLIER, EARLIER.id, lambda: 30.0)


@pytest.mark.parametrize("began_at", [None, BEGAN])
def test_where_the_server_sends_what_was_asked_for_nothing_is_too_old(began_at):
    """Seen: a publisher that was ten minutes late was not heard after a restart."""
    cursor = Cursor("a", began_at=began_at)
    cursor.advance("b", NEW)
    cursor.opened(0.0, 30.0)
    assert not cursor.is_repeat(EARLIER, EARLIER.id, lambda: 1.0)
    assert cursor.is_news(EARLIER)


def test_what_is_left_out_for_its_age_is_said_once_unless_a_time_was_asked_for():
    said = []
    for start in ({"began_at": BEGAN, "last_id": "a"}, {"since": MOMENT}):
        cursor = Cursor(**start, warn=said.append, dumps=True)
        cursor.opened(0.0, 30.0)
        assert cursor.is_repeat(EARLIER, "x", lambda: 1.0)
        assert cursor.is_repeat(EARLIER, "y", lambda: 1.0)
    what = "left out what the server sends from before this listener began"
    assert said == [f"{what}: a notification of {EARLIER.timestamp}"]


FUTURE = at("2099-01-01T00:00:00Z")  # all of them are received at noon
NOON = BEGAN + 5400
SILENT = at("")


@pytest.mark.parametrize(
    ("start", "handed_over", "began_at"),
    [
        (None, [], None),
        (None, [NEW], BEGAN),
        (None, [FUTURE], NOON),
        (None, [FUTURE, NEW], BEGAN),
        (None, [NEW, FUTURE], BEGAN),
        (None, [SILENT, at("soon")], None),
        (None, [SILENT, NEW], BEGAN),
        (BEGAN, [SILENT, FUTURE], BEGAN),
        (BEGAN, [EARLIER], BEGAN - 600),  # the server's clock was set back
    ],
)
def test_it_began_when_the_oldest_that_was_handed_over_was_sent(
    start, handed_over, began_at
):
    cursor = Cursor("a", began_at=start)
    for each in handed_over:
        cursor.advance(each.id, each)
    assert cursor.began_at == began_at


ONE_MOMENT = ["2024-01-15T10:00:00Z", "2024-01-15T12:00:00+02:00"]


@pytest.mark.parametrize("first", ONE_MOMENT)
@pytest.mark.parametrize(
    ("then", "earlier"),
    [
        ("2024-01-15T10:00:01Z", 0),
        ("2024-01-15T09:59:59Z", 1),
        ("2024-01-15T12:00:01+02:00", 0),
        ("2024-01-15T12:00:00+03:00", 3600),
        ("2024-01-15T10:00:00.5Z", 0),
        ("2024-01-15 09:00:00Z", 3600),
        (1705312800, 0),
    ],
)
def test_however_timestamps_are_written_it_began_with_the_oldest(first, then, earlier):
    cursor = Cursor("a")
    cursor.advance("b", at(first))
    began_at = cursor.began_at
    cursor.advance("c", at(then))
    assert began_at - cursor.began_at == earlier


@pytest.mark.parametrize(
    ("timestamp", "too_old"),
    [
        ("2024-01-15T10:25:00Z", False),
        ("2024-01-15T10:24:59Z", True),
        ("2024-01-15T09:25:00-01:00", False),
        ("long ago", False),
        ("", False),
    ],
)
def test_only_what_is_surely_older_than_that_is_too_old(timestamp, too_old):
    cursor = Cursor(dumps=True)
    cursor.advance("a", NEW)
    cursor.opened(0.0, 30.0)
    assert cursor.is_too_old(at(timestamp), 1.0) is too_old


@pytest.mark.parametrize("began_at", [-6e10, 0.0, 9e10])
def test_every_moment_of_the_calendar_can_be_a_beginning(began_at):
    cursor = Cursor("a", began_at=began_at, dumps=True)
    cursor.opened(0.0, 30.0)
    assert cursor.is_too_old(EARLIER, 1.0) is (began_at > BEGAN)


def other(ident, **fields):
    return Notification({"type": "t", "id": ident, **fields}, "then")


def test_an_id_that_names_something_else_is_said_once():
    said = []
    cursor = Cursor(can_resume=False, warn=said.append)
    cursor.opened(0.0, 30.0)
    cursor.advance(7, other(7, n=0))
    asked = [other(7, n=n) for n in (0, 1, 1, 2, 0)]
    found = [cursor.is_repeat(each, 7, lambda: 1.0) for each in asked]
    assert found == [True, False, True, False, False]
    assert said == [
        "the profile's id is not unique: '7' came again with other content, and is "
        "shown as another notification"
    ]


def test_in_a_replay_an_id_is_enough():
    cursor = Cursor("a", seen=["b"])
    cursor.opened(0.0, 30.0)
    cursor.advance("c", other("c"))
    for ident in ("c", "b"):
        assert cursor.is_repeat(other(ident, n=2), ident, lambda: 29.0)


@pytest.mark.parametrize("resumes", [True, False])
def test_an_id_of_an_earlier_process_is_enough_only_while_a_replay_may_last(resumes):
    """Seen: a server that counts from 1 again after a reboot; its news were lost."""
    said: list[str] = []
    cursor = Cursor(seen=["b", "c"], can_resume=resumes, warn=said.append)
    cursor.opened(0.0, 30.0)
    assert cursor.is_repeat(other("b"), "b", lambda: 29.0)
    assert not cursor.is_repeat(other("c"), "c", lambda: 31.0)
    assert "not unique" in said[0]
    assert cursor.is_repeat(other("c"), "c", lambda: 32.0)


def test_where_not_all_can_be_had_again_nothing_counts_as_covered():
    assert not Cursor(7, partial=True).can_resume
    assert not Cursor(7, partial=True).covers_everything
    assert not Cursor(snapshot=True, partial=True).covers_everything
    assert Cursor(snapshot=True).covers_everything


def test_a_place_that_was_kept_covers_everything_and_an_older_time_nothing():
    places = Places(Follow(variables={"at": "at"}))
    cursor = Cursor(places=places, can_resume=False)
    assert not cursor.covers_everything
    places.follow({"at": 1})
    places.begin()
    assert cursor.covers_everything


@pytest.mark.parametrize("ident", [None, 7])
def test_where_no_id_tells_them_what_comes_again_is_another_one(ident):
    cursor = Cursor(7, by_id=False)
    assert not cursor.is_repeat(EARLIER, ident, lambda: 1.0)


@pytest.mark.parametrize(
    ("ident", "can"), [("a7", True), ("x" * 2001, False), (7, True), (10**30, False)]
)
def test_an_id_that_no_request_can_carry_is_not_asked_for(ident, can):
    cursor = Cursor("before")
    cursor.advance(ident)
    assert cursor.place == (ident if can else "before")
    assert not cursor.deduplicator.is_new(ident)  # it is known when it comes again
    again = Cursor(ident)
    assert again.place == (ident if can else None)
    assert again.can_resume is can


def named(ident, at: str = "2024-01-15T10:30:00Z") -> Notification:
    fields = {"type": "a", "id": ident, "timestamp": at}
    return Notification(fields, "2024-01-15T10:30:09Z", str(fields))


@pytest.mark.parametrize("odd", [None, "", 7, "x" * 999, "a", "seen"])
def test_a_burst_is_handed_over_up_to_what_takes_a_look(odd):
    cursor = Cursor(seen=["seen"])
    burst = [named("a"), named("b"), named(odd), named("c")]
    assert cursor.advance_over(burst) == 2
    assert (cursor.last_id, cursor.mixed) == ("b", False)
    assert [cursor.deduplicator.is_new(ident) for ident in "abc"] == [0, 0, 1]


def test_a_burst_ends_the_wish_to_begin_at_a_time_and_began_with_its_oldest():
    cursor = Cursor(since=datetime(2024, 1, 15, tzinfo=UTC))
    assert cursor.advance_over([named(7)]) == 0
    assert cursor.since is not None
    times = [f"2024-01-15T10:{minute}:00Z" for minute in (29, 28, 30)]
    assert cursor.advance_over([*map(named, "abc", times)]) == 3
    assert cursor.since is None
    assert cursor.began_at == datetime(2024, 1, 15, 10, 28, tzinfo=UTC).timestamp()


def test_of_a_burst_the_last_that_a_request_can_carry_is_asked_for():
    cursor = Cursor("start", fits=lambda ident: ident in ("start", "b"))
    assert cursor.advance_over([named("a"), named("b"), named("c")]) == 3
    assert cursor.last_id == "b"
    assert cursor.advance_over([named("d")]) == 1
    assert cursor.last_id == "b"
