"""The live view: notifications scroll as ordinary output above one footer line.

Owns the terminal between ``start`` and ``stop``. The cursor rests, hidden, at the
start of the footer line; whatever comes next erases from there down. So a resized
terminal that has folded the footer is cleaned as well, which a cursor at the end of
the line does not allow (rich.live: 7,700 prints a second at most, and leftovers).
A burst is one write; between writes nothing is held back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from notifyws.events import Event
from notifyws.models import Notification
from notifyws.view.cards import drawn
from notifyws.view.footer import Status, footer, paint_footer
from notifyws.view.look import Look

__all__ = ["LiveView", "Screen", "terminal_width"]

_ERASE = "\r\x1b[J"
_HIDE = "\x1b[?25l"
_RESTORE = "\x1b\\\x1b[0m\r\x1b[J\x1b[?25h"
_SLICE = 200
_REFRESH = 0.25
_FAREWELL = 0.25


class Screen(Protocol):
    """Where drawn bytes go; :class:`~notifyws.view.output.Output` is one."""

    async def write(self, data: bytes) -> None:
        """Write all of it, waiting for room."""

    def write_now(self, data: bytes, *, patience: float = 0.0) -> bool:
        """Write it if there is room within ``patience`` seconds."""


class LiveView:
    """Draws notifications and one line of status on a terminal.

    Args:
        look: how things are drawn; without a cursor there is no footer, and events
            are printed as lines instead.
        screen: where it is drawn.
        status: gives what the footer tells, whenever it is asked.
        width: gives the terminal's columns.
        now: the monotonic clock of the status, in seconds.
    """

    def __init__(
        self,
        look: Look,
        screen: Screen,
        status: Callable[[], Status],
        *,
        width: Callable[[], int],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._screen = screen
        self._status = status
        self._width = width
        self._now = now
        self._shown = ""
        self._shown_at = -_REFRESH
        self._shown_width = 0
        self._running = False

    def start(self) -> None:
        """Hide the cursor and draw the first footer."""
        self._running = self._look.cursor
        self._send_now(_HIDE + self._fresh_footer())

    async def show(self, batch: Sequence[Notification | Event]) -> None:
        """Print a burst, oldest first, and the footer under it.

        Raises:
            ReaderGone: the terminal is gone.
            OutputFailed: it cannot be written.
        """
        width = max(1, self._width())
        for start in range(0, len(batch), _SLICE):
            part = batch[start : start + _SLICE]
            text = "".join([drawn(item, self._look, width) for item in part])
            if self._running:
                text = _ERASE + text + self._recent_footer(width)
            await self._screen.write(self._look.encode(text))

    def tick(self) -> None:
        """Repaint the footer if it would look different; call it twice a second."""
        before = self._shown
        footer_now = self._fresh_footer()
        if before != footer_now and not self._send_now(_ERASE + footer_now):
            self._shown = ""

    def stop(self) -> None:
        """Remove the footer and give the terminal back as it was."""
        if self._running:
            text = self._look.encode(_RESTORE)
            self._screen.write_now(text, patience=_FAREWELL)
        self._running = False

    def _recent_footer(self, width: int) -> str:
        """Return the footer as last drawn, made anew four times a second at most."""
        late = self._now() - self._shown_at >= _REFRESH
        fits = self._shown and width == self._shown_width
        return self._shown if fits and not late else self._fresh_footer()

    def _fresh_footer(self) -> str:
        width, now = max(1, self._width()), self._now()
        parts = footer(self._status(), now, width - 1)
        self._shown = paint_footer(parts, self._look) + "\r"
        self._shown_at, self._shown_width = now, width
        return self._shown

    def _send_now(self, text: str) -> bool:
        return self._running and self._screen.write_now(self._look.encode(text))


def terminal_width(fd: int, environ: Mapping[str, str]) -> Callable[[], int]:
    """Return what tells the columns of a terminal: ``COLUMNS`` first, else asked.

    Args:
        fd: the terminal; 80 columns where it does not say.
        environ: the process's environment.
    """
    given = environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return lambda: int(given)

    def ask() -> int:
        try:
            return os.get_terminal_size(fd).columns or 80
        except OSError:
            return 80

    return ask
