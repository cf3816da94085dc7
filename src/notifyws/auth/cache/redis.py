"""The token cache that hosts share: Redis 6 or newer, or Valkey.

Keys are ``notifyws:{ACCOUNT}:name``, the braces literal, so that an account is one
slot of a cluster; each has an expiry in milliseconds. A call is one command of a
``redis_client``, which also says what went wrong with it.

A call that fails or is cancelled may still have been done by the server, wholly or
not at all; who added a lock takes it back by ``replace`` with its own text expected.
"""

from __future__ import annotations

from typing import Any

from notifyws.auth.cache import LARGEST, Changes, Entry, Texts, TokenCache, text_of
from notifyws.auth.cache.redis_client import RedisClient

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
        self._client = RedisClient(url, "token cache")
        self.url = self._client.url

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
