"""A server of its own process that sends numbers, whether anybody listens or not.

``python numbers.py`` prints ``{"port": N}``, then a line for each socket that opens
or ends, with the monotonic second. Each line on stdin is an order: ``rate 200`` (a
second, from now on), ``bar ORIGIN`` (cut its sockets, and let it in no more: no other
member notices), ``admit ORIGIN`` (let it in again), ``ignore ORIGIN`` (cut it without
a word) or ``report`` (prints when each number was sent, unix seconds).
Who opens with ``?since=N`` gets what came after N; where that is not asked for,
nothing is replayed. It needs nothing of the tests, so that it starts at once.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.http11 import Request

KEYS = 10
"""Keys that notifications have, one after the other."""
TICK = 0.005
"""Seconds between two looks at how many numbers are due."""


def say(**facts: Any) -> None:
    """Print a line."""
    sys.stdout.write(f"{json.dumps(facts)}\n")
    sys.stdout.flush()


class Numbers:
    """What was sent, and to whom it is sent."""

    def __init__(self) -> None:
        self.born: list[float] = []
        self.rate = 0.0
        self.open: set[ServerConnection] = set()
        self.barred: set[str] = set()
        self.ignored: set[str] = set()
        self._names = itertools.count(1)

    async def admit(self, connection: ServerConnection, request: Request) -> None:
        """Cut whoever is barred before a word is said; let the ignored wait."""
        if _origin(request) in self.barred:
            connection.transport.abort()
        if _origin(request) in self.ignored:
            await asyncio.sleep(3600)

    async def serve(self, connection: ServerConnection) -> None:
        """Send one socket what it missed, if it asks for that, and what comes."""
        name = next(self._names)
        assert connection.request is not None
        query = parse_qs(urlsplit(connection.request.path).query)
        since = int(query["since"][0]) if "since" in query else None
        say(opened=name, at=time.monotonic(), since=since)
        try:
            if since is not None:
                for number in range(since + 1, len(self.born) + 1):
                    broadcast([connection], self.frame(number))
            self.open.add(connection)
            await connection.wait_closed()
        finally:
            self.open.discard(connection)
            say(closed=name, at=time.monotonic())

    async def send(self) -> None:
        """Send what is due, for ever."""
        due, before = 0.0, time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            due, before = due + self.rate * (now - before), now
            while due >= 1:
                due -= 1
                self.born.append(time.time())
                broadcast(self.open, self.frame(len(self.born)))

    def frame(self, number: int) -> str:
        """Return a number's notification."""
        sent = datetime.fromtimestamp(self.born[number - 1], UTC).isoformat()
        note = {"type": "n", "title": str(number), "timestamp": sent}
        return json.dumps({**note, "id": number, "data": {"key": number % KEYS}})

    def _of(self, origin: str) -> list[ServerConnection]:
        known = ((each, each.request) for each in self.open)
        return [each for each, said in known if said and _origin(said) == origin]

    def obey(self, order: str) -> None:
        """Do as a line says."""
        word, _, value = order.partition(" ")
        if word == "rate":
            self.rate = float(value)
        elif word == "bar":
            self.barred.add(value)
            for connection in self._of(value):
                connection.transport.abort()
        elif word == "admit":
            self.barred.discard(value)
        elif word == "ignore":
            self.ignored.add(value)
            for connection in self._of(value):
                self.open.discard(connection)
                connection.transport.pause_reading()
        else:
            say(born=self.born)


def _origin(request: Request) -> str:
    return request.headers.get("Origin", "")


async def main() -> None:
    """Serve until stdin ends."""
    numbers, loop = Numbers(), asyncio.get_running_loop()
    options: dict[str, Any] = {"process_request": numbers.admit}
    options |= {"ping_interval": None, "compression": None, "max_queue": None}
    async with serve(numbers.serve, "127.0.0.1", 0, **options) as server:
        say(port=next(iter(server.sockets)).getsockname()[1])
        sending = asyncio.create_task(numbers.send())
        orders = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(orders)
        await loop.connect_read_pipe(lambda: protocol, sys.stdin)
        while line := await orders.readline():
            numbers.obey(line.decode().strip())
        sending.cancel()


if __name__ == "__main__":
    asyncio.run(main())
