"""A command of the user's for every notification, a hook: ``--exec``.

It is run without a shell, in a process group of its own, with the notification as
JSON on its stdin and its main fields in the environment; of our own environment it
sees :func:`hook_environment`. At its time limit the whole group is killed. What it
prints goes to our stderr, made harmless: it may repeat what a stranger wrote. The
hook is over when its process is, whoever else still holds its output; such a rest
has what is left of the time limit. Of many such rests the oldest are let go: each
costs a descriptor, and the connection needs some as well.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import IO

from notifyws.errors import ConfigurationError, DeliveryFailed
from notifyws.models import Notification, as_text
from notifyws.tasks import background

PASSED = (
    r"PATH|HOME|USER|LOGNAME|SHELL|PWD|HOSTNAME|TMPDIR|TZ|LANG|LANGUAGE|LC_.*|TERM"
    r"|COLORTERM|NO_COLOR|EDITOR|BROWSER|LD_LIBRARY_PATH|PYTHONPATH|VIRTUAL_ENV"
    r"|SSL_CERT_DIR|SSL_CERT_FILE|XDG_.*|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY"
    r"|DBUS_SESSION_BUS_ADDRESS|DESKTOP_SESSION|SSH_AUTH_SOCK|WSL_DISTRO_NAME"
    r"|WSL_INTEROP"
)
"""The names of what a hook sees of our environment. Whatever else stands there may
hold a secret: a URL with a token, the key of a signature."""

LONGEST = 32 << 10
"""Bytes of a field in the environment: a single one may hold 128 KiB on Linux."""
KILL_GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL."""
OUTPUT_DRAIN = 0.2
"""Seconds for what a hook printed before it ended."""
NEVER = (None, errno.ENOENT, errno.EACCES, errno.ENOEXEC)
"""What is wrong with a command that no second try will mend."""
LINE = 64 << 10
"""Bytes of one line of a hook's output that are told."""
AT_ONCE = 64
"""Lines of a hook's output that are told before anybody else has a turn."""
RESTS = 64
"""Hooks that have ended, and whose output somebody else still holds."""


def argv_of(command: str, option: str = "--exec") -> list[str]:
    """Return a command split as a shell would.

    Args:
        command: as it was written.
        option: where.

    Raises:
        ConfigurationError: it cannot be split, or says nothing.
    """
    hint = f"as in {option} 'notify-team --urgent'"
    try:
        argv = shlex.split(command)
    except ValueError as error:
        message = f"{option} cannot be read: {error}"
        raise ConfigurationError(message, hint) from None
    if not argv:
        raise ConfigurationError(f"{option} names no command", hint)
    if shutil.which(argv[0]) is None:
        message = f"{option}: there is no command {argv[0]!r}"
        raise ConfigurationError(message, "check its name, or give its whole path")
    return argv


def hook_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a program that we start may see of our environment."""
    return {n: text for n, text in environment.items() if re.fullmatch(PASSED, n)}


class ExecSink:
    """Runs a command for each notification.

    Args:
        argv: the command and its arguments.
        environment: what the command sees beside the notification.
        timeout: seconds it may take.
        tell: gets each line of its output.
    """

    name = "exec"

    def __init__(
        self,
        argv: Iterable[str],
        environment: Mapping[str, str],
        timeout: float,
        tell: Callable[[str], None],
    ) -> None:
        self._argv = tuple(argv)
        self._environment = environment
        self._timeout = timeout
        self._tell = tell
        self._running: set[int] = set()
        self._left: set[int] = set()
        self._talks: list[asyncio.Task[None]] = []  # of hooks that have ended
        self._rests: set[asyncio.Task[None]] = set()
        self._let_go = False

    async def deliver(self, notification: Notification) -> None:
        """Return when the command ended well.

        Raises:
            DeliveryFailed: it did not start, ended badly, or took too long.
        """
        end = asyncio.get_running_loop().time() + self._timeout
        process, talk = await self._started(notification)
        self._running.add(process.pid)
        try:
            async with asyncio.timeout_at(end):
                code = await process.wait()
        except TimeoutError:
            await self._kill(process)
            message = f"{self._argv[0]} took longer than {self._timeout:g} s"
            raise DeliveryFailed(message) from None
        except asyncio.CancelledError:
            _signal(process.pid, signal.SIGKILL)
            raise
        finally:
            self._let_end(process.pid, talk, end)
        await asyncio.wait({talk}, timeout=OUTPUT_DRAIN)
        self._bound_rests(talk)
        if code != 0:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
            raise DeliveryFailed(f"{self._argv[0]} {how}")

    async def aclose(self) -> None:
        """Kill what still runs."""
        for pid in self._running:
            _signal(pid, signal.SIGKILL)
        for pid in self._left:
            _kill_rest(pid)
        for rest in self._rests:
            rest.cancel()
        await asyncio.gather(*self._rests, return_exceptions=True)

    async def _started(
        self, notification: Notification
    ) -> tuple[Process, asyncio.Task[None]]:
        """Start the command; what it prints goes through a pipe of our own.

        asyncio's own pipes would make the end of the process wait for everybody who
        holds them; and a file for its stdin never fills up, read or not.
        """
        reading, writing = self._pipe()
        try:
            with _in_memory() or tempfile.TemporaryFile() as stdin:
                stdin.write(f"{notification.line()}\n".encode())
                stdin.seek(0)
                process = await asyncio.create_subprocess_exec(
                    *self._argv,
                    stdin=stdin,
                    stdout=writing,
                    stderr=writing,
                    env={**self._environment, **_fields(notification)},
                    start_new_session=True,
                )
        except (OSError, ValueError) as error:
            os.close(reading)
            raise self._cannot_run(error) from None
        finally:
            os.close(writing)
        return process, background(
            "a hook's output", self._listen_to(reading), self._died
        )

    def _pipe(self) -> tuple[int, int]:
        try:
            return os.pipe()
        except OSError as error:
            raise self._cannot_run(error) from None

    def _cannot_run(self, error: OSError | ValueError) -> DeliveryFailed:
        reason = getattr(error, "strerror", None) or str(error)
        final = getattr(error, "errno", None) in NEVER
        message = f"cannot run {self._argv[0]}: {reason}"
        return DeliveryFailed(message, final=final)

    async def _listen_to(self, descriptor: int) -> None:
        """Tell every line that comes through a pipe, and close it in the end."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
        )
        rest = b""
        try:
            while block := await reader.read(LINE):
                *lines, rest = (rest + block).split(b"\n")
                if len(rest) >= LINE:
                    lines, rest = [*lines, rest], b""
                for number, line in enumerate(lines, 1):
                    self._tell(line.decode("utf-8", "replace"))
                    if number % AT_ONCE == 0:
                        await asyncio.sleep(0)
            if rest:
                self._tell(rest.decode("utf-8", "replace"))
        finally:
            transport.close()

    def _died(self, said: str, error: Exception) -> None:
        self._tell(said)

    async def _kill(self, process: Process) -> None:
        """Kill the whole group: SIGTERM, then SIGKILL."""
        _signal(process.pid, signal.SIGTERM)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(KILL_GRACE):
                    await process.wait()
        finally:
            _signal(process.pid, signal.SIGKILL)
        await process.wait()

    def _let_end(self, pid: int, talk: asyncio.Task[None], end: float) -> None:
        """Let what still holds the output live until the time limit, no longer."""
        self._running.discard(pid)
        self._left.add(pid)

        async def watch() -> None:
            left = end - asyncio.get_running_loop().time()
            done, _ = await asyncio.wait({talk}, timeout=max(left, 0.0))
            if not done:
                _kill_rest(pid)
                talk.cancel()
            self._left.discard(pid)

        rest = background("the watch over a hook", watch(), self._died)
        self._rests.add(rest)
        rest.add_done_callback(self._rests.discard)

    def _bound_rests(self, talk: asyncio.Task[None]) -> None:
        """Let go of the oldest output that others hold, where it is one too many."""
        self._talks = [each for each in (*self._talks, talk) if not each.done()]
        if len(self._talks) > RESTS:
            self._talks.pop(0).cancel()
            if not self._let_go:
                self._let_go = True
                left = f"more than {RESTS} times, what {self._argv[0]} started is left"
                self._tell(f"{left}: of the oldest nothing more is shown")


def _fields(notification: Notification) -> dict[str, str]:
    fields = {
        "TYPE": notification.type,
        "TITLE": notification.title,
        "MESSAGE": notification.message,
        "LINK": notification.link or "",
        "ID": as_text(notification.id),
        "TIMESTAMP": notification.timestamp,
    }
    if server := notification.server or as_text(notification.fields.get("server")):
        fields["SERVER"] = server
    return {f"NOTIFICATION_{name}": _fit(text) for name, text in fields.items()}


def _fit(text: str) -> str:
    """Return what an environment can hold: no NUL, not too much; stdin has it all."""
    coded = text.replace("\0", "").encode("utf-8", "replace")[:LONGEST]
    return coded.decode("utf-8", "ignore")


def _in_memory() -> IO[bytes] | None:
    """Return a file that needs no disk: that may be full, and a container's read-only.

    ``None`` where the system has no such file, or a sandbox forbids it.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            return os.fdopen(os.memfd_create("notification"), "w+b")
    return None


def _signal(pid: int, signum: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signum)


def _kill_rest(pid: int) -> None:
    """Kill what is left of a group whose first process is gone.

    Where there is one of that number, it is another's: the group had died out, and
    the number was given away again.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        _signal(pid, signal.SIGKILL)
    except PermissionError:
        return
