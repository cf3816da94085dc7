"""A beat: who may lead, how soon the next one comes, and what is known meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from notifyws.errors import CacheFailed
from notifyws.fleet.group.entries import Leading, Standing, moment_text
from notifyws.fleet.group.membership import LATE, PATIENCE, Membership
from tests.support.virtual import EPOCH, VirtualClock, in_virtual_time

pytestmark = pytest.mark.virtual_time

AWAY = CacheFailed("the group's Redis did not answer", "is it there?")
NOBODY = Standing(members=1)
OTHER = Standing(leader="h:2:b", fence=4, members=2)
MINE = Standing(0, "5 h:1:a", 5, leader="h:1:a", fence=5, members=2)


class FakeStore:
    """Answers as it is told, the last answer for ever.

    Attributes:
        asked: what each beat said.
        versions: what each question for the version came to; then it is good.
    """

    lease, name = 10.0, "workers"

    def __init__(self, *answers: Standing | CacheFailed) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.versions: list[Exception] = []

    async def check_version(self) -> None:
        if self.versions:
            raise self.versions.pop(0)

    async def beat(self, **said: Any) -> Standing:
        self.asked.append(said)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Scene:
    """A membership, what it warned of, and its store."""

    def __init__(self, *answers: Standing | CacheFailed, dice: float = 0.0) -> None:
        self.store = FakeStore(*answers)
        self.said: list[str] = []
        self.leading = Leading()
        clock = VirtualClock([dice]).clock
        self.membership = Membership(
            self.store, clock, self.said.append, lambda: self.leading
        )

    async def beat(self, times: int = 1, *, leads: bool = False) -> list[bool]:
        """Beat, and return which were answered."""
        return [await self.membership.beat(leads=leads) for _ in range(times)]

    @property
    def wanted(self) -> list[bool]:
        return [said["wants"] for said in self.store.asked]


async def test_a_new_member_may_lead_at_once():
    scene = Scene(NOBODY)
    assert await scene.beat() == [True]
    assert scene.wanted == [True]
    assert scene.store.asked[0]["leads"] is False
    assert scene.membership.joined
    assert scene.said == []


async def test_after_redis_was_away_who_led_comes_first():
    scene = Scene(OTHER, AWAY, AWAY, OTHER)
    await scene.beat(4)
    assert not scene.membership.is_settled
    await asyncio.sleep(5.9)
    await scene.beat()
    await asyncio.sleep(0.2)
    await scene.beat()
    assert scene.wanted == [True, True, False, False, False, True]
    assert scene.membership.is_settled


async def test_who_led_wants_to_lead_on_at_once():
    scene = Scene(MINE, AWAY, MINE)
    await scene.beat(3, leads=True)
    assert scene.wanted == [True] * 3
    assert [said["leads"] for said in scene.store.asked] == [True] * 3


async def test_it_is_said_once_that_redis_is_away_and_that_it_is_back():
    scene = Scene(NOBODY, AWAY, AWAY, NOBODY, NOBODY)
    assert await scene.beat(5) == [True, False, False, True, True]
    assert scene.said == [
        "the group's Redis did not answer (is it there?); the group waits for it",
        "the group's Redis is back",
    ]


async def test_a_fence_that_was_seen_is_a_floor_for_ever():
    scene = Scene(OTHER, NOBODY, MINE, OTHER)
    await scene.beat(4)
    assert [said["floor"] for said in scene.store.asked] == [0, 4, 4, 5]


async def test_a_beat_says_when_it_is_too_late_by_redis_clock():
    scene = Scene(NOBODY, Standing(at=1000.0))
    await scene.beat()
    await scene.beat()
    await asyncio.sleep(7.0)
    await scene.beat()
    assert [said["late"] for said in scene.store.asked] == [0.0, 0.0, 1007.0 + LATE]


async def test_what_the_leader_heard_goes_with_its_beat():
    scene = Scene(MINE)
    scene.leading = Leading(5, "2024-01-15T10:30:00.000Z", 3.0, "h:1:a 7")
    await scene.beat(leads=True)
    said = scene.store.asked[0]
    assert said["leading"] == scene.leading
    assert said["age"] == 0.0  # it was heard later than now, by our clock


async def test_it_names_the_latest_at_which_redis_knew_what_was_appended_last():
    at = [Standing(0, at=each) for each in (30.0, 40.0, 50.0, 60.0)]
    back = Standing(0, at=70.0, back_to=50.0)
    scene = Scene(*at, back, Standing(at=80.0))
    for name in ("", "", "m 1", "", "m 2", "m 2"):
        scene.leading = Leading(5, last_batch=name)
        await scene.beat(leads=True)
    agreed = [said["agreed"] for said in scene.store.asked]
    assert agreed == [0.0, 30.0, 30.0, 50.0, 50.0, 50.0]


@pytest.mark.parametrize(
    ("back_to", "since"),
    [(None, 60.0), (70.0, 70.0), (45.0, 60.0), (40.0, 40.0)],
)
async def test_of_what_redis_lost_only_what_was_handled_before_that_is_not_missing(
    back_to, since
):
    """Seen: a beat came behind the loss, and what was lost counted as handled."""
    agreed, later = Standing(0, at=40.0), Standing(0, at=80.0, oldest=60.0)
    scene = Scene(agreed, later, Standing(0, at=90.0, back_to=back_to))
    for name in ("m 1", "", ""):
        scene.leading = Leading(5, last_batch=name)
        await scene.beat(leads=True)
    assert scene.membership.waited_since == since


async def test_how_long_ago_it_was_heard_goes_with_it():
    scene = Scene(MINE)
    scene.leading = Leading(5, moment_text(EPOCH - 7))
    await scene.beat(leads=True)
    assert scene.store.asked[0]["age"] == pytest.approx(7.0)


async def test_a_beat_names_the_latest_that_was_answered():
    scene = Scene(Standing(at=30.0), AWAY, Standing(at=50.0))
    await scene.beat(4)
    assert [said["answered"] for said in scene.store.asked] == [0.0, 30.0, 30.0, 50.0]


async def test_a_loss_is_about_what_was_not_handled_at_the_beat_before_it():
    waits = Standing(at=50.0, oldest=40.0)
    scene = Scene(Standing(at=30.0), waits, Standing(at=60.0, lost=55_000))
    for since in (0.0, 30.0, 40.0, 60.0):
        await scene.beat()
        assert scene.membership.waited_since == since
    scene.membership.dealt_with = 55_000
    await scene.beat()
    assert [said["dealt_with"] for said in scene.store.asked] == [0, 0, 0, 0, 55_000]


async def test_the_version_is_asked_for_until_it_is_known():
    scene = Scene(NOBODY)
    scene.store.versions = [AWAY]
    assert await scene.beat() == [False]
    assert scene.store.asked == []
    assert await scene.beat() == [True]
    scene.store.versions = [AWAY]
    assert await scene.beat() == [True]


async def test_what_arrived_is_handled_until_the_oldest_that_is_not():
    then, sooner = "2024-01-15T10:30:00.000Z", "2024-01-15T10:29:50.000Z"
    heard = Standing(heard_at=then)
    waits = Standing(heard_at=then, oldest=EPOCH - 10)
    late = Standing(heard_at=then, oldest=EPOCH + 10)
    scene = Scene(Standing(at=50.0), waits, late, heard, NOBODY)
    seen = []
    for _ in range(5):
        await scene.beat()
        seen.append(scene.membership.handled_until)
    assert seen == ["", sooner, then, then, then]


@pytest.mark.parametrize(
    ("answer", "leads", "dice", "pause"),
    [
        (MINE, True, 0.0, 3.0),
        (MINE, True, 0.5, 2.7),
        (OTHER, False, 0.0, 3.0),
        (Standing(next_lease=1.0), False, 0.5, 1.25),
        (Standing(next_lease=9.0), False, 0.5, 2.7),
        (AWAY, True, 0.5, 0.5),
        (AWAY, False, 0.0, 0.5),
        (AWAY, False, 0.5, 2.0),
    ],
)
def test_members_beat_in_time_and_not_all_at_once(answer, leads, dice, pause):
    @in_virtual_time
    async def story() -> None:
        scene = Scene(answer, dice=dice)
        await scene.beat(leads=leads)
        assert scene.membership.pause(leads=leads) == pytest.approx(pause)

    story()


async def test_who_does_not_reach_the_server_stands_back_and_is_more_patient():
    scene = Scene(NOBODY)
    membership = scene.membership
    assert membership.patience == 6.0
    membership.stand_back()
    await scene.beat()
    await asyncio.sleep(6.0)
    await scene.beat()
    assert scene.wanted == [False, True]
    assert membership.patience == 12.0
    for _ in range(9):
        membership.stand_back()
    assert membership.patience == PATIENCE
    membership.reached()
    assert membership.patience == 6.0


SINCE, HEARD = EPOCH - 10, EPOCH - 5


@pytest.mark.parametrize(
    ("start", "end", "covered"),
    [
        (SINCE, HEARD, True),
        (SINCE + 2, HEARD - 2, True),
        (SINCE - 0.04, HEARD, True),  # who tells it is not that exact
        (SINCE - 0.06, HEARD, False),
        (SINCE, HEARD + 0.1, None),  # it may be heard later
        (SINCE - 0.06, HEARD + 0.1, False),
        (SINCE - 0.06, EPOCH + 0.1, None),  # that is after the latest beat
    ],
)
async def test_a_gap_is_covered_by_a_socket_that_was_heard_before_and_after_it(
    start, end, covered
):
    others = ((SINCE + 5, HEARD + 5), (EPOCH + 4, EPOCH + 5))
    scene = Scene(Standing(at=EPOCH + 5, others=others), AWAY)
    await scene.beat()  # Redis' clock is five seconds ahead
    assert scene.membership.covers(start, end) is covered
    await scene.beat()
    assert scene.membership.covers(start, end) is None


async def test_nothing_covers_a_group_of_one_socket():
    scene = Scene(MINE)
    await scene.beat()
    assert scene.membership.covers(EPOCH, EPOCH) is False


async def test_others_are_told_how_it_stands():
    scene = Scene(Standing(leader="h:2:b", lag=3, pending=2), AWAY, MINE)
    membership = scene.membership
    assert (membership.name, membership.lag) == ("workers", None)
    await scene.beat()
    assert (membership.leading, membership.has_leader) == (False, True)
    assert (membership.lag, membership.pending) == (3, 2)
    await scene.beat()
    assert (membership.has_leader, membership.lag) == (False, None)
    await scene.beat()
    assert (membership.leading, membership.has_leader) == (True, True)
