"""A process that was started for a notification, its end, and what it prints.

``exec`` says what it sees of our environment. It has no shell, a session of its own,
and of our descriptors none but those it is given. What asyncio has for this costs three
times as much for each process: a thread that waits for its end, and a stream for what
it prints.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

LINE = 64 << 10
"""Bytes of one line of output that are told."""
AT_ONCE = 64
"""Lines of output that are told before anybody else has a turn."""
RESTORED = (signal.SIGPIPE, getattr(signal, "SIGXFSZ", signal.SIGPIPE))
"""Signals that Python ignores, and others do not."""


class HookProcess:
    """A running process.

    Args:
        inherited: descriptors that it must not see; see :func:`inherited`.

    Attributes:
        pid: its number, and that of its group.
        end: its exit code, or the number of the signal that killed it, below zero.

    Raises:
        OSError, ValueError: it cannot be started.
    """

    def __init__(
        self,
        argv: tuple[str, ...],
        environment: Mapping[str, str],
        stdin: int,
        output: int,
        inherited: Iterable[int] = (),
    ) -> None:
        given = [(os.POSIX_SPAWN_DUP2, stdin, 0)]
        given += [(os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)]
        self.pid = os.posix_spawnp(
            argv[0],
            argv,
            environment,
            file_actions=[*given, *((os.POSIX_SPAWN_CLOSE, fd) for fd in inherited)],
            setsid=True,
            setsigdef=RESTORED,
        )
        self._loop = asyncio.get_running_loop()
        self.end: asyncio.Future[int] = self._loop.create_future()
        try:
            descriptor = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # not Linux, an old one, or a sandbox
            threading.Thread(target=self._wait, daemon=True).start()
        else:
            self._loop.add_reader(descriptor, self._ended, descriptor)

    def signal(self, signum: int) -> None:
        """Send a signal to all of its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signum)

    def _ended(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        os.close(descriptor)
        self.end.set_result(_exit_code(self.pid))

    def _wait(self) -> None:
        code = _exit_code(self.pid)
        with suppress(RuntimeError):  # the loop has ended before it
            self._loop.call_soon_threadsafe(self.end.set_result, code)


class HookOutput:
    """What comes through a pipe, told line by line.

    Args:
        descriptor: the pipe's end; closed here.

    Attributes:
        end: done when nobody writes any more, or nobody listens.
    """

    def __init__(self, descriptor: int, tell: Callable[[str], None]) -> None:
        self._descriptor = descriptor
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._lines: deque[bytes] = deque()
        self._rest = b""
        self.end: asyncio.Future[None] = self._loop.create_future()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._read)

    def close(self) -> None:
        """Listen no more; safe to call twice."""
        if not self.end.done():
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self.end.set_result(None)

    def _read(self) -> None:
        try:
            block = os.read(self._descriptor, LINE)
        except BlockingIOError:
            return
        if not block:
            if self._rest:
                self._tell(self._rest.decode("utf-8", "replace"))
            self.close()
            return
        *lines, self._rest = (self._rest + block).split(b"\n")
        if len(self._rest) >= LINE:
            lines, self._rest = [*lines, self._rest], b""
        self._lines.extend(lines)
        self._tell_some()

    def _tell_some(self) -> None:
        """Tell a few lines; while there are more, nothing is read."""
        if self.end.done():
            return
        for _ in range(min(AT_ONCE, len(self._lines))):
            self._tell(self._lines.popleft().decode("utf-8", "replace"))
        if self._lines:
            self._loop.remove_reader(self._descriptor)
            self._loop.call_soon(self._tell_some)
        else:
            self._loop.add_reader(self._descriptor, self._read)


def inherited() -> tuple[int, ...]:
    """Return what whoever started us left open; what Python opens is not handed on."""
    found = (int(name) for name in os.listdir("/dev/fd"))
    return tuple(fd for fd in found if fd > 2 and _is_inheritable(fd))


def _is_inheritable(descriptor: int) -> bool:
    try:
        return os.get_inheritable(descriptor)
    except OSError:  # that of the list itself
        return False


def _exit_code(pid: int) -> int:
    """Return how a process ended, once it has."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except ChildProcessError:  # the system was told to keep no exit codes
        return 0
