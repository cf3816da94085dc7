"""No background task dies without a word."""

from __future__ import annotations

import asyncio

import pytest

from notifyws.tasks import background, first_of, restarted
from tests.support.virtual import now

pytestmark = pytest.mark.virtual_time


async def test_a_task_that_dies_tells_what_it_was_and_why():
    told = []

    async def dies():
        raise KeyError("x")

    await background(
        "the pulse", dies(), lambda said, error: told.append((said, error))
    )
    assert told[0][0] == "the pulse failed unexpectedly: KeyError('x')"
    assert isinstance(told[0][1], KeyError)


async def test_a_task_that_ends_or_is_cancelled_tells_nothing():
    await background("it", asyncio.sleep(1), lambda *said: pytest.fail(str(said)))
    task = background("it", asyncio.sleep(1), lambda *said: pytest.fail(str(said)))
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def test_a_task_that_fails_starts_again_later_each_time_until_it_was_well():
    starts, said = [], []

    async def body():
        starts.append(now())
        if len(starts) == 4:
            await asyncio.sleep(100)
        if len(starts) < 6:
            async with asyncio.TaskGroup():
                raise RuntimeError("bug")

    await restarted("the worker", body, said.append, asyncio.sleep)
    assert starts == [0, 1, 3, 7, 108, 110]
    assert said[0] == (
        "the worker failed unexpectedly: RuntimeError('bug'); it starts again in 1 s"
    )
    assert len(said) == 5


async def test_the_first_of_several_ends_the_others_and_its_failure_is_raised():
    async def fails():
        await asyncio.sleep(2)
        raise KeyError("x")

    await first_of(asyncio.sleep(1), fails())
    assert now() == 1
    with pytest.raises(KeyError):
        await first_of(asyncio.sleep(9), fails())
    assert now() == 3
