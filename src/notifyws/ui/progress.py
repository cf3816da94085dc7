"""How far a long input is: one line on a terminal, gone in the end.

Rich draws its bar; printed it is here, without a live display: no thread draws behind
a shell, and the cursor is never hidden. Whatever ends or stops us, Ctrl-Z and a forced
signal too, leaves a terminal that can be used.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from notifyws.ui.output import in_front, terminal_width
from notifyws.ui.streams import TALK, say
from notifyws.ui.theme import Theme

EVERY = 0.1
"""Seconds between two drawings."""
CELLS = 24
"""Width of the bar itself."""
CLEARED = "\r\x1b[K"


class Progress:
    """Draws messages, their rate, and how much of the input is read, on stderr.

    Args:
        theme: how it is drawn; ``None`` where nobody would see it.
        total: bytes of the input; ``None`` where nobody knows.
        now: monotonic seconds.
        width: cells of the screen.
    """

    def __init__(
        self,
        theme: Theme | None = None,
        total: int | None = None,
        now: Callable[[], float] = time.monotonic,
        width: Callable[[], int] | None = None,
    ) -> None:
        self._theme = theme if theme is not None and theme.cursor else None
        self._total = total
        self._now = now
        self._width = width or terminal_width(2, os.environ)
        self._started = self._next = now()
        self._read = self._count = 0
        self._line = ""

    def read(self, size: int) -> None:
        """Take note of bytes that were read."""
        self._read += size
        self._draw()

    def sent(self, count: int) -> None:
        """Take note of messages that were dealt with."""
        self._count += count
        self._draw()

    def say(self, text: str, label: str = "") -> None:
        """Say a line above the bar."""
        line = self._line
        self.end()
        say(text, label)
        self._show(line)

    def warn(self, text: str) -> None:
        """Say a warning above the bar."""
        self.say(text, "warning")

    def end(self) -> None:
        """Leave the terminal as it was; what is said later is said all the same."""
        if self._line:
            TALK.show(CLEARED.encode())
            self._line = ""

    def _draw(self) -> None:
        now = self._now()
        if self._theme is None or now < self._next or not in_front(2):
            return
        self._next = now + EVERY
        rate = self._count / max(now - self._started, EVERY)
        said = f"{self._count:,} messages, {rate:,.0f}/s"
        share = min(self._read / self._total, 1.0) if self._total else None
        self._show(_picture(said, share, self._theme, self._width() - 1))

    def _show(self, line: str) -> None:
        if line and self._theme is not None:
            TALK.show(self._theme.encode(f"\r{line}\x1b[K"))
            self._line = line


def _picture(said: str, share: float | None, theme: Theme, width: int) -> str:
    """Return the words, behind a bar where there is room for one."""
    from rich.progress_bar import ProgressBar

    if share is not None:
        said = f"{share:4.0%} {said}"
    if share is None or CELLS + 1 + len(said) > width:
        return said[: max(width, 0)]
    bar = ProgressBar(1.0, share, CELLS, False, "bright_black", "green", "green")
    return f"{theme.draw(bar):<{CELLS}} {said}"  # without colour it ends where it is
