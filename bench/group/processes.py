"""The processes of a measured fleet: its server, and hosts of many listeners each."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from tests.support.valkey import Valkey

from bench.memory import resident_now as resident

GROUPS = 40
"""Groups of which each host has a listener."""
RATE = 5.0
"""Notifications a second that the server sends to each group."""
ROOT = Path(__file__).resolve().parent.parent.parent
PIPE = asyncio.subprocess.PIPE
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """The server, as it is told what to send.

    Args:
        url: of its sockets.
        client: speaks to its control side.
    """

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self.url, self._client = url, client

    async def stats(self) -> dict:
        """Return its counters."""
        return (await self._client.get("/_dev/stats")).json()

    async def send(self, seconds: float) -> list[str]:
        """Send at the rate for so long; return the ids."""
        ids, began = [], time.monotonic()
        for n in range(round(seconds * RATE)):
            await asyncio.sleep(began + n / RATE - time.monotonic())
            note = {"type": "trip_update", "title": f"Trip {n}", "message": "x" * 120}
            answer = await self._client.post("/_dev/notify", json=note)
            ids.append(str(answer.json()["id"]))
        return ids


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """Run the server while the block runs."""
    command = [sys.executable, "-m", "bench.group.server"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=PIPE, stdout=PIPE
    )
    try:
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            yield Server(f"ws://127.0.0.1:{port}", client)
    finally:
        await ended(process)


class Host:
    """A process of listeners, and what they said.

    Attributes:
        joined: set once all groups have a leader.
        handled: how often each line ``GROUP ID`` was said.
        said: warnings.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.joined = asyncio.Event()
        self.handled: Counter[str] = Counter()
        self.said: list[str] = []

    @classmethod
    @asynccontextmanager
    async def started(cls, server: Server, valkey: Valkey) -> AsyncIterator[Host]:
        """Run a host while the block runs."""
        command = [sys.executable, "-m", "bench.group.host", server.url, valkey.url]
        with tempfile.TemporaryDirectory() as home:
            process = await asyncio.create_subprocess_exec(
                *(*command, str(GROUPS)),
                cwd=ROOT,
                env={**os.environ, "HOME": home},
                stdin=PIPE,
                stdout=PIPE,
            )
            host = cls(process)
            reading = asyncio.create_task(host._read())
            try:
                yield host
            finally:
                await ended(process)
                await reading

    def cpu(self) -> float:
        """Return the seconds of processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / TICKS

    def resident(self) -> float:
        """Return the MiB that it has in memory."""
        return resident(self.process.pid)

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for raw in self.process.stdout:
            line = raw.decode().strip()
            if line == "joined":
                self.joined.set()
            elif line.partition(" ")[0].isdigit():
                self.handled[line] += 1
            else:
                self.said.append(line)


async def ended(process: asyncio.subprocess.Process) -> None:
    """Have a process end, kindly at first."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
