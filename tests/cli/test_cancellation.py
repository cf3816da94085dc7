"""A command is left from outside of it, with nothing wrong."""

import asyncio

import pytest

from notifyws.cli.process import Cancellation
from tests.ui.helpers import run


def test_leaving_ends_what_is_under_way_and_nothing_else():
    async def story():
        cancellation = Cancellation()
        asyncio.get_running_loop().call_soon(cancellation)
        async with cancellation:
            await asyncio.Event().wait()
        cancellation()
        await asyncio.sleep(0)
        return "on"

    assert run(story()) == "on"


def test_what_ends_by_itself_is_not_left_any_more():
    async def story():
        cancellation = Cancellation()
        cancellation()
        async with cancellation:
            pass
        cancellation()
        await asyncio.sleep(0)
        return "undisturbed"

    assert run(story()) == "undisturbed"


def test_who_is_cancelled_otherwise_is_cancelled():
    async def story():
        async with Cancellation():
            await asyncio.Event().wait()

    async def outer():
        task = asyncio.create_task(story())
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(outer())


def test_an_error_stays_one():
    async def story():
        cancellation = Cancellation()
        async with cancellation:
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        run(story())


def test_what_died_ends_the_command_with_its_error():
    async def story():
        cancellation = Cancellation()
        async with cancellation:
            cancellation.died("the view failed", KeyError("x"))
            cancellation.died("the footer failed", ValueError("later"))
            await asyncio.sleep(9)

    with pytest.raises(KeyError):
        asyncio.run(story())
