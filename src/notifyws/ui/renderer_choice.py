"""Chooses how ``listen`` shows what arrives, and puts the parts of it together."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from notifyws.config.settings import Settings
from notifyws.delivery.filters import Selection
from notifyws.ui.streams import look_on, say

if TYPE_CHECKING:
    from notifyws.cli.cancellation import Cancellation
    from notifyws.events import Event
    from notifyws.service import NotificationService
    from notifyws.ui.formatting import Shape
    from notifyws.ui.output import Output
    from notifyws.ui.renderers import Renderer
    from notifyws.ui.theme import Look

__all__ = ["DisplayOptions", "choose_renderer"]


class DisplayOptions(Struct, frozen=True):
    """How to show what arrives.

    Args:
        form: ``live``, ``json``, ``plain``, ``raw`` or ``shape``; empty for what
            suits stdout.
        events: lifecycle lines among JSON Lines.
        tee: a file to append JSON Lines to.
        verbose: how often ``-v`` was said.
        quiet: say nothing but errors.
        shape: makes a text of each notification, instead of any other form.
    """

    form: str
    events: bool
    tee: Path | None
    verbose: int
    quiet: bool
    shape: Shape | None = None


def choose_renderer(
    show: DisplayOptions,
    settings: Settings,
    service: NotificationService,
    output: Output,
    leave: Cancellation,
    selection: Selection,
) -> Renderer:
    """Return the face that suits, and let events be told where it tells none.

    Args:
        show: what was asked for.
        settings: how types look.
        service: what is shown; not started yet.
        output: where to.
        leave: ends the command, when a key says so.
        selection: which notifications are shown.
    """
    from notifyws.ui.renderers import (
        JsonRenderer,
        PlainRenderer,
        RawRenderer,
        ShapedRenderer,
    )

    form = show.form or ("live" if output.is_terminal else "json")
    speak: Callable[[str], None] = (lambda text: None) if show.quiet else say
    if form == "live":
        look = _look(show, settings, service)
        return _live_renderer(look, service, output, leave, selection, speak)
    service.observe(_talk(speak))
    if show.shape is not None:
        return ShapedRenderer(output, show.shape)
    match form:
        case "json":
            return JsonRenderer(output, events=show.events)
        case "plain":
            return PlainRenderer(output, _look(show, settings, service))
        case _:
            return RawRenderer(output, every=selection.admits_all)


def _look(
    show: DisplayOptions, settings: Settings, service: NotificationService
) -> Look:
    look = look_on(1, replace(settings, styles=service.styles))
    return structs.replace(look, verbose=show.verbose > 0)


def _live_renderer(
    look: Look,
    service: NotificationService,
    output: Output,
    leave: Cancellation,
    selection: Selection,
    speak: Callable[[str], None],
) -> Renderer:
    from notifyws.delivery.sinks.exec import hook_environment
    from notifyws.ui.browser import open_link
    from notifyws.ui.key_bindings import KeyActions, KeyBindings
    from notifyws.ui.live import LiveView
    from notifyws.ui.output import terminal_width
    from notifyws.ui.renderers import LiveRenderer
    from notifyws.ui.status_tracker import StatusTracker
    from notifyws.ui.terminal_session import TerminalSession

    def browse(url: str) -> bool:
        return open_link(url, hook_environment(os.environ))

    tracker = StatusTracker(service, look.settings, selection, _awake_or_not)
    key_bindings = KeyBindings(KeyActions(tracker.status, _awake_or_not, browse, leave))
    view = LiveView(
        look,
        output,
        key_bindings.status,
        width=terminal_width(1, os.environ),
        now=_awake_or_not,
        today=datetime.now().astimezone(look.zone).date(),
    )
    key_bindings.steer(view)
    service.observe(tracker)
    service.observe(lambda event: view.tick())
    keys = 0 if look.cursor and os.isatty(0) else None
    terminal_session = TerminalSession(view, key_bindings.press, keys=keys, drawn_on=1)
    return LiveRenderer(
        view, terminal_session, key_bindings, service, speak, leave.died
    )


def _awake_or_not() -> float:
    """Return seconds on a clock that goes on while the machine sleeps."""
    from notifyws.clock import suspended

    return time.monotonic() + suspended()


def _talk(speak: Callable[[str], None]) -> Callable[[Event], None]:
    """Return what says each change of state; how it all ended is said at the end."""
    from notifyws.events import Closed, Disconnected, Failure
    from notifyws.ui.lines import event_line

    def tell(event: Event) -> None:
        match event:
            case Closed() | Disconnected(code=1000, reason=""):
                return  # our own goodbye, as we were asked to say it
            case Failure(type="authentication_failed" | "network_error"):
                return  # the end's reason, which the command ends with
            case _:
                speak(event_line(event))

    return tell
