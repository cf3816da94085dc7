"""Waiting, where the machine may be asleep for a part of it."""

import asyncio
import math
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from notifyws.clock import boot_time, sleep, sleep_through_suspend, utc_text
from tests.support.virtual import VirtualClock, elapsed

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize("wait", [sleep, sleep_through_suspend])
async def test_without_a_sleep_it_waits_that_long(wait):
    assert await elapsed(wait(VirtualClock().clock, 4.5)) == 4.5


async def test_a_wake_ends_a_doze():
    assert await _slept_through(sleep, 60.0, asleep=5.0) == 3.0


async def test_time_asleep_counts_as_elapsed():
    assert await _slept_through(sleep_through_suspend, 900.0, asleep=890.0) == 10.0


async def test_what_was_due_while_asleep_is_due_on_waking():
    assert await _slept_through(sleep_through_suspend, 900.0, asleep=3600.0) == 3.0


async def test_the_steady_clock_goes_on_during_sleep_and_is_never_set():
    clock = VirtualClock()
    began = boot_time(clock.clock)
    await asyncio.sleep(2)
    clock.suspended, clock.wall_offset = 60.0, -3600.0
    assert boot_time(clock.clock) - began == 62.0


async def _slept_through(wait, seconds, *, asleep):
    clock = VirtualClock()

    async def sleep_and_wake():
        await asyncio.sleep(2.5)
        clock.suspended += asleep

    waking = asyncio.create_task(sleep_and_wake())
    took = await elapsed(wait(clock.clock, seconds))
    await waking
    return took


@given(st.floats(-6e10, 2e11))
@example(1705314600.0004)
@example(1705314600.9999996)
@example(-0.0000004)
def test_a_moment_is_written_as_the_calendar_says(unix):
    moment = datetime.fromtimestamp(unix, UTC).isoformat(timespec="milliseconds")
    assert utc_text(unix) == moment.replace("+00:00", "Z")


@pytest.mark.parametrize("unix", [math.nan, math.inf, 1e18, -1e18])
def test_a_moment_that_no_calendar_knows_is_refused(unix):
    with pytest.raises((ValueError, OverflowError, OSError)):
        utc_text(unix)
