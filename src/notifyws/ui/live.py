"""The live view: notifications scroll as ordinary output above a footer.

Owns the terminal between ``start`` and ``stop``. The cursor rests, hidden, at the
start of the footer (a line for each server); whatever comes next erases from there
down. So a resized terminal that has folded it is cleaned as well, which a cursor at its
end does not allow (rich.live: 7,700 prints a second at most, and leftovers).
The footer is drawn with the terminal's wrapping off: one drawn for a width that has
just changed is cut, and stays one line.
While something is typed, a line with the cursor in it stands above the footer.
A burst is one write; between writes nothing is held back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date

from rich.cells import cell_len

from notifyws.events import Event
from notifyws.models import Notification
from notifyws.ui.footer import Status, footers
from notifyws.ui.output import Output
from notifyws.ui.rows import Row, clip, hung
from notifyws.ui.scroll import Scroll
from notifyws.ui.theme import Theme, tint

_ERASE = "\r\x1b[J"
_HIDE = "\x1b[?25l"
_SHOW = "\x1b[?25h"
_CUT, _WRAP = "\x1b[?7l", "\x1b[?7h"
_RESTORE = f"\x1b\\\x1b[0m{_WRAP}{_ERASE}{_SHOW}"
_REFRESH = 0.25
_FAREWELL = 0.25


class LiveView:
    """Draws notifications, and a line of status for each server, on a terminal.

    Args:
        theme: how things are drawn; without a cursor there is no footer, and events
            are printed as lines instead.
        width: gives the terminal's columns.
        lines: gives how many lines the footer may have.
        now: the monotonic clock of the status, in seconds.
        today: the reader's day, for which no line is needed.

    Attributes:
        scroll: draws what goes by, and knows how, and the last link.
    """

    def __init__(
        self,
        theme: Theme,
        screen: Output,
        statuses: Callable[[], Sequence[Status]],
        *,
        width: Callable[[], int],
        lines: Callable[[], int] = lambda: 1,
        now: Callable[[], float] = time.monotonic,
        today: date | None = None,
    ) -> None:
        self.scroll = Scroll(theme, today)
        self._screen = screen
        self._statuses = statuses
        self._width = width
        self._lines = lines
        self._now = now
        self._typed: tuple[str, str] | None = None
        self._shown = ""
        self._shown_at = -_REFRESH
        self._shown_width = 0
        self._running = self._at_once = self._due = False

    def start(self) -> None:
        """Draw the first footer, with the cursor hidden."""
        self._running = self.scroll.theme.cursor
        self._send_now(_HIDE + self._fresh_area())

    async def show(self, batch: Sequence[Notification | Event]) -> None:
        """Print a burst, oldest first, and the footer under it.

        Raises:
            ReaderGone: the terminal is gone.
            OutputFailed: it cannot be written.
        """
        for rows in self.scroll.pages(batch, self._columns):
            await self._print(rows)

    async def say(self, text: str) -> None:
        """Print words of our own among the notifications.

        Raises:
            ReaderGone, OutputFailed: see :meth:`show`.
        """
        await self._print(hung([], text, self._columns, tint("dim")))

    async def _print(self, rows: list[Row]) -> None:
        text = self.scroll.theme.page(rows)
        if self._running:
            text = _ERASE + text + self._recent_area()
        await self._screen.write(self.scroll.theme.encode(text))

    def ask(self, before: str, behind: str) -> None:
        """Show a line that is being typed, until :meth:`asked` says it is done.

        Args:
            before: what stands before the cursor.
            behind: what stands behind it.
        """
        self._typed = (before, behind)
        self.redraw()

    def asked(self) -> None:
        """Take the typed line away."""
        self._typed = None
        self._send_now(_HIDE)
        self.redraw()

    def tick(self) -> None:
        """Repaint the footer if it would look different; call it twice a second."""
        self._repaint(self._shown)

    def redraw(self) -> None:
        """Repaint the footer: the terminal has changed, or what it tells."""
        self._repaint(None)

    @contextmanager
    def drawn_once(self) -> Iterator[None]:
        """Have all that is to be repainted in the block repainted once, at its end."""
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False
            if self._due:
                self.redraw()

    def _repaint(self, seen: str | None) -> None:
        self._due = self._at_once
        if self._due:
            return
        area = self._fresh_area()
        if area != seen and not self._send_now(_ERASE + area):
            self._shown = ""

    @contextmanager
    def room_made(self) -> Iterator[None]:
        """Have lines of others stand above the footer, which is gone meanwhile."""
        self._send_now(_ERASE)
        try:
            yield
        finally:
            self.redraw()

    def stop(self) -> None:
        """Remove the footer and give the terminal back as it was."""
        if self._running:
            text = self.scroll.theme.encode(_RESTORE)
            self._screen.write_now(text, patience=_FAREWELL)
        self._running = False

    def abandon(self) -> None:
        """Draw no footer any more: the terminal is somebody else's by now."""
        self._running = False

    @property
    def _columns(self) -> int:
        return max(1, self._width())

    def _recent_area(self) -> str:
        """Return the footer as last drawn, made anew four times a second at most."""
        late = self._now() - self._shown_at >= _REFRESH
        fits = self._shown and self._columns == self._shown_width
        return self._shown if fits and not late else self._fresh_area()

    def _fresh_area(self) -> str:
        width, now = self._columns, self._now()
        most = max(1, self._lines())
        drawn = footers(self._statuses(), now, width - 1, most)
        below = "\n".join(map(self.scroll.theme.draw, drawn))
        back = f"\x1b[{len(drawn) - 1}A" if len(drawn) > 1 else ""
        self._shown = f"{_CUT}{below}{_WRAP}\r{back}"
        if self._typed is not None:
            self._shown = self._typing(*self._typed, width - 1, self._shown)
        self._shown_at, self._shown_width = now, width
        return self._shown

    def _typing(self, text: str, behind: str, room: int, below: str) -> str:
        """Return a line that is being typed, what is below, and the cursor in it.

        Of what does not fit, the beginning is left out: the cursor is always seen.
        """
        text = text[-room:] if room else ""
        while text and cell_len(text) > room - 1:
            text = text[1:]
        at = cell_len(text)
        right = f"\x1b[{at}C" if at else ""
        rest = clip(behind, room - at)
        return f"{text}{rest}\n{below}\x1b[A\r{right}{_SHOW}"

    def _send_now(self, text: str) -> bool:
        return self._running and self._screen.write_now(self.scroll.theme.encode(text))
