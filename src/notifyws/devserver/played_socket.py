"""One socket of a recording, played: what it says, waits for, and how it ends."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from notifyws.devserver.context import offered_subprotocols
from notifyws.recording import Closed, Received, Sent, Step, Visit

LITTLE = 0.2
"""Seconds to wait for a frame of the client once another did not come in time: its
application's pings keep their own time."""
GOODBYE = 1.0
"""Seconds that a client has to answer a close."""
LARGEST = 64 << 20
"""Bytes of the largest frame of a client."""
MOST = 1000
"""Frames of a client that may wait to be looked at."""
REASON_LIMIT = 123
"""Bytes that a close frame has for its reason; of a letter, all are written or none."""
WORDLESS = 1005
ENDS = {WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR}
SHORTEST = 6
"""Characters of the shortest text that is known again, in place of another."""


class PlayedSocket:
    """Plays what came of one opening.

    Args:
        speed: how many times as fast as it was; infinity waits for nothing.
        patience: seconds to wait for a frame that the client sent when it was recorded.
        linger: seconds that it has to leave where it left then, at any speed.
    """

    def __init__(
        self,
        visit: Visit,
        speed: float,
        say: Callable[[str], None],
        patience: float,
        linger: float,
    ) -> None:
        self._visit, self._speed = visit, speed
        self._say: Callable[[str], None] = lambda text: say(
            f"socket {visit.number}: {text}"
        )
        self._heard: deque[str] = deque(maxlen=MOST)
        self._hears, self._gone = asyncio.Event(), asyncio.Event()
        self._instead: dict[str, str] = {}
        self._patience, self._linger = patience, linger
        self._is_deaf = self._is_closed = False
        self._transport: asyncio.Transport | None = None

    async def wait(self, seconds: float) -> None:
        """Wait as long as it took, at this speed."""
        await asyncio.sleep(seconds / self._speed)

    def end(self) -> None:
        """End it: by cutting the line, unless a goodbye was said."""
        if self._transport is not None and self._is_closed:
            self._transport.close()
        elif self._transport is not None:
            self._transport.abort()
        self._gone.set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Accept the socket, and play it to its end."""
        socket = web.WebSocketResponse(
            protocols=offered_subprotocols(request)[:1],
            autoping=False,
            autoclose=False,
            compress=False,
            max_msg_size=LARGEST,
        )
        await socket.prepare(request)
        self._transport = request.transport
        self._say("open")
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(self._read(socket))
            try:
                with suppress(ConnectionError):
                    await self._play(socket)
            finally:
                self.end()
                reading.cancel()
        self._say("ended")
        return socket

    async def _read(self, socket: web.WebSocketResponse) -> None:
        """Answer pings, unless the server was deaf, and keep what is said."""
        try:
            while True:
                message = await socket.receive()
                if message.type is WSMsgType.PING and not self._is_deaf:
                    await socket.pong(message.data)
                elif message.type is WSMsgType.TEXT:
                    self._heard.append(message.data)
                    self._hears.set()
                elif message.type is WSMsgType.CLOSE and not self._is_deaf:
                    self._write_close(message.data or WORDLESS, "")
                elif message.type in ENDS:
                    break
        except ConnectionError:
            return  # it has gone
        finally:
            self._gone.set()
            self._hears.set()

    async def _play(self, socket: web.WebSocketResponse) -> None:
        begun = asyncio.get_running_loop().time()
        deaf = [s.deaf_since for s in self._visit.steps if isinstance(s, Closed)]
        deaf_since = deaf[0] if deaf else None
        for step in self._visit.steps:
            if deaf_since is not None and step.at >= deaf_since:
                await self._until(begun, deaf_since)
                self._is_deaf, deaf_since = True, None
            if not isinstance(step, Sent):
                await self._until(begun, step.at)
            if self._gone.is_set():
                return
            await self._do(socket, step)
        if not any(isinstance(step, Closed) for step in self._visit.steps):
            self._say("played to its end; it stays open")
            await self._gone.wait()

    async def _until(self, begun: float, at: float) -> None:
        """Wait for a moment of the recording, unless the client leaves before."""
        left = begun + at / self._speed - asyncio.get_running_loop().time()
        if left > 0:
            await self._leaves(left)
        else:
            await asyncio.sleep(0)

    async def _leaves(self, seconds: float) -> bool:
        """Return whether the client leaves within so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        return self._gone.is_set()

    async def _do(self, socket: web.WebSocketResponse, step: Step) -> None:
        match step:
            case Received():
                await self._send(socket, step.frame)
            case Sent(text=text):
                await self._hear(text)
            case Closed(by="server", code=code, reason=reason):
                self._say(f"closes with {code}")
                self._write_close(code, self._in_its_words(reason))
                await self._leaves(GOODBYE)
            case Closed(by="client"):
                self._say("waits for the client to leave, as it did")
                if not await self._leaves(self._linger):
                    self._say("the client did not leave; the line is cut")
            case Closed():
                self._say("cuts the line")

    async def _send(self, socket: web.WebSocketResponse, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            return await socket.send_bytes(frame)
        return await socket.send_str(self._in_its_words(frame))

    async def _hear(self, recorded: str) -> None:
        """Wait for what the client said here, and learn what it calls by what name."""
        while not self._heard and not self._gone.is_set():
            self._hears.clear()
            try:
                async with asyncio.timeout(self._patience):
                    await self._hears.wait()
            except TimeoutError:
                self._say(f"the client does not say what it said: {recorded[:80]}")
                self._patience = LITTLE
                return
        if self._heard:
            self._instead |= dict(differences(recorded, self._heard.popleft()))

    def _in_its_words(self, text: str) -> str:
        for recorded, said in self._instead.items():
            text = text.replace(recorded, said)
        return text

    def _write_close(self, code: int, reason: str) -> None:
        """Write a close frame, once, of any code: the library would refuse some."""
        if self._is_closed:
            return
        self._is_closed = True
        words = reason.encode()[:REASON_LIMIT].decode(errors="ignore").encode()
        said = b"" if code == WORDLESS else code.to_bytes(2) + words
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(bytes((0x88, len(said))) + said)


def differences(recorded: str, said: str) -> Iterator[tuple[str, str]]:
    """Yield what a client says in another way than when it was recorded.

    An id that it draws anew comes back in the answer, where it must be the new one.
    Texts are as they stand in JSON; short ones, and what stood for a secret, are not
    known again.
    """
    try:
        pairs = _leaves(json.loads(recorded), json.loads(said))
        for before, now in pairs:
            if before != now and len(before) >= SHORTEST and "***" not in before:
                yield json.dumps(before)[1:-1], json.dumps(now)[1:-1]
    except (ValueError, RecursionError):
        return


def _leaves(recorded: Any, said: Any) -> Iterator[tuple[str, str]]:
    """Yield the texts that stand at the same place in two values."""
    match recorded, said:
        case str(), str():
            yield recorded, said
        case Mapping(), Mapping():
            for name in recorded.keys() & said.keys():
                yield from _leaves(recorded[name], said[name])
        case list(), list():
            for before, now in zip(recorded, said, strict=False):
                yield from _leaves(before, now)
