"""Opening a WebSocket: the way to the server, and why it came to nothing as our errors.

No redirect is followed, as it would carry a token to another place, and compression is
offered only where it is asked for, because a compressed frame can hold a thousand times
its size. What the library or the server says leaves here with the opening's secrets
masked.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from websockets import exceptions as wsx
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from notifyws import __version__
from notifyws.auth.http_refusals import own_words
from notifyws.auth.network_errors import (
    CHECK_SCHEME,
    demand_welcome,
    later,
    plainly,
    retry_after,
    tls_failed,
    unreachable,
)
from notifyws.auth.proxies import connect, proxy_url
from notifyws.config.settings import Settings
from notifyws.connection.endings import without_secrets
from notifyws.connection.transport import WebSocketTransport
from notifyws.errors import (
    ORIGIN,
    ConfigurationError,
    NetworkFailed,
    NotifyError,
    NotWebSocket,
    UpgradeRefused,
)
from notifyws.protocol.failures import is_retried
from notifyws.protocol.frames import decode
from notifyws.protocol.masking import redirected, sendable
from notifyws.protocol.token_replies import Answer
from notifyws.protocol.upgrade import UpgradeRequest

THRIFTY = {"memLevel": 5}
"""What zlib may take: a quarter of the usual 256 KiB for each connection."""


async def dial(
    upgrade_request: UpgradeRequest, settings: Settings, tls: ssl.SSLContext | None
) -> WebSocketTransport:
    """Open a socket.

    Args:
        settings: its time limits, the largest frame, whether to offer compression.
        tls: whom to trust on ``wss://``; ``None`` for the system's authorities.

    Raises:
        UpgradeRefused: the server answered with plain HTTP.
        CertificateRejected: the server is not who the URL says.
        NotWebSocket: what answers is no WebSocket server.
        NetworkFailed: no connection.
        ConfigurationError: the URL cannot be used.
    """
    try:
        async with asyncio.timeout(settings.open_timeout):
            return await _opened(upgrade_request, settings, tls)
    except Exception as error:  # noqa: BLE001 - the border: all becomes ours
        host = urlsplit(upgrade_request.url).netloc.rpartition("@")[2]
        ours = translated(error, host, settings.open_timeout)
        raise without_secrets(ours, upgrade_request.secrets()) from None


async def _opened(
    upgrade_request: UpgradeRequest, settings: Settings, tls: ssl.SSLContext | None
) -> WebSocketTransport:
    uri = parse_uri(upgrade_request.url)
    deflate = [ClientPerMessageDeflateFactory(compress_settings=THRIFTY)]
    compression = settings.compression or upgrade_request.compression
    subprotocols = [Subprotocol(name) for name in upgrade_request.subprotocols]
    largest, patience = settings.max_size, settings.close_timeout
    protocol = ClientProtocol(
        uri,
        extensions=deflate if compression else None,
        subprotocols=subprotocols or None,
        max_size=largest,
    )
    transport = WebSocketTransport(protocol, largest, patience, upgrade_request.secrets)
    if uri.secure and tls is None:
        from notifyws.config.tls import trust  # OpenSSL, which plain text needs not

        tls = trust("")
    way = tls if uri.secure else None, proxy_url(upgrade_request.url)
    await connect(transport, uri.host, uri.port, *way)
    try:
        headers = _with_origin(upgrade_request.headers, settings.origin)
        await transport.open(headers, f"notifyws/{__version__}")
    except BaseException:
        transport.abort()
        raise
    return transport


def _with_origin(headers: Mapping[str, str], origin: str) -> Mapping[str, str]:
    """Return headers with what the user says of the origin, in place of the profile."""
    if not origin:
        return headers
    if not sendable(origin):
        message = "NOTIFYWS_ORIGIN is not printable ASCII without blanks"
        raise ConfigurationError(message, "write it as https://app.example.com")
    others = {k: v for k, v in headers.items() if k.lower() != "origin"}
    return {**others, "Origin": origin}


def translated(  # noqa: PLR0911 - a table of errors, one row each
    error: Exception, host: str, open_timeout: float
) -> NotifyError:
    """Return our error for one of the library's or the system's."""
    match error:
        case NotifyError():
            return error
        case TimeoutError():
            message = f"{host} did not answer within {open_timeout:g} s"
            return NetworkFailed(message, "notifyws status --check")
        case wsx.InvalidStatus():
            return _refused(error.response, host)
        case ssl.SSLError():
            return tls_failed(error, host)
        case wsx.InvalidURI():
            message = f"the URL of {host} cannot be used: {error.msg}"
            return ConfigurationError(message, "correct the URL")
        case wsx.InvalidHandshake():
            message = f"{host} did not answer with a WebSocket: {_innermost(error)}"
            return NotWebSocket(message, CHECK_SCHEME)
        case OSError() | UnicodeError():
            return unreachable(error, host)
        case _:
            message = f"cannot connect to {host}: {error}"
            return NetworkFailed(message, "notifyws status --check")


def _refused(response: Response, host: str) -> NotifyError:
    status, headers = response.status_code, response.headers
    try:
        demand_welcome(status, response.body or b"", host)
    except NotifyError as ours:
        return ours
    said = f"{status} {response.reason_phrase}".strip()
    location = headers.get("Location")
    instead = f"instead of opening a WebSocket{redirected(status, location)}"
    known = {name.lower(): value for name, value in headers.raw_items()}
    words = own_words(Answer(_json(response.body), known))
    message = f"{host} answered {said} {instead}{words and f': {words}'}"
    wait = retry_after(headers.get("Retry-After"))
    hint = "check the URL's path, and the token with: notifyws status --check"
    if is_retried(status):
        hint = later(wait)
    return UpgradeRefused(
        message,
        f"see whether this token may listen; or {ORIGIN}" if status == 403 else hint,
        status=status,
        retry_after=wait,
        location=location,
        words=words,
    )


def _json(body: bytes | bytearray | None) -> Any:
    try:
        return decode((body or b"").decode())
    except ValueError:
        return None


def _innermost(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return plainly(error)
