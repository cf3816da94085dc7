"""Which keys the live view knows and what each does; every one is a convenience.

:data:`KEYS` is the whole of it: the line at ``?`` is made of it. Owns what the person
at the keyboard has asked for since the start: a pause, a filter, ``data`` shown or not.
Pausing holds back what is printed and nothing else: the queue behind it fills up as
behind any slow reader, so nothing is lost in silence.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from notifyws.delivery.filters import matcher
from notifyws.errors import OutputFailed, UsageError
from notifyws.models import Notification
from notifyws.protocol.expressions import LONGEST
from notifyws.tasks import background
from notifyws.ui.footer import Status
from notifyws.ui.live import LiveView
from notifyws.ui.streams import ReaderGone

NOTICE = 3.0
"""Seconds that the footer tells what a key has done."""
PASTE = 64
"""Keys that nobody presses at once: text that was pasted, which commands nothing."""


class KeyBindings:
    """Keeps what was asked for by keys, and does it.

    Args:
        now: monotonic seconds.
        open_link: opens a URL in a browser; returns whether there is one.

    Attributes:
        buffered: how many notifications wait for the end of a pause.
    """

    def __init__(
        self,
        view: LiveView,
        statuses: Callable[[], Sequence[Status]],
        now: Callable[[], float],
        open_link: Callable[[str], bool],
        quit_: Callable[[], None],
    ) -> None:
        self.view = view
        self._statuses = statuses
        self._now = now
        self._open_link = open_link
        self.quit = quit_
        self._resumed = asyncio.Event()
        self._resumed.set()
        self.buffered = 0
        self._filter = ""
        self._passes: Callable[[Notification], bool] | None = None
        self._hidden = 0
        self._typed: Line | None = None
        self._notice = ("", 0.0)
        self._saying: set[asyncio.Task[None]] = set()

    def statuses(self) -> list[Status]:
        """Return how each connection is; the first one says what was asked for."""
        (first, *others), (notice, until) = self._statuses(), self._notice
        first = replace(
            first,
            queued=first.queued + self.buffered,
            paused=self.paused,
            filter=self._filter,
            hidden=self._hidden,
            notice=notice if self._now() < until else "",
        )
        return [first, *others]

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

    def press(self, keys: Sequence[str]) -> None:
        """Do what keys stand for that came at once, and draw once.

        Of a paste, only what is typed counts: not what comes behind its first line.
        """
        pasted = len(keys) > PASTE
        with self.view.drawn_once():
            for key in keys:
                if pasted and self._typed is None:
                    self._tell("? for the keys")
                    return
                self._press(key)

    def _press(self, key: str) -> None:
        """Do what a key stands for; while a filter is typed, it is a letter."""
        if self._typed is not None:
            self._type(self._typed, key)
            return
        for known in KEYS:
            if key in known.names:
                known.act(self)
                return
        self._tell("? for the keys")

    def pause(self) -> None:
        """Stop printing, or go on."""
        if self.paused:
            self.resume()
        else:
            self._resumed.clear()
        self._tell("")

    def toggle_data(self) -> None:
        """Show ``data`` from now on, or no longer."""
        scroll = self.view.scroll
        verbose = not scroll.theme.verbose
        scroll.theme = replace(scroll.theme, verbose=verbose)
        self._tell("data on" if verbose else "data off")

    def open_link(self) -> None:
        """Open the last link in a browser."""
        link = self.view.scroll.last_link
        if link is None:
            self._tell("no link yet")
        elif self._open_link(link):
            self._tell(f"opened {link}")
        else:
            self._tell("no browser found: set BROWSER")

    def ask_filter(self) -> None:
        """Have a filter typed."""
        self._ask(Line(self._filter))

    def say(self, text: str) -> None:
        """Print words of our own among the notifications."""
        task = background(
            "the view", self._said(text), lambda said, _: self._tell(said)
        )
        self._saying.add(task)
        task.add_done_callback(self._saying.discard)

    def _ask(self, line: Line, problem: str = "") -> None:
        self._typed = line
        self._notice = (problem, self._now() + NOTICE)
        self.view.ask(f"filter: {line.before}", line.behind)

    def _type(self, line: Line, key: str) -> None:
        if key == "escape":
            self._typed_away()
        elif key == "enter":
            self._choose(line.text.strip())
        else:
            self._ask(line.after(key))

    def _choose(self, expression: str) -> None:
        if expression == self._filter:
            self._typed_away()
            return
        try:
            passes = (
                matcher(expression, "the filter", self._tell) if expression else None
            )
        except UsageError as error:
            self._ask(Line(expression), error.message)
            return
        self._filter, self._passes, self._hidden = expression, passes, 0
        self._typed_away()

    def _typed_away(self) -> None:
        self._typed = None
        self.view.asked()

    def _tell(self, notice: str) -> None:
        self._notice = (notice, self._now() + NOTICE)
        self.view.redraw()

    async def _said(self, text: str) -> None:
        try:
            await self.view.say(text)
        except (ReaderGone, OutputFailed):
            return  # whoever shows notifications will find out, too


class Key(NamedTuple):
    """A key: its names, the one that is shown first, what it does in words and deed."""

    names: tuple[str, ...]
    says: str
    act: Callable[[KeyBindings], None]


KEYS = (
    Key(("p", " "), "pause or resume", KeyBindings.pause),
    Key(("/",), "filter", KeyBindings.ask_filter),
    Key(("d",), "data on or off", KeyBindings.toggle_data),
    Key(("o",), "open the last link", KeyBindings.open_link),
    Key(("enter",), "a blank line", lambda keys: keys.say("")),
    Key(("?", "h"), "these keys", lambda keys: keys.say(key_help())),
    Key(("q",), "quit", lambda keys: keys.quit()),
    Key(("redraw",), "", lambda keys: keys.view.redraw()),
)
"""All of them; those without words are not shown."""


def key_help() -> str:
    """Return the line that tells the keys."""
    return " · ".join(
        f"{key.names[0].replace('enter', 'Enter')} {key.says}"
        for key in KEYS
        if key.says
    )


class Line(Struct, frozen=True):
    """A line of text with a cursor in it: what stands before it, and behind."""

    before: str = ""
    behind: str = ""

    @property
    def text(self) -> str:
        """All of it."""
        return self.before + self.behind

    def after(self, key: str) -> Line:
        """Return the line as a key leaves it; most keys with a name change nothing."""
        edit = _EDITS.get(key)
        if edit is not None:
            return Line(*edit(self.before, self.behind))
        fits = len(key) == 1 and len(self.text) < LONGEST
        return Line(self.before + key, self.behind) if fits else self


_EDITS: Mapping[str, Callable[[str, str], tuple[str, str]]] = {
    "left": lambda before, behind: (before[:-1], before[-1:] + behind),
    "right": lambda before, behind: (before + behind[:1], behind[1:]),
    "home": lambda before, behind: ("", before + behind),
    "end": lambda before, behind: (before + behind, ""),
    "backspace": lambda before, behind: (before[:-1], behind),
    "delete": lambda before, behind: (before, behind[1:]),
    "word": lambda before, behind: (re.sub(r"\S*\s*$", "", before, count=1), behind),
    "clear": lambda before, behind: ("", ""),
}
