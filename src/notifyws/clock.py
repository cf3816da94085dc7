"""What decisions need of the world, as values that are handed in.

Clock, sleep and dice are parameters everywhere; ``runtime`` hands in the real ones
and tests hand in others. Monotonic time is for waiting, wall time is for people.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from notifyws.values import frozen

__all__ = ["World", "doze", "elapse", "steady", "utc_text"]

TICK = 1.0
"""Seconds between looks at whether the machine was asleep."""


@frozen
class World:
    """The outside, as far as the core needs it.

    Args:
        now: monotonic seconds.
        wall: unix seconds.
        sleep: waits that many seconds.
        dice: draws a number in [0, 1).
        secret: returns an unguessable text.
        suspended: seconds the machine has slept since it was started.
    """

    now: Callable[[], float]
    wall: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    dice: Callable[[], float]
    secret: Callable[[], str]
    suspended: Callable[[], float]


async def doze(world: World, seconds: float) -> None:
    """Wait that long, but no longer once the machine was asleep."""
    asleep = world.suspended()
    while seconds > 0 and world.suspended() - asleep < 1.0:
        await world.sleep(min(seconds, TICK))
        seconds -= TICK


async def elapse(world: World, seconds: float) -> None:
    """Wait that long; time that the machine was asleep counts, if it was noticed."""
    asleep = world.suspended()
    while seconds > max(world.suspended() - asleep, 0.0):
        await world.sleep(min(seconds, TICK))
        seconds -= TICK


def utc_text(unix_seconds: float) -> str:
    """Return a moment as RFC 3339 UTC text with milliseconds."""
    moment = datetime.fromtimestamp(unix_seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def steady(world: World) -> float:
    """Return seconds on a clock that nobody sets and that goes on during sleep."""
    return world.now() + world.suspended()
