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
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import IO

from notifyws.delivery.sinks.hook_process import HookOutput, HookProcess, inherited
from notifyws.errors import ConfigurationError, DeliveryFailed
from notifyws.models import Notification, as_text

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
RESTS = 64
"""Hooks that have ended, and whose output somebody else still holds."""


def argv_of(command: str, option: str = "--exec") -> list[str]:
    """Return a command split as a shell would.

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
        environment: what the command sees beside the notification.
        timeout: seconds it may take.
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
        self._inherited = inherited()
        self._running: set[HookProcess] = set()
        self._rests: dict[HookOutput, int] = {}  # what is still held; in whose group
        self._held: list[HookOutput] = []  # that by others, for longer than it should
        self._let_go = False

    async def deliver(self, notification: Notification) -> None:
        """Return when the command ended well."""
        end = asyncio.get_running_loop().time() + self._timeout
        process, output = self._started(notification)
        self._running.add(process)
        process.end.add_done_callback(lambda _: self._running.discard(process))
        try:
            await asyncio.wait({process.end}, timeout=self._timeout)
            in_time = process.end.done()
            if not in_time:
                await self._kill(process)
        except asyncio.CancelledError:
            process.signal(signal.SIGKILL)
            raise
        finally:
            self._let_end(process.pid, output, end)
        if not in_time:
            message = f"{self._argv[0]} took longer than {self._timeout:g} s"
            if not process.end.done():  # another user's, or stuck in the system
                message += ", and cannot be killed"
            raise DeliveryFailed(message)
        if not output.end.done():
            await asyncio.wait({output.end}, timeout=OUTPUT_DRAIN)
        self._bound_rests(output)
        if (code := process.end.result()) != 0:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
            raise DeliveryFailed(f"{self._argv[0]} {how}")

    async def aclose(self) -> None:
        """Kill what still runs."""
        for process in self._running:
            process.signal(signal.SIGKILL)
        for output, pid in [*self._rests.items()]:
            _kill_rest(pid)
            output.close()
        if ends := {process.end for process in self._running}:
            await asyncio.wait(ends, timeout=KILL_GRACE)

    def _started(self, notification: Notification) -> tuple[HookProcess, HookOutput]:
        """Start the command; what it prints goes through a pipe.

        A file for its stdin never fills up, read or not.
        """
        try:
            reading, writing = os.pipe()
        except OSError as error:
            raise self._cannot_run(error) from None
        try:
            with _in_memory() or tempfile.TemporaryFile() as stdin:
                stdin.write(f"{notification.line()}\n".encode())
                stdin.seek(0)
                environment = {**self._environment, **_fields(notification)}
                ends = stdin.fileno(), writing
                process = HookProcess(self._argv, environment, *ends, self._inherited)
        except (OSError, ValueError) as error:
            os.close(reading)
            raise self._cannot_run(error) from None
        finally:
            os.close(writing)
        return process, HookOutput(reading, self._tell)

    def _cannot_run(self, error: OSError | ValueError) -> DeliveryFailed:
        reason = getattr(error, "strerror", None) or str(error)
        final = getattr(error, "errno", None) in NEVER
        message = f"cannot run {self._argv[0]}: {reason}"
        return DeliveryFailed(message, final=final)

    async def _kill(self, process: HookProcess) -> None:
        """Kill the whole group: SIGTERM, then SIGKILL."""
        process.signal(signal.SIGTERM)
        try:
            await asyncio.wait({process.end}, timeout=KILL_GRACE)
        finally:
            process.signal(signal.SIGKILL)
        await asyncio.wait({process.end}, timeout=KILL_GRACE)

    def _let_end(self, pid: int, output: HookOutput, end: float) -> None:
        """Let what still holds the output live until the time limit, no longer."""
        if output.end.done():
            return
        self._rests[output] = pid

        def cut() -> None:
            _kill_rest(pid)
            output.close()

        cutting = asyncio.get_running_loop().call_at(end, cut)

        def ended(_: asyncio.Future[None]) -> None:
            cutting.cancel()
            self._rests.pop(output, None)

        output.end.add_done_callback(ended)

    def _bound_rests(self, output: HookOutput) -> None:
        """Let go of the oldest output that others hold, where it is one too many."""
        self._held = [each for each in (*self._held, output) if not each.end.done()]
        if len(self._held) > RESTS:
            self._held.pop(0).close()
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


def _kill_rest(pid: int) -> None:
    """Kill what is left of a group whose first process is gone.

    Where there is one of that number, it is another's: the group had died out, and
    the number was given away again.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    except PermissionError:
        return
