"""What the keys of the live view do; every one of them is only a convenience.

Owns what the person at the keyboard has asked for since the start: a pause, a filter,
``data`` shown or not. Pausing holds back what is printed and nothing else: the queue
behind it fills up as behind any slow reader, so nothing is lost in silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from notifyws.delivery.filters import matcher
from notifyws.errors import OutputFailed, UsageError
from notifyws.models import Notification
from notifyws.tasks import background
from notifyws.ui.footer import Status
from notifyws.ui.keys import Line
from notifyws.ui.live import LiveView
from notifyws.ui.output import ReaderGone

__all__ = ["KEYS", "KeyActions", "KeyBindings"]

KEYS = (
    "p pause or resume · / filter · d data on or off · o open the last link · "
    "Enter a blank line · ? these keys · q quit"
)
NOTICE = 3.0
"""Seconds that the footer tells what a key has done."""


class KeyActions(Struct, frozen=True):
    """What is needed of the world.

    Args:
        status: how the connection is.
        now: monotonic seconds.
        open_link: opens a URL in a browser; returns whether there is one.
        quit: ends the listening.
    """

    status: Callable[[], Status]
    now: Callable[[], float]
    open_link: Callable[[str], bool]
    quit: Callable[[], None]


class KeyBindings:
    """Keeps what was asked for by keys, and does it.

    Args:
        means: what is needed of the world.

    Attributes:
        held: how many notifications wait for the end of a pause.
    """

    def __init__(self, means: KeyActions) -> None:
        self._means = means
        self._view: LiveView | None = None
        self._resumed = asyncio.Event()
        self._resumed.set()
        self.held = 0
        self._filter = ""
        self._passes: Callable[[Notification], bool] | None = None
        self._hidden = 0
        self._typed: Line | None = None
        self._notice = ("", 0.0)
        self._saying: set[asyncio.Task[None]] = set()

    def steer(self, view: LiveView) -> None:
        """Let keys have their effect on a view."""
        self._view = view

    def status(self) -> Status:
        """Return how the connection is, and what was asked for."""
        status, (notice, until) = self._means.status(), self._notice
        return replace(
            status,
            queued=status.queued + self.held,
            paused=self.paused,
            filter=self._filter,
            hidden=self._hidden,
            notice=notice if self._means.now() < until else "",
        )

    def admits(self, notification: Notification) -> bool:
        """Return whether a notification passes the filter that was typed."""
        if self._passes is None or self._passes(notification):
            return True
        self._hidden += 1
        return False

    @property
    def paused(self) -> bool:
        """Whether nothing is to be printed now."""
        return not self._resumed.is_set()

    async def resumed(self) -> None:
        """Return when things may be printed."""
        await self._resumed.wait()

    def resume(self) -> None:
        """End a pause, if there is one."""
        self._resumed.set()

    def press(self, key: str) -> None:
        """Do what a key stands for."""
        if self._view is None:
            return
        if self._typed is not None:
            self._type(self._typed, key)
            return
        match key:
            case "p" | " ":
                self._pause()
            case "/":
                self._ask(Line(self._filter))
            case "d":
                self._toggle_data()
            case "o":
                self._open()
            case "?" | "h":
                self._say(KEYS)
            case "enter":
                self._say("")
            case "q":
                self._means.quit()
            case "redraw":
                self._view.redraw()
            case _:
                self._tell("? for the keys")

    def _pause(self) -> None:
        if self.paused:
            self.resume()
        else:
            self._resumed.clear()
        self._tell("")

    def _toggle_data(self) -> None:
        assert self._view is not None
        look = self._view.look
        self._view.look = replace(look, verbose=not look.verbose)
        self._tell("data off" if look.verbose else "data on")

    def _open(self) -> None:
        assert self._view is not None
        link = self._view.last_link
        if link is None:
            self._tell("no link yet")
        elif self._means.open_link(link):
            self._tell(f"opened {link}")
        else:
            self._tell("no browser found: set BROWSER")

    def _ask(self, line: Line, problem: str = "") -> None:
        assert self._view is not None
        self._typed = line
        self._notice = (problem, self._means.now() + NOTICE)
        self._view.ask("filter: ", line)

    def _type(self, line: Line, key: str) -> None:
        if key == "escape":
            self._typed_away()
        elif key == "enter":
            self._choose(line.text.strip())
        else:
            self._ask(line.after(key))

    def _choose(self, expression: str) -> None:
        try:
            passes = self._compiled(expression) if expression else None
        except UsageError as error:
            self._ask(Line(expression), error.message)
            return
        self._filter, self._passes, self._hidden = expression, passes, 0
        self._typed_away()

    def _compiled(self, expression: str) -> Callable[[Notification], bool]:
        return matcher(expression, "the filter", self._tell)

    def _typed_away(self) -> None:
        assert self._view is not None
        self._typed = None
        self._view.asked()

    def _tell(self, notice: str) -> None:
        self._notice = (notice, self._means.now() + NOTICE)
        if self._view is not None:
            self._view.redraw()

    def _say(self, text: str) -> None:
        task = background("the view", self._said(text), self._died)
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    def _died(self, said: str, error: Exception) -> None:
        self._tell(said)

    async def _said(self, text: str) -> None:
        assert self._view is not None
        try:
            await self._view.say(text)
        except (ReaderGone, OutputFailed):
            return  # whoever shows notifications will find out, too
