"""Builds the cache that a URL means; the only place that knows all of them.

What is wrong with a URL is said without repeating it. Each is imported when it is
asked for: Redis alone costs 128 ms of import.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from notifyws.auth.cache import TokenCache, redis_urls
from notifyws.config.urls import shown_url
from notifyws.errors import CacheFailed, ConfigurationError

if TYPE_CHECKING:
    from notifyws.auth.authenticator import Authenticator
    from notifyws.auth.cached_tokens import AccessToken

SCHEMES = (
    "redis://, rediss://, unix://, redis+sentinel://, redis+cluster://, "
    "sqlite:///path or memory://"
)


def open_cache(url: str) -> TokenCache:
    """Return the cache that ``url`` means, without asking it anything yet.

    Raises:
        ConfigurationError: the URL is not one of a token cache.
    """
    scheme = url.partition(":")[0].lower()
    if scheme in redis_urls.SCHEMES:
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


def warm_token(auth: Authenticator) -> AccessToken | None:
    """Return the cached token where it lies in a file; an event loop starts slower."""
    if auth.settings.token or not auth.cache_url.startswith("sqlite:"):
        return None
    from notifyws.auth.cache.sqlite import SqliteStore
    from notifyws.auth.cached_tokens import ACCESS, read_cached_tokens

    store = SqliteStore(sqlite_path(auth.cache_url))
    try:
        entries = store.read(auth.account.id, *ACCESS)
        if auth.cipher is not None:
            entries = auth.cipher.decrypted(auth.account.id, entries)
        return read_cached_tokens(entries).access
    except CacheFailed:
        return None
    finally:
        store.close()
