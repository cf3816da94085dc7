"""One client of a shared Redis 6 or newer, or Valkey, whoever asks it for what.

A call is one command, at most one second long with connecting, and never repeated
behind our back: who takes a lock twice is told that somebody else holds it. Only what
was refused by a server that is not the one to ask any more is asked once more, over a
new connection to whoever has its name now. What goes wrong on the way becomes
:class:`~notifyws.errors.CacheFailed` here and nowhere else, without remote text.

A call that fails or is cancelled may still have been done by the server, wholly or
not at all.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from collections.abc import Awaitable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from notifyws.auth.cache import CALL_TIMEOUT, bytes_of, call_limit
from notifyws.auth.cache.build import redis_parts, shown_parts
from notifyws.auth.network_errors import certificate_rejected
from notifyws.config.tls import NOT_DEMANDED, checked_file, trust
from notifyws.errors import CacheFailed, ConfigurationError

COMMANDS = "+eval +getrange +pttl +set +del +ping +select"

FORBIDDEN = ("forbids this user what is needed", f"allow ~notifyws:* {COMMANDS}")
REFUSALS = {
    "NOAUTH": ("wants a password", "put it into the URL: redis://:PASSWORD@HOST"),
    "WRONGPASS": ("does not accept the user or password", "correct them in the URL"),
    "NOPERM": FORBIDDEN,
    "ACL failure": FORBIDDEN,
    "LOADING": ("is still loading its data", "wait until it has started"),
    "READONLY": ("is a read-only replica", "use the URL of the primary"),
    "OOM": ("is out of memory", "raise its maxmemory or let it evict"),
    "MISCONF": ("cannot save to its disk and takes no writes", "look at its log"),
    "MOVED": ("is a node of a cluster without our keys", "use the node that has them"),
    "CLUSTERDOWN": ("is part of a cluster that is down", "look at its log"),
    "MASTERDOWN": ("has lost its primary", "look at its log"),
    "NOREPLICAS": ("has too few replicas to take writes", "look at its log"),
    "DB index": ("has no such database", "correct the number at the URL's end"),
    "unknown command": ("lacks a command that is needed", f"it needs {COMMANDS}"),
    "max number of clients": ("takes no more clients", "raise its maxclients"),
    "DENIED": ("lets no other host in", "set a password, there and in the URL"),
    "BUSY": ("is busy with a script", "wait, or look at its log"),
}
RUBBISH = "answered with rubbish", "delete its keys notifyws:*, or use another server"
MOVED_ON = {"READONLY", "MASTERDOWN", "LOADING", "MOVED", "CLUSTERDOWN"}
"""Refusals by a server that is not, or not any more, the one to ask: nothing was done,
and its name may lead to another one by now."""
REFUSAL = rf"\b({'|'.join(REFUSALS)})\b"

PRIVATE = "for a private authority, add ?ssl_ca_certs=/path/to/ca.pem to the URL"
AUTHORITIES = {"ssl_ca_certs", "ssl_ca_path", "ssl_ca_data"}
FILES = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}


class RedisClient:
    """Sends commands to Redis or Valkey.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``; nothing is dialled yet.
        called: what it is for, as a sentence of its errors begins.

    Attributes:
        url: where it is, fit for showing: any password masked.

    Raises:
        ConfigurationError: the URL is wrong.
    """

    def __init__(self, url: str, called: str) -> None:
        parts = redis_parts(url)
        self.url, self._host = shown_parts(parts), parts.netloc.rpartition("@")[2]
        self._called = called
        from redis.asyncio import ConnectionPool, Redis  # 128 ms
        from redis.asyncio.connection import parse_url
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import RedisError

        secure = parts.scheme == "rediss"
        try:
            options = dict(parse_url(url))
            pool = ConnectionPool(
                **(_trusting(options) if secure else options),
                protocol=2,  # no HELLO: one round trip less, and Redis 5 as well
                driver_info=None,  # nor CLIENT SETINFO
                retry=Retry(NoBackoff(), 0),
                socket_timeout=None,  # the limit is ours
                socket_connect_timeout=None,
            )
            connection: Any = pool.connection_class(**pool.connection_kwargs)
            if secure and re.search("[?&]ssl_", url):
                connection.ssl_context.get()
        except (ValueError, TypeError, OSError, RedisError):
            hint = "leave out what stands after the ?, but for db, username and ssl_..."
            raise ConfigurationError("the Redis URL has a wrong option", hint) from None
        self._pool = pool
        self._redis: Any = Redis.from_pool(pool)

    async def command(self, *words: str | int, within: float | None = None) -> Any:
        """Send one command and return its answer, texts as bytes.

        Args:
            words: the command and its arguments.
            within: seconds that it may take; a second of this process's own time
                where nothing is said.

        Raises:
            CacheFailed: there is none; its ``code`` is the word of a refusal.
        """
        raw = [bytes_of(str(word)) for word in words[1:]]

        async def call(again: bool = True) -> Any:
            try:
                return await self._redis.execute_command(words[0], *raw)
            except Exception as error:
                if _code_of(error) not in MOVED_ON:
                    raise
                await self._pool.disconnect(inuse_connections=False)
                if not again:
                    raise
            return await call(again=False)

        limit = call_limit() if within is None else asyncio.timeout(within)
        return await self._bounded(call(), limit)

    def rubbish(self) -> CacheFailed:
        """Return the error for an answer that makes no sense."""
        return self._failed(RUBBISH)

    async def aclose(self) -> None:
        """Let go of the connections; safe to call twice."""
        with suppress(CacheFailed):
            await self._bounded(self._redis.aclose(), call_limit())

    async def _bounded(
        self, call: Awaitable[Any], limit: AbstractAsyncContextManager[Any]
    ) -> Any:
        try:
            async with limit:
                return await call
        except Exception as error:
            failed = self._failed(_diagnosis(error, self._host), _code_of(error))
            raise failed from error

    def _failed(self, what: tuple[str, str], code: str = "") -> CacheFailed:
        why, hint = what
        return CacheFailed(f"{self._called} {self.url} {why}", hint, code=code)


def _diagnosis(error: Exception, host: str) -> tuple[str, str]:
    """Return what is wrong with a server, and what to do, without remote text."""
    from redis import exceptions

    if isinstance(error, TimeoutError | exceptions.TimeoutError):
        return f"did not answer within {CALL_TIMEOUT:g} s", "is it overloaded?"
    if code := _code_of(error):
        return REFUSALS[code]
    if isinstance(error, exceptions.AuthenticationError):
        return REFUSALS["WRONGPASS"]
    if not isinstance(error, exceptions.ConnectionError | OSError):
        return RUBBISH
    cause = error if isinstance(error, OSError) else error.__context__
    why, hint = "connection lost", "check the URL, and that the server is running"
    if isinstance(cause, ssl.SSLCertVerificationError):
        rejected = certificate_rejected(cause, host)
        private = rejected.reason == "untrusted"
        why = f"cannot be used: {rejected.message}"
        return why, PRIVATE if private else rejected.hint
    if isinstance(cause, ssl.SSLError):
        why, hint = "it does not speak TLS", "is it redis:// instead of rediss://?"
    elif isinstance(cause, OSError):
        plain = type(cause).__module__ == "builtins" and cause.errno
        why = os.strerror(plain) if plain else cause.strerror or why
    return f"cannot be used: {why}", hint


def _code_of(error: Exception) -> str:
    """Return the word of a refusal, of a command or within a script; empty for none."""
    from redis import exceptions

    if not isinstance(error, exceptions.RedisError):
        return ""
    words = f"{getattr(error, 'status_code', None) or ''} {error}"
    code = re.search(REFUSAL, words)
    return code[1] if code else ""


def _trusting(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of TLS whose files can be read.

    Raises:
        ConfigurationError: one of them cannot.
    """
    for name in FILES & options.keys():
        checked_file(options[name], f"{name} of the Redis URL")
    trust(options.get("ssl_ca_certs", ""), "ssl_ca_certs of the Redis URL")
    named = [NOT_DEMANDED] if AUTHORITIES & options.keys() else []
    return {
        "ssl_password": "",  # without one, OpenSSL asks the terminal
        **options,
        "ssl_exclude_verify_flags": named,
    }
