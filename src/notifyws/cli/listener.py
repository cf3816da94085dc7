"""Carries out ``listen``: connects, shows what passes, and ends in time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from notifyws.cli.listen_options import recording_of
from notifyws.cli.process import Cancellation, before_dying
from notifyws.cli.servers import services_of, speaking_of, until_ended
from notifyws.config.settings import Settings
from notifyws.delivery.filters import Selection
from notifyws.delivery.targets import DeliveryTargets
from notifyws.errors import OutputFailed
from notifyws.fleet.health import Supervisor
from notifyws.service import NotificationService
from notifyws.tasks import background
from notifyws.ui.lines import event_line
from notifyws.ui.output import Output
from notifyws.ui.renderers import DisplayOptions, choose_renderer
from notifyws.ui.streams import TALK, ReaderGone, say, warner
from notifyws.ui.tee import Tee

if TYPE_CHECKING:
    from notifyws.delivery.outbox_records import Backlog
    from notifyws.delivery.receiver import Item
    from notifyws.fleet.group.build import GroupOptions
    from notifyws.ui.renderers import Renderer

TRY_NEXT = "Try next: ? for keys, {}/ to send one, auth login --save"
"""What the demonstration says first, where somebody looks at it."""
DRAIN_TIME = 0.5
"""Seconds for what had arrived before a signal came."""
SOON = 1.0
"""Seconds that handing on may take at the end before a word is said of it."""
TICK = 0.5
"""Seconds between looks at whether the footer still tells the truth."""


class Request(Struct, frozen=True):
    """What ``listen`` was asked to do.

    Args:
        selection: which notifications, and when there were enough.
        timeout: seconds in all.
        name: makes the listener durable.
        deliver: to whom notifications are handed on besides.
        demo: listen to a server in this very process.
        metrics: host and port of the pages that others read; ``None`` for none.
        first: end with the first of several servers that ends.
        once: try to connect once, and never again.
        record: a new file where all is recorded.
        secrets: keep them there, too.
    """

    selection: Selection
    show: DisplayOptions
    timeout: float | None
    since: str | datetime | None
    name: str | None
    deliver: DeliveryTargets
    demo: bool
    group: GroupOptions | None = None
    metrics: tuple[str, int] | None = None
    first: bool = False
    once: bool = False
    record: Path | None = None
    secrets: bool = False


async def listen_to(request: Request, servers: Mapping[str, Settings]) -> None:
    """Listen as asked.

    Args:
        servers: by the names that they are told apart by; ``""`` for one alone.

    Raises:
        TimeRanOut: the time is over.
        ReaderGone: nobody reads stdout any more.
        NotifyError: why there is no connection.
    """
    for settings in servers.values():
        _name_the_proxy(request, settings.connect_url)
    if not request.demo:
        return await _Listening(request, servers).run()
    from notifyws.cli.serve import dev_server

    level = request.show.verbose - 1
    async with dev_server(level, port=0, traffic=1.0) as server:
        there = replace(servers[""], url=server.url, cache_url="memory://")
        demo = replace(there, username="demo", password="demo")  # noqa: S106 - its own
        if not (request.show.form or request.show.quiet) and os.isatty(1):
            say(TRY_NEXT.format(server.http_url))
        return await _Listening(request, {"": demo}).run()


class _Listening:
    """One run of ``listen``: its services, and where what they bring goes."""

    def __init__(self, request: Request, servers: Mapping[str, Settings]) -> None:
        self._request, show = request, request.show
        self._warn = warner(show.quiet)
        self._leave = Cancellation()
        self._output = Output(1)
        how = {
            **{"since": request.since, "frames": show.form == "raw"},
            **{"name": request.name, "group": request.group},
            **{"deliver": request.deliver, "selection": request.selection},
        }
        self._services = dict(services_of(servers, self._warn, **how))
        services = [*self._services.values()]
        self._tee = None if show.tee is None else Tee(show.tee, self._warn, self._gap)
        self._renderer = choose_renderer(
            show,
            services,
            self._output,
            request.selection,
            quit_=self._leave,
            died=self._leave.died,
        )
        self._writing = asyncio.Lock()
        self._listeners = [each.listener for each in services]
        self._supervisor = Supervisor(os.environ, self._listeners, event_line, say)

    def _gap(self, since: str, reason: str) -> None:
        for listener in self._listeners:
            listener.tell_gap(since, reason)

    def _tell_lost(self) -> None:
        """Say what no file holds: there is no time to make dead letters of it."""
        for listener in self._listeners:
            if left := _counted(listener.perishable):
                say(f"Lost, because no time is left: {left}", "error")
        if self._tee is not None:
            self._tee.tell_missing()

    async def run(self) -> None:
        """Connect, and show what passes until it is enough, too late, or over."""
        request, renderer = self._request, self._renderer
        unwatch = self._output.watch_reader(self._leave)
        try:
            async with AsyncExitStack() as stack:
                stack.callback(TALK.hurry)
                for act in (renderer.stop, self._tell_lost):
                    stack.enter_context(before_dying(act))
                for each in self._services.values():  # one alone, where it is recorded
                    how = each, request.record, self._warn
                    stack.enter_context(recording_of(*how, secrets=request.secrets))
                await stack.enter_async_context(self._supervisor.at_work())
                await stack.enter_async_context(self._measured())
                for service in self._services.values():
                    await stack.enter_async_context(service)
                stack.callback(TALK.wait_longer)  # before they end, with what is left
                await stack.enter_async_context(self._leave)
                await stack.enter_async_context(asyncio.timeout(request.timeout))
                for label, service in self._services.items():
                    most = service.settings.max_retries
                    with speaking_of(label):
                        service.start(retries=0 if request.once else most)
                await self._show()
        except TimeoutError:
            from notifyws.cli.hints import too_late

            received = sum(each.received for each in self._listeners)
            facts = request.timeout, received, self._supervisor.was_ready
            raise too_late(request.selection, *facts) from None
        finally:
            unwatch()
            renderer.stop()
            self._output.close()
            if self._tee is not None:
                self._tee.close()

    async def _show(self) -> None:
        self._renderer.start()
        ticking = background("the footer", _tick(self._renderer), self._leave.died)
        try:
            listening = {k: self._follow(s) for k, s in self._services.items()}
            await until_ended(
                listening,
                first=self._request.first,
                tell=lambda text: say(text, "error"),
            )
        finally:
            ticking.cancel()
            await _finish(self._renderer)

    async def _follow(self, service: NotificationService) -> bool:
        """Show what one brings to its end; return whether it was enough, for all."""
        try:
            async for burst in service.arrivals():
                await self._write(burst)
                if self._request.selection.satisfied:
                    await self._drain(service)
                    for each in self._services.values():  # it is enough for all
                        await _delivered(each)
                    return True
                await self._renderer.ready(service.listener.queue)
            await service.listener.delivered()
            await service.closed()
        except asyncio.CancelledError:
            await self._drain(service)
            raise
        return False

    async def _write(self, burst: list[Item]) -> None:
        async with self._writing:
            if self._tee is not None:
                self._tee.show(burst)
            await self._renderer.show(burst)

    async def _drain(self, service: NotificationService) -> None:
        """Disconnect, and show what had arrived, if that goes at once."""
        await service.disconnect()
        with suppress(TimeoutError, ReaderGone, OutputFailed):
            async with asyncio.timeout(DRAIN_TIME):
                async for burst in service.arrivals():
                    await self._write(burst)

    @asynccontextmanager
    async def _measured(self) -> AsyncIterator[None]:
        """Let others read how it goes, if that is asked for."""
        if self._request.metrics is None:
            yield
            return
        from notifyws.fleet.metrics_server import metrics_served

        address = self._request.metrics
        async with metrics_served(self._listeners, *address, self._warn) as server:
            if not self._request.show.quiet:
                say(f"Metrics on {server.url}/metrics")
            yield


def _name_the_proxy(request: Request, url: str) -> None:
    if not (request.show.verbose and url):
        return
    from notifyws.auth.proxies import proxy_name
    from notifyws.config.urls import checked_url

    if proxy := proxy_name(checked_url(url)):
        say(f"Through the proxy {proxy}")


async def _delivered(service: NotificationService) -> None:
    """Return when all is handed on; who waits for long is told for what."""
    try:
        async with asyncio.timeout(SOON):
            await service.listener.delivered()
    except TimeoutError:
        left = _counted(service.listener.backlog)
        say(f"What was asked for came; still to be handed on: {left}. Ctrl-C ends it")
        await service.listener.delivered()


def _counted(backlog: Mapping[str, Backlog]) -> str:
    return ", ".join(
        f"{name} has {each.count:,}" for name, each in backlog.items() if each.count
    )


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
