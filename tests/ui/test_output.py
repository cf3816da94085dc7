"""Bytes leave in order, whole and at once, and the loop never waits for a reader."""

import asyncio
import errno
import fcntl
import os
import pty
import socket
import struct
import termios

import pytest

from notifyws.errors import OutputFailed
from notifyws.ui.output import Output, terminal_width
from notifyws.ui.streams import ReaderGone
from tests.support.virtual import turns
from tests.ui.helpers import Terminal

LINES = b"".join(
    b'{"type":"t","n":%d,"x":"%s"}\n' % (i, b"x" * 180) for i in range(9999)
)


@pytest.fixture
def pipe():
    ends = list(os.pipe())
    yield ends
    for end in ends:
        if end is not None:
            os.close(end)


def leave(pipe):
    os.close(pipe[0])
    pipe[0] = None


async def read_all(fd, size):
    loop, got, done = asyncio.get_running_loop(), bytearray(), asyncio.Event()

    def more():
        got.extend(os.read(fd, 65_536))
        if len(got) >= size:
            done.set()

    loop.add_reader(fd, more)
    await done.wait()
    loop.remove_reader(fd)
    return bytes(got)


async def test_a_line_is_with_the_reader_when_write_returns(pipe):
    await Output(pipe[1]).write(b"line\n")
    assert os.read(pipe[0], 100) == b"line\n"


async def test_order_and_wholeness_survive_a_slow_reader(pipe):
    output = Output(pipe[1])
    async with asyncio.TaskGroup() as group:
        got = group.create_task(read_all(pipe[0], 2 * len(LINES)))
        group.create_task(output.write(LINES))
        group.create_task(output.write(LINES))
    assert got.result() == LINES * 2


@pytest.mark.skipif(not hasattr(os, "RWF_NOWAIT"), reason="Linux alone has it")
async def test_an_empty_pipe_is_filled_with_whole_lines_at_once(pipe):
    writing = asyncio.create_task(Output(pipe[1]).write(LINES))
    await asyncio.sleep(0)
    first = os.read(pipe[0], len(LINES))
    rest = await read_all(pipe[0], len(LINES) - len(first))
    await writing
    assert len(first) > 50_000
    assert first.endswith(b"\n")
    assert first + rest == LINES


@pytest.mark.skipif(not hasattr(os, "RWF_NOWAIT"), reason="Linux alone has it")
async def test_a_system_that_knows_no_such_write_gets_pieces(pipe, monkeypatch):
    def refused(*_):
        raise OSError(errno.EOPNOTSUPP, "not for pipes")

    monkeypatch.setattr(os, "pwritev", refused)
    writing = asyncio.create_task(Output(pipe[1]).write(LINES))
    assert await read_all(pipe[0], len(LINES)) == LINES
    await writing


async def test_a_blocked_pipe_does_not_block_the_loop(pipe):
    output = Output(pipe[1])
    writing = asyncio.create_task(output.write(LINES))
    await turns(100)
    assert not writing.done()
    assert not output.write_now(b"footer")
    assert await read_all(pipe[0], len(LINES)) == LINES
    await writing
    assert output.write_now(b"footer")
    assert os.read(pipe[0], 100) == b"footer"


async def test_what_was_inherited_stays_blocking(pipe):
    await Output(pipe[1]).write(b"x")
    assert os.get_blocking(pipe[1])


async def test_a_pipe_that_others_made_non_blocking_works_too(pipe):
    os.set_blocking(pipe[1], False)
    async with asyncio.TaskGroup() as group:
        group.create_task(Output(pipe[1]).write(LINES))
        got = group.create_task(read_all(pipe[0], len(LINES)))
    assert got.result() == LINES


async def test_a_reader_that_has_left_is_an_exception_of_its_own(pipe):
    leave(pipe)
    with pytest.raises(ReaderGone):
        await Output(pipe[1]).write(b"x\n")
    assert not Output(pipe[1]).write_now(b"x")


async def test_a_reader_that_leaves_while_we_wait_ends_the_wait(pipe):
    writing = asyncio.create_task(Output(pipe[1]).write(LINES))
    await asyncio.sleep(0)
    leave(pipe)
    with pytest.raises(ReaderGone):
        await writing


async def test_a_reader_that_leaves_is_noticed_while_nothing_is_written(pipe):
    gone = asyncio.Event()
    Output(pipe[1]).watch_reader(gone.set)
    await asyncio.sleep(0)
    assert not gone.is_set()
    leave(pipe)
    await gone.wait()


async def test_a_watch_can_be_ended(pipe):
    gone = asyncio.Event()
    stop = Output(pipe[1]).watch_reader(gone.set)
    stop()
    leave(pipe)
    await turns()
    assert not gone.is_set()


async def test_a_socket_that_talks_back_is_still_read_by_somebody():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        gone = asyncio.Event()
        output = Output(ours.fileno())
        output.watch_reader(gone.set)
        theirs.send(b"hello")
        await turns()
        await output.write(b"x\n")
        assert theirs.recv(10) == b"x\n"
        assert not gone.is_set()


async def test_files_and_terminals_are_not_watched(tmp_path):
    async def story(fd):
        output = Output(fd)
        output.watch_reader(pytest.fail)()
        await asyncio.sleep(0)
        output.close()

    terminal = Terminal()
    await story(terminal.slave)
    os.close(terminal.slave)
    os.close(terminal.master)
    with (tmp_path / "out").open("wb") as file:
        await story(file.fileno())


async def test_a_file_gets_everything(tmp_path):
    with (tmp_path / "out").open("wb") as file:
        await Output(file.fileno()).write(LINES)
    assert (tmp_path / "out").read_bytes() == LINES


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a full disk")
async def test_a_full_disk_is_a_sentence():
    fd = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OutputFailed) as caught:
            await Output(fd).write(b"x\n")
    finally:
        os.close(fd)
    assert str(caught.value) == "stdout cannot be written: no space left on device"
    assert caught.value.hint
    assert caught.value.exit_code == 74


async def test_the_null_device_takes_it_all():
    with open(os.devnull, "wb") as null:
        await Output(null.fileno()).write(LINES)


def test_a_closed_stdout_is_said_at_once():
    read, write = os.pipe()
    os.close(read)
    os.close(write)
    with pytest.raises(OutputFailed, match="stdout cannot be written: it is closed"):
        Output(write)


async def test_a_terminal_stopped_by_its_user_does_not_block_the_loop():
    terminal = Terminal()
    terminal.output = Output(terminal.slave)
    writing = asyncio.create_task(terminal.output.write(LINES))
    await turns(100)
    assert not writing.done()
    async with terminal.reading():
        await writing
    terminal.drain()
    assert terminal.data == LINES.replace(b"\n", b"\r\n")
    assert os.get_blocking(terminal.slave)
    terminal.close()


async def test_a_terminal_that_is_gone_has_no_reader():
    terminal = Terminal()
    output = Output(terminal.slave)
    os.close(terminal.master)
    with pytest.raises(ReaderGone):
        await output.write(b"x\n")
    output.close()
    os.close(terminal.slave)


def test_the_width_is_columns_or_what_the_terminal_says():
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    assert terminal_width(terminal, {})() == 70
    assert terminal_width(terminal, {"COLUMNS": "33"})() == 33
    assert terminal_width(terminal, {"COLUMNS": "x"})() == 70
    assert terminal_width(-1, {})() == 80
    os.close(master)
    os.close(terminal)
