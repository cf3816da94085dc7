"""A thousand token managers in eight processes share a Valkey for some days.

python -m bench.fleet 10   lets ten days pass, which takes minutes


Nothing is scaled: a token lives 15 minutes and is cached for 12 of them. Instead of
being waited for, time is let pass in the Valkey, by taking it off every key's expiry.
A manager asks in every third window. The token is over when a window begins: a single
manager finds that out, and every two hours one of every process at the same moment.
0.5 % of all times a token is being renewed just then.
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

from bench.measuring import Row, single

SHIPS, KEEPERS = 8, 125
DAYS = 2
A_DAY = 24 * 60 // 12
"""Windows of a day."""
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


def measured(wanted: Sequence[str], days: int = DAYS) -> Iterator[Row]:
    """Let days pass."""
    windows = days * A_DAY
    with Valkey() as cache:
        desk, asked, took = asyncio.run(days_of(cache, windows))
    assert desk.logins == 1
    said = f"{desk.refreshes:,} refreshes", f"{days} days, {windows:,} windows"
    yield Row("fleet-refreshes", *said, desk.refreshes / windows)
    gets = sum(map(len, took))
    yield Row("fleet-asks", f"{asked:,} for {gets:,}", "", asked / gets)
    each_day = [sorted(a_day(took, day, days)) for day in range(days)]
    half = statistics.median(day[len(day) // 2] for day in each_day) / 1000
    late = [day[len(day) * 99 // 100] / 1000 for day in each_day]
    longest = max(map(max, each_day)) / 1000
    said = f"half of them {half:.2f} ms, the longest {longest:.0f} ms"
    yield single("fleet-late", late, lambda value: said)


def a_day(took: Sequence[Sequence[int]], day: int, days: int) -> list[int]:
    """Return what every ``get`` of one day took."""
    return [
        each
        for ship in took
        for each in ship[len(ship) * day // days : len(ship) * (day + 1) // days]
    ]


async def days_of(cache: Valkey, windows: int) -> tuple[Desk, int, list[list[int]]]:
    """Return who gave tokens, how often the cache was asked, and what it took.

    That is the microseconds of every ``get``, process by process.
    """
    desk = Desk()
    async with desk.open() as url, fleet(url, cache.url) as ships:
        await asyncio.gather(*[ship.told("begin") for ship in ships])
        with redis.Redis(unix_socket_path=str(cache.socket), protocol=2) as own:
            before = reads(own)
            own.execute_command("EVAL", AGE, 0, PASSES * PARTS * 1000)
            for window in range(windows):
                await one_window(ships, window, own)
            asked = reads(own) - before - 1 - windows * PARTS
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


if __name__ == "__main__":
    for row in measured([], int(sys.argv[1])):
        sys.stdout.write(" | ".join(row.cells()) + "\n")
