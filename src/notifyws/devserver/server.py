"""The development server as a whole: its options, its start, address and stop.

It lives in the caller's event loop, prints nothing and takes no signals.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

from aiohttp import web

from notifyws.devserver.app import build_app
from notifyws.devserver.context import Context, Log
from notifyws.devserver.state import State
from notifyws.devserver.websocket import RESTART
from notifyws.errors import ConfigurationError
from notifyws.models import SAMPLES
from notifyws.tasks import restarted

FIRST_USER_ID = 42
HOST = "127.0.0.1"
"""Loopback and nothing else, because this server guards nothing."""
BACKLOG = 1024
PARTING = 1.2
"""Seconds that sockets have to end when the server stops; they cut themselves."""
PATIENCE = 0.2
"""Seconds that other requests have to end after that, twice."""
TICK = 0.01

ARRIVING = ("Driver Arriving", "Your driver is two minutes away")
COMPLETED = ("Trip Completed", "You have arrived; thank you for riding")
LATE = "Jonas: Running five minutes late, sorry!"
CALL = "Aiko: Could you call me back when you have a moment?"
CHANGES: dict[str, tuple[dict[str, Any], ...]] = {
    "trip_update": (
        {},
        {"title": ARRIVING[0], "message": ARRIVING[1], "status": "ARRIVING"},
        {"title": COMPLETED[0], "message": COMPLETED[1], "status": "COMPLETED"},
    ),
    "payment_approved": (
        {},
        {"message": "Your payment of $32.00 was approved", "amount": 32.0},
        {"message": "Your payment of $39.00 was approved", "amount": 39.0},
    ),
    "message_received": (
        {},
        {"message": LATE, "senderId": "655", "senderName": "Jonas"},
        {"message": CALL, "senderId": "656", "senderName": "Aiko"},
    ),
}
"""Type -> what is different in each of its turns, in the payload or in its data."""


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How one development server behaves. Durations are seconds.

    Args:
        port: where to listen, on loopback; 0 takes a free one.
        users: name -> password of everybody who may log in.
        access_ttl, refresh_ttl: lifetimes of tokens.
        auth_timeout: how long a socket without a token waits for its first frame.
        closing_grace: how long a client has for its half of a closing handshake.
        traffic: sample notifications a second for every connected user; 0 is none.
        flaky: every socket is cut after about that long; 0 is never.
        history: notifications per user that can be asked for again.
        state: file that keeps history and sessions across restarts.

    Raises:
        ConfigurationError: an option makes no sense.
    """

    port: int = 8765
    users: Mapping[str, str] = field(default_factory=lambda: {"demo": "demo"})
    access_ttl: float = 900.0
    refresh_ttl: float = 604_800.0
    auth_timeout: float = 5.0
    closing_grace: float = 1.0
    traffic: float = 0.0
    flaky: float = 0.0
    history: int = 10_000
    state: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            sentence = f"{self.port} is not a port"
            raise ConfigurationError(sentence, "use --port 0..65535")
        if not self.users or not all(self.users):
            raise ConfigurationError("no user could log in", "use --user NAME:PASSWORD")
        for name in ("access_ttl", "refresh_ttl", "auth_timeout", "closing_grace"):
            if not getattr(self, name) > 0:
                option = f"--{name.replace('_', '-')}"
                said = f"{option} must be more than 0"
                raise ConfigurationError(said, f"leave {option} out, or give seconds")
        for name, least in (("history", 1), ("traffic", 0), ("flaky", 0)):
            if not least <= getattr(self, name) < float("inf"):
                said = f"--{name} must be {least} or more"
                raise ConfigurationError(said, f"leave --{name} out for the usual")

    @property
    def first_user(self) -> str:
        """The user meant where none is named."""
        return next(iter(self.users))

    def user_id(self, name: str) -> str:
        """Return the identity that clients see; never the name itself."""
        return str(FIRST_USER_ID + list(self.users).index(name))


class DevServer:
    """A server for trying, testing and demonstrating; never for the real thing.

    Args:
        log: told ``(level, line)``; 0 is important, 1 is each request. No line ever
            holds a token or a password.
    """

    def __init__(
        self, options: ServerOptions, log: Log = lambda level, line: None
    ) -> None:
        self._options = options
        self._log = log
        self._runner: web.AppRunner | None = None
        self._traffic: asyncio.Task[None] | None = None
        self._state: State
        self._context: Context
        self.port = options.port

    @property
    def url(self) -> str:
        """Where its sockets are."""
        return f"ws://{HOST}:{self.port}"

    @property
    def http_url(self) -> str:
        """Where its HTTP side is."""
        return f"http://{HOST}:{self.port}"

    async def __aenter__(self) -> DevServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; return when connections are accepted.

        Raises:
            ConfigurationError: the port or the state file cannot be used.
        """
        options = self._options
        listener = listen_on(options.port)
        try:
            self._state = State(options.state, options.history)
        except BaseException:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        self._context = Context(options, self._state, self._log)
        self._runner = await serve_on(listener, build_app(self._context))
        if options.traffic:
            say = partial(self._log, 0)
            samples = self._send_samples
            self._traffic = restarted("traffic", samples, say, asyncio.sleep)
        where = f"{self.url}, its page on {self.http_url}/"
        self._log(0, f"development server listening on {where}")
        self._log(0, "for trying, testing and demonstrating only")

    async def stop(self) -> None:
        """Close every socket with 1012 and end; takes 1.6 s at most."""
        if self._runner is None:
            return
        runner, self._runner = self._runner, None
        if self._traffic is not None:
            self._traffic.cancel()
        for site in runner.sites:
            await site.stop()
        # While aiohttp cleans up it reads nothing, so goodbyes are said before.
        context = self._context
        context.stopping.set()
        for connection in context.connections:
            connection.close(RESTART)
        with suppress(TimeoutError):
            await asyncio.wait_for(context.empty.wait(), PARTING)
        await runner.cleanup()
        self._state.close()
        self._log(0, "development server stopped")

    async def _send_samples(self) -> None:
        samples, rate = endless_samples(), self._options.traffic
        context, loop = self._context, asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += max(1 / rate, TICK)
            await asyncio.sleep(due - loop.time())
            for fields in islice(samples, max(1, round(rate * TICK))):
                for user in {one.user for one in context.live() if one.user}:
                    context.publish(user, fields)


def listen_on(port: int) -> socket.socket:
    """Return a socket that accepts connections on loopback.

    Raises:
        ConfigurationError: the port cannot be used.
    """
    try:
        return socket.create_server((HOST, port), backlog=BACKLOG)
    except OSError as error:
        sentence = f"cannot listen on {HOST}:{port}: {error.strerror}"
        if error.errno == errno.EADDRINUSE:
            sentence = f"port {port} is in use"
        raise ConfigurationError(sentence, "use --port 0 for a free one") from error


async def serve_on(listener: socket.socket, app: web.Application) -> web.AppRunner:
    """Have an application answer who connects, and log nothing; return what ends it."""
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=logging.Logger("notifyws.devserver", logging.CRITICAL + 1),
        shutdown_timeout=PATIENCE,
        lingering_time=0,  # else it outlives the stop, for a client that has gone
    )
    await runner.setup()
    await web.SockSite(runner, listener, backlog=BACKLOG).start()
    return runner


def endless_samples() -> Iterator[dict[str, Any]]:
    """Yield notifications without id or time; the three types take turns."""
    for turn in count():
        for kind, sample in SAMPLES.items():
            changes = CHANGES[kind][turn % 3]
            data = {**sample["data"], **changes}
            data = {key: data[key] for key in sample["data"]}
            texts = {key: value for key, value in changes.items() if key not in data}
            yield {"type": kind, **sample, **texts, "data": data}
