"""Entries: what Redis keeps of a group, read and written."""

from __future__ import annotations

import pytest

from notifyws.delivery.outbox_records import ListenerPosition
from notifyws.fleet.group.entries import (
    AT_ONCE,
    COUNT,
    LARGEST_STEP,
    SIZE,
    AppendWindow,
    Entry,
    Standing,
    heard_text,
    line_of,
    moment,
    position_of,
    position_text,
    shifted,
    standing_of,
    steps,
    text_of,
)

LATER = 2e9
"""Unix seconds."""


def test_a_position_comes_back_as_it_was_kept():
    position = ListenerPosition("a7", moved_at=5.0, mixed=True, sent_at=4.5)
    text = position_text(position).encode()
    then = b"2024-01-15T10:30:00.000Z"
    found = position_of(text, then, LATER)
    assert found.heard_at == then.decode()
    assert position_of(text, None, LATER) == position


@pytest.mark.parametrize("text", [None, b"", b"{", b"[1]", b'{"other":1}', b"[" * 9999])
def test_a_position_that_makes_no_sense_is_none(text):
    assert position_of(text, None, LATER) == ListenerPosition()


def test_an_entry_tells_where_it_lies_and_when_it_was_appended():
    entry = Entry(3, "1705314600500-2", "line")
    assert entry.place == (3, "1705314600500-2")
    assert entry.at == moment(entry.id) == 1705314600.5


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ([b"n", b"text"], "text"),
        ({b"n": b"text"}, "text"),
        ([b"other", b"x"], ""),
        ([], None),
        (None, None),
        ([b"n", b"\xff"], "�"),
    ],
)
def test_the_line_of_an_entry_is_read_from_either_form(fields, line):
    assert line_of(fields) == line


def test_texts_may_come_decoded():
    assert text_of("a") == text_of(b"a") == "a"


def test_a_beats_answer_becomes_a_standing():
    lease = [0, b"3 h:1:x", 2, b"1 h:2:y", -1, b"3 h:1:x"]
    work = [4, 5, 1, 8000, 9000, 2, 7000, b"1970-01-01T00:00:08.500Z"]
    assert standing_of([*lease, *work]) == Standing(
        0,
        "3 h:1:x",
        2,
        "1 h:2:y",
        None,
        "h:1:x",
        3,
        4,
        5,
        1,
        8.0,
        9.0,
        2,
        7.0,
        "1970-01-01T00:00:08.500Z",
    )


def test_a_group_that_nobody_leads_has_a_standing_too():
    answer = [-1, b"", 0, b"", 1500, None, 0, 0, 0, None, 9000, 1, None, b""]
    assert standing_of(answer) == Standing(next_lease=1.5, at=9.0, members=1)


@pytest.mark.parametrize(
    ("text", "seconds", "told"),
    [
        ("", 5.0, ""),
        ("2024-01-15T10:30:00.000Z", 0.0, "2024-01-15T10:30:00.000Z"),
        ("2024-01-15T10:30:00.000Z", 2.5, "2024-01-15T10:30:02.500Z"),
        ("2024-01-15T10:30:00.000Z", -60.0, "2024-01-15T10:29:00.000Z"),
    ],
)
def test_a_moment_can_be_told_as_another_clock_has_it(text, seconds, told):
    assert shifted(text, seconds) == told


@pytest.mark.parametrize("text", [b"", None, b"soon", b"2024-01-15T10:30:00", b"\xff"])
def test_a_moment_of_no_zone_or_none_at_all_is_nothing(text):
    assert heard_text(text, LATER) == ""


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


def test_everything_can_be_forgotten():
    made = window(3)
    made.clear()
    assert made.places == []
    assert made.lost([]) == []


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


@pytest.mark.parametrize(
    ("sizes", "parts"),
    [
        ([], []),
        ([1] * (AT_ONCE + 7), [AT_ONCE, 7]),
        ([LARGEST_STEP * 2, 1, LARGEST_STEP * 2], [1, 1, 1]),
        ([LARGEST_STEP // 2] * 5, [2, 2, 1]),
        ([1, LARGEST_STEP, 1, 1], [1, 1, 2]),
    ],
)
def test_lines_are_appended_in_steps_by_their_number_and_size(sizes, parts):
    lines = [(0, "x" * size, "") for size in sizes]
    found = list(steps(lines))
    assert [len(each) for each in found] == parts
    assert [line for each in found for line in each] == lines
