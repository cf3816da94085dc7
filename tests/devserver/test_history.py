"""Replay and gaps, on numbers alone."""

from __future__ import annotations

import pytest

from notifyws.devserver.history import Entry, History, Ids, Overtaken, resume

BORN = 1000


def history(count, limit=10):
    one = History(BORN, limit)
    for ident in range(BORN + 10, BORN + 10 * count + 1, 10):
        one.add(Entry(ident, str(ident)))
    return one


def ids(one, place):
    return [entry.id for entry in one.read(place, 1_000_000)]


def test_ids_follow_the_clock_and_always_rise():
    numbers = Ids()
    given = [numbers.next(now) for now in (1.0, 1.0, 0.5, 2.0)]
    assert given == [1_000_000, 1_000_001, 1_000_002, 2_000_000]


def test_ids_rise_above_those_of_an_earlier_life():
    assert Ids(9_000_000).next(1.0) == 9_000_001


@pytest.mark.parametrize("since", [None, ""])
def test_without_an_id_it_starts_from_now(since):
    one = history(3)
    assert resume(one, since) == (one.end, None)


@pytest.mark.parametrize(
    ("since", "later"),
    [("1000", [1010, 1020, 1030]), ("1010", [1020, 1030]), ("1015", [1020, 1030])],
)
def test_everything_later_than_an_id_is_replayed(since, later):
    one = history(3)
    place, gap = resume(one, since)
    assert (ids(one, place), gap) == (later, None)


def test_the_newest_id_replays_nothing():
    one = history(3)
    assert resume(one, "1030") == (one.end, None)


def test_zero_is_the_oldest_there_is():
    one = history(3)
    place, gap = resume(one, "0")
    assert (ids(one, place), gap) == ([1010, 1020, 1030], None)


def test_zero_tells_what_is_no_longer_kept():
    assert resume(history(11), "0").gap["to"] == "1020"


def test_only_the_newest_are_promised():
    one = history(25)
    place, gap = resume(one, "1010")
    assert ids(one, place) == list(range(1160, 1251, 10))
    assert (gap["type"], gap["from"], gap["to"]) == ("gap", "1010", "1160")


def test_the_id_just_before_the_oldest_leaves_no_gap():
    one = history(25)
    place, gap = resume(one, "1150")
    assert (len(ids(one, place)), gap) == (10, None)


@pytest.mark.parametrize("since", ["rubbish", "-5", "²", "99999", "10" * 40])
def test_an_id_that_cannot_be_placed_gets_a_gap_and_all_there_is(since):
    one = history(3)
    place, gap = resume(one, since)
    assert ids(one, place) == [1010, 1020, 1030]
    assert gap["from"] == since


def test_an_id_of_an_earlier_life_gets_a_gap_though_nothing_is_kept():
    one = History(BORN, 10)
    place, gap = resume(one, "999")
    assert (place, gap["from"], gap["to"]) == (0, "999", "1000")


def test_at_every_length_what_is_kept_is_what_is_promised():
    for count in range(1, 75):
        one = history(count)
        expected = list(range(BORN + 10, BORN + 10 * count + 1, 10))[-10:]
        assert [entry.id for entry in one.promised()] == expected
        assert one.floor == expected[0] - 10 if count > 10 else BORN
        assert one.newest == expected[-1]


def test_who_starts_at_the_oldest_is_not_overtaken_by_a_whole_limit_more():
    one = history(30)
    place = one.start
    for ident in range(2000, 2010):
        one.add(Entry(ident, ""))
    assert one.read(place, 1)[0].id == 1210


def test_a_place_that_is_gone_is_told():
    one = history(31)
    with pytest.raises(Overtaken):
        one.read(0, 1)
    assert one.read(one.end, 5) == []
