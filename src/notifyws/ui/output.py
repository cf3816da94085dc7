"""The one way to stdout: bytes leave in order, whole, at once, blocking nobody.

Owns a file descriptor and knows nothing of what is written. A pipe or socket takes
``PIPE_BUF`` bytes without blocking once poll says so (POSIX), so it is asked before
each piece; an empty pipe takes as many as it holds, at once (Linux). A terminal
promises no such thing, so it is opened once more for our own non-blocking use.
O_NONBLOCK is never set on what was inherited: other processes share it. No threads.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import select
import stat
import termios
from array import array
from collections.abc import Callable, Mapping

from notifyws.errors import OutputFailed
from notifyws.ui.streams import ReaderGone, write_failure

_PIECE = min(select.PIPE_BUF, 4096)
_BIG_PIECE = 65_536
_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL
_RETRY = 0.02
_UNKNOWN = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
"""What a system says that knows no write to a pipe which must not wait."""


class Output:
    """A file descriptor that is written without ever blocking the event loop.

    Args:
        fd: an open file descriptor; make the object before anything else is opened,
            because a closed one's number goes to the next file.
        name: what error messages call it.

    Raises:
        OutputFailed: ``fd`` is not open.
    """

    def __init__(self, fd: int = 1, name: str = "stdout") -> None:
        self._name = name
        try:
            mode = os.fstat(fd).st_mode
        except OSError as error:
            raise write_failure(error, name) from None
        self.is_terminal = os.isatty(fd)
        self._own = _reopened(fd) if self.is_terminal else None
        self._fd = fd if self._own is None else self._own
        self._streams = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
        self._asked = not stat.S_ISREG(mode) and self._own is None
        self._capacity = _pipe_size(fd) if stat.S_ISFIFO(mode) else 0
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLOUT)
        self._lock = asyncio.Lock()

    async def write(self, data: bytes) -> None:
        """Write all of ``data``, after what others are writing, then yield once.

        Raises:
            ReaderGone: nobody reads any more.
            OutputFailed: it cannot be written: the disk is full, for example.
        """
        async with self._lock:
            start = 0
            while start < len(data):
                room = self._room(len(data) - start)
                taken = self._write_piece(data, start, room) if room else 0
                start += taken
                if not taken:
                    await self._writable()
        await asyncio.sleep(0)

    def write_now(self, data: bytes, *, patience: float = 0.0) -> bool:
        """Write a little where that cannot block, else leave it; tell which.

        Args:
            data: less than a terminal holds: a footer, a farewell.
            patience: seconds to wait for room; with any, ``data`` also goes between
                the pieces of a write under way.
        """
        if self._lock.locked() and not patience:
            return False
        try:
            size = _PIECE if self._asked else _BIG_PIECE
            ready = self._ready(patience)
            return ready and self._write_piece(data, 0, size) == len(data)
        except (ReaderGone, OutputFailed):
            return False

    def watch_reader(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call ``callback`` once as soon as a pipe's reader leaves, written to or not.

        Quietly watches nothing where that cannot be known: files, terminals.
        Returns what ends the watch.
        """
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.remove_reader(self._fd)

        def look() -> None:
            stop()
            if any(event & _GONE for _, event in self._poll.poll(0)):
                callback()

        if not self._streams:
            return lambda: None
        try:
            loop.add_reader(self._fd, look)
        except (OSError, NotImplementedError, ValueError):
            return lambda: None
        return stop

    def close(self) -> None:
        """Give back what was opened here; the inherited descriptor stays open."""
        if self._own is not None:
            os.close(self._own)
            self._own = None

    def _ready(self, patience: float = 0.0) -> bool:
        return not (self._asked or patience) or bool(self._poll.poll(patience * 1000))

    def _room(self, wanted: int) -> int:
        """Return how many bytes can be written without blocking, 0 for none."""
        if not self._asked:
            return _BIG_PIECE
        if self._capacity and wanted <= _PIECE:  # the pipe says itself, and takes all
            return self._capacity
        if self._capacity:
            waiting = array("i", [0])
            fcntl.ioctl(self._fd, termios.FIONREAD, waiting)
            if waiting[0] == 0:
                return self._capacity
        return _PIECE if self._ready() else 0

    def _write_piece(self, data: bytes, start: int, size: int) -> int:
        """Write one piece and return its size, 0 when there is no room after all."""
        piece = data[start : _piece_end(data, start, size)]
        try:
            if size == self._capacity:  # another writer may have been quicker
                return os.pwritev(self._fd, [piece], -1, os.RWF_NOWAIT)
            return os.write(self._fd, piece)
        except BlockingIOError:
            return 0
        except OSError as error:
            if size == self._capacity and error.errno in _UNKNOWN:
                self._capacity = 0
                return 0
            if error.errno == errno.EIO and self.is_terminal:
                raise ReaderGone(self._name) from None
            raise write_failure(error, self._name) from None

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        room: asyncio.Future[None] = loop.create_future()
        try:
            loop.add_writer(self._fd, _settle, room)
        except (OSError, NotImplementedError, ValueError):
            await asyncio.sleep(_RETRY)
            return
        try:
            await room
        finally:
            loop.remove_writer(self._fd)


def _settle(room: asyncio.Future[None]) -> None:
    if not room.done():
        room.set_result(None)


def _piece_end(data: bytes, start: int, size: int) -> int:
    """Return where a piece ends: after a line if one ends in it.

    Lines of up to ``PIPE_BUF`` bytes stay whole even in a pipe with several writers.
    """
    if len(data) - start <= size:
        return len(data)
    return data.rfind(b"\n", start, start + size) + 1 or start + size


def _pipe_size(fd: int) -> int:
    """Return how many bytes a pipe takes at once when it is empty.

    0 where the system does not say, or where no write of so many can be kept from
    blocking; or that is no more than a piece, as for a user who has many pipes.
    """
    if not hasattr(os, "RWF_NOWAIT") or not hasattr(fcntl, "F_GETPIPE_SZ"):
        return 0
    size = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
    return size if size > _PIECE else 0


def _reopened(fd: int) -> int | None:
    """Return the same terminal opened once more, non-blocking, ``None`` if refused."""
    flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        own = os.open(os.ttyname(fd), flags)
    except OSError:
        return None
    if os.fstat(own).st_rdev == os.fstat(fd).st_rdev:
        return own
    os.close(own)
    return None


def terminal_width(fd: int, environ: Mapping[str, str]) -> Callable[[], int]:
    """Return what tells the columns of a terminal: ``COLUMNS`` first, else asked.

    Args:
        fd: the terminal; 80 columns where it does not say.
        environ: the process's environment.
    """
    given = environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return lambda: int(given)

    def ask() -> int:
        try:
            return os.get_terminal_size(fd).columns or 80
        except OSError:
            return 80

    return ask


def terminal_lines(fd: int) -> int:
    """Return the lines of a terminal; 24 where it does not say."""
    try:
        return os.get_terminal_size(fd).lines or 24
    except OSError:
        return 24


def in_front(fd: int) -> bool:
    """Return whether a terminal is ours, and not that of a shell we run behind.

    One that has no jobs is always ours.
    """
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return True
