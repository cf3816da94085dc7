"""How ``listen`` shows what arrives: live, plain, JSON Lines, raw, or in a shape.

A renderer gets bursts of what passed and writes them; it decides nothing. Which one
it is, :func:`choose_renderer` says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, structs
from msgspec.structs import replace

from notifyws.delivery.filters import Selection
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Item
from notifyws.events import Closed, Disconnected, Event, Failure, as_json
from notifyws.models import Frame, Notification, strict_json
from notifyws.tasks import Died
from notifyws.ui.lines import event_line, moment, plain_line
from notifyws.ui.output import Output
from notifyws.ui.sanitize import harmless, safe_frame, text_only
from notifyws.ui.streams import say, theme_on

if TYPE_CHECKING:
    from notifyws.service import NotificationService
    from notifyws.ui.formatting import Shape
    from notifyws.ui.theme import Theme


class DisplayOptions(Struct, frozen=True):
    """How to show what arrives.

    Args:
        form: ``live``, ``json``, ``plain``, ``raw`` or ``shape``; empty for what
            suits stdout.
        events: lifecycle lines among JSON Lines.
        tee: a file to append JSON Lines to.
        verbose: how often ``-v`` was said.
        shape: makes a text of each notification, instead of any other form.
    """

    form: str
    events: bool
    tee: Path | None
    verbose: int
    quiet: bool
    shape: Shape | None = None


class Renderer:
    """Shows bursts; most have nothing to prepare, to repaint or to hold back."""

    def start(self) -> None:
        """Take the terminal."""

    def stop(self) -> None:
        """Give the terminal back."""

    def tick(self) -> None:
        """Repaint what changes by itself."""

    async def show(self, burst: Sequence[Item]) -> None:
        """Write a burst, oldest first."""
        raise NotImplementedError

    async def ready(self, queue: DeliveryQueue[Item]) -> None:
        """Return when the next burst of a queue may come."""

    async def finish(self) -> None:
        """Write what was held back: nothing more will come."""


class LineRenderer(Renderer):
    """Writes a line for each item that has one, those of a burst at once.

    Args:
        line: returns an item's line, ``None`` when it has none.
        encode: makes bytes of them.
    """

    def __init__(
        self,
        output: Output,
        line: Callable[[Item], str | None],
        *,
        end: str = "\n",
        encode: Callable[[str], bytes] | None = None,
    ) -> None:
        self._output = output
        self._line = line
        self._end = end
        self._encode = encode or (lambda text: text.encode("utf-8", "backslashreplace"))

    async def show(self, burst: Sequence[Item]) -> None:
        """Write the lines of a burst."""
        lines = [line for item in burst if (line := self._line(item)) is not None]
        if lines:
            await self._output.write(self._encode(self._end.join([*lines, ""])))


def json_renderer(output: Output, *, events: bool) -> LineRenderer:
    """Return what writes one strict JSON object a line.

    Args:
        events: lifecycle lines as well.
    """

    def line(item: Item) -> str | None:
        if isinstance(item, Notification):
            return item.line()
        if isinstance(item, Frame) or not events:
            return None
        return strict_json(as_json(item))

    return LineRenderer(output, line)


def plain_renderer(output: Output, theme: Theme) -> LineRenderer:
    """Return what writes one readable line for each notification."""

    def line(item: Item) -> str | None:
        return plain_line(item, theme) if isinstance(item, Notification) else None

    return LineRenderer(output, line, encode=theme.encode)


def raw_renderer(output: Output, *, every: bool) -> LineRenderer:
    """Return what writes frames as received; on a terminal, made harmless.

    Args:
        every: also frames in which there is no notification.
    """

    def frame(item: Item) -> str | None:
        if isinstance(item, Notification):
            return item.frame
        if not isinstance(item, Frame) or not (every or item.has_news):
            return None
        return item.text

    def harmless_frame(item: Item) -> str | None:
        text = frame(item)
        return None if text is None else safe_frame(text)

    return LineRenderer(output, harmless_frame if output.is_terminal else frame)


def shaped_renderer(
    output: Output, shape: Shape, zone: tzinfo | None = None
) -> LineRenderer:
    """Return what writes one text for each notification.

    It is one line unless the template has more. Beside its own fields a notification
    has ``time`` (the local time of day), ``timestamp`` (as it was written, else when it
    came) and ``json`` (all of it).

    Args:
        zone: whose local time; ``None`` for the machine's.
    """
    clean = harmless if output.is_terminal else text_only
    makers: dict[str, Callable[[Notification], str]] = {
        "time": lambda note: moment(note.timestamp, note.received, zone),
        "timestamp": lambda note: note.timestamp,
        "json": Notification.line,
    }
    wanted = {name: make for name, make in makers.items() if name in shape.names}

    def line(item: Item) -> str | None:
        if not isinstance(item, Notification):
            return None
        more = {name: make(item) for name, make in wanted.items()}
        return shape.text(item.as_json() | more, clean)

    return LineRenderer(output, line, end=shape.end)


def choose_renderer(
    show: DisplayOptions,
    services: Sequence[NotificationService],
    output: Output,
    selection: Selection,
    *,
    quit_: Callable[[], None],
    died: Died,
) -> Renderer:
    """Return the renderer that suits; where it shows no events, stderr tells them.

    Args:
        services: what is shown; not started yet. Several have labels.
        quit_: ends the command, when a key says so.
        died: ends it when a background task has died.
    """
    form = show.form or ("live" if output.is_terminal else "json")
    speak: Callable[[str], None] = (lambda text: None) if show.quiet else say
    if form in ("live", "plain"):
        styled = {s.label: replace(s.settings, styles=s.styles) for s in services}
        theme = theme_on(1, next(iter(styled.values())))
        theme = structs.replace(theme, verbose=show.verbose > 0)
        if "" not in styled:
            theme = theme.among(styled)
    if form == "live":
        from notifyws.ui.live_renderer import live_renderer

        return live_renderer(theme, services, output, selection, speak, quit_, died)
    for service in services:
        service.listener.observers.append(_talk(speak))
    if show.shape is not None:
        return shaped_renderer(output, show.shape)
    match form:
        case "json":
            return json_renderer(output, events=show.events)
        case "plain":
            return plain_renderer(output, theme)
        case _:
            return raw_renderer(output, every=selection.admits_all)


def _talk(speak: Callable[[str], None]) -> Callable[[Event], None]:
    """Return what says each change of state; how it all ended is said at the end."""

    def tell(event: Event) -> None:
        match event:
            case Closed() | Disconnected(code=1000, reason=""):
                return  # our own goodbye, as we were asked to say it
            case Failure(type="authentication_failed" | "network_error"):
                return  # the end's reason, which the command ends with
            case _:
                speak(event_line(event))

    return tell
