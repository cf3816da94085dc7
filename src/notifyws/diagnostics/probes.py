"""DNS, TCP, TLS and the server's clock, looked at one by one for ``status``."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from urllib.parse import urlsplit

from msgspec import Struct

from notifyws.auth.http_client import http_client
from notifyws.auth.httpx_import import import_httpx
from notifyws.auth.network_errors import (
    certificate_rejected,
    http_date,
    plainly,
    unreachable,
)
from notifyws.errors import NetworkFailed, NotWebSocket

PATIENCE = 10.0
"""Seconds for each look."""


class Target(Struct, frozen=True):
    """A host and port, whether TLS is spoken there, and what stands before its name."""

    host: str
    port: int
    secure: bool
    title: str = ""

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        return f"{self.title}{self.host}:{self.port}"


def target_of(url: str) -> Target:
    """Return where a WebSocket URL leads."""
    parts = urlsplit(url)
    secure = parts.scheme.lower() == "wss"
    return Target(parts.hostname or "", parts.port or (443 if secure else 80), secure)


def proxy_target(proxy: str) -> Target:
    """Return where a proxy is, given its host and port."""
    parts = urlsplit(f"//{proxy}")
    return Target(parts.hostname or "", parts.port or 80, False, "the proxy ")


async def resolve(target: Target) -> list[str]:
    """Return the host's addresses.

    Raises:
        NetworkFailed: it has none.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(PATIENCE):
            found = await loop.getaddrinfo(
                target.host, target.port, type=socket.SOCK_STREAM
            )
    except TimeoutError:
        message = f"no answer about {target.host} within {PATIENCE:g} s"
        raise NetworkFailed(message, "check the name server") from None
    except (OSError, UnicodeError) as error:
        raise unreachable(error, f"{target.title}{target.host}") from None
    return list(dict.fromkeys(str(address[4][0]) for address in found))


async def reach(target: Target) -> float:
    """Return the seconds it takes to open a TCP connection.

    Raises:
        NetworkFailed: it does not come to one.
    """
    started = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(target.host, target.port)
    except TimeoutError:
        message = f"{target.name} did not answer within {PATIENCE:g} s"
        hint = "check the host, the port, and firewalls"
        raise NetworkFailed(message, hint) from None
    except OSError as error:
        raise unreachable(error, target.name) from None
    took = time.monotonic() - started
    await _close(writer)
    return took


async def tls_days_left(target: Target, tls: ssl.SSLContext) -> float:
    """Return the days for which the host's certificate is still valid.

    Raises:
        CertificateRejected: it is not trusted.
        NetworkFailed: no TLS connection.
    """
    host = f"{target.host}:{target.port}"
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(
                target.host, target.port, ssl=tls, server_hostname=target.host
            )
    except TimeoutError:
        message = f"{host} did not finish its TLS handshake"
        raise NetworkFailed(message, "is it ws:// instead of wss://?") from None
    except ssl.SSLCertVerificationError as error:
        raise certificate_rejected(error, host) from None
    except ssl.SSLError as error:
        hint = "is it ws:// instead of wss://?"
        raise NotWebSocket(f"{host} does not speak TLS: {error.reason}", hint) from None
    except OSError as error:
        raise unreachable(error, host) from None
    certificate = writer.get_extra_info("peercert") or {}
    await _close(writer)
    end = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return (end - time.time()) / 86400


async def clock_skew(origin: str, tls: ssl.SSLContext | None) -> float | None:
    """Return the seconds by which the server's clock is ahead of ours.

    ``None`` when it does not tell. Its header has whole seconds, so half a second
    either way says nothing.

    Raises:
        NetworkFailed: no HTTP answer.
    """
    import_httpx()
    import httpx

    try:
        async with (
            asyncio.timeout(PATIENCE),
            http_client(origin, tls, PATIENCE) as client,
            client.stream("HEAD", "/") as response,
        ):
            said = http_date(response.headers.get("date", ""))
    except (httpx.HTTPError, TimeoutError, UnicodeError) as error:
        late = isinstance(error, TimeoutError | httpx.TimeoutException)
        why = "time is over" if late else plainly(error)
        hint = "check the URL, and ws:// against wss://"
        raise NetworkFailed(f"{origin} gave no HTTP answer: {why}", hint) from None
    return None if said is None else said + 0.5 - time.time()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1.0):
            await writer.wait_closed()
