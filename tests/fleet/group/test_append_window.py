"""What a leader knows of what it appended lately."""

from __future__ import annotations

import pytest

from notifyws.fleet.group.append_window import COUNT, SIZE, AppendWindow


def window(count: int) -> AppendWindow:
    made = AppendWindow()
    made.add(
        [(0, f"{n}-0") for n in range(count)], [(0, str(n), "") for n in range(count)]
    )
    return made


@pytest.mark.parametrize(
    ("present", "lost"),
    [
        ("1111", ""),
        ("1100", "23"),
        ("1010", "13"),
        ("0011", ""),  # trimmed, the oldest first
        ("0101", "2"),
        ("0000", "0123"),
    ],
)
def test_what_is_missing_after_the_first_that_is_there_was_lost(present, lost):
    found = window(4).lost([each == "1" for each in present])
    assert "".join(line for _, line, _ in found) == lost


def test_what_was_lost_is_known_no_more_until_it_is_appended_again():
    made = window(3)
    assert made.lost([True, False, True]) == [(0, "1", "")]
    assert made.places == [(0, "0-0"), (0, "2-0")]
    made.add([(0, "9-0")], [(0, "1", "")])
    assert made.places[-1] == (0, "9-0")
    assert made.lost([True, True, True]) == []


def test_only_so_many_are_known():
    made = window(COUNT + 3)
    assert len(made) == COUNT
    assert made.places[0] == (0, "3-0")
    made.lost([True] * COUNT)
    made.add([(0, "x-0")], [(0, "x", "")])
    assert len(made) == COUNT


def test_of_large_lines_fewer_are_known():
    """Seen: five thousand of a megabyte each, in the memory of every leader."""
    made = AppendWindow()
    large = [(0, "x" * 1_000_000, "")]
    for n in range(30):
        made.add([(0, f"{n}-0")], large)
    assert len(made) * 1_000_000 <= SIZE < (len(made) + 1) * 1_000_000
    assert made.places[-1] == (0, "29-0")
    assert len(made.lost([True, *[False] * (len(made) - 1)])) == 15
    made.clear()
    made.add([(0, f"{n}-0") for n in range(30)], large * 30)
    assert len(made) == SIZE // 1_000_000
    made.add([(0, "30-0")], [(0, "x" * (SIZE + 1), "")])
    assert len(made) == 0


def test_what_was_handled_by_a_moment_was_not_lost_wherever_it_lay():
    made = AppendWindow()
    lines = [(0, str(n), "") for n in range(4)]
    made.add([(0, f"{1000 * n}-0") for n in range(1, 5)], lines)
    assert made.lost([False, True, False, False], since=3.0) == lines[2:]


def test_what_others_may_have_appended_is_beyond_its_reach():
    made = AppendWindow(5.0)
    made.miss(8.0)
    made.miss(6.0)
    assert [made.reaches(since) for since in (5.0, 7.9, 8.0)] == [False, False, True]


def test_what_lies_nobody_knows_where_is_beyond_its_reach_with_all_before():
    made = window(3)
    made.begin_again()
    assert (len(made), made.reaches(1e9)) == (0, False)
    made.add([(0, "9000-0")], [(0, "x", "")])
    assert [made.reaches(since) for since in (8.9, 9.0)] == [False, True]


def test_where_it_is_not_known_where_an_entry_lay_it_may_be_lost():
    made = AppendWindow()
    made.add([(0, "")], [(0, "x", "")])
    assert made.lost([False], since=5.0) == [(0, "x", "")]


def test_it_reaches_back_to_its_beginning_or_to_what_it_had_no_room_for():
    made = AppendWindow(5.0)
    assert [made.reaches(since) for since in (4.9, 5.0, 6.0)] == [False, True, True]
    places = [(0, f"{7000 + n}-0") for n in range(COUNT + 2)]
    made.add(places, [(0, "x", "")] * len(places))
    assert [made.reaches(since) for since in (7.0, 7.001, 7.002)] == [False, True, True]


@pytest.mark.parametrize(
    ("present", "since", "all_of_it"),
    [
        ("", 9.0, True),
        ("", 4.9, False),
        ("10", 0.0, True),
        ("01", 9.0, True),
        ("00", 4.9, False),
    ],
)
def test_what_is_missing_is_here_where_the_oldest_is_there_or_it_reaches_back(
    present, since, all_of_it
):
    found = AppendWindow(5.0).has_all([each == "1" for each in present], since)
    assert found is all_of_it
