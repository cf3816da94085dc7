"""Carries out ``listen``: connects, shows what passes, and ends in time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from notifyws.cli.process import Cancellation, before_dying
from notifyws.cli.record import RecordOptions, recording_of
from notifyws.config.settings import Settings
from notifyws.delivery.filters import Selection
from notifyws.delivery.targets import DeliveryTargets
from notifyws.errors import OutputFailed, TimeRanOut
from notifyws.events import READY
from notifyws.fleet.systemd import Systemd
from notifyws.tasks import background, restarted
from notifyws.ui.renderers import DisplayOptions, choose_renderer
from notifyws.ui.streams import ReaderGone, say, warner
from notifyws.ui.tee import Tee

if TYPE_CHECKING:
    from notifyws.delivery.receiver import Item
    from notifyws.events import Event
    from notifyws.fleet.group.build import GroupOptions
    from notifyws.service import NotificationService
    from notifyws.ui.renderers import Renderer

DRAIN_TIME = 0.5
"""Seconds for what had arrived before a signal came."""
TICK = 0.5
"""Seconds between looks at whether the footer still tells the truth."""


class Request(Struct, frozen=True):
    """What ``listen`` was asked to do.

    Args:
        selection: which notifications, and when there were enough.
        show: how to show them.
        timeout: seconds in all.
        retries: reconnects in a row before giving up; ``None`` for never.
        since: id or time to start from.
        name: makes the listener durable.
        deliver: to whom notifications are handed on besides.
        demo: listen to a server in this very process.
        group: share the work with others.
        metrics: host and port of the pages that others read; ``None`` for none.
        record: where all is recorded, and whether secrets are kept there.
    """

    selection: Selection
    show: DisplayOptions
    timeout: float | None
    retries: int | None
    since: str | datetime | None
    name: str | None
    deliver: DeliveryTargets
    demo: bool
    group: GroupOptions | None = None
    metrics: tuple[str, int] | None = None
    record: RecordOptions | None = None


async def listen_to(request: Request, settings: Settings) -> None:
    """Listen as asked.

    Raises:
        TimeRanOut: the time is over.
        ReaderGone: nobody reads stdout any more.
        NotifyError: why there is no connection.
    """
    _name_the_proxy(request, settings.connect_url)
    if not request.demo:
        return await _show(request, settings)
    from notifyws.cli.serve import dev_server

    level = request.show.verbose - 1
    async with dev_server(level, port=0, traffic=1.0) as server:
        there = replace(settings, url=server.url, cache_url="memory://")
        demo = replace(there, username="demo", password="demo")  # noqa: S106 - its own
        return await _show(request, demo)


async def _show(request: Request, settings: Settings) -> None:
    """Connect, and show what passes until it is enough, too late, or over."""
    from notifyws.service import NotificationService
    from notifyws.ui.output import Output

    output = Output(1)
    warn = warner(request.show.quiet)
    service = NotificationService(
        settings,
        since=request.since,
        frames=request.show.form == "raw",
        warn=warn,
        name=request.name,
        group=request.group,
        deliver=request.deliver,
        selection=request.selection,
    )
    tee = _tee(request.show.tee, warn, service)
    happened, leave = set[str](), Cancellation()
    facts = request.show, settings, service, output, request.selection
    renderer = choose_renderer(*facts, quit_=leave, died=leave.died)
    unwatch = output.watch_reader(leave)
    try:
        recording = recording_of(service, request.record, warn)
        with before_dying(renderer.stop), recording:
            async with (
                _supervised(service, os.environ, happened),
                _measured(service, request),
                service,
                leave,
                asyncio.timeout(request.timeout),
            ):
                service.start(retries=request.retries)
                await _until_satisfied(request, service, renderer, tee, leave)
    except TimeoutError:
        wanted, received = request.selection, service.listener.received
        connected = bool(READY & happened)
        raise too_late(wanted, request.timeout, received, connected) from None
    finally:
        unwatch()
        renderer.stop()
        output.close()
        if tee is not None:
            tee.close()


def _tee(
    path: Path | None, warn: Callable[[str], None], service: NotificationService
) -> Tee | None:
    return None if path is None else Tee(path, warn, service.listener.tell_gap)


@asynccontextmanager
async def _supervised(
    service: NotificationService, environ: MutableMapping[str, str], happened: set[str]
) -> AsyncIterator[None]:
    """Keep, and tell the service manager, what happens to ``service``."""
    from notifyws.ui.lines import event_line

    systemd = Systemd(environ)

    def tell(event: Event) -> None:
        happened.add(event.name)
        if event.name in READY:
            systemd.ready()
        if event.name == "closed":
            systemd.stopping()
        systemd.status(event_line(event))

    service.listener.observers.append(tell)
    stay_alive = partial(systemd.stay_alive, asyncio.sleep)
    alive = restarted("the watchdog's sign of life", stay_alive, say, asyncio.sleep)
    try:
        yield
    finally:
        alive.cancel()
        await asyncio.gather(alive, return_exceptions=True)


@asynccontextmanager
async def _measured(
    service: NotificationService, request: Request
) -> AsyncIterator[None]:
    """Let others read how ``service`` does, if that is asked for."""
    if request.metrics is None:
        yield
        return
    from notifyws.fleet.metrics_server import metrics_served

    warn = warner(request.show.quiet)
    async with metrics_served(service.listener, *request.metrics, warn) as server:
        if not request.show.quiet:
            say(f"Metrics on {server.url}/metrics")
        yield


def too_late(
    selection: Selection, timeout: float | None, received: int, connected: bool
) -> TimeRanOut:
    """Return what was missed, and what to change before the next try.

    Args:
        selection: what was asked for, and what came of it.
        timeout: the seconds that are over.
        received: notifications that came, whether they were asked for or not.
        connected: whether there was a connection.
    """
    longer = "give --timeout more time"
    shown = selection.admitted
    said = f"{shown} notification{'s' * (shown != 1)} came"
    hint = f"{longer}, or see whether any are sent: notifyws send -m hello"
    if not connected:
        said, hint = "there was no connection", "notifyws status --check"
    elif received > shown:
        said = f"{shown} of {received} notifications passed the filters"
        hint = f"check --type and --filter, or {longer}"
    elif shown and selection.count is not None:
        said = f"{shown} of {selection.count} notifications came"
        hint = f"{longer}, or ask for fewer with --count"
    elif shown:
        said += ", and none made --until true" if selection.has_end else ""
        hint = f"check --until, or {longer}"
        if not selection.has_end:
            hint = "to end with 0, say what is enough: --count N or --until EXPR"
    return TimeRanOut(f"{timeout or 0:g} s are over; {said}", hint)


def _name_the_proxy(request: Request, url: str) -> None:
    if not (request.show.verbose and url):
        return
    from notifyws.auth.proxies import proxy_name
    from notifyws.config.urls import checked_url

    if proxy := proxy_name(checked_url(url)):
        say(f"Through the proxy {proxy}")


async def _until_satisfied(
    request: Request,
    service: NotificationService,
    renderer: Renderer,
    tee: Tee | None,
    leave: Cancellation,
) -> None:
    async def show(burst: list[Item]) -> None:
        if tee is not None:
            tee.show(burst)
        await renderer.show(burst)

    renderer.start()
    ticking = background("the footer", _tick(renderer), leave.died)
    try:
        async for burst in service.arrivals():
            await show(burst)
            if request.selection.satisfied:
                await _drain(service, show)
                return await service.listener.delivered()
            await renderer.ready()
        await service.listener.delivered()
        await service.closed()
    except asyncio.CancelledError:
        await _drain(service, show)
        raise
    finally:
        ticking.cancel()
        await _finish(renderer)


async def _drain(
    service: NotificationService, show: Callable[[list[Item]], Awaitable[None]]
) -> None:
    """Disconnect, and show what had arrived, if that goes at once."""
    await service.disconnect()
    with suppress(TimeoutError, ReaderGone, OutputFailed):
        async with asyncio.timeout(DRAIN_TIME):
            async for burst in service.arrivals():
                await show(burst)


async def _finish(renderer: Renderer) -> None:
    """Have what was held back printed, and the terminal given back."""
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_TIME):
                await renderer.finish()
    finally:
        renderer.stop()


async def _tick(renderer: Renderer) -> None:
    while True:
        await asyncio.sleep(TICK)
        renderer.tick()
