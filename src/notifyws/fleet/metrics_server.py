"""The HTTP side of ``--metrics``: three pages, in a thread of its own.

``/metrics`` for Prometheus, ``/healthz`` and ``/readyz`` for probes. A thread, so that
they answer while the event loop is blocked. It reads, and changes nothing; it says
nothing on stdout or stderr, whatever a client sends; it ends with the listener.
"""

from __future__ import annotations

import errno
import os
import selectors
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from notifyws.config.extras import needs_extra
from notifyws.config.urls import is_private
from notifyws.errors import ConfigurationError, UsageError
from notifyws.fleet.health import Health
from notifyws.fleet.metrics import Readings
from notifyws.tasks import meanwhile

if TYPE_CHECKING:
    from notifyws.fleet.active_listener import ActiveListener

LOOPBACK = "127.0.0.1"
PATIENCE = 5.0
"""Seconds that a client may take for each step of asking or reading."""
MOST = 32
"""Clients at a time; a further one is let in for the oldest, which may be stuck."""
ENDING = 1.0
"""Seconds to wait for the thread at the end; it waits for nobody."""
TEXT = "text/plain; charset=utf-8"
HINTS = {
    errno.EADDRINUSE: "give another port, or 0 for a free one: --metrics 0",
    errno.EADDRNOTAVAIL: "give an address of this machine, or 0.0.0.0 for all of them",
    errno.EACCES: "give a port above 1023",
}
"""What helps, by why an address cannot be had."""


class Page(Struct, frozen=True):
    """What a page says."""

    text: str
    content_type: str = TEXT
    status: int = HTTPStatus.OK


Pages = Mapping[str, Callable[[], Page]]
"""Path -> what makes the page."""


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of ``[HOST:]PORT``; the loopback where no host is given.

    Raises:
        UsageError: it is no such thing.
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host, bare = host[1:-1], False
    else:
        bare = ":" in host
    digits = port.isascii() and port.isdigit() and len(port) <= 5
    if bare or (colon and not host) or not digits or int(port) > 65535:
        message = f"--metrics takes [HOST:]PORT, not {text!r}"
        hint = "as in --metrics 9100, --metrics 0.0.0.0:9100 or --metrics [::1]:9100"
        raise UsageError(message, hint)
    return host or LOOPBACK, int(port)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request, with as few words as can be."""

    timeout = PATIENCE
    server: MetricsServer

    def do_GET(self) -> None:
        self._say(self._asked_for())

    def _asked_for(self) -> Page:
        if self.server.is_local and not is_private(self.headers.get("Host", "")):
            return Page("forbidden\n", status=403)
        make = self.server.pages.get(self.path.partition("?")[0])
        try:
            return make() if make else Page("not found\n", status=404)
        except Exception as error:  # noqa: BLE001 - whoever reads it is told, nobody else
            return Page(f"failed unexpectedly: {type(error).__name__}\n", status=500)

    do_HEAD = do_GET

    def send_error(
        self, code: int, message: str | None = None, explain: str | None = None
    ) -> None:
        """Answer in one line; what is neither GET nor HEAD is not allowed here."""
        status = HTTPStatus(405 if code == HTTPStatus.NOT_IMPLEMENTED else code)
        self.close_connection = True
        self._say(Page(f"{status.phrase.lower()}\n", status=status))

    def version_string(self) -> str:
        return "notifyws"

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _say(self, page: Page) -> None:
        body = page.text.encode()
        self.send_response(page.status)
        if page.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class MetricsServer(ThreadingMixIn, TCPServer):
    """Serves pages until it is closed.

    Args:
        port: 0 for any free one.

    Raises:
        ConfigurationError: the address cannot be had.
    """

    daemon_threads = allow_reuse_address = True
    block_on_close = False
    request_queue_size = 128  # with the usual 5, a crowd costs the next one a second
    timeout = 0.0

    def __init__(self, host: str, port: int, pages: Pages) -> None:
        self.pages = pages
        self._open: deque[Any] = deque()
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            self.address_family, *_, address = found[0]
            super().__init__(cast("Any", address), _Handler)
        except (OSError, UnicodeError) as error:
            raise _unusable(host, port, error) from None
        self._wake, self._woken = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        for each in (self, self._woken):
            self._selector.register(each, selectors.EVENT_READ)
        self._thread = threading.Thread(
            target=self._serve, name="notifyws metrics", daemon=True
        )

    @property
    def is_local(self) -> bool:
        return ip_address(str(self.server_address[0])).is_loopback

    @property
    def url(self) -> str:
        """Where the pages are."""
        host, port = self.server_address[:2]
        return f"http://{_joined(str(host), int(port))}"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close(self) -> None:
        """Stop, and give the port back."""
        self._wake.send(b"\0")
        self._thread.join(ENDING)
        self.server_close()
        for each in (self._selector, self._wake, self._woken):
            each.close()

    def _serve(self) -> None:
        """Let clients in; signals are for the main thread, which they are to wake."""
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            ready = [key.fileobj for key, _ in self._selector.select()]
            if self._woken in ready:
                return
            self.handle_request()

    def get_request(self) -> tuple[Any, Any]:
        """Take a client in; where there is no descriptor for one, wait a little."""
        try:
            return super().get_request()
        except OSError:
            time.sleep(0.1)
            raise

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Let every client in; of too many the oldest goes."""
        self._open.append(request)
        if len(self._open) > MOST:
            with suppress(OSError):
                self._open.popleft().shutdown(socket.SHUT_RDWR)
        return True

    def shutdown_request(self, request: Any) -> None:
        """Let a client go."""
        with suppress(ValueError, RuntimeError, IndexError):  # it went, or others do
            self._open.remove(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away is no concern of ours."""


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _unusable(host: str, port: int, error: Exception) -> ConfigurationError:
    number = getattr(error, "errno", None) or 0
    if isinstance(error, (socket.gaierror, UnicodeError)):
        why, hint = "there is no such host", "give an address, as in 0.0.0.0:9100"
    else:
        why = os.strerror(number).lower()
        hint = HINTS.get(number, "give another address")
    message = f"cannot serve metrics on {_joined(host, port)}: {why}"
    return ConfigurationError(message, hint)


def build_pages(listeners: Sequence[ActiveListener], health: Health) -> Pages:
    """Return the pages of listeners.

    Raises:
        ConfigurationError: what writes one of them is not installed.
    """
    try:
        from notifyws.fleet.metrics_page import CONTENT_TYPE, MetricsPage
    except ImportError:
        raise needs_extra("--metrics", "metrics") from None
    page = MetricsPage({each.auth.label: Readings(each) for each in listeners})
    return {
        "/metrics": lambda: Page(page.text(), CONTENT_TYPE),
        "/healthz": partial(_probe, health.alive),
        "/readyz": partial(_probe, health.ready),
    }


def _probe(ask: Callable[[], tuple[bool, str]]) -> Page:
    good, word = ask()
    return Page(f"{word}\n", status=HTTPStatus.OK if good else 503)


@asynccontextmanager
async def metrics_served(
    listeners: Sequence[ActiveListener],
    host: str,
    port: int,
    warn: Callable[[str], None],
) -> AsyncIterator[MetricsServer]:
    """Serve the pages of listeners meanwhile.

    Args:
        listeners: are not started yet; several have labels.
        port: 0 for any free one.

    Raises:
        ConfigurationError: they cannot be served.
    """
    health = Health(listeners, listeners[0].auth.clock.now)
    server = MetricsServer(host, port, build_pages(listeners, health))
    server.start()
    try:
        async with meanwhile("the tick of the health page", health.tick, warn):
            yield server
    finally:
        server.close()
