"""How a command's coroutine is run."""

from __future__ import annotations

import asyncio
import gc

from notifyws.cli.running import run


async def until_it_is_looked_for() -> None:
    while not gc.isenabled():
        await asyncio.sleep(0)


def test_garbage_is_looked_for_once_a_command_has_started():
    gc.disable()
    try:
        run(asyncio.wait_for(until_it_is_looked_for(), 5), garbage_after=0)
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0  # what was there stays, and is passed over
    finally:
        gc.unfreeze()
        gc.enable()


def test_a_command_that_is_over_at_once_does_not_look_for_any():
    gc.disable()
    try:
        run(asyncio.sleep(0))
        assert not gc.isenabled()
    finally:
        gc.enable()
