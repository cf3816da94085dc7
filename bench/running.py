"""Starts what is measured: a blaster, a client into a pipe, a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.peers import NOTIFYWS

__all__ = ["Blaster", "blaster", "first_line", "home", "last_line", "wall"]

ROOT = Path(__file__).resolve().parent.parent


class Blaster:
    """A server of its own process."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "bench.blaster", *options]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True
        )
        self.port = int(self.said("port"))
        self.url = f"ws://127.0.0.1:{self.port}"

    def said(self, word: str) -> str:
        """Return what follows a word on the next line that begins with it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(word):
                return line.split()[1]
        raise RuntimeError("the blaster is gone")

    def go(self) -> None:
        """Let it send, where it was started with ``--held``."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@contextmanager
def blaster(*options: str) -> Iterator[Blaster]:
    """Run a server while the block runs."""
    server = Blaster(*options)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()


@contextmanager
def home(url: str = "", **more: str) -> Iterator[dict[str, str]]:
    """Yield an environment with an empty home, and a token already cached there."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"HOME": folder, "PATH": os.environ["PATH"], "LANG": "C.UTF-8", **more}
        env["TERM"] = "xterm-256color"
        if url:
            env |= {"WEBSOCKET_SERVER_URL": url, "WEBSOCKET_USERNAME": "demo"}
            login = {**env, "WEBSOCKET_PASSWORD": "demo"}
            command = [NOTIFYWS, "token"]
            subprocess.run(command, env=login, check=True, stdout=subprocess.DEVNULL)
        yield env


def wall(command: Sequence[str], env: dict[str, str] | None = None) -> float:
    """Return the seconds that a command takes from its start to its end."""
    started = time.perf_counter()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


@contextmanager
def piped(
    command: Sequence[str], env: dict[str, str] | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command with its stdout in a pipe of ours, and its stdin held open."""
    process = subprocess.Popen(
        command,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def first_line(command: Sequence[str], env: dict[str, str] | None = None) -> float:
    """Return the seconds from a process's start to its first whole line."""
    started = time.perf_counter()
    with piped(command, env) as process:
        assert process.stdout is not None
        while b"\n" not in (piece := os.read(process.stdout.fileno(), 65536)):
            if not piece:
                raise RuntimeError(f"{command[0]} ended without a line")
        return time.perf_counter() - started


def last_line(
    command: Sequence[str], server: Blaster, count: int, env: dict[str, str] | None
) -> float:
    """Return the seconds from the first frame sent to line number ``count``."""
    with piped(command, env) as process:
        assert process.stdout is not None
        left, fd = count, process.stdout.fileno()
        while left > 0:
            piece = os.read(fd, 1 << 20)
            if not piece:
                raise RuntimeError(f"{command[0]} lost {left} of {count} lines")
            left -= piece.count(b"\n")
        ended = time.monotonic()
        return ended - float(server.said("sent"))
