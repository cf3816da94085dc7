"""The only module that knows Hypercorn from inside, and why each time.

Hypercorn speaks HTTP and WebSocket. Five things it does not offer are had here from
the outside: a listening socket of our own, TCP connections that can be cut, the
code that a client closed with, an end that does not wait, and silence.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from hypercorn.config import Config, Sockets
from hypercorn.logging import Logger
from starlette.types import ASGIApp, Receive, Scope, Send
from wsproto.events import CloseConnection

from notifyws.errors import ConfigurationError

__all__ = ["Hall", "Listener", "configuration", "heard_ending", "is_over", "listen"]

BACKLOG = 1024
RESET = struct.pack("ii", 1, 0)
STREAM = "notifyws.stream"


class Listener(socket.socket):
    """A listening socket that remembers whom it let in.

    ASGI tells an application its client's address and nothing else of the TCP
    connection, so the address is what a connection is found by.
    """

    def __init__(self) -> None:
        # Where the protocol is named asyncio sets TCP_NODELAY; else 40 ms a reply.
        super().__init__(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._taken: WeakValueDictionary[Any, socket.socket] = WeakValueDictionary()

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept like any socket."""
        connection, address = super().accept()
        self._taken[address] = connection
        return connection, address

    def cutter(self, address: tuple[str, int]) -> Callable[[], None]:
        """Return what ends the TCP connection from ``address`` at once.

        It ends that very connection, never a later one from the same address.
        """
        connection = self._taken.get(tuple(address))
        return partial(_cut, connection)

    def cut_all(self) -> None:
        """End every TCP connection at once."""
        for connection in list(self._taken.values()):
            _cut(connection)


def _cut(connection: socket.socket | None) -> None:
    # The descriptor is asyncio's. Shutting it down makes asyncio see the end, even
    # where it waits to write; lingering for 0 s makes its close a reset.
    if connection is None:
        return  # gone before its request was looked at
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # closed already


def listen(host: str, port: int) -> Listener:
    """Return a listening socket.

    Raises:
        ConfigurationError: the port is in use, or may not be used.
    """
    listener = Listener()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            hint = "use --port 0 for a free one"
            raise ConfigurationError(f"port {port} is in use", hint) from error
        raise ConfigurationError(
            f"cannot listen on {host}:{port}: {error.strerror}", "try another --port"
        ) from error
    return listener


def configuration(listener: Listener, report: Callable[[str], None]) -> Config:
    """Return how Hypercorn serves: our socket, no log.

    Args:
        listener: where it accepts.
        report: told one line when the application failed, which is a bug.
    """

    class Quiet(Logger):
        async def exception(self, message: str, *_: Any, **__: Any) -> None:
            report(f"{message}: {sys.exception()!r}")

    class Ours(Config):
        def create_sockets(self) -> Sockets:
            return Sockets([], [listener], [])

    config = Ours()
    config.logger_class = Quiet
    config.accesslog = config.errorlog = None
    config.backlog = BACKLOG
    config.graceful_timeout = 60.0  # every connection is cut long before
    config.include_server_header = False
    return config


class Hall:
    """An application, and who is still busy in it.

    Hypercorn waits for every request that an application works on, for ever if need
    be, and cannot be told to stop waiting; so the last ones are sent away here.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._busy: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one socket, like any ASGI application."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        scope[STREAM] = getattr(send, "__self__", None)
        task = asyncio.current_task()
        if task is not None:
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)
        await self._app(scope, receive, send)

    def send_away(self) -> None:
        """Cancel whatever is still going on."""
        for task in list(self._busy):
            task.cancel()


def is_over(scope: Scope) -> bool:
    """Tell whether Hypercorn gave a socket up without telling the application.

    It answers 400 to a client that sends a frame before it was let in, and then
    neither takes an accept nor reports a disconnect.
    """
    return bool(getattr(scope.get(STREAM), "closed", False))


def heard_ending(scope: Scope) -> Callable[[], tuple[int, str]]:
    """Listen, once a socket is accepted, for the code that its client closes with.

    Hypercorn reports every end as 1006 to the application, a clean one too; the
    code is known to its WebSocket parser only.
    """
    heard = [(1006, "")]
    parser = getattr(scope.get(STREAM), "connection", None)
    if parser is not None:
        events = parser.events

        def overhear() -> Iterator[Any]:
            for event in events():
                if isinstance(event, CloseConnection):
                    heard[0] = (int(event.code), event.reason or "")
                yield event

        parser.events = overhear
    return lambda: heard[0]
