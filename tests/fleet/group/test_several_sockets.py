"""Several sockets: what they bring is told apart, who covers whose gap is proved."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from notifyws.events import Gap
from notifyws.fleet.group.entries import moment_text
from notifyws.fleet.group.keys import DISTINCT
from notifyws.fleet.group.several_sockets import WITHOUT, Marks, OpenGaps
from notifyws.models import Notification
from tests.support.virtual import EPOCH, VirtualClock

pytestmark = pytest.mark.virtual_time


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


# Gaps


GAP = Gap(moment_text(EPOCH - 3), moment_text(EPOCH), "cut")


class Scene:
    """Gaps, what is known of other sockets, and what was told."""

    def __init__(self, covered: bool | None) -> None:
        self.covered, self.asked = covered, list[tuple[float, float]]()
        self.told: list[bool] = []
        clock = VirtualClock().clock
        self.gaps = OpenGaps(
            self._covers, lambda gap: self.told.append(gap.recovered), clock, 40.0
        )

    def _covers(self, start: float, end: float) -> bool | None:
        self.asked.append((start, end))
        return self.covered


@pytest.mark.parametrize("covered", [True, False])
async def test_what_is_known_at_once_is_told_at_once(covered):
    scene = Scene(covered)
    scene.gaps.add(GAP)
    assert scene.told == [covered]
    assert scene.asked == [(EPOCH - 3, EPOCH)]


@pytest.mark.parametrize("covered", [True, False])
async def test_what_is_not_known_yet_waits(covered):
    """Seen: two sockets were cut at once, and each counted as open for the other."""
    scene = Scene(None)
    scene.gaps.add(GAP)
    scene.gaps.look()
    assert (scene.told, len(scene.gaps)) == ([], 1)
    scene.covered = covered
    scene.gaps.look()
    scene.gaps.look()
    assert (scene.told, len(scene.gaps)) == ([covered], 0)


async def test_what_nobody_tells_in_time_was_missed():
    scene = Scene(None)
    scene.gaps.add(GAP)
    await asyncio.sleep(39.9)
    scene.gaps.look()
    assert scene.told == []
    await asyncio.sleep(0.2)
    scene.gaps.look()
    assert scene.told == [False]


async def test_so_was_what_still_waits_at_the_end():
    scene = Scene(None)
    scene.gaps.add(GAP)
    scene.gaps.add(GAP)
    scene.gaps.give_up()
    scene.gaps.give_up()
    assert scene.told == [False, False]


async def test_what_the_server_sent_again_is_no_gap_whoever_was_open():
    scene = Scene(None)
    scene.gaps.add(Gap(GAP.start, GAP.end, "", recovered=True))
    assert (scene.told, scene.asked) == ([True], [])
