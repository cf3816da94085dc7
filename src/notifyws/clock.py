"""Clock, sleep and dice: what decisions need of this machine, as parameters.

:func:`real_clock` is handed in at the top, and tests hand in others. Monotonic time is
for waiting, wall time is for people.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import lru_cache

from msgspec import Struct

TICK = 1.0
"""Seconds between looks at whether the machine was asleep."""


class Clock(Struct, frozen=True):
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


def real_clock() -> Clock:
    """Return the real clock, sleep and dice."""
    import asyncio  # half of what a command costs that needs none of it
    import random
    import secrets

    return Clock(
        now=time.monotonic,
        wall=time.time,
        sleep=asyncio.sleep,
        dice=random.random,
        secret=lambda: secrets.token_hex(16),
        suspended=suspended,
    )


def suspended() -> float:
    """Return the seconds this machine has slept since it was started."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    if hasattr(time, "CLOCK_UPTIME_RAW"):  # macOS: the one that stands while it sleeps
        return time.monotonic() - time.clock_gettime(time.CLOCK_UPTIME_RAW)
    return 0.0


async def sleep(clock: Clock, seconds: float) -> None:
    """Wait that long, but no longer once the machine was asleep."""
    asleep = clock.suspended()
    while seconds > 0 and clock.suspended() - asleep < 1.0:
        await clock.sleep(min(seconds, TICK))
        seconds -= TICK


async def sleep_through_suspend(clock: Clock, seconds: float) -> None:
    """Wait that long; time that the machine was asleep counts, if it was noticed."""
    asleep = clock.suspended()
    while seconds > max(clock.suspended() - asleep, 0.0):
        await clock.sleep(min(seconds, TICK))
        seconds -= TICK


def utc_text(unix_seconds: float) -> str:
    """Return a moment as RFC 3339 UTC text with milliseconds.

    Raises:
        ValueError, OverflowError, OSError: no calendar knows it.
    """
    part, whole = math.modf(unix_seconds)
    second, micros = divmod(int(whole) * 1_000_000 + round(part * 1e6), 1_000_000)
    return f"{_to_the_second(second)}.{micros // 1000:03}Z"


@lru_cache(maxsize=4)
def _to_the_second(unix_seconds: int) -> str:
    """Return it without milliseconds: every burst asks, and mostly in the same one."""
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat()[:19]


def boot_time(clock: Clock) -> float:
    """Return seconds on a clock that nobody sets and that goes on during sleep."""
    return clock.now() + clock.suspended()


def span(seconds: float) -> str:
    """Return a duration for people, in its two largest units."""
    whole = max(0, int(seconds))
    days, rest = divmod(whole, 86400)
    hours, minutes = divmod(rest // 60, 60)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    if minutes >= 10:
        return f"{minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
