"""The faces of ``listen``: live, plain, JSON Lines, raw; and the file beside them.

A face gets bursts of what passed and draws them; it decides nothing.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from notifyws.delivery.receiver import Frame, Item
from notifyws.errors import ConfigurationError, OutputFailed
from notifyws.events import Event, Failure, Gap
from notifyws.models import Notification
from notifyws.tasks import Died, background
from notifyws.ui.lines import event_json, event_line, plain_line
from notifyws.ui.output import Output, ReaderGone
from notifyws.ui.sanitize import harmless, safe_frame, text_only

if TYPE_CHECKING:
    from notifyws.ui.formatting import Shape
    from notifyws.ui.key_bindings import KeyBindings
    from notifyws.ui.live import LiveView
    from notifyws.ui.terminal_session import TerminalSession
    from notifyws.ui.theme import Look

__all__ = [
    "JsonRenderer",
    "LiveRenderer",
    "OutboxReader",
    "PlainRenderer",
    "RawRenderer",
    "Renderer",
    "ShapedRenderer",
    "Tee",
]


FRAME = 0.03
"""Seconds between drawings that nobody would see apart. Ten thousand notifications a
second that come one by one take 90 % of a core when each is drawn as it comes."""
FEW = 100
"""Notifications that are worth waiting for more."""


class OutboxReader(Protocol):
    """What counts notifications that were taken and are not shown yet."""

    def hold(self) -> None: ...
    def release(self) -> None: ...


class Renderer(Protocol):
    """Something that shows bursts."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def tick(self) -> None: ...
    async def show(self, burst: Sequence[Item]) -> None: ...
    async def ready(self) -> None: ...
    async def finish(self) -> None: ...


class _Lines:
    end = "\n"

    def __init__(self, output: Output) -> None:
        self._output = output

    def start(self) -> None:
        """Nothing to prepare."""

    def stop(self) -> None:
        """Nothing to restore."""

    def tick(self) -> None:
        """Nothing changes by itself."""

    async def ready(self) -> None:
        """There may always be more."""

    async def finish(self) -> None:
        """Nothing is held back."""

    def line(self, item: Item) -> str | None:
        """Return the line of an item, ``None`` when it has none."""
        raise NotImplementedError

    async def show(self, burst: Sequence[Item]) -> None:
        """Write the lines of a burst at once."""
        lines = [line for item in burst if (line := self.line(item)) is not None]
        if lines:
            text = self.end.join([*lines, ""])
            await self._output.write(text.encode("utf-8", "backslashreplace"))


class JsonRenderer(_Lines):
    """One strict JSON object a line.

    Args:
        output: where to.
        events: lifecycle lines as well.
    """

    def __init__(self, output: Output, *, events: bool) -> None:
        super().__init__(output)
        self._events = events

    def line(self, item: Item) -> str | None:
        """Return the JSON of a notification, or of an event if they are wanted."""
        if isinstance(item, Notification):
            return item.line()
        if isinstance(item, Frame) or not self._events:
            return None
        return event_json(item)


class PlainRenderer(_Lines):
    """One readable line for each notification; events are told on stderr."""

    def __init__(self, output: Output, look: Look) -> None:
        super().__init__(output)
        self._look = look

    async def show(self, burst: Sequence[Item]) -> None:
        """Write the lines of a burst at once."""
        found = [
            plain_line(i, self._look) for i in burst if isinstance(i, Notification)
        ]
        if found:
            await self._output.write(self._look.encode("\n".join([*found, ""])))


class RawRenderer(_Lines):
    """Frames as received; on a terminal, made harmless.

    Args:
        output: where to.
        every: also frames that are no notifications.
    """

    def __init__(self, output: Output, *, every: bool) -> None:
        super().__init__(output)
        self._every = every

    def line(self, item: Item) -> str | None:
        """Return the frame of an item."""
        if isinstance(item, Notification):
            text = item.frame or item.line()
        elif isinstance(item, Frame) and self._every:
            text = item.text
        else:
            return None
        return safe_frame(text) if self._output.is_terminal else text


class ShapedRenderer(_Lines):
    """One text for each notification, on one line unless the template has more.

    Beside its own fields a notification has ``time`` (the local time of day),
    ``timestamp`` (as it was written, else when it came) and ``json`` (all of it).

    Args:
        output: where to.
        shape: makes the text.
        zone: whose local time; ``None`` for the machine's.
    """

    def __init__(
        self, output: Output, shape: Shape, zone: tzinfo | None = None
    ) -> None:
        from notifyws.ui.times import moment

        super().__init__(output)
        self.end = shape.end
        self._shape = shape
        self._clean = harmless if output.is_terminal else text_only
        makers: dict[str, Callable[[Notification], str]] = {
            "time": lambda note: moment(note.timestamp, note.received, zone),
            "timestamp": lambda note: note.timestamp,
            "json": Notification.line,
        }
        self._makers = {k: make for k, make in makers.items() if shape.wants(k)}

    def line(self, item: Item) -> str | None:
        """Return the text of a notification; events are told on stderr."""
        if not isinstance(item, Notification):
            return None
        more = {name: make(item) for name, make in self._makers.items()}
        return self._shape.text(item.as_json(), self._clean, more)


class LiveRenderer:
    """The live view; where the cursor cannot be moved, events are lines on stderr.

    Args:
        view: draws.
        presence: takes the terminal and gives it back.
        steering: what was asked for by keys.
        shelf: counts what is held back during a pause as not shown yet.
        say: writes a line to stderr.
        died: is told when what was held back cannot be printed.
    """

    def __init__(
        self,
        view: LiveView,
        terminal_session: TerminalSession,
        key_bindings: KeyBindings,
        shelf: OutboxReader,
        say: Callable[[str], None],
        died: Died,
    ) -> None:
        self._view = view
        self._presence = terminal_session
        self._steering = key_bindings
        self._shelf = shelf
        self._say = say
        self._died = died
        self._few = False
        self._held: list[Item] = []
        self._printing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take the terminal and draw the footer."""
        self._presence.begin()

    def stop(self) -> None:
        """Give the terminal back."""
        self._presence.end()

    def tick(self) -> None:
        """Repaint the footer, if the terminal is ours."""
        self._presence.look()
        self._view.tick()

    async def show(self, burst: Sequence[Item]) -> None:
        """Draw a burst, or keep it while nothing is to be printed."""
        self._few = len(burst) < FEW
        if self._printing is None and not self._steering.paused:
            await self._draw(burst)
            return
        self._held.extend(burst)
        self._steering.held = len(self._held)
        if self._printing is None:
            self._shelf.hold()
            self._printing = background("the view", self._print_held(), self._died)

    async def ready(self) -> None:
        """Return when the next burst may come; one that was small is let grow."""
        if self._few:
            await asyncio.sleep(FRAME)

    async def finish(self) -> None:
        """Print what was held back: nothing more will come."""
        self._steering.resume()
        if self._printing is not None:
            await asyncio.shield(self._printing)

    async def _print_held(self) -> None:
        """Draw what is held, in its order, once it may be printed."""
        try:
            while self._held:
                await self._steering.resumed()
                held, self._held = self._held, []
                await self._draw(held)
                self._steering.held = len(self._held)
        finally:
            self._printing = None
            self._shelf.release()

    async def _draw(self, burst: Sequence[Item]) -> None:
        """Draw it; states are the footer's to tell, gaps and errors stay."""
        if not self._view.look.cursor:
            self._tell(burst)
        shown = [item for item in burst if not isinstance(item, Frame)]
        shown = [item for item in shown if self._stays(item)]
        if shown:
            await self._view.show(shown)

    def _stays(self, item: Notification | Event) -> bool:
        match item:
            case Notification():
                return self._steering.admits(item)
            case Gap() | Failure(type="invalid_message" | "server_error"):
                return True
            case _:
                return False

    def _tell(self, burst: Sequence[Item]) -> None:
        for item in burst:
            if not isinstance(item, (Notification, Frame, Gap)):
                self._say(event_line(item))


class Tee:
    """Appends JSON Lines to a file; when that fails, says so once and goes on.

    Args:
        path: the file; made, for its owner alone, when it is not there.
        warn: is told in one sentence.

    Raises:
        ConfigurationError: it cannot be opened for appending.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self._warn = warn
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            self._fd = os.open(path, flags, 0o600)
        except OSError as error:
            reason = "nobody reads it" if error.errno == errno.ENXIO else error.strerror
            message = f"cannot append to {path}: {reason}"
            raise ConfigurationError(message, "give --tee a file to write") from None
        self._face: JsonRenderer | None = JsonRenderer(
            Output(self._fd, str(path)), events=False
        )

    async def show(self, burst: Sequence[Item]) -> None:
        """Append the notifications of a burst."""
        try:
            if self._face is not None:
                await self._face.show(burst)
        except (OutputFailed, ReaderGone) as error:
            self._face = None
            reason = getattr(error, "message", "nobody reads it any more")
            self._warn(f"--tee ends here: {reason}")

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
