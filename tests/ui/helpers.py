"""What the tests of the view share: a notification, a terminal to look at."""

import asyncio
import fcntl
import os
import pty
import struct
import termios
import time
from contextlib import asynccontextmanager
from datetime import UTC

import pyte

from notifyws.config.settings import Settings
from notifyws.models import Notification
from notifyws.ui.footer import Status
from notifyws.ui.key_bindings import KeyBindings
from notifyws.ui.live import LiveView
from notifyws.ui.live_renderer import LiveRenderer
from notifyws.ui.output import Output, terminal_width
from notifyws.ui.terminal_session import TerminalSession
from notifyws.ui.theme import Theme

RECEIVED = "2024-01-15T10:30:00Z"
SETTINGS = Settings(url="wss://ws.example.com/socket")
PLAIN = Theme(SETTINGS, zone=UTC)
COLOUR = Theme(SETTINGS, colour=True, zone=UTC)
LINKED = Theme(SETTINGS, colour=True, hyperlinks=True, zone=UTC)

TRIP = {
    "type": "trip_update",
    "title": "Trip Started",
    "message": "Your driver has started the trip",
    "link": "/trips/123",
    "data": {"tripId": "123"},
    "timestamp": RECEIVED,
}


def note(**fields):
    return Notification({"type": "note", **fields}, RECEIVED)


def trip(**fields):
    return Notification({**TRIP, **fields}, RECEIVED)


def screen_of(data, columns=80, rows=24):
    """Return the emulated screen after ``data``, with its scrollback."""
    screen = pyte.HistoryScreen(columns, rows, history=20_000, ratio=1)
    pyte.ByteStream(screen).feed(data)
    return screen


def seen_on(screen):
    """Return every line of a screen and its scrollback, without trailing space."""
    past = [
        "".join(line[x].data for x in range(screen.columns)).rstrip()
        for line in screen.history.top
    ]
    return past + [line.rstrip() for line in screen.display]


class Terminal:
    """A real pseudo-terminal; reads what is written to it while the loop runs."""

    def __init__(self, columns=80, rows=24):
        self.columns, self.rows = columns, rows
        self.output = None
        self.master, self.slave = pty.openpty()
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, size)
        os.set_blocking(self.master, False)
        self.data = b""

    def drain(self):
        try:
            while chunk := os.read(self.master, 65_536):
                self.data += chunk
        except BlockingIOError:
            pass

    def screen(self):
        self.drain()
        return screen_of(self.data, self.columns, self.rows)

    @asynccontextmanager
    async def showing(self, theme, *statuses, now=lambda: 0.0):
        """Give a view that has begun on it, with a line for each status."""
        self.output = Output(self.slave)
        size = {
            "width": terminal_width(self.slave, {}),
            "lines": lambda: len(statuses),
        }
        view = LiveView(theme, self.output, lambda: statuses, **size, now=now)
        async with self.reading():
            view.start()
            yield view

    @asynccontextmanager
    async def reading(self):
        loop = asyncio.get_running_loop()
        loop.add_reader(self.master, self.drain)
        yield
        loop.remove_reader(self.master)

    def close(self):
        if self.output is not None:
            self.output.close()
        os.close(self.slave)
        os.close(self.master)


def live_renderer(view, say=print):
    """Return the renderer of ``listen`` around a view, with nobody at the keyboard."""
    keys = KeyBindings(view, lambda: [Status("connected")], time.monotonic, bool, bool)
    session = TerminalSession(view, keys.press, keys=None, drawn_on=-1)
    return LiveRenderer(view, session, keys, [], say, lambda *died: None)
