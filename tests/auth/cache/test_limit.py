"""A call to a cache has a second, counted while the process runs."""

from __future__ import annotations

import asyncio

import pytest

from notifyws.auth.cache import call_limit
from tests.support.virtual import now

pytestmark = pytest.mark.virtual_time


def starve(seconds: float) -> None:
    """Let time pass in which this process does not get to run."""
    asyncio.get_running_loop()._jumping.now += seconds


async def test_a_call_that_is_not_answered_ends_after_a_second():
    with pytest.raises(TimeoutError):
        async with call_limit():
            await asyncio.sleep(9)
    assert now() == pytest.approx(1)


async def test_time_in_which_this_process_did_not_run_does_not_count():
    async with call_limit():
        for _ in range(3):
            await asyncio.sleep(0.1)
            starve(3)
            await asyncio.sleep(0.05)
    assert now() == pytest.approx(9.45)


async def test_a_call_that_is_not_answered_ends_on_a_busy_machine_too():
    async def asked() -> None:
        async with call_limit():
            await asyncio.sleep(0.5)
            starve(3)
            await asyncio.sleep(9)

    with pytest.raises(TimeoutError):
        await asked()
    assert now() == pytest.approx(4, abs=0.2)


async def test_nothing_is_left_behind_when_the_call_is_answered():
    async with call_limit():
        await asyncio.sleep(0.2)
    await asyncio.sleep(5)
