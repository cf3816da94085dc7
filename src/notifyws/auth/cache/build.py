"""Builds the cache that a URL means; the only place that knows all of them.

It reads the URLs, and says what is wrong with one without repeating it.

Each is imported when it is asked for: Redis alone costs 128 ms of import.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from notifyws.auth.cache import TokenCache
from notifyws.config.urls import shown_url
from notifyws.errors import ConfigurationError

SCHEMES = "redis://, rediss://, unix://, sqlite:///path or memory://"
OPTION = r"db|username|password|client_name|ssl_\w+"
"""What the query of a URL may say; time-outs and retries are ours."""


def open_cache(url: str) -> TokenCache:
    """Return the cache that ``url`` means, without asking it anything yet.

    Raises:
        ConfigurationError: the URL is not one of a token cache.
    """
    scheme = url.partition(":")[0].lower()
    if scheme in {"redis", "rediss", "unix"}:
        from notifyws.auth.cache.redis import RedisCache

        return RedisCache(url)
    if scheme == "sqlite":
        from notifyws.auth.cache.sqlite import SqliteCache

        return SqliteCache(sqlite_path(url))
    if scheme == "memory":
        from notifyws.auth.cache.memory import MemoryCache

        return MemoryCache()
    raise ConfigurationError("this is no URL of a token cache", f"use {SCHEMES}")


def sqlite_path(url: str) -> Path:
    """Return the absolute path that a ``sqlite:///path`` URL names.

    Raises:
        ConfigurationError: there is a host in it, or no path.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        said = f"{shown_url(url)} cannot be read as a URL"
        raise ConfigurationError(said, f"use {SCHEMES}") from None
    path = "/" + unquote(parts.path).lstrip("/")
    if parts.netloc or path == "/":
        raise ConfigurationError(
            f"{shown_url(url)} names no file",
            "write sqlite:///absolute/path/to/tokens.db",
        )
    return Path(path)


def redis_parts(url: str) -> SplitResult:
    """Return the parts of a Redis URL, so strictly that a raw ``#/?`` shows.

    Raises:
        ConfigurationError: it is not one; the message never repeats it.
    """
    hint = "write redis://[USER:PASSWORD@]HOST[:PORT][/DB], special characters as %XX"
    try:
        parts = urlsplit(url)
        options = parse_qs(parts.query, strict_parsing=bool(parts.query))
        local, host, _ = parts.scheme == "unix", parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError("the Redis URL cannot be read", hint) from None
    if parts.fragment or not all(re.fullmatch(OPTION, name) for name in options):
        raise ConfigurationError("the Redis URL has an unknown ending", hint)
    if (host or not parts.path.strip("/")) if local else not host:
        raise ConfigurationError("the Redis URL names no server", hint)
    if not local and not re.fullmatch(r"(/\d*)?", parts.path):
        raise ConfigurationError("the Redis URL names no database number", hint)
    return parts


def shown_parts(parts: SplitResult) -> str:
    """Return a URL fit for showing: no password, no query."""
    login, at, server = parts.netloc.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{parts.scheme}://{user}{colon and ':***'}{at}{server}{parts.path}"
