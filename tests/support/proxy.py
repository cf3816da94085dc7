"""A TCP proxy that does harm: it delays, swallows, splits and cuts, either way."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from .aio import InAThread

CONTROL = 8
"""The first opcode of a frame that is no data: close, ping, pong."""


@dataclass
class Way:
    """What happens to what goes one way.

    Attributes:
        delay: seconds that everything is late.
        swallows: whether nothing comes out any more.
        piece: bytes that are sent on at a time; 0 for as many as came.
        left: bytes that still pass before the line is cut; ``None`` for all.
    """

    delay: float = 0.0
    swallows: bool = False
    piece: int = 0
    left: int | None = None


@dataclass
class Proxy:
    """Stands between clients and the server at ``target``.

    Attributes:
        up, down: what happens to what clients, and what the server, sends.
        resets: whether lines are cut by RST; else by FIN.
        refuses: whether new connections are cut at once.
        passes: asked of each data frame that a server sends, given the number of its
            WebSocket and its own there, both from 1; pings and closes always pass.
        sockets: the numbers of those that are open.
        withheld: how many data frames did not pass.
        opened: how many connections there were.
        most_open: how many there were at a time, at most.
        cuts: how many were cut by :meth:`cut`.
    """

    target: int
    port: int = 0
    up: Way = field(default_factory=Way)
    down: Way = field(default_factory=Way)
    resets: bool = True
    refuses: bool = False
    passes: Callable[[int, int], bool] | None = None
    withheld: int = 0
    sockets: set[int] = field(default_factory=set)
    _upgrades: int = 0
    opened: int = 0
    most_open: int = 0
    cuts: int = 0
    _lines: set[tuple[asyncio.StreamWriter, ...]] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        if self.refuses:
            _end(writer, resets=True)
            return
        self.opened += 1
        try:
            there = await asyncio.open_connection("127.0.0.1", self.target)
        except BaseException:
            _end(writer, resets=True)
            raise
        line = (writer, there[1])
        self._lines.add(line)
        self.most_open = max(self.most_open, len(self._lines))
        if self.passes is None:
            back = self._pass_on(there[0], writer, self.down)
        else:
            back = self._pass_on_frames(there[0], writer)
        ways = [
            asyncio.create_task(self._pass_on(reader, there[1], self.up)),
            asyncio.create_task(back),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._end(line)  # before anything is awaited, which may be cancelled, too
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(way.piece or 65536):
                if way.delay:
                    await asyncio.sleep(way.delay)
                if way.swallows:
                    continue
                if way.left is not None:
                    data, way.left = data[: way.left], way.left - len(data)
                writer.write(data)
                await writer.drain()
                if way.left is not None and way.left <= 0:
                    way.left = None
                    await asyncio.sleep(0.02)  # an RST may overtake what was sent
                    return

    async def _pass_on_frames(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass on an answer, and if that opens a WebSocket, the frames that may pass.

        Each frame is taken for a whole message, which it is at small servers.
        """
        assert self.passes is not None
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(head := await reader.readuntil(b"\r\n\r\n"))
            if b" 101 " not in head.partition(b"\r\n")[0]:
                return await self._pass_on(reader, writer, self.down)
            self._upgrades = number = self._upgrades + 1
            self.sockets.add(number)
            frames = 0
            try:
                while True:
                    opcode, frame = await _frame(reader)
                    is_data = opcode < CONTROL
                    frames += is_data
                    if is_data and not self.passes(number, frames):
                        self.withheld += 1
                        continue
                    writer.write(frame)
                    await writer.drain()
            finally:
                self.sockets.discard(number)

    def is_alone(self, number: int) -> bool:
        """Return whether no WebSocket is open that was opened before this one."""
        return all(other >= number for other in self.sockets)

    def _end(self, line: tuple[asyncio.StreamWriter, ...]) -> None:
        self._lines.discard(line)
        for writer in line:
            _end(writer, resets=self.resets)

    async def cut(self) -> None:
        """End every connection."""
        for line in list(self._lines):
            self.cuts += 1
            self._end(line)

    async def cut_every(self, seconds: float) -> Callable[[], object]:
        """End every connection again and again; return what ends that."""

        async def cutting() -> None:
            while True:
                await asyncio.sleep(seconds)
                await self.cut()

        loop, task = asyncio.get_running_loop(), asyncio.create_task(cutting())
        self._tasks.add(task)
        return lambda: loop.call_soon_threadsafe(task.cancel)

    async def stop(self, server: asyncio.Server) -> None:
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _end(writer: asyncio.StreamWriter, *, resets: bool) -> None:
    if resets:
        raw = writer.get_extra_info("socket")
        with suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    else:
        writer.close()


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return the opcode of the next frame of a server, and all of it."""
    head = await reader.readexactly(2)
    size, wide = head[1] & 127, b""
    if size > 125:
        wide = await reader.readexactly(2 if size == 126 else 8)
        size = int.from_bytes(wide, "big")
    return head[0] & 15, head + wide + await reader.readexactly(size)


@contextmanager
def proxy(target: int) -> Iterator[tuple[Proxy, InAThread]]:
    """A proxy in a thread, and that thread, for as long as the ``with`` lasts."""
    thread = InAThread()
    one = Proxy(target)
    server = thread.do(asyncio.start_server(one.serve, "127.0.0.1", 0))
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one, thread
    finally:
        thread.do(one.stop(server))
        thread.stop()
