"""A day of random faults: nothing goes missing in silence, and nothing grows."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
from collections import deque
from datetime import datetime
from itertools import chain

import pytest

from notifyws.auth.cache.memory import FallbackCache
from notifyws.connection.reconnect import State
from notifyws.errors import NetworkFailed, NotifyError
from notifyws.events import Connected, Gap
from notifyws.protocol.profile import Renewal
from tests.support.catalogue import sample
from tests.support.scripted import (
    DOWN,
    Close,
    FlakyCache,
    NewsServer,
    ScriptedChannel,
    Visit,
    answers,
    fails,
)
from tests.support.session_scene import Scene
from tests.support.virtual import elapsed, in_virtual_time, now, turns

HOUR = 3600.0
WINDOW = HOUR / 2
"""Virtual seconds after which the books are balanced and begun anew."""
BRIEF_LIFE = 120.0
RENEWED_BY = 107.0
"""Seconds after which the first token of such a life was renewed on a dead line."""
OBJECTS = 2_000
"""How many more objects there may be later on: a link's, a task's, a queue's."""
MEMORY = 1_000_000
"""The same in bytes."""
TOLERANCE = 0.001
"""A gap is told in milliseconds."""

RETRIED = [1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 3001, 4000, 4399]
RENEWED = [3000, 4401, 1008]
COUNTED = [1002, 1003, 1007, 1009, 1010]
FAULTS = [
    *["retried close", "renewed close", "counted close", "cut", "hole", "refused"],
    *["401", "busy", "slow opening", "sleep", "clock", "slow reader", "flood"],
    *["cache", "issuer", "fine"],
]
ENDING = {"renewed close", "counted close", "401", "issuer"}
"""Faults that end a session when they come in a row."""


class SoakServer(NewsServer):
    """Its openings meet what is laid out for each of them, then the weather.

    Attributes:
        next: what is laid out.
        deaf: sockets that answer pings, and bring nothing new any more.
    """

    def __init__(self, *, keeps: int, nameless: int) -> None:
        super().__init__(keeps=keeps, nameless=nameless)
        self.next: deque[Visit] = deque()
        self.deaf: list[ScriptedChannel] = []

    def deafen(self) -> None:
        """Let the sockets that are open now bring nothing new any more."""
        self.deaf = self.open

    @property
    def hearing(self) -> list[ScriptedChannel]:
        return [each for each in self.open if each not in self.deaf]

    def next_visit(self) -> Visit:
        return self.next.popleft() if self.next else self.weather

    def keep(self, count: int) -> None:
        """Replay no more than so many."""
        self._keeps = count

    def forget(self) -> None:
        """Keep no more of what was said than is needed."""
        self.channels[:] = self.open
        self.openings.clear()
        self.dialled_at.clear()
        for transport in self.channels:
            transport.read_at.clear()
            transport.pinged_at.clear()


def unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


class Soak(Scene):
    """A listener, its server, and the books of what was sent, shown and said."""

    def __init__(
        self,
        seed: int,
        *,
        resume: bool,
        renewal: bool = False,
        nameless: int = 0,
        verify: float = 0.0,
    ) -> None:
        self.verify = verify
        self.die = random.Random(seed)
        self.primary = FlakyCache(now)
        self.connected_at = 0.0
        self.born: dict[int, tuple[float, float]] = {}
        self.gaps: list[tuple[float, float, float]] = []
        self.faults: dict[str, int] = dict.fromkeys([*FAULTS, "deaf"], 0)
        self.last_shown = self.sent = self.lay_in_gaps = self.count = 0
        super().__init__(
            server=SoakServer(keeps=self.die.choice([50, 400]), nameless=nameless),
            resume=resume,
            room=64,
            cache=FallbackCache(self.primary, lambda text: None, now),
            renewal=Renewal(how="reconnect") if renewal else None,
            life=BRIEF_LIFE if renewal else 900.0,
            dice=seed,
            verify_every=verify,
        )

    def observe(self, event) -> None:
        if isinstance(event, Connected):
            self.connected_at = now()
        if isinstance(event, Gap):
            assert event.start <= event.end
            self.gaps.append((unix(event.start), unix(event.end), now()))

    def show(self, notification) -> None:
        ident = int(notification.title)
        assert ident > self.last_shown, f"{ident} came after {self.last_shown}"
        self.last_shown = ident
        del self.born[ident]
        self.count += 1

    def publish(self) -> None:
        self.server.publish()
        self.born[len(self.server.news)] = (self.clock.clock.wall(), now())
        self.sent += 1

    async def publish_for(self, seconds: float) -> None:
        end = now() + seconds
        while now() < end:
            await asyncio.sleep(self.die.expovariate(0.2))
            self.publish()

    async def fault(self) -> None:  # noqa: PLR0912 - one list of all that may happen
        """Let something happen to the network, the server, the host or the reader."""
        die, server = self.die, self.server
        kind = die.choice([*FAULTS, *["deaf"] * 3] if self.verify else FAULTS)
        if kind in ENDING and not self._stable():
            kind = "cut"
        self.faults[kind] += 1
        match kind:
            case "retried close":
                server.cut(Close(die.choice(RETRIED)))
            case "renewed close":
                server.cut(Close(die.choice(RENEWED)))
            case "counted close":
                server.cut(Close(die.choice(COUNTED)))
            case "cut":
                server.cut()
            case "hole":
                server.swallow()
            case "refused":
                server.next.extend([DOWN] * die.randint(1, 6))
                server.cut()
            case "401":
                server.next.append(answers(401))
                server.cut()
            case "busy":
                status = die.choice([408, 425, 429, 500, 502, 503])
                server.next.append(answers(status, die.choice([None, 5, 60, 900])))
                server.cut(Close(1013))
            case "slow opening":
                server.next.append(fails(DOWN.error, after=10))
                server.cut()
            case "sleep":
                self.clock.suspended += die.uniform(5, 5000)
                if die.random() < 0.5:
                    server.swallow()
            case "clock":
                self.clock.wall_offset += die.choice([-3600, -1, 1, 3600])
            case "slow reader":
                self.pause = die.uniform(0.5, 20)
            case "deaf":
                server.deafen()
            case "flood":
                for _ in range(die.randint(20, 200)):
                    self.publish()
            case "cache":
                self.primary.down = True
            case "issuer":
                failed = NetworkFailed("the HTTP side is down", "look at it")
                self.issuer.problems["refresh"] = [failed]
                self.issuer.problems["login"] = [failed]
                server.cut(Close(4401))

    def _stable(self) -> bool:
        """Tell whether it has been connected for so long that it was forgiven."""
        return self.session.connection is not None and now() - self.connected_at > 40

    async def window(self) -> None:
        """Half an hour of faults, then peace, then the books must balance."""
        end = now() + WINDOW
        while now() < end - 400:
            await self.publish_for(self.die.uniform(2, 60))
            await self.fault()
            await self.publish_for(self.die.uniform(2, 90))
            self.pause, self.primary.down = 0.0, False
        self.server.next.clear()
        self.issuer.problems.clear()
        await self._settled()
        assert self.session.state is not State.STOPPED, "it has ended"
        self.balance()
        await asyncio.sleep(max(0.0, end - now()))

    async def _settled(self) -> None:
        """Wait until it has been in step for half a minute and every wait is over."""
        await asyncio.sleep(60)
        for _ in range(100):
            if self.server.open and not len(self.queue) and self.session.connection:
                break
            await asyncio.sleep(5)
        await asyncio.sleep(40)

    def balance(self) -> None:
        for ident, (wall, at) in self.born.items():
            assert self._was_said(ident, wall, at), (ident, wall, at, self.gaps)
        self.lay_in_gaps += len(self.born)
        self.born.clear()
        self.gaps.clear()
        self.server.forget()
        for name in ("logins", "refreshes", "logouts"):
            getattr(self.issuer, name).clear()

    def _was_said(self, ident: int, wall: float, at: float) -> bool:
        frame = self.server.note(ident)
        offset = wall - at
        read = [transport.read_at.get(frame) for transport in self.server.channels]
        moments = [wall, *(offset + moment for moment in read if moment is not None)]
        return any(
            any(start - TOLERANCE <= each <= end + TOLERANCE for each in moments)
            or told - (end - start) - TOLERANCE <= at  # the clock was set meanwhile
            for start, end, told in self.gaps
            if told >= at
        )


def living_bytes() -> int:
    """Return what all objects take that are no garbage, and what they hold.

    ``tracemalloc`` would tell more exactly, but takes three times as long as the day.
    """
    living = chain.from_iterable(map(gc.get_referents, gc.get_objects()))
    return sum(map(sys.getsizeof, {id(each): each for each in living}.values()))


class Sizes:
    """What must not grow, at one moment."""

    def __init__(self) -> None:
        gc.collect()
        loop = asyncio.get_running_loop()
        self.tasks = len(asyncio.all_tasks())
        self.timers = len(loop._scheduled)  # no public way to count them
        self.descriptors = len(os.listdir("/dev/fd"))
        self.blocks = sys.getallocatedblocks()
        self.objects = len(gc.get_objects())
        self.memory = living_bytes()

    def __repr__(self) -> str:
        return str(vars(self))


async def soak(seed: int, hours: float, **how) -> Soak:
    scene = Soak(seed, **how)
    await turns(10)
    for _ in range(how.get("nameless", 0)):  # they are reckoned with once one came
        await asyncio.sleep(0.1)
        scene.publish()
    windows = int(hours * HOUR / WINDOW)
    sizes = []
    for number in range(windows):
        await scene.window()
        assert not scene.running.done(), scene.running
        # the server's own book of births is no part of what is measured
        scene.server.news = _Births(len(scene.server.news))
        if number in (windows // 4, windows - 1):
            sizes.append(Sizes())
    assert await scene.stop() is None
    assert scene.sent == scene.count + scene.lay_in_gaps
    others = how.get("renewal", False) + ("verify" in how)
    assert scene.server.most_open == 1 + others
    assert_no_growth(sizes)
    return scene


class _Births(dict):
    """The births of many, of which only the number is still known."""

    def __init__(self, before: int) -> None:
        super().__init__()
        self._before = before

    def __len__(self) -> int:
        return self._before + super().__len__()


def assert_no_growth(sizes: list[Sizes]) -> None:
    first, last = sizes
    assert last.tasks <= max(first.tasks, 8), sizes
    assert last.timers <= max(first.timers, 100), sizes
    assert last.descriptors <= first.descriptors, sizes
    assert last.memory - first.memory < MEMORY, sizes
    assert last.objects - first.objects < OBJECTS, sizes
    assert last.blocks - first.blocks < OBJECTS, sizes


def soak_with(seed: int, hours: float, **how) -> None:
    try:
        in_virtual_time(story)(seed, hours, **how)
    except (AssertionError, NotifyError, KeyError) as error:
        error.add_note(f"seed {seed}, {hours} h, {how}")
        raise


async def story(seed: int, hours: float, **how) -> None:
    scene = await soak(seed, hours, **how)
    assert scene.count > scene.lay_in_gaps


@pytest.mark.fault(46, 16)
@pytest.mark.parametrize("resume", [True, False])
def test_an_hour_of_random_faults_loses_nothing_in_silence(resume):
    soak_with(1, 1, resume=resume)


@pytest.mark.slow
@pytest.mark.fault(46, 16)
@pytest.mark.parametrize("renewal", [True, False])
def test_an_hour_where_every_seventh_has_no_id_loses_nothing_in_silence(renewal):
    soak_with(5, 1, resume=True, nameless=7, renewal=renewal)


@pytest.mark.slow
@pytest.mark.fault(46, 16)
@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("seed", [3])
def test_a_day_of_random_faults_loses_nothing_in_silence_and_nothing_grows(
    seed, resume
):
    soak_with(seed, 24, resume=resume)


@pytest.mark.slow
@pytest.mark.fault(46, 18)
@pytest.mark.parametrize("resume", [True, False])
def test_a_day_of_renewals_by_a_second_socket_loses_nothing_and_nothing_grows(resume):
    soak_with(6, 24, resume=resume, nameless=7, renewal=True)


@pytest.mark.fault(46, 18)
@pytest.mark.parametrize("resume", sample(True, False))
def test_an_hour_with_a_token_renewed_by_a_second_socket_loses_nothing(resume):
    soak_with(4, 1, resume=resume, renewal=True)


@pytest.mark.slow
@pytest.mark.fault(46)
@pytest.mark.parametrize("renewal", [True, False])
def test_a_day_with_sockets_that_go_deaf_loses_nothing_where_that_is_looked_at(renewal):
    soak_with(7, 24, resume=True, verify=15.0, renewal=renewal)


@in_virtual_time
async def hole_while_a_token_is_renewed(*, resume: bool, ends_at: float) -> None:
    scene = Soak(1, resume=resume, renewal=True)
    scene.server.keep(2)
    await asyncio.sleep(85)  # it renews after 96 s, and pings every 20 s
    scene.publish()
    scene.server.swallow()
    for _ in range(9):
        await asyncio.sleep(1)
        scene.publish()
    await asyncio.sleep(ends_at - now())
    assert len(scene.server.channels) == 2
    assert await elapsed(scene.stop()) < 2
    if ends_at > RENEWED_BY:
        scene.balance()
        assert scene.sent == scene.count + scene.lay_in_gaps
    assert not scene.server.open


@pytest.mark.fault(14, 18)
@pytest.mark.parametrize("resume", [True, False])
def test_a_hole_that_a_renewal_comes_upon_lies_in_a_gap(resume):
    hole_while_a_token_is_renewed(resume=resume, ends_at=150)


@pytest.mark.fault(14, 17, 18)
@pytest.mark.parametrize("resume", [True, False])
def test_told_to_stop_while_a_renewal_looks_at_a_dead_line_it_ends(resume):
    hole_while_a_token_is_renewed(resume=resume, ends_at=98)
