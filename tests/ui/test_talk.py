"""stderr holds up nobody: what is not read waits, is left out, and that is said."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
import sys
import termios
import time
from contextlib import contextmanager

import pytest

from notifyws.ui.talk import MOST, PATIENCE, Talk

LINE = b"x" * 99 + b"\n"


@pytest.fixture
def pipe():
    read, write = os.pipe()
    yield read, write
    for each in (read, write):
        os.close(each)


def drained(read: int) -> bytes:
    """Return what a pipe holds."""
    os.set_blocking(read, False)
    found = b""
    try:
        while piece := os.read(read, 1 << 20):
            found += piece
    except BlockingIOError:
        pass
    return found


def test_lines_go_out_whole_and_in_order(pipe):
    talk = Talk(pipe[1])
    for number in range(50):
        talk.say(b"%d\n" % number)
    assert drained(pipe[0]) == b"".join(b"%d\n" % n for n in range(50))


def test_a_pipe_that_nobody_reads_costs_one_moment_and_what_is_left_out_is_told(pipe):
    talk = Talk(pipe[1])
    begun = time.monotonic()
    for _ in range(10_000):
        talk.say(LINE)
    assert time.monotonic() - begun < PATIENCE + 2
    found = b""
    while piece := drained(pipe[0]):
        found += piece
        talk.flush()
    lines = found.splitlines(keepends=True)
    assert set(lines[:-1]) == {LINE}
    told = b"(%d lines more were left out here)\n" % (10_000 - len(lines) + 1)
    assert lines[-1] == told
    assert len(found) < 2 * MOST + 200


@pytest.mark.parametrize("waits", [True, False])
def test_at_an_end_a_slow_reader_has_all_of_it(waits):
    """Seen: of 1,493 dead letters that no file could take, 344 were told."""
    ready = "import sys, time; print('ready', flush=True); "
    code = f"{ready}time.sleep(0.4); print(len(sys.stdin.readlines()))"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as reader:
        assert reader.stdout.readline() == b"ready\n"
        talk = Talk(reader.stdin.fileno())
        talk.wait_longer()
        if not waits:
            talk.hurry()
        for _ in range(3000):
            talk.say(LINE)
        reader.stdin.close()
        assert (int(reader.stdout.read()) == 3000) is waits


async def test_what_waits_goes_out_by_itself_once_somebody_reads(pipe):
    talk = Talk(pipe[1])
    for _ in range(MOST // len(LINE) + 10):
        talk.say(LINE)
    drained(pipe[0])
    talk.say(b"the last one\n")
    async with asyncio.timeout(5):
        found = b""
        while b"the last one" not in found:
            await asyncio.sleep(0.01)
            found += drained(pipe[0])


def test_a_terminal_that_is_held_holds_up_nobody():
    master, slave = pty.openpty()
    entered = []

    @contextmanager
    def room():
        entered.append(True)
        yield

    try:
        talk = Talk(slave)
        talk.make_room = room
        termios.tcflow(slave, termios.TCOOFF)  # Ctrl-S
        begun = time.monotonic()
        talk.say(b"held\n")
        talk.say(b"held too\n")
        assert time.monotonic() - begun < PATIENCE + 1
        termios.tcflow(slave, termios.TCOON)
        talk.say(b"seen\n")
        assert os.read(master, 100) == b"held\r\nheld too\r\nseen\r\n"
        assert entered
    finally:
        os.close(master)
        os.close(slave)


def test_nobody_there_to_read_is_no_error(pipe):
    read, write = os.pipe()
    os.close(read)
    talk = Talk(write)
    talk.say(LINE)
    talk.flush()
    os.close(write)
    talk.say(LINE)


def test_a_picture_is_left_out_where_there_is_no_room(pipe):
    talk = Talk(pipe[1])
    talk.show(b"bar")
    assert drained(pipe[0]) == b"bar"
    while len(talk_waits(talk)) == 0:
        talk.say(LINE)
    talk.show(b"bar")
    assert b"bar" not in drained(pipe[0]) + talk_waits(talk)


def talk_waits(talk: Talk) -> bytes:
    return bytes(vars(talk)["_waiting"])
