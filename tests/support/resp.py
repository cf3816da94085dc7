"""A server that speaks Redis' protocol by script: every request, the same answer."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class TemplateContext:
    """What is answered, and what was asked.

    Args:
        answer: the raw bytes after each request; none is a server that hangs.
        then_close: whether the connection is cut after the first answer.
    """

    answer: bytes
    then_close: bool = False
    port: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while request := await reader.read(65536):
                self.requests.append(request)
                writer.write(self.answer)
                await writer.drain()
                if self.then_close:
                    return
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def scripted(
    answer: bytes, *, then_close: bool = False, tls: ssl.SSLContext | None = None
) -> AsyncIterator[TemplateContext]:
    """Run such a server on a free loopback port."""
    context = TemplateContext(answer, then_close)
    server = await asyncio.start_server(context.serve, "127.0.0.1", 0, ssl=tls)
    context.port = server.sockets[0].getsockname()[1]
    try:
        yield context
    finally:
        server.close()
