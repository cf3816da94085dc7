"""Entries: what Redis keeps of a group, read and written."""

from __future__ import annotations

import pytest

from notifyws.delivery.outbox_records import ListenerPosition
from notifyws.fleet.group.entries import (
    AT_ONCE,
    LARGEST_STEP,
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
    work = [4, 5, 1, 8000, 9000, 2, [[7000, 8600]], b"1970-01-01T00:00:08.500Z"]
    loss = [8800, 7700]
    assert standing_of([*lease, *work, *loss]) == Standing(
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
        ((7.0, 8.6),),
        "1970-01-01T00:00:08.500Z",
        8800,
        7.7,
    )


def test_a_group_that_nobody_leads_has_a_standing_too():
    answer = [-1, b"", 0, b"", 1500, None, 0, 0, 0, None, 9000, 1, [], b"", 0, -1]
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
