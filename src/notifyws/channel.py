"""websockets: open a socket, pass text frames; its exceptions become ours here.

Keepalive, reconnecting, redirects and compression of the library are off: the first
two are decided elsewhere, a redirect would carry a token to another place, and a
compressed frame can hold a thousand times its size. What the library or the peer
says leaves here with the opening's secrets masked.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import websockets.asyncio.client as ws
from websockets import exceptions as wsx
from websockets.typing import Subprotocol

from notifyws.errors import (
    ConfigurationError,
    ConnectionLost,
    NetworkFailed,
    NotifyError,
    NotWebSocket,
    UpgradeRefused,
)
from notifyws.protocol.masking import masked, redirected
from notifyws.protocol.opening import Opening
from notifyws.reaching import (
    certificate_rejected,
    retry_after,
    unreachable,
    unusable_proxy,
)
from notifyws.values import frozen
from notifyws.version import __version__
from notifyws.websocket import BurstConnection

__all__ = ["Limits", "WebSocketChannel", "dial"]

WAITING = 16
"""Frames that may wait to be read, each as large as any may be. More are not faster:
200,000 of 205 bytes take 0.75 s with 16 as with 1024, but 1024 of 900 KB take 908 MB
where 16 take 15."""


@frozen
class Limits:
    """Bounds of one connection; seconds and bytes."""

    open_timeout: float = 10.0
    close_timeout: float = 1.5
    max_size: int = 1 << 20
    compression: bool = False


class _Connect(ws.connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class WebSocketChannel:
    """An open WebSocket.

    Args:
        socket: the library's.
        close_timeout: seconds to wait for the answer to a goodbye.
        secrets: what a close reason must not show.
    """

    def __init__(
        self,
        socket: BurstConnection,
        close_timeout: float,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self._socket = socket
        self._close_timeout = close_timeout
        self._secrets = secrets

    async def burst(self) -> Sequence[str | bytes]:
        """Return all whole frames that came, at least one; bytes when binary."""
        try:
            return await self._socket.burst()
        except wsx.ConnectionClosed as error:
            raise _ended(error, self._secrets) from None

    async def send(self, text: str) -> None:
        """Send one text frame."""
        try:
            await self._socket.send(text)
        except wsx.ConnectionClosed as error:
            raise _ended(error, self._secrets) from None

    async def send_all(self, texts: Sequence[str]) -> None:
        """Send text frames, many at once, and no faster than they leave."""
        try:
            await self._socket.send_all(texts)
        except wsx.ConnectionClosed as error:
            raise _ended(error, self._secrets) from None

    async def ping(self) -> None:
        """Send a ping; return when its pong is there."""
        try:
            await (await self._socket.ping())
        except wsx.ConnectionClosed as error:
            raise _ended(error, self._secrets) from None

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye and wait a little for the answer; never raises."""
        try:
            async with asyncio.timeout(self._close_timeout):
                await self._socket.close(code, reason)
        except (TimeoutError, OSError, wsx.WebSocketException):
            self.abort()

    def abort(self) -> None:
        """Cut the line."""
        self._socket.transport.abort()


def _ended(error: wsx.ConnectionClosed, secrets: tuple[str, ...]) -> ConnectionLost:
    """Return our error for the end of a connection."""
    frame = error.rcvd or error.sent
    if frame is None:
        return ConnectionLost(1006)
    sent = error.rcvd is None or error.rcvd_then_sent is False
    return ConnectionLost(int(frame.code), masked(frame.reason, secrets), sent=sent)


async def dial(
    opening: Opening, limits: Limits, tls: ssl.SSLContext | None
) -> WebSocketChannel:
    """Open a socket.

    Args:
        opening: URL, headers and subprotocols.
        limits: bounds of the connection.
        tls: whom to trust on ``wss://``; ``None`` for the system's authorities.

    Raises:
        UpgradeRefused: the server answered with plain HTTP.
        CertificateRejected: the server is not who the URL says.
        NotWebSocket: what answers is no WebSocket server.
        NetworkFailed: no connection.
        ConfigurationError: the URL cannot be used.
    """
    host = urlsplit(opening.url).netloc.rpartition("@")[2]
    secure = opening.url.lower().startswith("wss:")
    options: dict[str, Any] = {"ssl": tls} if secure and tls is not None else {}
    try:
        socket = await _Connect(
            opening.url,
            additional_headers=dict(opening.headers),
            subprotocols=[Subprotocol(name) for name in opening.subprotocols] or None,
            compression="deflate"
            if limits.compression or opening.compression
            else None,
            user_agent_header=f"notifyws/{__version__}",
            open_timeout=limits.open_timeout,
            ping_interval=None,
            close_timeout=limits.close_timeout,
            max_size=limits.max_size,
            max_queue=WAITING,
            create_connection=BurstConnection,
            **options,
        )
    except Exception as error:  # noqa: BLE001 - the border: all becomes ours
        ours = translated(error, host, limits.open_timeout)
        raise _without(opening.secrets, ours) from None
    assert isinstance(socket, BurstConnection)
    return WebSocketChannel(socket, limits.close_timeout, opening.secrets)


def _without(secrets: tuple[str, ...], error: NotifyError) -> NotifyError:
    """Return the same error, its words and facts without the secrets."""
    error.message = masked(error.message, secrets)
    error.args = (error.message,)
    if isinstance(error, UpgradeRefused) and error.location:
        error.location = masked(error.location, secrets)
    return error


def translated(  # noqa: PLR0911 - a table of errors, one row each
    error: Exception, host: str, open_timeout: float
) -> NotifyError:
    """Return our error for one of the library's or the system's."""
    match error:
        case TimeoutError():
            message = f"{host} did not answer within {open_timeout:g} s"
            return NetworkFailed(message, "notifyws status --check")
        case wsx.InvalidStatus():
            return _refused(error, host)
        case ssl.SSLCertVerificationError():
            return certificate_rejected(error, host)
        case ssl.SSLError():
            message = f"{host} does not speak TLS: {_why_tls(error)}"
            return NotWebSocket(message, "is it ws:// instead of wss://?")
        case wsx.InvalidProxyStatus():
            status = error.response.status_code
            message = f"the proxy answered {status} instead of connecting to {host}"
            hint = "check HTTPS_PROXY and NO_PROXY"
            return UpgradeRefused(message, hint, status=status, by_proxy=True)
        case wsx.InvalidProxy():
            return unusable_proxy(error.msg)
        case ImportError():
            return unusable_proxy("for SOCKS, python-socks must be installed")
        case wsx.InvalidURI():
            message = f"the URL of {host} cannot be used: {error.msg}"
            return ConfigurationError(message, "correct the URL")
        case wsx.InvalidHandshake() | EOFError():
            message = f"{host} did not answer with a WebSocket: {_innermost(error)}"
            return NotWebSocket(message, "check the URL, and ws:// against wss://")
        case OSError() | UnicodeError():
            return unreachable(error, host)
        case _:
            return NetworkFailed(f"cannot connect to {host}: {error}")


def _refused(error: wsx.InvalidStatus, host: str) -> UpgradeRefused:
    response = error.response
    status, headers = response.status_code, response.headers
    said = f"{status} {response.reason_phrase}".strip()
    location = headers.get("Location")
    instead = f"instead of opening a WebSocket{redirected(location)}"
    message = f"{host} answered {said} {instead}"
    return UpgradeRefused(
        message,
        "check the URL's path, and the token with: notifyws status --check",
        status=status,
        retry_after=retry_after(headers.get("Retry-After")),
        location=location,
    )


def _why_tls(error: ssl.SSLError) -> str:
    return (error.reason or "handshake failed").replace("_", " ").lower()


def _innermost(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__
