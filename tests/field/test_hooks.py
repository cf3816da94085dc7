"""Hooks that do what hooks of others do: they leave, flood, and run where little is."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from notifyws.delivery.sinks.exec import RESTS, ExecSink
from notifyws.errors import DeliveryFailed
from notifyws.models import Notification
from tests.e2e.support import COMMAND, Home, Server, until

NOTE = Notification({"type": "t", "title": "T"}, "then")
DEAF_TO_CHILDREN = (
    "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN);"
    " os.execv(sys.argv[1], sys.argv[1:])"
)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_whoever_starts_us_deaf_to_the_end_of_children_changes_no_exit_code(
    home: Home, server: Server
):
    """Seen: every hook ended with 255, was run again, and became a dead letter.

    A supervisor that ignores SIGCHLD hands that on; the system then keeps no exit code.
    """
    program = (sys.executable, "-c", DEAF_TO_CHILDREN, COMMAND)
    command = f"sh -c 'echo ran >> {home.path}/ran'"
    listener = home.start("listen", "-n", "1", "--exec", command, program=program)
    listener.says("Connected")
    server.notify(1)
    assert listener.wait() == 0
    assert (home.path / "ran").read_text() == "ran\n"
    assert "did not take" not in listener.err.text


@pytest.mark.slow
async def test_what_hooks_leave_behind_takes_a_bounded_number_of_descriptors():
    """Seen: a hook that ends in ``&`` used up all 256, and nothing else could open one.

    Each that still holds a hook's output holds a pipe of ours, until the time limit.
    """
    told: list[str] = []
    sink = ExecSink(["sh", "-c", "sleep 30 &"], {}, 30.0, told.append)
    before = open_descriptors()
    for _ in range(4):
        await asyncio.gather(*(sink.deliver(NOTE) for _ in range(RESTS)))
    assert open_descriptors() - before <= RESTS + 5
    assert [line for line in told if "is left" in line] == told[:1]
    await sink.aclose()


async def test_a_number_that_was_given_to_another_process_is_not_killed():
    """What is left of a hook may have left its group, whose number is then free."""
    told: list[str] = []
    sink = ExecSink(["sh", "-c", "setsid sleep 30 & echo $$"], {}, 0.5, told.append)
    await sink.deliver(NOTE)
    number = int(told[0])
    async with aclosing(sink):  # it holds a pipe, also where all this is left out
        try:
            Path("/proc/sys/kernel/ns_last_pid").write_text(str(number - 1))
        except OSError:
            pytest.skip("the system lets nobody choose the next number")
        with subprocess.Popen(["sleep", "30"], start_new_session=True) as another:
            try:
                if another.pid != number:
                    pytest.skip("somebody else was quicker")
                await asyncio.sleep(0.7)
                assert another.poll() is None
                await sink.aclose()
                assert another.poll() is None
            finally:
                another.kill()


async def test_a_hook_that_will_not_end_does_not_outlive_a_listener_that_does():
    told: list[str] = []
    code = "trap '' TERM; echo $$; while :; do sleep 0.05; done"
    sink = ExecSink(["sh", "-c", code], {}, 0.2, told.append)
    running = asyncio.create_task(sink.deliver(NOTE))
    await asyncio.sleep(0.4)  # it has been told to end, and has a second to do so
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await sink.aclose()
    until(lambda: not Path(f"/proc/{told[0]}/cmdline").exists(), "its end")


async def test_hooks_that_end_together_are_heard_to_the_end_however_many():
    told: list[str] = []
    many = 2 * RESTS
    sink = ExecSink(["sh", "-c", "echo heard"], {}, 30.0, told.append)
    await asyncio.gather(*(sink.deliver(NOTE) for _ in range(many)))
    assert told == ["heard"] * many
    await sink.aclose()


async def test_a_hook_that_floods_leaves_everybody_else_a_turn():
    """Seen: ``yes ''`` kept the socket from being read for 0.2 s, again and again.

    A block of output holds 65,536 empty lines, which were all told in one go.
    """
    told_in_this_turn = most = 0

    def tell(line: str) -> None:
        nonlocal told_in_this_turn, most
        told_in_this_turn += 1
        most = max(most, told_in_this_turn)

    async def turns() -> None:
        nonlocal told_in_this_turn
        while True:
            told_in_this_turn = 0
            await asyncio.sleep(0)

    others = asyncio.create_task(turns())
    sink = ExecSink(["sh", "-c", "yes '' | head -n 100000"], {}, 30.0, tell)
    await sink.deliver(NOTE)
    others.cancel()
    await sink.aclose()
    assert 0 < most <= 1000


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it takes a disk")
async def test_a_hook_is_fed_where_no_folder_can_be_written(monkeypatch):
    """Seen: in a container with a read-only root and no /tmp, no hook ever ran."""
    told: list[str] = []
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    sink = ExecSink(["cat"], {}, 10.0, told.append)
    await sink.deliver(NOTE)
    assert told == [NOTE.line()]
    await sink.aclose()


async def test_a_process_without_free_descriptors_is_a_failure_to_be_tried_again():
    """Seen: it was told as a bug of ours."""
    import resource

    sink = ExecSink(["true"], {}, 10.0, print)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(DeliveryFailed, match="cannot run true: Too many") as caught:
            await sink.deliver(NOTE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert not caught.value.final
