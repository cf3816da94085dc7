"""The development server as a whole: started, named by its address, stopped.

It lives in the caller's event loop, prints nothing and takes no signals.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import astuple
from functools import partial
from itertools import islice
from types import TracebackType

from hypercorn.asyncio import serve as hypercorn_serve

from notifyws.devserver.app import build_app
from notifyws.devserver.hub import RESTART, Hub
from notifyws.devserver.journal import Journal, load
from notifyws.devserver.options import ServerOptions
from notifyws.devserver.samples import endless_samples
from notifyws.devserver.site import Log, Site
from notifyws.devserver.tokens import Session, Sessions
from notifyws.devserver.wire import Hall, Listener, configuration, listen
from notifyws.tasks import first_of, restarted

__all__ = ["DevServer", "serve"]

PARTING = 0.5
"""Seconds that clients have to say goodbye when the server stops."""
PATIENCE = 0.7
"""Seconds that Hypercorn has after that, before every connection is cut."""
TICK = 0.01


def silent(level: int, line: str) -> None:
    """Log nothing."""


async def serve(options: ServerOptions, log: Log, stop: asyncio.Event) -> None:
    """Run a server until ``stop`` is set.

    Raises:
        ConfigurationError: the port or the state file cannot be used.
    """
    async with DevServer(options, log) as server:
        await first_of(stop.wait(), server.ended())


class DevServer:
    """A server for trying, testing and demonstrating; never for the real thing.

    Args:
        options: how it behaves.
        log: told ``(level, line)``; 0 is important, 1 is each request. No line ever
            holds a token or a password.
    """

    def __init__(self, options: ServerOptions, log: Log = silent) -> None:
        self._options = options
        self._log = log
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._listener: Listener
        self._journal: Journal
        self._site: Site
        self._hall: Hall
        self.port = options.port

    @property
    def url(self) -> str:
        """Where its sockets are."""
        return f"ws://{self._options.host}:{self.port}"

    @property
    def http_url(self) -> str:
        """Where its HTTP side is."""
        return f"http://{self._options.host}:{self.port}"

    async def __aenter__(self) -> DevServer:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; return when connections are accepted.

        Raises:
            ConfigurationError: the port or the state file cannot be used.
        """
        options = self._options
        self._listener = listen(options.host, options.port)
        self.port = int(self._listener.getsockname()[1])
        try:
            self._furnish()
        except BaseException:
            self._listener.close()
            raise
        config = configuration(self._listener, partial(self._log, 0))
        self._hall = build_app(self._site)
        running = hypercorn_serve(
            self._hall,  # type: ignore[arg-type]  # ASGI is typed twice
            config,
            shutdown_trigger=self._stop.wait,
        )
        self._tasks = [asyncio.create_task(running)]
        if options.traffic:
            say = partial(self._log, 0)
            samples = restarted("traffic", self._send_samples, say, asyncio.sleep)
            self._tasks.append(samples)
        self._log(0, f"development server listening on {self.url}")
        self._log(0, "for trying, testing and demonstrating only")

    async def ended(self) -> None:
        """Return when the server does not run any more, or raise why."""
        await asyncio.shield(self._tasks[0])

    async def stop(self) -> None:
        """Close every socket with 1012 and end; takes 1.5 s at most."""
        if not self._tasks:
            return
        running, *others = self._tasks
        self._tasks = []
        for task in others:
            task.cancel()
        await self._say_goodbye()
        self._stop.set()
        done, _ = await asyncio.wait([running], timeout=PATIENCE)
        while not done:
            self._listener.cut_all()
            self._hall.send_away()
            done, _ = await asyncio.wait([running], timeout=TICK)
        self._journal.close()
        self._log(0, "development server stopped")
        await running

    async def _say_goodbye(self) -> None:
        self._site.stopping.set()
        loop = asyncio.get_running_loop()
        for patience in self._site.guests:
            patience.reschedule(loop.time())
        for connection in self._site.hub.live():
            connection.close(RESTART)
        with suppress(TimeoutError):
            async with asyncio.timeout(PARTING):
                await self._site.hub.empty.wait()

    def _furnish(self) -> None:
        options = self._options
        memory = load(options.state, options.history)
        self._journal = Journal(options.state, memory.records)

        def changed(ident: str, session: Session | None) -> None:
            memory.sessions.pop(ident, None)
            if session is None:
                self._journal.write("ended", ident)
            else:
                memory.remember(session)
                self._journal.write("session", *astuple(session))

        sessions = Sessions(
            bytes.fromhex(memory.secret),
            options.access_ttl,
            options.refresh_ttl,
            options.user_id,
            changed,
        )
        for session in memory.sessions.values():
            if session.user in options.users:
                sessions.restore(session)
        hub = Hub(memory, self._journal, options.closing_grace)
        self._site = Site(options, sessions, hub, self._log, self._listener.cutter)

    async def _send_samples(self) -> None:
        samples, rate = endless_samples(), self._options.traffic
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += max(1 / rate, TICK)
            await asyncio.sleep(due - loop.time())
            for fields in islice(samples, max(1, round(rate * TICK))):
                for user in list(self._site.hub.users()):
                    self._site.hub.publish(user, fields)
