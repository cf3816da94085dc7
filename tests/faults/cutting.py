"""A TCP proxy that cuts every line that goes through it, again and again."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

PATIENCE = 10.0


class Cutting:
    """Passes bytes on to a port of this host, and cuts all lines every so often.

    Args:
        port: where to pass them on to.
        every: seconds between two cuts.

    Attributes:
        port: where it listens.
        cuts: how many lines were cut.
    """

    def __init__(self, port: int, every: float) -> None:
        self._to, self._every = port, every
        self._writers: set[asyncio.StreamWriter] = set()
        self.cuts = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = self._do(self._start())

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    async def _start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._cutting = asyncio.create_task(self._cut_for_ever())
        return self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer) -> None:
        there_reader, there_writer = await asyncio.open_connection(
            "127.0.0.1", self._to
        )
        pair = {writer, there_writer}
        self._writers |= pair
        try:
            await asyncio.gather(
                _pass_on(reader, there_writer), _pass_on(there_reader, writer)
            )
        finally:
            self._writers -= pair
            for each in pair:
                each.close()

    async def _cut_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            for writer in list(self._writers):
                self.cuts += 1
                writer.transport.abort()

    def calm(self) -> None:
        """Cut no more."""
        self._loop.call_soon_threadsafe(self._cutting.cancel)

    def stop(self) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    async def _end(self) -> None:
        self._cutting.cancel()
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


async def _pass_on(reader, writer) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    with suppress(OSError):
        writer.close()
