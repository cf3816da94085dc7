"""The token cache that hosts share: Redis 6 or newer, or Valkey.

Keys are ``notifyws:{ACCOUNT}:name``, the braces literal, so that an account is one
slot of a cluster; each has an expiry in milliseconds.

A call is one command of a :class:`RedisClient`, at most one second long with
connecting, and never repeated behind our back: who takes a lock twice is told that
somebody else holds it. Only what was refused by a server that is not the one to ask any
more is asked once more, over a new connection to whoever has its name now. What goes
wrong on the way becomes :class:`~notifyws.errors.CacheFailed` here and nowhere else,
without remote text. A call that fails or is cancelled may still have been done by the
server, wholly or not at all; who added a lock takes it back by ``replace`` with its own
text expected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from notifyws.auth.cache import (
    CALL_TIMEOUT,
    LARGEST,
    Changes,
    Entry,
    Texts,
    TokenCache,
    call_limit,
    text_of,
)
from notifyws.auth.cache.redis_errors import (
    MOVED_ON,
    RUBBISH,
    Words,
    code_of,
    diagnosis,
    is_lost,
)
from notifyws.auth.cache.redis_servers import (
    SentinelServer,
    Servers,
    Word,
    connection_options,
    one_server,
    parsed_commands,
)
from notifyws.auth.cache.redis_urls import RedisUrl, read_url
from notifyws.errors import CacheFailed


class RedisClient:
    """Sends commands to Redis or Valkey.

    Args:
        url: where it is; nothing is dialled yet.
        called: what it is for, as a sentence of its errors begins.

    Attributes:
        url: where it is, fit for showing: any password masked.

    Raises:
        ConfigurationError: the URL is wrong, or a file that it names.
    """

    def __init__(self, url: str, called: str) -> None:
        self._where = read_url(url)
        self.url, self._called = self._where.shown, called
        self._servers = _servers(self._where)
        asks_resp3 = self._where.options.get("protocol") == "3"
        self._parsed = parsed_commands() if asks_resp3 else None

    async def command(self, *words: str | int, within: float | None = None) -> Any:
        """Send one command and return its answer, texts as bytes.

        Args:
            words: the command, in capitals, and its arguments.
            within: seconds that it may take; a second of this process's own time
                where nothing is said.

        Raises:
            CacheFailed: there is none; its ``code`` is the word of a refusal.
        """
        return await self._bounded(self._answer(words), within)

    def rubbish(self) -> CacheFailed:
        """Return the error for an answer that makes no sense."""
        return self._failed(RUBBISH)

    async def aclose(self) -> None:
        """Let go of the connections; safe to call twice."""
        with suppress(CacheFailed):
            await self._bounded(self._servers.aclose())

    async def _answer(self, words: tuple[Word, ...]) -> Any:
        try:
            answer = await self._servers.ask(*words)
        except Exception as error:
            if code_of(error) not in MOVED_ON:
                raise
            again = True
        else:
            again = False
        if again:  # not within the except, or one error would stand behind the other
            self._servers.doubt()
            answer = await self._servers.ask(*words)
        if self._parsed is None:
            return answer
        if (
            str(words[0])[:1] == "Z" and "WITHSCORES" in words
        ):  # pairs here, which RESP2 does not know
            return [_as_resp2(each) for pair in answer for each in pair]
        return answer if words[0] in self._parsed else _as_resp2(answer)

    async def _bounded(self, call: Awaitable[Any], within: float | None = None) -> Any:
        try:
            async with call_limit() if within is None else asyncio.timeout(within):
                return await call
        except Exception as error:
            if is_lost(error):
                self._servers.doubt()
            seconds = CALL_TIMEOUT if within is None else within
            what = diagnosis(error, self._where, seconds)
            raise self._failed(what, code_of(error)) from error

    def _failed(self, what: Words, code: str = "") -> CacheFailed:
        why, hint = what
        return CacheFailed(f"{self._called} {self.url} {why}", hint, code=code)


def _servers(where: RedisUrl) -> Servers:
    options = connection_options(where)
    if where.kind == "sentinel":
        return SentinelServer(where, options)
    if where.kind == "cluster":
        from notifyws.auth.cache.redis_cluster import Cluster

        return Cluster(where, options)
    return one_server(where, options)


def _as_resp2(answer: Any) -> Any:
    """Return an answer of RESP3 as RESP2 would have given it.

    Redis-py does so for the commands whose answers it parses.
    """
    if isinstance(answer, dict):
        return [_as_resp2(each) for pair in answer.items() for each in pair]
    if isinstance(answer, list | tuple | set | frozenset):
        return [_as_resp2(each) for each in answer]
    if isinstance(answer, bool):
        return int(answer)
    if isinstance(answer, float):
        return repr(answer).removesuffix(".0").encode()
    return answer


GONE = -2
"""What a time to live is where there is no key."""
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
  local text, left = held(key)
  found[i] = string.format('%.0f:%d:', left, #(text or '')) .. (text or '')
end
return table.concat(found)
"""
"""One text, as ``found_in`` reads it: redis-py takes 10 us for each line of a list."""

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


def found_in(answer: bytes, names: tuple[str, ...]) -> dict[str, Entry]:
    """Return what the server says of keys, as ``MILLISECONDS:SIZE:TEXT`` of each.

    Raises:
        ValueError: that makes no sense.
    """
    found: dict[str, Entry] = {}
    for name in names:
        left, size, answer = answer.split(b":", 2)
        text, answer = answer[: int(size)], answer[int(size) :]
        if int(left) == GONE:
            continue
        if int(left) < 0 or len(text) != int(size):
            raise ValueError("no expiry, or a part of a text")
        found[name] = Entry(text_of(text), int(left) / 1000)
    return found


class RedisCache(TokenCache):
    """Keeps texts in Redis or Valkey.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``; nothing is dialled yet.

    Raises:
        ConfigurationError: the URL is wrong.
    """

    backend = "redis"

    def __init__(self, url: str) -> None:
        self._client = RedisClient(url, "token cache")
        self.url = self._client.url

    async def read(self, account: str, *names: str) -> dict[str, Entry]:
        """Return those of ``names`` that are there, all of one moment."""
        answer = await self._eval(READ, account, names)
        try:
            return found_in(answer, names)
        except (ArithmeticError, ValueError, TypeError, AttributeError) as error:
            raise self._client.rubbish() from error

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
        if await self._client.command("PING") is not True:
            raise self._client.rubbish()

    async def aclose(self) -> None:
        """Let go of the connections; safe to call twice."""
        await self._client.aclose()

    async def _eval(
        self, script: str, account: str, names: tuple[str, ...], *args: str | int
    ) -> Any:
        keys = [f"notifyws:{{{account}}}:{name}" for name in names]
        return await self._client.command("EVAL", script, len(keys), *keys, *args)
