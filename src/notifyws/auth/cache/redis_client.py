"""One client of a shared Redis 6 or newer, or Valkey, whoever asks it for what.

A call is one command, at most one second long with connecting, and never repeated
behind our back: who takes a lock twice is told that somebody else holds it. Only what
was refused by a server that is not the one to ask any more is asked once more, over a
new connection to whoever has its name now. What goes wrong on the way becomes
:class:`~notifyws.errors.CacheFailed` here and nowhere else, without remote text.

Where Redis is stands in its URL: one server, sentinels, or a cluster. A call that fails
or is cancelled may still have been done by the server, wholly or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from notifyws.auth.cache import CALL_TIMEOUT, call_limit
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
