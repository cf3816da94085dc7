"""The one way to stderr: lines of talk, which nobody has to read.

A pipe that nobody reads, or a terminal that is held (Ctrl-S), holds up nobody: what has
no room waits here, up to so much, and goes out when there is some. How many lines were
left out is said then. Poll says whether a piece can be written without waiting, as for
stdout (``output``); O_NONBLOCK is never set on what others share.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

PATIENCE, AT_THE_END = 0.2, 1.0
"""Seconds that a line waits for room where none waits before it; and where nothing else
is held up any more."""
RETRY = 0.25
"""Seconds between two looks for room, while an event loop runs."""
MOST = 64 << 10
"""Bytes that wait at most."""
PIECE, TERMINAL_PIECE = min(select.PIPE_BUF, 4096), 256
"""Bytes that are written at once: a pipe takes that many where it takes any."""


class Talk:
    """Writes lines to a file descriptor, in order, without being held up.

    Attributes:
        make_room: is entered around what is written to a terminal: what is drawn there
            makes room for it.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.make_room: Callable[[], AbstractContextManager[object]] = nullcontext
        self._waiting = bytearray()
        self._left_out = 0
        self._patience = PATIENCE
        self._looking: Any = None
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def wait_longer(self) -> None:
        """Let a slow reader have what is said at an end: there is nothing later."""
        self._patience = AT_THE_END

    def hurry(self) -> None:
        """Be as at the beginning."""
        self._patience = PATIENCE

    def say(self, line: bytes) -> None:
        """Write a line, now or later; never raises."""
        patience = 0.0 if self._waiting else self._patience
        if len(self._waiting) < MOST:
            self._waiting += line
        else:
            self._left_out += 1
        self.flush(patience)
        self._look_again()

    def show(self, picture: bytes) -> None:
        """Write what is worth nothing later, such as a bar, or leave it."""
        if not self._waiting:
            self._waiting += picture
            self.flush()
            self._waiting.clear()

    def flush(self, patience: float = 0.0) -> None:
        """Write what waits, as far as there is room for it within some seconds."""
        if not self._waiting:
            return
        on_terminal = os.isatty(self._descriptor)
        size = TERMINAL_PIECE if on_terminal else PIECE
        with self.make_room() if on_terminal else nullcontext():
            while self._waiting and self._poll.poll(patience * 1000):
                if not self._write(size):
                    return

    def _write(self, size: int) -> bool:
        try:
            written = os.write(self._descriptor, self._waiting[:size])
        except BlockingIOError:
            return False
        except OSError:  # whoever read it is gone, and so is what was to be read
            written, self._left_out = len(self._waiting), 0
        del self._waiting[:written]
        if self._left_out and not self._waiting:
            self._waiting += b"(%d lines more were left out here)\n" % self._left_out
            self._left_out = 0
        return True

    def _look_again(self) -> None:
        """Look for room in a while, where a loop runs that can wake us."""
        asyncio = sys.modules.get("asyncio")
        if not self._waiting or asyncio is None:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._looking is not loop:
            self._looking = loop
            loop.call_later(RETRY, self._again)

    def _again(self) -> None:
        self._looking = None
        self.flush()
        self._look_again()
