"""Calls that block: in threads, a few at a time, given up in time."""

from __future__ import annotations

import asyncio
import threading

import pytest

from notifyws.delivery.sinks.blocking_calls import BlockingCalls


def busy() -> None:
    while True:
        pass


def raises() -> None:
    raise ValueError("no")


async def test_a_call_returns_or_raises_what_the_function_does():
    calls = BlockingCalls("calls", 1)
    assert await calls.call(lambda: 5) == 5
    with pytest.raises(ValueError, match="no"):
        await calls.call(raises)
    assert await calls.call(lambda: threading.current_thread().name) == "calls"


async def test_a_call_that_takes_steps_for_ever_is_ended_with_the_wait_for_it():
    calls = BlockingCalls("busy", 1)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(calls.call(busy), 0.01)
    assert await calls.call(lambda: 5) == 5
    while "busy" in {each.name for each in threading.enumerate()}:
        await asyncio.sleep(0)


async def test_a_call_that_waits_within_the_system_keeps_its_place_until_it_is_back():
    calls, goes_on = BlockingCalls("waits", 1), threading.Lock()
    goes_on.acquire()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(calls.call(goes_on.acquire), 0.01)
    waiting = asyncio.ensure_future(calls.call(lambda: 5))
    await asyncio.sleep(0)
    assert not waiting.done()
    goes_on.release()
    assert await waiting == 5


async def test_calls_that_end_as_they_are_given_up_lose_no_place():
    calls = BlockingCalls("ends", 2)
    for number in range(200):
        calling = asyncio.ensure_future(calls.call(lambda: sum(range(500))))
        for _ in range(number % 7):
            await asyncio.sleep(0)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
    both = calls.call(lambda: 5), calls.call(lambda: 6)
    assert await asyncio.gather(*both) == [5, 6]
