"""The live view as a renderer: holds bursts back during a pause, and draws the others.

Puts the parts of the live view together and decides what of a burst it shows: states
are the footer's to tell, notifications, gaps and errors scroll by and stay.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import datetime
from typing import TYPE_CHECKING

from notifyws.delivery.filters import Selection
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Item
from notifyws.events import Event, Failure, Gap
from notifyws.models import Frame, Notification
from notifyws.tasks import Died, background
from notifyws.ui import streams
from notifyws.ui.key_bindings import KeyBindings
from notifyws.ui.lines import event_line
from notifyws.ui.live import LiveView
from notifyws.ui.output import Output, terminal_lines, terminal_width
from notifyws.ui.renderers import Renderer
from notifyws.ui.status_tracker import StatusTracker
from notifyws.ui.terminal_session import TerminalSession
from notifyws.ui.theme import Theme

if TYPE_CHECKING:
    from notifyws.service import NotificationService

FRAME = 0.03
"""Seconds between drawings that nobody would see apart. Ten thousand notifications a
second that come one by one take 90 % of a core when each is drawn as it comes."""
FOOTER = 3
"""The footer has one of so many lines of a terminal, and one at least."""
FEW = 1000
"""Notifications that are worth waiting for more."""


class LiveRenderer(Renderer):
    """The live view; where the cursor cannot be moved, events are lines on stderr.

    Args:
        services: count what is held back during a pause as not shown yet.
        say: writes a line to stderr.
        died: is told when what was held back cannot be printed.
    """

    def __init__(
        self,
        view: LiveView,
        session: TerminalSession,
        keys: KeyBindings,
        services: Sequence[NotificationService],
        say: Callable[[str], None],
        died: Died,
    ) -> None:
        self._view = view
        self._session = session
        self._keys = keys
        self._services = services
        self._say = say
        self._died = died
        self._few = False
        self._buffer: list[Item] = []
        self._printing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take the terminal and draw the footer."""
        streams.TALK.make_room = self._view.room_made
        self._session.begin()

    def stop(self) -> None:
        """Give the terminal back."""
        streams.TALK.make_room = nullcontext
        self._session.end()

    def tick(self) -> None:
        """Repaint the footer, if the terminal is ours."""
        self._session.look()
        self._view.tick()

    async def show(self, burst: Sequence[Item]) -> None:
        """Draw a burst, or keep it while nothing is to be printed."""
        self._few = len(burst) < FEW
        if self._printing is None and not self._keys.paused:
            await self._draw(burst)
            return
        self._buffer.extend(burst)
        self._keys.buffered = len(self._buffer)
        if self._printing is None:
            for service in self._services:
                service.listener.queue.hold()
            self._printing = background("the view", self._print_buffer(), self._died)

    async def ready(self, queue: DeliveryQueue[Item]) -> None:
        """Return when the next burst may come; one that was small is let grow."""
        if self._few:
            await queue.rest(FRAME)

    async def finish(self) -> None:
        """Print what was held back: nothing more will come."""
        self._keys.resume()
        if self._printing is not None:
            await asyncio.shield(self._printing)

    async def _print_buffer(self) -> None:
        """Draw the buffer, in its order, once it may be printed."""
        try:
            while self._buffer:
                await self._keys.resumed()
                buffer, self._buffer = self._buffer, []
                await self._draw(buffer)
                self._keys.buffered = len(self._buffer)
        finally:
            self._printing = None
            for service in self._services:
                service.listener.queue.release()

    async def _draw(self, burst: Sequence[Item]) -> None:
        items = [item for item in burst if not isinstance(item, Frame)]
        if not self._view.scroll.theme.cursor:
            for item in items:
                if not isinstance(item, (Notification, Gap)):
                    self._say(event_line(item))
        shown = [item for item in items if self._stays(item)]
        if shown:
            await self._view.show(shown)

    def _stays(self, item: Notification | Event) -> bool:
        match item:
            case Notification():
                return self._keys.admits(item)
            case Gap() | Failure(type="invalid_message" | "server_error"):
                return True
            case _:
                return False


def live_renderer(
    theme: Theme,
    services: Sequence[NotificationService],
    output: Output,
    selection: Selection,
    say: Callable[[str], None],
    quit_: Callable[[], None],
    died: Died,
) -> LiveRenderer:
    """Return the live view of services; see :func:`~.renderers.choose_renderer`."""
    from notifyws.delivery.sinks.exec import hook_environment

    def browse(url: str) -> bool:
        return open_link(url, hook_environment(os.environ))

    trackers = []
    for service in services:
        label = theme.servers.get(service.label)
        name = (label.text, label.colour) if label else ("", "")
        trackers.append(StatusTracker(service, selection, _awake_or_not, name))
    view = LiveView(
        theme,
        output,
        lambda: keys.statuses(),  # noqa: PLW0108 - they are made with this view
        width=terminal_width(1, os.environ),
        lines=lambda: terminal_lines(1) // FOOTER,
        now=_awake_or_not,
        today=datetime.now().astimezone(theme.zone).date(),
    )
    keys = KeyBindings(
        view, lambda: [each.status() for each in trackers], _awake_or_not, browse, quit_
    )
    for service, tracker in zip(services, trackers, strict=True):
        service.listener.observers += [tracker, lambda event: view.tick()]
    terminal = 0 if theme.cursor and os.isatty(0) else None
    session = TerminalSession(view, keys.press, keys=terminal, drawn_on=1)
    return LiveRenderer(view, session, keys, services, say, died)


def _awake_or_not() -> float:
    """Return seconds on a clock that goes on while the machine sleeps."""
    from notifyws.clock import suspended

    return time.monotonic() + suspended()


def open_link(url: str, environment: Mapping[str, str]) -> bool:
    """Start a browser with ``url``; return whether there is one to start.

    It gets none of our terminal.

    Args:
        url: http, https or mailto.
        environment: all that it gets, so none of our secrets; ``BROWSER`` names the
            person's choice, with ``%s`` where the URL goes, several with ``:`` between.
    """
    for name, *arguments in _commands(url, environment):
        program = shutil.which(name, path=environment.get("PATH"))
        if program is None:
            continue
        with suppress(OSError):
            process = subprocess.Popen(  # noqa: S603 - the person's own browser, without a shell
                [program, *arguments],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            threading.Thread(target=process.wait, daemon=True).start()  # no zombie
            return True
    return False


def _commands(url: str, environment: Mapping[str, str]) -> Iterator[list[str]]:
    for chosen in filter(None, environment.get("BROWSER", "").split(":")):
        try:
            words = shlex.split(chosen)
        except ValueError:
            continue
        named = any("%s" in word for word in words)
        yield [word.replace("%s", url) for word in words] + ([] if named else [url])
    for opener in ("open",) if sys.platform == "darwin" else ("xdg-open", "wslview"):
        yield [opener, url]
