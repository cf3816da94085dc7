"""Carries out ``listen``: connects, shows what passes, and ends in time."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from notifyws.cli.streams import ReaderLeft, say, warner
from notifyws.cli.supervision import supervised
from notifyws.errors import OutputFailed, TimeRanOut
from notifyws.models import HandOn
from notifyws.selection import Selection
from notifyws.settings import Settings

if TYPE_CHECKING:
    from notifyws.cli.faces import Face, Tee
    from notifyws.events import Event
    from notifyws.intake import Item
    from notifyws.service import NotificationService
    from notifyws.shaping import Shape
    from notifyws.view.output import Output

__all__ = ["Request", "Show", "hand_on_again", "listen_to"]

FAREWELL = 0.5
"""Seconds for what had arrived before a signal came."""
TICK = 0.5
"""Seconds between looks at whether the footer still tells the truth."""


@dataclass(frozen=True, slots=True)
class Show:
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


@dataclass(frozen=True, slots=True)
class Request:
    """What ``listen`` was asked to do.

    Args:
        selection: which notifications, and when there were enough.
        show: how to show them.
        timeout: seconds in all.
        retries: reconnects in a row before giving up; ``None`` for never.
        since: id or time to start from.
        name: makes the listener durable.
        hand_on: to whom notifications are handed on besides.
        demo: listen to a server in this very process.
    """

    selection: Selection
    show: Show
    timeout: float | None
    retries: int | None
    since: str | datetime | None
    name: str | None
    hand_on: HandOn
    demo: bool


async def listen_to(request: Request, settings: Settings) -> None:
    """Listen as asked.

    Raises:
        TimeRanOut: the time is over.
        ReaderLeft: nobody reads stdout any more.
        NotifyError: why there is no connection.
    """
    if not request.demo:
        await _show(request, settings)
        return
    async with _demonstration(request) as url:
        there = replace(settings, url=url, cache_url="memory://")
        demo = replace(there, username="demo", password="demo")  # noqa: S106 - its own
        await _show(request, demo)


async def hand_on_again(
    path: Path, settings: Settings, hand_on: HandOn, *, quiet: bool
) -> None:
    """Hand the dead letters of a file on again.

    Raises:
        NotifyError: they cannot be read, or were not taken.
    """
    from notifyws.replaying import replay

    count = await replay(path, settings, hand_on, warner(quiet))
    if not quiet:
        say(f"{count} dead letters were handed on")


@asynccontextmanager
async def _demonstration(request: Request) -> AsyncIterator[str]:
    from notifyws.cli.serve import missing_extra

    try:
        from notifyws.devserver import DevServer, ServerOptions
    except ImportError:
        raise missing_extra() from None

    def log(level: int, text: str) -> None:
        if level < request.show.verbose:
            say(text)

    async with DevServer(ServerOptions(port=0, traffic=1.0), log) as server:
        yield server.url


async def _show(request: Request, settings: Settings) -> None:
    """Connect, and show what passes until it is enough, too late, or over."""
    from notifyws.cli.faces import Tee
    from notifyws.service import NotificationService
    from notifyws.view.output import Output, ReaderGone

    output = Output(1)
    if request.show.verbose and settings.connect_url:
        _name_the_proxy(settings.connect_url)
    warn = warner(request.show.quiet)
    tee = Tee(request.show.tee, warn) if request.show.tee is not None else None
    raw = request.show.form == "raw"
    service = NotificationService(
        settings,
        since=request.since,
        frames=raw,
        warn=warn,
        name=request.name,
        hand_on=request.hand_on,
        selection=request.selection,
    )
    face = _face(request, settings, service, output)
    try:
        async with (
            supervised(service, os.environ),
            service,
            _reader_watched(output),
            asyncio.timeout(request.timeout),
        ):
            service.start(retries=request.retries)
            await _until_satisfied(request, service, face, tee)
    except TimeoutError:
        seen = request.selection.admitted
        message = f"{request.timeout:g} s are over; {seen} notifications were shown"
        raise TimeRanOut(message, "give --timeout more time") from None
    except ReaderGone:
        raise ReaderLeft from None
    finally:
        face.stop()
        output.close()
        if tee is not None:
            tee.close()


def _name_the_proxy(url: str) -> None:
    from notifyws.probe import proxy_for
    from notifyws.urls import checked_url

    if proxy := proxy_for(checked_url(url)):
        say(f"Through the proxy {proxy}")


async def _until_satisfied(
    request: Request, service: NotificationService, face: Face, tee: Tee | None
) -> None:
    async def show(burst: list[Item]) -> None:
        if tee is not None:
            await tee.show(burst)
        await face.show(burst)

    face.start()
    ticking = asyncio.create_task(_tick(face))
    try:
        async for burst in service.arrivals():
            await show(burst)
            if request.selection.satisfied:
                await _farewell(service, show)
                return await service.handed_on()
        await service.handed_on()
        await service.closed()
    except asyncio.CancelledError:
        await _farewell(service, show)
        raise
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking


async def _farewell(
    service: NotificationService, show: Callable[[list[Item]], Awaitable[None]]
) -> None:
    """Say goodbye to the server, and show what had arrived, if that goes at once."""
    from notifyws.view.output import ReaderGone

    await service.disconnect()
    with suppress(TimeoutError, ReaderGone, OutputFailed):
        async with asyncio.timeout(FAREWELL):
            async for burst in service.arrivals():
                await show(burst)


async def _tick(face: Face) -> None:
    while True:
        await asyncio.sleep(TICK)
        face.tick()


@asynccontextmanager
async def _reader_watched(output: Output) -> AsyncIterator[None]:
    """End at once when nobody reads stdout any more, also when nothing arrives."""
    from notifyws.view.output import ReaderGone

    task = asyncio.current_task()
    assert task is not None
    gone = False

    def leave() -> None:
        nonlocal gone
        gone = True
        task.cancel()

    unwatch = output.watch_reader(leave)
    try:
        yield
    except asyncio.CancelledError:
        if gone and not task.uncancel():
            raise ReaderGone from None
        raise
    finally:
        unwatch()


def _face(
    request: Request, settings: Settings, service: NotificationService, output: Output
) -> Face:
    """Return the face that suits, and let events be told where it tells none."""
    from notifyws.cli.faces import JsonFace, LiveFace, PlainFace, RawFace
    from notifyws.cli.shaped_face import ShapedFace
    from notifyws.cli.watching import Watcher
    from notifyws.view.live import LiveView, terminal_width
    from notifyws.view.look import Look

    form = request.show.form or ("live" if output.is_terminal else "json")
    if form in ("live", "plain"):
        settings = replace(settings, styles=service.styles)
    look = Look.of(
        settings,
        os.environ,
        terminal=output.is_terminal,
        encoding=sys.stdout.encoding if sys.stdout else "utf-8",
        verbose=request.show.verbose > 0,
    )
    speak: Callable[[str], None] = (lambda text: None) if request.show.quiet else say
    if form != "live":
        service.observe(_talk(speak))
    if request.show.shape is not None:
        return ShapedFace(output, request.show.shape, look.zone)
    match form:
        case "json":
            return JsonFace(output, events=request.show.events)
        case "plain":
            return PlainFace(output, look)
        case "raw":
            return RawFace(output, every=request.selection.admits_all)
        case _:
            watcher = Watcher(service, settings, time.monotonic)
            service.observe(watcher)
            width = terminal_width(1, os.environ)
            view = LiveView(look, output, watcher.status, width=width)
            service.observe(lambda event: view.tick())
            return LiveFace(view, look, speak)


def _talk(speak: Callable[[str], None]) -> Callable[[Event], None]:
    """Return what says each change of state; how it all ended is said at the end."""
    from notifyws.events import Closed, Disconnected, Failure
    from notifyws.view.lines import event_line

    def tell(event: Event) -> None:
        match event:
            case Closed() | Disconnected(code=1000, reason=""):
                return  # our own goodbye, as we were asked to say it
            case Failure(type="authentication_failed" | "network_error"):
                return  # the end's reason, which the command ends with
            case _:
                speak(event_line(event))

    return tell
