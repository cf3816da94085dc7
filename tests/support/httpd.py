"""A server by script: raw HTTP and WebSocket over TCP, in the test's own loop.

A story is told to every client in turn; it may read what was asked, write whatever
bytes it likes, drip, hang, or cut the line. A story that fails, fails the test.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from .aio import InAThread

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


@dataclass(frozen=True)
class Request:
    """What a client asked for."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def answer(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """Return a whole HTTP answer; ``Retry_After`` names the header Retry-After."""
    fields = {"Content-Length": str(len(body)), "Connection": "close", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    head = "\r\n".join([f"HTTP/1.1 {status} Said", *lines])
    return head.encode("latin-1") + b"\r\n\r\n" + body


def json_answer(value: Any, status: int = 200, **headers: str) -> bytes:
    """Return an HTTP answer that holds JSON."""
    headers = {"Content_Type": "application/json", **headers}
    return answer(status, json.dumps(value).encode(), **headers)


class Peer:
    """One client's connection, seen from the server."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Httpd
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._server = server
        self._held: list[bytes] | None = None

    async def request(self) -> Request:
        """Return the next request, body and all."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        size = int(headers.get("content-length", 0))
        body = await self._reader.readexactly(size)
        method, target, _ = first.split(" ")
        request = Request(method, target, headers, body)
        self._server.requests.append(request)
        return request

    async def some(self) -> bytes:
        """Return whatever comes next; nothing, when the client has gone."""
        return await self._reader.read(65536)

    async def write(self, data: bytes) -> None:
        if self._held is not None:
            self._held.append(data)
        else:
            self._writer.write(data)
            await self._writer.drain()

    def hold(self) -> None:
        """Write nothing until :meth:`release`, and then all of it at once."""
        self._held = []

    async def release(self) -> None:
        held, self._held = self._held or [], None
        await self.write(b"".join(held))

    async def drip(self, data: bytes, pause: float = 0.005) -> None:
        """Write one byte at a time."""
        for byte in data:
            await self.write(bytes([byte]))
            await asyncio.sleep(pause)

    async def relay(self, port: int) -> None:
        """Be a way to a port of this machine, as a proxy that was asked to CONNECT."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def pump(source, sink) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        try:
            await asyncio.gather(pump(self._reader, writer), pump(reader, self._writer))
        finally:
            writer.transport.abort()

    async def hang(self) -> None:
        """Say nothing for as long as the client stays."""
        while await self.some():
            pass

    def cut(self) -> None:
        """Reset the TCP connection, without any goodbye."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def end(self) -> None:
        """Send nothing more, and under TLS without a word about it."""
        self._writer.get_extra_info("socket").shutdown(socket.SHUT_WR)

    async def upgrade(self, request: Request | None = None, **headers: str) -> Request:
        """Take a WebSocket handshake, of the request that was read if one was."""
        request = request or await self.request()
        key = request.headers["sec-websocket-key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode()
        fields = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Accept": accept,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        await self.write(f"HTTP/1.1 101 Go\r\n{lines}\r\n".encode())
        return request

    async def frame(self, opcode: int, payload: bytes = b"", *, last=True) -> None:
        """Write a WebSocket frame, of whatever sense."""
        await self.write(framed(opcode, payload, last=last))

    async def say(self, text: str) -> None:
        await self.frame(TEXT, text.encode())

    async def close(self, code: int | None = None, reason: str = "") -> None:
        """Write a close frame and wait for the client's."""
        said = b"" if code is None else struct.pack("!H", code) + reason.encode()
        await self.frame(CLOSE, said)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while (await self.read())[0] != CLOSE:
                pass

    async def read(self) -> tuple[int, bytes]:
        """Return the next frame's opcode and payload."""
        first, second = await self._reader.readexactly(2)
        size = second & 127
        if size == 126:
            (size,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
        mask = await self._reader.readexactly(4)
        masked = await self._reader.readexactly(size)
        return first & 15, bytes(b ^ mask[i % 4] for i, b in enumerate(masked))


def framed(opcode: int, payload: bytes = b"", *, last: bool = True) -> bytes:
    """Return an unmasked frame."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 1 << 16:
        length = bytes([126]) + struct.pack("!H", size)
    else:
        length = bytes([127]) + struct.pack("!Q", size)
    return bytes([opcode | (128 if last else 0)]) + length + payload


Story = Callable[[Peer], Awaitable[Any]]


@dataclass
class Httpd:
    """A running server and what it was asked."""

    story: Story
    secure: bool = False
    port: int = 0
    connections: int = 0
    requests: list[Request] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    server: asyncio.Server | None = None

    async def stop(self) -> None:
        """Give the port back, so that another can take its place."""
        assert self.server is not None
        self.server.close()
        await self.server.wait_closed()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        return f"http{'s' * self.secure}://{self.host}"

    @property
    def url(self) -> str:
        return f"ws{'s' * self.secure}://{self.host}"

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            await self.story(Peer(reader, writer, self))
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass  # the client went away, which is its right
        except asyncio.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - raised where the server ends
            self.failures.append(error)
        finally:
            writer.close()
            with suppress(OSError, asyncio.CancelledError, TimeoutError):
                async with asyncio.timeout(0.2):
                    await writer.wait_closed()
            writer.transport.abort()


async def handshakes() -> None:
    """Return when no TLS handshake of a server is under way any more, or soon."""
    for _ in range(50):
        if not any("_accept_conn" in repr(task) for task in asyncio.all_tasks()):
            return
        await asyncio.sleep(0.002)


@asynccontextmanager
async def httpd(
    story: Story, tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[Any]:
    """Run a story's server on a loopback port, which is free where none is named."""
    one = Httpd(story, secure=tls is not None)
    server = await asyncio.start_server(one.serve, "127.0.0.1", port, ssl=tls)
    one.server, one.port = server, server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        await handshakes()
        for task in one.tasks:
            task.cancel()
        await asyncio.gather(*one.tasks, return_exceptions=True)
        if one.failures:
            raise one.failures[0]


@contextmanager
def in_a_thread(
    story: Story, tls: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[Httpd]:
    """Run such a server in a thread of its own, for clients that are processes."""
    thread = InAThread()
    serving = httpd(story, tls, port)
    try:
        yield thread.do(serving.__aenter__())
    finally:
        try:
            thread.do(serving.__aexit__(None, None, None))
        finally:
            thread.stop()


def says(*pieces: bytes) -> Story:
    """Return the story of one who reads a request, writes this, and closes."""

    async def story(peer: Peer) -> None:
        await peer.request()
        for piece in pieces:
            await peer.write(piece)

    return story


async def silence(peer: Peer) -> None:
    """The story of one who never answers."""
    await peer.hang()
