"""Deduplication: what was handed over is not new, in a memory that does not grow."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyws.protocol.deduplicator import (
    LONGEST_ID,
    REMEMBERED,
    Deduplicator,
    RecentIds,
    kept_id,
)


def test_an_id_is_new_until_it_was_handed_over_and_none_is_always_new():
    one = Deduplicator(["c"])
    assert [one.is_new(ident) for ident in ("a", "a", "c", None)] == [1, 1, 0, 1]
    one.add("a")
    assert not one.is_new("a")


def test_a_number_and_its_text_are_two_ids():
    assert Deduplicator([7]).is_new("7")


def test_only_the_oldest_ids_are_forgotten():
    one = Deduplicator(range(3 * REMEMBERED))
    assert one.is_new(0)
    assert not any(map(one.is_new, range(2 * REMEMBERED, 3 * REMEMBERED)))


def test_repeats_of_what_has_no_id_are_told_while_two_connections_overlap():
    one = Deduplicator(repeats=True)
    assert not one.is_repeat("before", now=0)
    one.begin_overlap()
    for _ in range(2):
        assert not one.is_repeat("tick", now=1)
    one.expect_repeats(0.0, 10.0)
    assert [one.is_repeat("tick", now=2) for _ in range(3)] == [True, True, False]
    assert not one.is_repeat("before", now=2)


def test_equal_content_is_news_again_later():
    one = Deduplicator(snapshot=True)
    assert not one.is_repeat("tick", now=0)
    one.opened(0.0, 10.0)
    assert not one.is_repeat("tick", now=11)


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


def test_an_id_that_was_never_seen_has_no_content_to_swap():
    assert RecentIds(10).swap("a", 5) == 0


@pytest.mark.parametrize("ident", ["", "a", 7, -1, "x" * LONGEST_ID])
def test_an_id_of_usual_length_is_kept_as_it_is(ident):
    assert kept_id(ident) == ident


@pytest.mark.parametrize(
    "ident", ["i" * 900_000, "\ud800" * 900_000], ids=["plain", "odd"]
)
def test_a_long_one_is_known_again_and_is_no_other(ident):
    seen = RecentIds(10, [ident])
    assert ident in seen
    assert kept_id(ident) in seen, "what a queue kept of it is the same"
    assert f"{ident}!" not in seen
    assert len(kept_id(ident)) < LONGEST_ID
    assert kept_id(kept_id(ident)) == kept_id(ident)


@given(
    st.lists(st.lists(st.text("abc", min_size=1, max_size=3)), max_size=8),
    st.integers(1, 20),
)
def test_a_burst_is_remembered_as_one_by_one_up_to_the_first_that_is_known(
    bursts, at_least
):
    at_once, one_by_one = RecentIds(at_least), RecentIds(at_least)
    for burst in bursts:
        count = at_once.add_new(burst, range(1, 1 + len(burst)))
        new = []
        for content, ident in enumerate(burst, 1):
            if ident in one_by_one:
                break
            one_by_one.add(ident, content)
            new.append(ident)
        assert burst[:count] == new
        at_once.add("another")  # where it goes was asked for before that burst
        one_by_one.add("another")
        assert [x in at_once for x in burst] == [x in one_by_one for x in burst]
    for ident in {ident for burst in bursts for ident in burst}:
        assert at_once.swap(ident, 9) == one_by_one.swap(ident, 9)


def test_an_id_that_was_asked_for_before_a_burst_finds_its_place_anew():
    seen = RecentIds(1000)
    assert "a" not in seen
    assert seen.add_new([f"n{number}" for number in range(900)], [1] * 900) == 900
    seen.add("a")
    assert all(ident in seen for ident in ("a", "n0", "n899"))
