"""A thousand token managers in eight processes share a Valkey for ten days.

Nothing is scaled: a token lives 15 minutes and is cached for 12 of them. Instead of
being waited for, time is let pass in the Valkey, by taking it off every key's expiry.
A manager asks in every third window. The token is over when a window begins: a single
manager finds that out, and every two hours one of every process at the same moment.
That makes 400,000 times, 0.5 % of them while a token is being renewed.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import redis
from tests.support.valkey import Valkey

from bench.measuring import Row

SHIPS, KEEPERS = 8, 125
DAYS = 10
WINDOWS = DAYS * 24 * 60 // 12
PARTS = 4
"""Parts of a window, with time passing between them."""
ASKS_IN = 3
"""Windows in which every manager asks once."""
AT_ONCE = 10
"""Windows of which one begins with all processes asking at once."""
LIFE, REFRESH_LIFE = 900, 7 * 86400
PASSES = 720 // PARTS
AGE = """
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key) - ARGV[1]
  if left > 0 then redis.call('PEXPIRE', key, left) else redis.call('DEL', key) end
end
"""
ROOT = Path(__file__).resolve().parent.parent


def rows() -> Iterator[Row]:
    """Let ten days pass."""
    with Valkey() as cache:
        desk, asked, took = asyncio.run(ten_days(cache))
    who = f"{SHIPS * KEEPERS:,} token managers, 10 days"
    assert desk.logins == 1
    said, windows = f"{desk.refreshes:,} refreshes", f"{WINDOWS:,} windows"
    yield Row(who, "one a window", said, windows, desk.refreshes / WINDOWS, 1.0)
    gets = sum(map(len, took))
    said = f"{asked:,} for {gets:,}"
    yield Row("round trips of a `get`", "the cache", said, "", asked / gets, 2.0)
    days = [sorted(a_day(took, day)) for day in range(DAYS)]
    middle, late = (
        statistics.median(day[len(day) * share // 100] for day in days) / 1000
        for share in (50, 99)
    )
    said = (
        f"half of them {middle:.2f} ms, the longest {max(map(max, days)) / 1000:.0f} ms"
    )
    yield Row("99 % of a day's `get`", "in time", said, "", late, 5.0, unit=" ms")


def a_day(took: Sequence[Sequence[int]], day: int) -> list[int]:
    """Return what every ``get`` of one day took."""
    return [
        each
        for ship in took
        for each in ship[len(ship) * day // DAYS : len(ship) * (day + 1) // DAYS]
    ]


async def ten_days(cache: Valkey) -> tuple[Desk, int, list[list[int]]]:
    """Return who gave tokens, how often the cache was asked, and what it took.

    That is the microseconds of every ``get``, process by process.
    """
    desk = Desk()
    async with desk.open() as url, fleet(url, cache.url) as ships:
        await asyncio.gather(*[ship.told("begin") for ship in ships])
        with redis.Redis(unix_socket_path=str(cache.socket), protocol=2) as own:
            before = reads(own)
            own.execute_command("EVAL", AGE, 0, PASSES * PARTS * 1000)
            for window in range(WINDOWS):
                await one_window(ships, window, own)
            asked = reads(own) - before - 1 - WINDOWS * PARTS
        took = await asyncio.gather(*[ship.ends() for ship in ships])
    assert desk.spent_twice == 0
    return desk, asked, took


async def one_window(ships: Sequence[Sailing], window: int, own: redis.Redis) -> None:
    """Let a token be renewed, be used, and come to its end."""
    together = window % AT_ONCE == 0
    firsts = [together or window % SHIPS == ship for ship in range(SHIPS)]
    begin = ["first" if first else "later" for first in firsts]
    token = f"access-{window + 2}"
    for said in [begin, *[["on"] * SHIPS] * (PARTS - 2), ["last"] * SHIPS]:
        seen = await asyncio.gather(*map(Sailing.told, ships, said))
        got = {each for tokens in seen for each in tokens}
        assert got == {token}, f"window {window}: {got}"
        own.execute_command("EVAL", AGE, 0, PASSES * 1000)


def reads(own: redis.Redis) -> int:
    """Return how often the cache was asked: a script is asked for once."""
    return own.info("stats")["total_reads_processed"]


class Desk:
    """A server that gives tokens, each refresh token being good for one use."""

    def __init__(self) -> None:
        self.logins = self.refreshes = self.spent_twice = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Serve while the block runs; give the URL."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        size = int(head.partition("content-length:")[2].split("\r\n")[0])
        asked = json.loads(await reader.readexactly(size))
        body = json.dumps({"data": self._tokens(asked.get("refreshToken"))}).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        await writer.drain()
        writer.close()

    def _tokens(self, refresh: str | None) -> dict[str, object]:
        made = self.logins + self.refreshes
        if refresh is None:
            self.logins += 1
        else:
            self.refreshes += 1
            self.spent_twice += refresh != f"refresh-{made}"
        return {
            "accessToken": f"access-{made + 1}",
            "refreshToken": f"refresh-{made + 1}",
            "expiresIn": LIFE,
            "refreshExpiresIn": REFRESH_LIFE,
            "userId": "42",
        }


class Sailing:
    """A ship that is talked to."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def told(self, word: str) -> list[str]:
        """Tell it what has happened; return the tokens that its token managers got."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        return await self._says()

    async def ends(self) -> list[int]:
        """Call it home; return how long everything took it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return await self._says()

    async def _says(self) -> list:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the fleet is gone")
        return json.loads(line)


@asynccontextmanager
async def fleet(url: str, cache: str) -> AsyncIterator[list[Sailing]]:
    """Run all processes while the block runs."""
    command = [sys.executable, "-m", "bench.ship", url, cache, str(KEEPERS)]
    command.append(str(ASKS_IN * PARTS))
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdin=pipe, stdout=pipe, limit=1 << 24
        )
        for _ in range(SHIPS)
    ]
    try:
        yield [Sailing(process) for process in processes]
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()
