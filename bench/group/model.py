"""A fleet in virtual time, made of the parts that decide: no socket, no process.

Each listener has a real ``Reconnector``, a real ``Membership``, a real
``TokenManager``. What is left out: how long a server takes to accept a connection, and
that a machine has only so much time.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean

from tests.support.scripted import ScriptedIssuer, warm
from tests.support.virtual import VirtualClock, now, run

from bench.group.figures import Figure
from notifyws.auth.cache.memory import MemoryCache
from notifyws.auth.token_manager import TokenManager
from notifyws.config.settings import Settings
from notifyws.connection.reconnect import (
    Lost,
    Opened,
    Reconnector,
    Started,
    Wait,
    Woke,
    delay,
)
from notifyws.errors import ConnectionLost, NetworkFailed
from notifyws.fleet.group.entries import Leading, Standing
from notifyws.fleet.group.membership import Membership
from notifyws.models import Account
from notifyws.protocol.failures import FailureClassifier

LISTENERS = 10_000
AWAY = 20.0
"""Seconds that a server which restarts is away."""
OTHERS = (1.0, 10.0, 30.0, 60.0, 600.0)
UP = 60.0
"""Seconds that all had been connected for."""
WINDOW = 720.0
"""Seconds that an access token is cached for."""
WINDOWS = 5
MINUTE = 60
LEASE = 10.0
ACCOUNT = Account("https://ws.example.com", "default", "alice")
CLOSED = ConnectionLost(1012, "service restart")
REFUSED = NetworkFailed("connection refused")


def figures() -> Iterator[Figure]:
    """Let 10,000 listeners lose their server, get tokens and beat."""
    who = f"{LISTENERS:,} listeners"
    back = Wave(reconnects(LISTENERS, AWAY))
    name = f"{who} lose their server for {AWAY:.0f} s: back in its worst second"
    yield Figure("wave_most", name, back.most)
    yield Figure("wave_mean", "on average, while they come", back.mean, "/s")
    yield Figure("wave_ratio", "the worst beside the average", back.ratio, most=2.0)
    yield Figure("wave_span", "all are back, after the server, in", back.span, "s")
    other = Wave(reconnects(LISTENERS, AWAY, afresh=True))
    name = "the ratio, were each delay drawn for itself"
    yield Figure("afresh_ratio", name, other.ratio)
    for away in OTHERS:
        ratio = Wave(reconnects(LISTENERS, away)).ratio
        name = f"the ratio, were the server away {away:.0f} s"
        yield Figure(f"ratio_{away:.0f}", name, ratio)
    per_window = refreshes(LISTENERS, WINDOWS)
    name = f"token refreshes of {who} of one account, a window"
    yield Figure("refreshes", name, fmean(per_window), most=1.0)
    each = beats(LISTENERS, 2 * MINUTE)[MINUTE:]
    yield Figure("beats", f"beats of {who}", fmean(each), "/s")
    yield Figure("beats_most", "in the worst second", max(each), "/s")


class Wave:
    """How listeners came back.

    Args:
        moments: seconds since the server was there again, of each.

    Attributes:
        most: in the second with most of them.
        span: seconds until the last one.
        mean: a second, over that span.
        ratio: most to mean.
    """

    def __init__(self, moments: Sequence[float]) -> None:
        seconds = Counter(int(moment) for moment in moments)
        self.most = max(seconds.values())
        self.span = max(seconds) + 1
        self.mean = len(moments) / self.span
        self.ratio = self.most / self.mean


def reconnects(listeners: int, away: float, *, afresh: bool = False) -> list[float]:
    """Return when listeners whose server restarts are connected again.

    Args:
        listeners: how many.
        away: seconds that the server refuses connections.
        afresh: draw each delay for itself, as was done before.

    Returns:
        Seconds since the server accepts connections, of each listener.
    """
    failures = FailureClassifier()
    closed = Lost(failures.of(CLOSED, worked=True), str(CLOSED))
    refused = Lost(failures.of(REFUSED, worked=True), str(REFUSED))
    settings = Settings()

    async def listener(dice: Callable[[], float]) -> float:
        machine = Reconnector(settings, dice)
        machine.handle(Started(), now())
        machine.handle(Opened(), now())
        await asyncio.sleep(UP)
        back, loss = now() + away, closed
        while True:
            order = machine.handle(loss, now())
            assert isinstance(order, Wait)
            losses = machine.losses
            seconds = delay(settings, losses, dice(), None) if afresh else order.seconds
            await asyncio.sleep(seconds)
            machine.handle(Woke(), now())
            if now() >= back:
                return now() - back
            loss = refused

    async def fleet() -> list[float]:
        dice = VirtualClock(1).clock.dice
        return await asyncio.gather(*[listener(dice) for _ in range(listeners)])

    return run(fleet())


def refreshes(listeners: int, windows: int) -> list[int]:
    """Return how many tokens the server gave in each window, to all of an account.

    All of them ask at the moment when the token is over, as after a restart of their
    server, and once more at some moment of the window.
    """

    async def fleet() -> list[int]:
        clock, cache, issuer = VirtualClock(2), MemoryCache(now), ScriptedIssuer()
        await warm(cache, ACCOUNT, issuer.pair())

        def manager() -> TokenManager:
            return TokenManager(ACCOUNT, cache, issuer, clock.clock, password="right")

        managers, given = [manager() for _ in range(listeners)], []

        async def ask(each: TokenManager, wait: float) -> None:
            await asyncio.sleep(wait)
            await each.get()

        for _ in range(windows):
            before = sum(issuer.asked)
            await asyncio.sleep(WINDOW + 1.0)
            began = now()
            tokens = {
                t.value for t in await asyncio.gather(*[m.get() for m in managers])
            }
            assert len(tokens) == 1, tokens
            left = WINDOW - 1.0 - (now() - began)
            waits = [left * clock.clock.dice() for _ in managers]
            await asyncio.gather(*map(ask, managers, waits))
            await asyncio.sleep(began + WINDOW - 1.0 - now())
            given.append(sum(issuer.asked) - before)
        return given

    return run(fleet())


class Beaten:
    """A group as a store tells it to members, of whom none leads."""

    lease, name = LEASE, "workers"

    def __init__(self, count: Counter[int]) -> None:
        self._count = count

    async def check_version(self) -> None:
        """Accept any."""

    async def beat(self, **_: object) -> Standing:
        """Count a beat."""
        self._count[int(now())] += 1
        return Standing(leader="host:1:a", next_lease=0.8 * LEASE, at=now())


def beats(listeners: int, seconds: int) -> list[int]:
    """Return the beats of each second, of listeners that began in one moment."""
    count: Counter[int] = Counter()

    async def member(clock: VirtualClock) -> None:
        parts = Beaten(count), clock.clock, print, Leading
        membership = Membership(*parts)
        while now() < seconds:
            await membership.beat(leads=False)
            await asyncio.sleep(membership.pause(leads=False))

    async def fleet() -> None:
        clock = VirtualClock(3)
        await asyncio.gather(*[member(clock) for _ in range(listeners)])

    run(fleet())
    return [count[second] for second in range(seconds)]
