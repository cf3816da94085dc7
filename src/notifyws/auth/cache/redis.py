"""The token cache that hosts share: Redis 6 or newer, or Valkey.

Keys are ``notifyws:{ACCOUNT}:name``, the braces literal, so that an account is one
slot of a cluster; each has an expiry in milliseconds. A call is one command, at most
one second long with connecting, and never repeated behind our back: who takes a lock
twice is told that somebody else holds it. Only what was refused by a server that is
not the one to ask any more is asked once more, over a new connection to whoever has
its name now. What goes wrong on the way becomes
:class:`~notifyws.errors.CacheFailed` here and nowhere else, without remote text.

A call that fails or is cancelled may still have been done by the server, wholly or
not at all; who added a lock takes it back by ``replace`` with its own text expected.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import Any

from notifyws.auth.cache import (
    CALL_TIMEOUT,
    LARGEST,
    Changes,
    Entry,
    Texts,
    TokenCache,
    bytes_of,
    call_limit,
    text_of,
)
from notifyws.auth.cache.build import redis_parts, shown_parts
from notifyws.auth.network_errors import certificate_rejected
from notifyws.config.tls import NOT_DEMANDED, checked_file, trust
from notifyws.errors import CacheFailed, ConfigurationError

LONGEST = 10 * 365 * 86400.0
"""Seconds; a server that promises more would overflow the expiry."""

HELD = f"""
local function held(key)
  local left = redis.call('PTTL', key)
  if left == -2 then return false, left end
  local text = redis.pcall('GETRANGE', key, 0, {LARGEST})
  if type(text) == 'table' then
    if not string.find(text.err, 'WRONGTYPE') then
      redis.call('GETRANGE', key, 0, 0)
    end
    text = ''
  end
  if left == -1 or #text > {LARGEST} then text = '' end
  return text, math.max(left, 0)
end
"""
"""Reads a key: of another type, too long or kept for ever, it is an empty text."""

READ = f"""{HELD}
local found = {{}}
for i, key in ipairs(KEYS) do
  found[i] = {{held(key)}}
end
return found
"""

REPLACE = f"""{HELD}
local expected = tonumber(ARGV[1])
for i = 1, expected do
  local text = held(KEYS[i])
  if (text and '=' .. text or '-') ~= ARGV[1 + i] then return 0 end
end
for i = expected + 1, #KEYS do
  local text, keep = ARGV[2 * i - expected], ARGV[2 * i - expected + 1]
  if keep == '0' then
    redis.call('DEL', KEYS[i])
  else
    redis.call('SET', KEYS[i], text, 'PX', keep)
  end
end
return 1
"""

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


def entry_of(text: bytes, left: int) -> Entry:
    """Return what the server says of a key: its text, and milliseconds.

    Raises:
        ValueError: that makes no sense.
    """
    if left < 0:
        raise ValueError("no expiry")
    return Entry(text_of(text), left / 1000)


class RedisCache(TokenCache):
    """Keeps texts in Redis or Valkey.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``; nothing is dialled yet.

    Raises:
        ConfigurationError: the URL is wrong.
    """

    backend = "redis"

    def __init__(self, url: str) -> None:
        parts = redis_parts(url)
        self.url, self._host = shown_parts(parts), parts.netloc.rpartition("@")[2]
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

    async def read(self, account: str, *names: str) -> dict[str, Entry]:
        """Return those of ``names`` that are there, all of one moment."""
        answer = await self._eval(READ, account, names)
        try:
            found = zip(names, answer, strict=True)
            return {
                name: entry_of(text, left)
                for name, (text, left) in found
                if text is not None
            }
        except (ValueError, TypeError, AttributeError) as error:
            raise self._failed(RUBBISH) from error

    async def replace(self, account: str, entries: Changes, *, expect: Texts) -> bool:
        """Write and delete in one step, if what is there is still as expected."""
        wanted = ["-" if text is None else f"={text}" for text in expect.values()]
        written: list[str | int] = []
        for text, keep in (entry or ("", 0.0) for entry in entries.values()):
            written += [text, round(1000 * min(max(keep, 0.0), LONGEST))]
        names = (*expect, *entries)
        done = await self._eval(REPLACE, account, names, len(wanted), *wanted, *written)
        return bool(done == 1)

    async def ping(self) -> None:
        """Return when the server answered."""
        if await self._command("PING") is not True:
            raise self._failed(RUBBISH)

    async def aclose(self) -> None:
        """Let go of the connections; safe to call twice."""
        with suppress(CacheFailed):
            await self._bounded(self._redis.aclose())

    async def _eval(
        self, script: str, account: str, names: tuple[str, ...], *args: str | int
    ) -> Any:
        keys = [f"notifyws:{{{account}}}:{name}" for name in names]
        return await self._command("EVAL", script, len(keys), *keys, *args)

    async def _command(self, *words: str | int) -> Any:
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

        return await self._bounded(call())

    async def _bounded(self, call: Awaitable[Any]) -> Any:
        try:
            async with call_limit():
                return await call
        except Exception as error:
            raise self._failed(_diagnosis(error, self._host)) from error

    def _failed(self, what: tuple[str, str]) -> CacheFailed:
        why, hint = what
        return CacheFailed(f"token cache {self.url} {why}", hint)


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
