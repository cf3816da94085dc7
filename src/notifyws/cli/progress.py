"""How far ``send --lines`` is: one line on a terminal, gone in the end.

It is drawn by hand and never hides the cursor: whatever ends or stops us, Ctrl-Z and
a forced signal too, leaves a terminal that can be used. Where nobody would see it,
nothing is drawn.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from notifyws.cli.streams import say

__all__ = ["Bar", "NoBar", "bar", "picture"]

EVERY = 0.1
"""Seconds between two drawings."""
CELLS = 24
"""Width of the bar itself."""
CLEARED = "\r\x1b[K"


class NoBar:
    """Draws nothing."""

    def read(self, size: int) -> None:
        """Take note of bytes that were read."""

    def sent(self, count: int) -> None:
        """Take note of messages that were dealt with."""

    def say(self, text: str) -> None:
        """Say a line."""
        say(text)

    def warn(self, text: str) -> None:
        """Say a warning."""
        self.say(f"warning: {text}")

    def end(self) -> None:
        """Leave the terminal as it was; what is said later is said all the same."""


class Bar(NoBar):
    """Draws messages, their rate, and how much of the input is read.

    Args:
        total: bytes of the input; ``None`` where nobody knows.
        now: monotonic seconds.
    """

    def __init__(
        self, total: int | None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._total = total
        self._now = now
        self._started = now()
        self._next = self._started
        self._read = 0
        self._count = 0
        self._line = ""

    def read(self, size: int) -> None:
        """Take note of bytes that were read."""
        self._read += size
        self._draw()

    def sent(self, count: int) -> None:
        """Take note of messages that were dealt with."""
        self._count += count
        self._draw()

    def say(self, text: str) -> None:
        """Say a line above the bar."""
        line = self._line
        self.end()
        say(text)
        self._show(line)

    def end(self) -> None:
        """Leave the terminal as it was; what is said later is said all the same."""
        if self._line:
            _write(CLEARED)
            self._line = ""

    def _draw(self) -> None:
        now = self._now()
        if now < self._next or not _in_front():
            return
        self._next = now + EVERY
        share = min(self._read / self._total, 1.0) if self._total else None
        rate = self._count / max(now - self._started, EVERY)
        self._show(picture(share, self._count, rate, _width()))

    def _show(self, line: str) -> None:
        if line:
            _write(f"\r{line}\x1b[K")
            self._line = line


def picture(share: float | None, count: int, rate: float, width: int) -> str:
    """Return the line to draw; it never fills the last cell, which would wrap.

    Args:
        share: of the input that is read; ``None`` where nobody knows.
        count: messages that were dealt with.
        rate: messages a second.
        width: cells of the screen.
    """
    said = f"{count:,} messages, {rate:,.0f}/s"
    if share is not None:
        said = f"{share:4.0%} {said}"
        drawn = f"[{'#' * int(share * CELLS):<{CELLS}}] {said}"
        said = drawn if len(drawn) < width else said
    return said[: max(width - 1, 0)]


@contextmanager
def bar(*, wanted: bool) -> Iterator[NoBar]:
    """Give what shows how far it is, where stderr is a terminal that can.

    Args:
        wanted: whether anybody wants to see it.
    """
    dumb = os.environ.get("TERM", "") in ("", "dumb", "unknown")
    drawn = wanted and os.isatty(2) and not dumb
    shown = Bar(_size()) if drawn else NoBar()
    try:
        yield shown
    finally:
        shown.end()


def _size() -> int | None:
    """Return how much stdin still holds, where it is a file."""
    found = os.fstat(0)
    if not stat.S_ISREG(found.st_mode):
        return None
    return max(found.st_size - os.lseek(0, 0, os.SEEK_CUR), 0)


def _in_front() -> bool:
    """Return whether the terminal is ours, and not that of a shell we run behind."""
    try:
        return os.tcgetpgrp(2) == os.getpgrp()
    except OSError:
        return True


def _width() -> int:
    """Return the cells of the screen; 80 where it does not tell."""
    with suppress(OSError):
        return os.get_terminal_size(2).columns or 80
    return 80


def _write(text: str) -> None:
    with suppress(OSError):
        os.write(2, text.encode())
