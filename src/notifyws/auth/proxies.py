"""The way to a server: straight, or through the proxy that the environment names.

HTTP proxies are asked to CONNECT; SOCKS is left to ``python-socks``, where that is
installed. A proxy's URL may hold a password and is never shown.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import ssl
from base64 import b64encode
from contextlib import suppress
from importlib import import_module
from urllib.parse import unquote, urlsplit

from notifyws import __version__
from notifyws.auth.network_errors import unreachable, unusable_proxy
from notifyws.errors import NetworkFailed, NotWebSocket, UpgradeRefused

EYEBALLS = 0.25
"""Seconds that one address of a name has before the next is tried (RFC 8305)."""
BEYOND = (404, 410, 429, 500, 503)
"""Statuses that come from the server: whoever answers them was let through."""
SCHEMES = {
    "ws": ("ws", "socks", "https", "http", "all"),
    "wss": ("wss", "socks", "https", "all"),
    "http": ("http", "all"),
    "https": ("https", "all"),
}
"""A URL's scheme, and whose proxies carry it, the best one first (RFC 6455, 4.1)."""
SPOKEN = ("http", "https", "socks5h", "socks5", "socks4a", "socks4")
"""The schemes of proxies."""
PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443, "socks": 1080}


def proxy_url(url: str) -> str | None:
    """Return the URL of the proxy that the environment names for a URL.

    Raises:
        ConfigurationError: it cannot be one; it is not shown, for it holds a password.
    """
    parts = urlsplit(url)
    found = next(filter(None, map(_variable, SCHEMES[parts.scheme])), "")
    if not found:
        return None
    port = parts.port or PORTS[parts.scheme]
    for entry in re.split(r"[\s,]+", _variable("no")):
        if _names(entry.lower(), parts.hostname or "", port):
            return None
    return _checked(found if "://" in found else f"http://{found}")


def _checked(proxy: str) -> str:
    if not (proxy.isascii() and proxy.isprintable()):
        raise unusable_proxy("its URL holds more than printable ASCII")
    try:
        parts = urlsplit(proxy)
        port = parts.port
    except ValueError:
        raise unusable_proxy("its URL has no port that is a number") from None
    if not parts.hostname or port == 0 or "\\" in proxy or " " in proxy:
        raise unusable_proxy("its URL is none")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise unusable_proxy("its URL is more than scheme, host and port")
    if parts.scheme not in SPOKEN:
        raise unusable_proxy(f"it speaks {parts.scheme}")
    return proxy


def proxy_name(url: str) -> str | None:
    """Return host and port of the proxy for a URL, without what lets us in there."""
    proxy = proxy_url(url)
    return urlsplit(proxy).netloc.rpartition("@")[2] if proxy else None


def around(proxy: str, host: str | None) -> str:
    """Return what to try where a proxy is in the way to a host."""
    return f"go around the proxy {proxy}: NO_PROXY={host} notifyws status --check"


def may_be_the_proxys(status: int) -> bool:
    """Return whether a proxy may have answered this, and not the server behind it."""
    return not (300 <= status < 400 or status in BEYOND)


def _variable(scheme: str) -> str:
    name = f"{scheme}_proxy"
    return os.environ.get(name, os.environ.get(name.upper(), "")).strip()


def _names(entry: str, host: str, port: int) -> bool:
    """Return whether an entry of NO_PROXY names a host; one of no sense names none."""
    if entry == "*":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(
            entry.strip("[]"), strict=False
        )
    with suppress(ValueError):
        parts = urlsplit(f"//{entry}")
        name = (parts.hostname or "").lstrip("*.")
        is_there = host == name or host.endswith(f".{name}")
        return bool(name) and is_there and parts.port in (None, port)
    return False


def is_address(host: str) -> bool:
    """Return whether a host is named by its one address, so that no race is needed.

    asyncio's race over addresses loses the socket of its winner when it is cancelled in
    that moment; garbage collection closes it.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def connect(
    protocol: asyncio.BaseProtocol,
    host: str,
    port: int,
    tls: ssl.SSLContext | None,
    proxy: str | None,
) -> None:
    """Connect a protocol to a host's port.

    Args:
        tls: whom to trust there; ``None`` for plain TCP.
        proxy: the URL of one to go through; ``None`` for the straight way.

    Raises:
        ConfigurationError: this proxy cannot be used.
        UpgradeRefused: it does not want to.
        NotWebSocket: it is no proxy.
        NetworkFailed: it cannot be reached.
        OSError: the host cannot be.
    """
    loop, name = asyncio.get_running_loop(), host if tls else None
    if proxy is None:
        await loop.create_connection(
            lambda: protocol,
            host,
            port,
            ssl=tls,
            server_hostname=name,
            happy_eyeballs_delay=None if is_address(host) else EYEBALLS,
        )
        return
    transport: asyncio.Transport | None = await _through(proxy, host, port)
    assert transport is not None
    transport.set_protocol(protocol)
    if tls is not None:
        transport = await loop.start_tls(transport, protocol, tls, server_hostname=name)
        assert transport is not None
    protocol.connection_made(transport)


async def _through(proxy: str, host: str, port: int) -> asyncio.Transport:
    parts = urlsplit(proxy)
    where = parts.hostname or "", parts.port or PORTS[parts.scheme[:5]]
    who = unquote(parts.username or ""), unquote(parts.password or "")
    name = parts.netloc.rpartition("@")[2]
    try:
        if parts.scheme in ("http", "https"):
            asked = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            tls = parts.scheme == "https" or None
            answer, transport = await _http(where, who, asked, tls=tls)
            _check(answer, asked, around(name, host), transport)
            return transport
        return await _socks(parts.scheme, where, who, host, port)
    except (OSError, UnicodeError) as error:
        problem = unreachable(error, f"the proxy {name}")
        raise NetworkFailed(problem.message, around(name, host)) from None


async def _http(
    where: tuple[str, int], who: tuple[str, str], asked: str, tls: bool | None
) -> tuple[bytes, asyncio.Transport]:
    lines = [f"CONNECT {asked} HTTP/1.1", f"Host: {asked}"]
    lines.append(f"User-Agent: notifyws/{__version__}")
    if any(who):
        secret = b64encode(":".join(who).encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {secret}")
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().create_connection(
        lambda: asyncio.StreamReaderProtocol(reader), *where, ssl=tls
    )
    try:
        transport.write("\r\n".join([*lines, "", ""]).encode())
        try:
            answer = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            answer = b""
    except BaseException:
        transport.abort()
        raise
    return answer, transport


def _check(answer: bytes, asked: str, hint: str, transport: asyncio.Transport) -> None:
    """Raise what an answer to CONNECT means, unless it is well."""
    found = re.match(rb"HTTP/1\.\d (\d{3})\b", answer)
    if found is not None and found[1].startswith(b"2"):
        return
    transport.abort()
    if found is None:
        message = f"the proxy does not speak HTTP: it was to connect to {asked}"
        raise NotWebSocket(message, hint)
    status = int(found[1])
    message = f"the proxy answered {status} instead of connecting to {asked}"
    raise UpgradeRefused(message, hint, status=status, by_proxy=True)


async def _socks(
    scheme: str, where: tuple[str, int], who: tuple[str, str], host: str, port: int
) -> asyncio.Transport:
    """Ask a SOCKS proxy; with an ``h`` or ``a`` it resolves the name itself."""
    try:
        kind = import_module("python_socks").ProxyType[scheme[:6].upper()]
        proxy = import_module("python_socks.async_.asyncio").Proxy
    except ImportError:
        raise unusable_proxy("for SOCKS, python-socks must be installed") from None
    user, password = (each or None for each in who)
    asked = proxy(kind, *where, user, password, rdns=scheme[6:] != "")
    loop, sock = asyncio.get_running_loop(), await asked.connect(host, port)
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=sock)
    return transport
