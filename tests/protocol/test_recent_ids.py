"""Ids that were seen lately, in a memory that does not grow."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from notifyws.protocol.recent_ids import RecentIds

IDENTS = st.one_of(st.integers(), st.text())


def remembering(at_least, idents):
    seen = RecentIds(at_least)
    for ident in idents:
        seen.add(ident)
    return seen


def test_what_was_never_added_is_new():
    assert "a" not in RecentIds(10)
    assert 0 not in RecentIds(10, ["0", ""])


def test_numbers_that_python_hashes_alike_are_two():
    assert -2 not in RecentIds(10, [-1])
    assert 2**61 - 1 not in RecentIds(10, [0])


@given(st.lists(IDENTS, unique=True, max_size=60), st.integers(1, 20))
def test_at_least_the_latest_are_remembered_whatever_they_are(idents, at_least):
    seen = remembering(at_least, idents)
    assert all(ident in seen for ident in idents[-at_least:])


@given(st.lists(IDENTS, unique=True, min_size=50, max_size=80))
def test_no_more_than_twice_as_many_are_remembered(idents):
    seen = remembering(10, idents)
    assert 10 <= sum(ident in seen for ident in idents) < 20


def test_the_first_ones_are_given_the_oldest_first_and_twice_is_once():
    seen = RecentIds(2, ["a", "a", "b", "b", "c"])
    assert "b" in seen
    assert "c" in seen
    assert "a" not in RecentIds(2, "abcde")


def test_asking_for_one_does_not_misplace_another():
    idents = [f"n{number}" for number in range(150)]
    seen = RecentIds(100, idents)
    assert "new" not in seen
    kept = [ident for ident in idents if ident in seen]
    seen.add("new")
    assert "new" in seen
    assert all(ident in seen for ident in kept)


def test_its_memory_does_not_grow():
    def held(count):
        tracemalloc.start()
        try:
            remembering(1000, (f"n{number:09}" for number in range(count)))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert held(10_000) < 2 * held(10)
