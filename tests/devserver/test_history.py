"""Replay and gaps, on numbers alone."""

from __future__ import annotations

import pytest

from notifyws.devserver.history import Entry, History, Overtaken

BORN = 1000


def history(count, limit=10):
    one = History(BORN, limit)
    for ident in range(BORN + 10, BORN + 10 * count + 1, 10):
        one.add(Entry(ident, str(ident)))
    return one


def ids(one, since):
    """What a client is sent that names the last id it has seen, and the gap."""
    seen, gap = one.resume(since)
    return [entry.id for entry in one.after(seen, 1_000_000)], gap


@pytest.mark.parametrize(
    ("since", "later"),
    [
        (None, []),
        ("", []),
        ("0", [1010, 1020, 1030]),
        ("1000", [1010, 1020, 1030]),
        ("1010", [1020, 1030]),
        ("1015", [1020, 1030]),
        ("1030", []),
    ],
)
def test_everything_later_than_an_id_is_replayed(since, later):
    assert ids(history(3), since) == (later, None)


@pytest.mark.parametrize("since", ["0", "1010"])
def test_only_the_newest_are_promised_and_what_is_missing_is_told(since):
    later, gap = ids(history(25), since)
    assert later == list(range(1160, 1251, 10))
    assert (gap["type"], gap["from"], gap["to"]) == ("gap", since, "1160")


def test_the_id_just_before_the_oldest_leaves_no_gap():
    later, gap = ids(history(25), "1150")
    assert (len(later), gap) == (10, None)


@pytest.mark.parametrize(
    "since", ["rubbish", "-5", "\u00b2", "99999", "10" * 40, "9" * 5000]
)
def test_an_id_that_cannot_be_placed_gets_a_gap_and_all_there_is(since):
    later, gap = ids(history(3), since)
    assert (later, gap["from"]) == ([1010, 1020, 1030], since)


def test_an_id_of_an_earlier_life_gets_a_gap_though_nothing_is_kept():
    later, gap = ids(History(BORN, 10), "999")
    assert (later, gap["from"], gap["to"]) == ([], "999", "1000")


def test_at_every_length_what_is_kept_is_what_is_promised():
    for count in range(1, 75):
        one = history(count)
        expected = list(range(BORN + 10, BORN + 10 * count + 1, 10))[-10:]
        assert [entry.id for entry in one.promised()] == expected
        assert one.floor == (expected[0] - 10 if count > 10 else BORN)
        assert one.newest == expected[-1]


def test_who_starts_at_the_oldest_is_not_overtaken_by_a_whole_limit_more():
    one = history(30)
    seen = one.floor
    for ident in range(2000, 2010):
        one.add(Entry(ident, ""))
    assert one.after(seen, 1)[0].id == 1210


def test_an_id_whose_followers_are_gone_is_told():
    one = history(31)
    with pytest.raises(Overtaken):
        one.after(BORN, 1)
    assert one.after(one.newest, 5) == []
