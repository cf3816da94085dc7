"""DNS, TCP, TLS and the server's clock, looked at one by one for ``status``."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from notifyws.auth.http_client import http_client, import_httpx
from notifyws.auth.network_errors import http_date, plainly, tls_failed, unreachable
from notifyws.config.tls import OURS, KeyPair, load_pair
from notifyws.errors import NetworkFailed, WeAreNotTrusted

PATIENCE = 10.0
"""Seconds for each look."""
LATE = 0.2
"""Seconds that a server has to say that it does not accept us."""
HUNG_UP = "it hung up after the TLS handshake; does it want a client certificate?"


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
        CertificateRejected: it is not trusted, or ours is not.
        NetworkFailed: no TLS connection.
    """
    host = f"{target.host}:{target.port}"
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(
                target.host, target.port, ssl=tls, server_hostname=target.host
            )
        try:
            await _hear_refusal(reader)
        except OSError:
            writer.transport.abort()
            raise
    except TimeoutError:
        message = f"{host} did not finish its TLS handshake"
        raise NetworkFailed(message, "is it ws:// instead of wss://?") from None
    except ssl.SSLError as error:
        raise tls_failed(error, host) from None
    except OSError as error:
        raise unreachable(error, host) from None
    certificate = writer.get_extra_info("peercert") or {}
    await _close(writer)
    end = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return (end - time.time()) / 86400


async def _hear_refusal(reader: asyncio.StreamReader) -> None:
    """Raise what a server says of us when the handshake is over.

    TLS 1.3 lets it speak so late, and what we send meanwhile may cost us its word.

    Raises:
        SSLError: it does not accept us.
        OSError: it hung up without a word.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LATE):
            if not await reader.read(1):
                raise ConnectionResetError(0, HUNG_UP)


def own_certificate(pair: KeyPair) -> tuple[str, float]:
    """Return whom our certificate names, and the days for which it is still valid.

    The standard library reads only what it has verified, so it is shown to ourselves,
    over no network.

    Raises:
        WeAreNotTrusted: nobody would take it: it has expired, or is not valid yet.
    """
    theirs, ours = (
        ssl.SSLContext(kind)
        for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT)
    )
    ours.check_hostname, ours.verify_mode = False, ssl.CERT_NONE
    theirs.verify_mode = ssl.CERT_REQUIRED
    theirs.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    theirs.load_verify_locations(pair.certificate)
    for context in (theirs, ours):
        load_pair(context, pair, OURS)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ours.wrap_bio(back, there)
    server = theirs.wrap_bio(there, back, server_side=True)
    try:
        for side in (client, server, client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLCertVerificationError as error:
        message = f"our certificate {pair.certificate}: {error.verify_message}"
        hint = "have it renewed, or name another one: NOTIFYWS_CLIENT_CERT"
        raise WeAreNotTrusted(message, hint) from None
    shown: Any = server.getpeercert()
    named = [value for _, value in shown.get("subjectAltName", ())]
    subject = [value for ((key, value),) in shown["subject"] if key == "commonName"]
    end = ssl.cert_time_to_seconds(shown["notAfter"])
    name = next(iter([*subject, *named]), pair.certificate)
    return name, (end - time.time()) / 86400


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
    except ssl.SSLError as error:
        raise tls_failed(error, urlsplit(origin).netloc) from None
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
