"""Commands that are copies of a process which has made the start of one already.

An interpreter that starts and imports takes 0.3 s of a processor, ten times what a
command takes for what it does. A copy is a process like any other: its signals,
descriptors, terminal, memory and exit code are its own. How a command starts, what it
imports, and what the interpreter itself reads of its environment is not seen here:
tests of that start a real one.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import IO, Any, NoReturn

LATER = (
    *("anyio._backends._asyncio", "httpcore", "httpx", "jmespath", "tomlkit"),
    "typer.rich_utils",
)
"""What modules of ours import inside of functions."""
RARE = ("notifyws.__main__", "notifyws.cli.mcp_server")
INTEGER = 4
"""Bytes of a process id, and of a status, as they are told."""


class Forked:
    """A copy that runs; used like ``subprocess.Popen``."""

    def __init__(self, told: int, stdin: Any, stdout: Any, stderr: Any) -> None:
        self._told = told
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self.returncode: int | None = None
        self.pid = self._integer()

    def _integer(self) -> int:
        return int.from_bytes(os.read(self._told, INTEGER), "little")

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return code

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], timeout)[0]:
            self.returncode = os.waitstatus_to_exitcode(self._integer())
            os.close(self._told)
        return self.returncode

    def send_signal(self, signum: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, signum)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forks:
    """The process that is copied, for all tests of a process."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._channel, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(number)],
                env=dict(env),
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def start(
        self,
        args: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        stdin: Any = subprocess.DEVNULL,
        stdout: Any = subprocess.PIPE,
        stderr: Any = subprocess.PIPE,
        has_terminal: bool = False,
    ) -> Forked:
        """Run ``notifyws`` with these arguments; pipes carry text, as Popen's do."""
        told, ours = os.pipe()
        theirs, kept, streams = [ours], [], []
        for number, wanted in enumerate((stdin, stdout, stderr)):
            stream, given, closed = _end(wanted, "w" if number == 0 else "r")
            streams.append(stream)
            kept.append(given)
            theirs += [given] if closed else []
        said = {"args": args, "env": dict(env), "cwd": str(cwd)}
        text = json.dumps(said | {"has_terminal": has_terminal}).encode()
        socket.send_fds(self._channel, [text], [ours, *kept])
        for each in theirs:
            os.close(each)
        return Forked(told, *streams)

    def stop(self) -> None:
        self._channel.close()
        self._process.wait()


def _end(wanted: Any, mode: str) -> tuple[IO[str] | None, int, bool]:
    """Return our end of a stream, theirs, and whether ours is to be closed by us."""
    if wanted == subprocess.PIPE:
        reading, writing = os.pipe()
        ours, theirs = (writing, reading) if mode == "w" else (reading, writing)
        return (
            open(ours, mode, encoding="utf-8", errors="surrogateescape"),
            theirs,
            True,
        )
    if wanted == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_RDWR), True
    return None, wanted if isinstance(wanted, int) else wanted.fileno(), False


# The process that is copied


def _serve(channel: socket.socket) -> None:
    import notifyws
    from notifyws.cli.imports import spare_imports

    spare_imports()
    from notifyws.protocol.loader import profile_text
    from notifyws.protocol.profile_text import parse

    ours = [each.name for each in walk_packages(notifyws.__path__, "notifyws.")]
    for name in (*LATER, *(each for each in ours if each not in RARE)):
        import_module(name)
    parse(*profile_text("default"))  # what checks a profile is made at the first one
    gc.collect()
    gc.freeze()
    running: dict[int, int] = {}
    signal.signal(signal.SIGCHLD, lambda *_: _reap(running))
    while True:
        text, descriptors, *_ = socket.recv_fds(channel, 1 << 20, 4)
        if not text:
            return
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        pid = os.fork()
        if not pid:
            channel.close()
            _become(json.loads(text), descriptors)
        ours, *theirs = descriptors
        os.write(ours, pid.to_bytes(INTEGER, "little"))
        running[pid] = ours
        for each in theirs:
            os.close(each)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])


def _reap(running: dict[int, int]) -> None:
    while running:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # this was called while the last one was reaped
            return
        if not pid:
            return
        ours = running.pop(pid)
        with suppress(BrokenPipeError):  # whoever wanted to know has gone
            os.write(ours, status.to_bytes(INTEGER, "little"))
        os.close(ours)


def _become(told: dict[str, Any], descriptors: list[int]) -> NoReturn:
    """Be the command that was asked for."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    for number, given in enumerate(descriptors[1:]):
        os.dup2(given, number)
    os.closerange(3, 1 << 16)  # what is told of other copies, too
    if told["has_terminal"]:
        import fcntl
        import termios

        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(told["env"])
    sys.argv = ["notifyws", *told["args"]]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        before = getattr(sys, name)
        how = {"encoding": before.encoding, "errors": before.errors}
        mode = "w" if number else "r"
        buffering = 1 if number == 2 or os.isatty(number) else -1
        stream = open(number, mode, buffering, closefd=False, **how)  # noqa: SIM115
        setattr(sys, name, stream)
    from notifyws.__main__ import main

    main()


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
