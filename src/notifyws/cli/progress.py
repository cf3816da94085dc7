"""How far ``send --lines`` is: a line on a terminal that is gone in the end.

Where nobody would see it, nothing is drawn and rich is not imported.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from notifyws.cli.streams import say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["Bar", "NoBar", "bar"]

EVERY = 0.1
"""Seconds between two drawings."""


class NoBar:
    """Draws nothing."""

    def read(self, size: int) -> None:
        """Take note of bytes that were read."""

    def sent(self, count: int) -> None:
        """Take note of messages that were dealt with."""

    def say(self, text: str) -> None:
        """Say a line."""
        say(text)

    def end(self) -> None:
        """Leave the terminal as it was."""


class Bar(NoBar):
    """Draws messages, their rate, and how much of the input is read.

    Args:
        total: bytes of the input; ``None`` where nobody knows.
    """

    def __init__(self, total: int | None) -> None:
        self._progress, self._task = _drawn(total)
        self._started = time.monotonic()
        self._next = 0.0
        self._count = 0

    def read(self, size: int) -> None:
        """Take note of bytes that were read."""
        self._progress.advance(self._task, size)
        self._draw()

    def sent(self, count: int) -> None:
        """Take note of messages that were dealt with."""
        self._count += count
        self._draw()

    def say(self, text: str) -> None:
        """Say a line above the bar."""
        self._progress.stop()
        say(text)
        self._progress.start()

    def end(self) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()

    def _draw(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY
        rate = self._count / max(now - self._started, EVERY)
        said = f"{self._count:,} messages, {rate:,.0f}/s"
        self._progress.update(self._task, description=said)
        self._progress.refresh()


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


def _drawn(total: int | None) -> tuple[Progress, TaskID]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    whole = [BarColumn(), TaskProgressColumn()] if total else []
    progress = Progress(
        *whole,
        TextColumn("{task.description}"),
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    progress.start()
    return progress, progress.add_task("0 messages", total=total)
