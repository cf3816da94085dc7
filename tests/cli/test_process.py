"""How a command's coroutine is run, and left from outside of it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from notifyws.cli.process import ENDING_TIME, Cancellation, run
from tests.support.catalogue import sample


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


SCENE = """
import asyncio, os, sys, time
from notifyws.cli.process import Interrupted, die_by, run

async def story():
    print("ready", flush=True)
    {waiting}

try:
    run(story())
except Interrupted as error:
    die_by(error.signum)
"""
WAITING = {
    "a file": "open(sys.argv[1])",
    "a lock": "import threading; threading.Event().wait()",
    "a thread": "await asyncio.to_thread(open, sys.argv[1])",
    "one that will not end": "\n".join(
        [
            "while True:",
            "        try: await asyncio.sleep(60)",
            "        except asyncio.CancelledError: pass",
        ]
    ),
    "the loop": "await asyncio.sleep(60)",
}


@contextmanager
def ready(code, *args):
    """A Python of its own that has said that it is ready."""
    argv = [sys.executable, "-c", code, *map(str, args)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        yield process


@pytest.mark.parametrize("signum", sample(signal.SIGTERM, signal.SIGINT))
@pytest.mark.parametrize("waiting", WAITING.values(), ids=WAITING)
def test_a_signal_ends_a_command_in_time_wherever_it_waits(tmp_path, waiting, signum):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ready(SCENE.format(waiting=waiting), pipe) as process:
        process.send_signal(signum)
        assert process.wait(ENDING_TIME + 3) == -signum


def test_a_second_signal_forces_even_where_the_loop_does_not_run(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    code = SCENE.format(waiting="open(sys.argv[1])")
    with ready(code, tmp_path / "pipe") as process:
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.send_signal(signal.SIGHUP)
        assert process.wait(1) == -signal.SIGHUP


LAST_ACT = """
import os
import threading
from notifyws.cli.process import before_dying

with before_dying(lambda: os.write(1, b"given back\\n")):
    os.write(1, b"ready\\n")  # print() cannot be interrupted by another one
    threading.Event().wait()
"""


def test_sigquit_ends_a_command_after_its_last_act():
    with ready(LAST_ACT) as process:
        process.send_signal(signal.SIGQUIT)
        assert process.stdout.read() == b"given back\n"
        assert process.wait(5) == -signal.SIGQUIT


async def test_leaving_ends_what_is_under_way_and_nothing_else():
    cancellation = Cancellation()
    asyncio.get_running_loop().call_soon(cancellation)
    async with cancellation:
        await asyncio.Event().wait()
    cancellation()
    await asyncio.sleep(0)


async def test_what_ends_by_itself_is_not_left_any_more():
    cancellation = Cancellation()
    cancellation()
    async with cancellation:
        pass
    cancellation()
    await asyncio.sleep(0)


async def test_who_is_cancelled_otherwise_is_cancelled():
    async def story():
        async with Cancellation():
            await asyncio.Event().wait()

    task = asyncio.create_task(story())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("own", [True, False])
async def test_an_error_stays_one_and_what_died_ends_the_command_with_its_own(own):
    async def story():
        async with Cancellation() as cancellation:
            if own:
                raise KeyError("x")
            cancellation.died("the view failed", KeyError("x"))
            cancellation.died("the footer failed", ValueError("later"))
            await asyncio.Event().wait()

    with pytest.raises(KeyError):
        await story()


ENDING_SLOWLY = """
import asyncio, os, signal
from contextlib import suppress
from notifyws.cli.process import Interrupted, run

async def story():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(60)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.sleep(60)
        print("and the rest is done")

try:
    run(story())
except Interrupted as error:
    print(error.signum)
"""


def test_what_ends_a_command_after_a_signal_may_have_time_limits():
    """Seen with Python 3.11.2: a limit that was over ended all that came behind it."""
    argv = [sys.executable, "-c", ENDING_SLOWLY]
    said = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=30)
    assert said.stdout.split("\n") == ["and the rest is done", "15", ""]
