"""A gap of one socket is none where another one was open through it, and only there."""

from __future__ import annotations

import asyncio

import pytest

from notifyws.events import Gap
from notifyws.fleet.group.coverage import OpenGaps
from notifyws.fleet.group.entries import moment_text
from tests.support.virtual import EPOCH, VirtualClock

pytestmark = pytest.mark.virtual_time

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
