"""What two sockets bring is told apart by its marks."""

from __future__ import annotations

from typing import Any

import pytest

from notifyws.fleet.group.keys import DISTINCT
from notifyws.fleet.group.marks import WITHOUT, Marks
from notifyws.models import Notification


def brought(*frames: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the marks of what one socket brings, and what was warned of."""
    said: list[str] = []
    marks = Marks(said.append)
    notes = [Notification({"type": "t", **each}, "") for each in frames]
    return [*map(marks.mark, notes)], said


def test_two_sockets_that_bring_the_same_give_the_same_marks():
    frames = [
        *({"id": 1}, {"id": "s", "data": 1}, {"id": "s", "data": 2}),
        {"timestamp": "2024-01-15T10:30:00Z"},
    ]
    one, other = brought(*frames), brought(*frames)
    assert one == other
    assert len(set(one[0])) == len(frames)
    assert all(one[0])
    assert one[1] == []


def test_an_id_marks_whatever_else_a_socket_says_of_it():
    assert brought({"id": 1, "seq": 1})[0] == brought({"id": 1, "seq": 2})[0]


@pytest.mark.parametrize(
    "frames",
    [
        [{"title": "Door opened"}] * 2,
        [{"id": "s", "data": 1}] * 3,
        [{"timestamp": "2024-01-15T10:30:00Z"}] * 3,
    ],
)
def test_what_one_socket_brings_twice_are_two(frames):
    """Seen: of six doors that opened, one was shown."""
    marks, said = brought(*frames, *frames)
    assert marks.count("") >= len(frames)
    assert len(set(filter(None, marks))) == len([*filter(None, marks)])
    assert said == [WITHOUT]


def test_so_many_are_remembered():
    said: list[str] = []
    marks = Marks(said.append)
    first = marks.mark(Notification({"type": "t", "id": 0}, ""))
    for n in range(1, 2 * DISTINCT + 1):
        marks.mark(Notification({"type": "t", "id": n}, ""))
    assert marks.mark(Notification({"type": "t", "id": 0}, "")) == first
    assert said == []


def test_what_the_stream_holds_is_known_to_whoever_leads_next():
    """Seen: after a restart, the first reading of each sensor was no news."""
    said: list[str] = []
    before, after = Marks(said.append), Marks(said.append)
    readings = [
        Notification({"type": "t", "id": "sensor-1", "data": {"v": v}}, "")
        for v in range(4)
    ]
    marks = [before.mark(each) for each in readings[:3]]
    for each in readings[:3]:
        after.remember(each)
    after.remember(Notification({"type": "t", "timestamp": "x"}, ""))
    assert after.mark(Notification({"type": "t", "timestamp": "x"}, ""))
    mark = after.mark(readings[3])
    assert mark not in marks
    assert mark == before.mark(readings[3])
    assert said == []
