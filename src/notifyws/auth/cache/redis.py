"""The token cache that hosts share: Redis 6 or newer, or Valkey.

Keys are ``notifyws:{ACCOUNT}:name``, the braces literal, so that an account is one
slot of a cluster; each has an expiry in milliseconds. A call is one command, at most
one second long with connecting, and never repeated behind our back: who takes a lock
twice is told that somebody else holds it. What goes wrong on the way becomes
:class:`~notifyws.errors.CacheFailed` here and nowhere else, without remote text.

A call that fails or is cancelled may still have been done by the server, wholly or
not at all; who added a lock takes it back by ``replace`` with its own text expected.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

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
from notifyws.config.files import demand_no_pipe
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

COMMANDS = "+eval +getrange +pttl +set +del +ping"

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
    "BUSY": ("is busy with a script", "wait, or look at its log"),
}
RUBBISH = "answered with rubbish", "delete its keys notifyws:*, or use another server"
REFUSAL = rf"\b({'|'.join(REFUSALS)})\b"

OPTION = r"db|username|password|client_name|ssl_\w+"
"""What the query of a URL may say; time-outs and retries are ours."""


def checked(url: str) -> SplitResult:
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
    for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
        demand_no_pipe(name, options.get(name, [""])[0])
    if (host or not parts.path.strip("/")) if local else not host:
        raise ConfigurationError("the Redis URL names no server", hint)
    if not local and not re.fullmatch(r"(/\d*)?", parts.path):
        raise ConfigurationError("the Redis URL names no database number", hint)
    return parts


def shown(parts: SplitResult) -> str:
    """Return a URL fit for showing: no password, no query."""
    login, at, server = parts.netloc.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{parts.scheme}://{user}{colon and ':***'}{at}{server}{parts.path}"


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
        self.url = shown(checked(url))
        from redis.asyncio import ConnectionPool, Redis  # 128 ms
        from redis.asyncio.connection import parse_url
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        try:
            pool = ConnectionPool(
                **parse_url(url),
                protocol=2,  # no HELLO: one round trip less, and Redis 5 as well
                driver_info=None,  # nor CLIENT SETINFO
                retry=Retry(NoBackoff(), 0),
                socket_timeout=None,  # the limit is ours
                socket_connect_timeout=None,
            )
            pool.connection_class(**pool.connection_kwargs)
        except (ValueError, TypeError):
            hint = "leave out what stands after the ?, but for db, username and ssl_..."
            raise ConfigurationError("the Redis URL has a wrong option", hint) from None
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
        return await self._bounded(self._redis.execute_command(words[0], *raw))

    async def _bounded(self, call: Awaitable[Any]) -> Any:
        try:
            async with call_limit():
                return await call
        except Exception as error:
            raise self._failed(_diagnosis(error)) from error

    def _failed(self, what: tuple[str, str]) -> CacheFailed:
        why, hint = what
        return CacheFailed(f"token cache {self.url} {why}", hint)


def _diagnosis(error: Exception) -> tuple[str, str]:
    """Return what is wrong with a server, and what to do, without remote text."""
    from redis import exceptions

    if isinstance(error, TimeoutError | exceptions.TimeoutError):
        return f"did not answer within {CALL_TIMEOUT:g} s", "is it overloaded?"
    words = f"{getattr(error, 'status_code', None) or ''} {error}"
    code = re.search(REFUSAL, words)
    if code is not None and isinstance(error, exceptions.RedisError):
        return REFUSALS[code[1]]
    if isinstance(error, exceptions.AuthenticationError):
        return REFUSALS["WRONGPASS"]
    if not isinstance(error, exceptions.ConnectionError | OSError):
        return RUBBISH
    cause = error if isinstance(error, OSError) else error.__context__
    why = "connection lost"
    if isinstance(cause, OSError):
        plain = type(cause).__module__ == "builtins" and cause.errno
        why = os.strerror(plain) if plain else cause.strerror or why
    return f"cannot be used: {why}", "check the URL, and that the server is running"
