"""A real pseudo-terminal with a terminal emulator behind it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyte

from tests.e2e.support import COMMAND, until
from tests.support.forks import Forks


class Terminal:
    """A command in a terminal of some size."""

    def __init__(
        self,
        *args: str,
        env: Mapping[str, str],
        cwd: Path,
        columns: int = 80,
        rows: int = 24,
        program: Sequence[str] = (),
        forks: Forks | None = None,
    ) -> None:
        self.master, self.slave = pty.openpty()
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, size)
        self.before = termios.tcgetattr(self.slave)
        self.screen = pyte.HistoryScreen(columns, rows, history=2000)
        self.stream = pyte.ByteStream(self.screen)
        self.raw, self._text, self._drawn = b"", "", 0
        self._drawing = threading.Lock()
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), self.slave)
        self.process: Any = (
            forks.start(args, env, cwd, **streams, has_terminal=True)
            if forks
            else subprocess.Popen(
                [*(program or [COMMAND]), *args],
                **streams,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
                preexec_fn=self._take_over,  # noqa: PLW1509 - one ioctl, no locks
            )
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _take_over(self) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            with self._drawing:
                self.raw += data
                self.stream.feed(data)

    @property
    def text(self) -> str:
        with self._drawing:  # a character may be half drawn
            if self._drawn != len(self.raw):  # it takes 3 ms, and is asked for often
                self._drawn = len(self.raw)
                lines = (line.rstrip() for line in self.screen.display)
                self._text = "\n".join(lines).rstrip()
        return self._text

    def shows(self, words: str, patience: float = 15.0) -> None:
        until(lambda: words in self.text, f"{words!r} on\n{self.text}", patience)

    def asks_hidden(self, words: str) -> None:
        """Wait for a password's prompt; what is typed before echo is off gets lost."""
        self.shows(words)
        until(lambda: not self.modes[3] & termios.ECHO, "a prompt without echo")

    def type(self, keys: str) -> None:
        self.type_bytes(keys.encode())

    def type_bytes(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def resize(self, columns: int, rows: int = 24) -> None:
        """Change the size as a window manager does; what is shown is not reflowed."""
        with self._drawing:
            self.screen.resize(rows, columns)
            self._drawn = -1
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, size)

    @property
    def footer(self) -> str:
        return self.text.split("\n")[-1]

    @property
    def modes(self) -> list:
        """The terminal's attributes now."""
        return termios.tcgetattr(self.slave)

    @property
    def reads_by_key(self) -> bool:
        return not self.modes[3] & (termios.ICANON | termios.ECHO)

    def wait(self) -> int:
        code = self.process.wait(15)
        until(self._quiet, "silence")
        return code

    def _quiet(self) -> bool:
        size = len(self.raw)
        threading.Event().wait(0.05)
        return len(self.raw) == size

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.slave)
        os.close(self.master)
        self._thread.join(5)
