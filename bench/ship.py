"""One ship of the fleet: a process of token managers, each with its own connection.

A line on stdin is a word of what has happened, upon which a part of them ask for the
token, each once; the tokens that they got are printed.

begin   nothing yet: all of them ask
first   the token is over, and here somebody asks at once; the others a moment later
later   the token is over, but here all ask a moment later
on      time has passed
last    time has passed, and will be over: who still waits is waited for

At the end the microseconds that every ``get`` took are printed.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence

from notifyws.auth.authenticator import Authenticator
from notifyws.config.settings import Settings

MARGIN = 180.0
"""Seconds of its own life that every token given must have left."""
A_MOMENT = 0.02
"""Seconds in which a token is renewed; in the true fleet the next comes later still."""
PAUSE = 0.0005
"""Seconds between two who ask; so many at once as here are no fleet but one machine."""


class Ship:
    """Keepers of one process, and what they have seen.

    Args:
        url: the server.
        cache: the cache that all ships share.
        count: how many token managers.
        parts: a word is for so small a part of them.
    """

    def __init__(self, url: str, cache: str, count: int, parts: int) -> None:
        settings = Settings(
            url=url, username="demo", password="demo", cache_url=cache, keyring=False
        )
        self._aboard = [Authenticator(settings, fail) for _ in range(count)]
        self._turns = itertools.cycle(range(parts))
        self._parts = parts
        self._first: asyncio.Task[None] | None = None
        self._tokens: set[str] = set()
        self.took: list[int] = []

    async def sail(self, words: AsyncIterator[str]) -> None:
        """Do what each word says."""
        async for word in words:
            if word == "begin":
                await self._ask_in_turn(self._aboard)
                self.took.clear()
            else:
                await self._ask_a_part(word)
            if word == "last" and self._first is not None:
                await self._first
            say(sorted(self._tokens))
            self._tokens.clear()

    async def _ask_a_part(self, word: str) -> None:
        part = self._aboard[next(self._turns) :: self._parts]
        if word == "first":
            self._first = asyncio.create_task(self._ask(part.pop()))
        if word in ("first", "later"):
            await asyncio.sleep(A_MOMENT)
        await self._ask_in_turn(part)

    async def _ask_in_turn(self, those: Sequence[Authenticator]) -> None:
        for one in those:
            await self._ask(one)
            await asyncio.sleep(PAUSE)

    async def _ask(self, one: Authenticator) -> None:
        began = time.perf_counter()
        token = await one.token_manager.get()
        self.took.append(round((time.perf_counter() - began) * 1e6))
        assert token.remaining > MARGIN - 1, token.remaining
        self._tokens.add(token.value)

    async def land(self) -> None:
        """Let go of all connections."""
        for one in self._aboard:
            await one.aclose()


async def words() -> AsyncIterator[str]:
    """Yield what is said on stdin."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    async for line in reader:
        yield line.decode().strip()


def fail(warning: str) -> None:
    """Take no warning lightly."""
    raise AssertionError(warning)


def say(what: object) -> None:
    """Print a line of JSON at once."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def main(url: str, cache: str, count: str, parts: str) -> None:
    """Sail, and tell in the end how long everything took."""
    ship = Ship(url, cache, int(count), int(parts))
    await ship.sail(words())
    say(ship.took)
    await ship.land()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
