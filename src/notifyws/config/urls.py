"""URLs as written, and the origin that says whose tokens are whose; pure."""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from notifyws.errors import ConfigurationError

PRIVATE = (".localhost", ".local", ".internal")
"""How names end that are no public ones."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HTTP = {"ws": "http", "wss": "https"}
_SHAPE = "write it as wss://host[:port][/path]"


def checked_url(url: str) -> str:
    """Return ``url`` as it is.

    Raises:
        ConfigurationError: it is not a WebSocket URL; says what to write instead.
    """
    what = "the server's URL"
    if re.search(r"[\x00-\x20\x7f]", url):
        said = f"{what} holds a space or control character"
        raise ConfigurationError(said, _SHAPE)
    shown = shown_url(url)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigurationError(f"{what} is not a URL: {shown}", _SHAPE) from None
    scheme = parts.scheme.lower()
    if scheme in ("http", "https"):
        rest = shown.partition("://")[2]
        hint = f"use {'wss' if scheme == 'https' else 'ws'}://{rest}"
        raise ConfigurationError(f"{what} must be ws:// or wss://: {shown}", hint)
    if scheme not in _HTTP or not parts.hostname:
        said = f"{what} is not a WebSocket URL: {shown}"
        raise ConfigurationError(said, _as_written(shown))
    if parts.username is not None or parts.fragment or not _port_is_good(parts):
        hint = "no user, no fragment, and a port from 1 to 65535"
        host = f"{scheme}://{parts.hostname}"
        raise ConfigurationError(f"{what} cannot be used: {host}", hint)
    return url


def _as_written(shown: str) -> str:
    """Return how to write what may only lack its scheme."""
    if shown and "://" not in shown:
        with suppress(ConfigurationError):
            return f"write it as {completed_url(shown)}"
    return _SHAPE


def shown_url(url: str) -> str:
    """Return a URL fit for showing: no user, and of its query only the names.

    It is shown as it was written otherwise, also where it is no URL at all.
    """
    bare = re.sub(r"//[^/?#]*@", "//", url)
    place, mark, query = bare.partition("?")
    return f"{place}{mark}{re.sub('[^&;#=]*(=[^&;#]*)?', _named, query)}"


def _named(found: re.Match[str]) -> str:
    """Return a query's part as its name; one without a name may be a secret itself."""
    if not found[0]:
        return ""
    name, mark, _ = found[0].partition("=")
    return f"{name}=***" if mark else "***"


def completed_url(text: str) -> str:
    """Return what was typed as a WebSocket URL: trimmed, with the scheme it lacks.

    Encrypted, but for this machine; ``http`` becomes what it is over a socket.

    Raises:
        ConfigurationError: there is no URL in it.
    """
    url = text.strip()
    scheme, mark, rest = url.partition("://")
    over = {"http": "ws", "https": "wss"}.get(scheme.lower())
    if mark and over:
        url = f"{over}://{rest}"
    elif not mark:
        url = f"wss://{url}"
        if _is_near(urlsplit(checked_url(url)).hostname):
            url = f"ws{url[3:]}"
    return checked_url(url)


def _port_is_good(parts: Any) -> bool:
    try:
        return bool(parts.port != 0)
    except ValueError:
        return False


def canonical_origin(url: str) -> str:
    """Return the HTTP origin of a WebSocket URL: lower case, no default port."""
    parts = urlsplit(url)
    scheme = _HTTP[parts.scheme.lower()]
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    default = parts.port in (None, _DEFAULT_PORTS[scheme])
    return f"{scheme}://{host}" if default else f"{scheme}://{host}:{parts.port}"


def is_plain_and_far(url: str) -> bool:
    """Tell whether a WebSocket URL leads off this machine without encryption."""
    parts = urlsplit(url)
    return parts.scheme.lower() == "ws" and not _is_near(parts.hostname)


def _is_near(name: str | None) -> bool:
    host = (name or "").lower()
    return host in ("localhost", "::1") or bool(
        re.fullmatch(r"127(\.\d{1,3}){3}", host)
    )


def is_private(host: str) -> bool:
    """Return whether a ``Host`` is one that nobody else can name so.

    A page of any site may have its name lead here and then read what is served; it
    cannot do so with an address, or with a name that no public server of names has.
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
        ipaddress.ip_address(name)
    except ValueError:
        return "[" not in host and ("." not in name or name.endswith(PRIVATE))
    return True
