"""The library's connection in bursts: all frames that came at once, at once.

A plain text frame takes the library four times as long to read as us, and a
coroutine's turn for each one as much again. So whole plain texts are cut off before it
sees them. All the rest is its business still: the handshake, pings, closing, parts,
compression, and whatever breaks the rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import websockets.asyncio.client as ws
from websockets.frames import DATA_OPCODES, TEXT, CloseCode, Frame
from websockets.protocol import CLOSING, CONNECTING, OPEN, Event
from websockets.typing import BytesLike

from notifyws.protocol.framing import Framer

__all__ = ["BurstConnection"]

AT_ONCE = 3 << 13
"""Bytes that are read at once: some 120 notifications. With ten times as many a
blast takes 5 MiB more memory, and no less time."""
RECORD = 1 << 14
"""Bytes that TLS may have deciphered already, besides those that it says it holds."""
WRITTEN = 1 << 16
"""Characters of text that are handed to the transport at once: 1,000 frames of 50 bytes
cost 9 ms one by one, and 2 ms together."""
HURRY, REST = 0.0005, 0.001
"""Seconds: who sends little that often is read that much later, and far cheaper. Ten
thousand notifications a second that come one by one take 35 % of a core, not 52 %."""
BLANK_LINE = b"\r\n\r\n"
"""Ends the answer to our upgrade."""
PING = 0x89
"""The first byte of a ping, which the library answers at once."""
UNANSWERED = 1 << 20
"""Bytes of pings that may come while no answer leaves: they pile up in memory."""
NOT_TEXT = "a text frame was not UTF-8"
MOST_PARTS = 4096
"""Frames that a message may be cut into; empty ones would have no end."""


class BurstConnection(ws.ClientConnection, asyncio.BufferedProtocol):
    """A client's end of a WebSocket; made as the library's own is."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._buffer = memoryview(bytearray(AT_ONCE))
        self._framer = Framer(self.protocol.max_message_size or 1 << 62)
        self._came: list[str | bytes] = []
        self._parts: list[BytesLike] = []
        self._tail = b""
        self._is_text = self._paused = False
        self._read_at = 0.0
        self._unanswered = 0
        self._rest: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = None
        self._broken: tuple[CloseCode, str] | None = None
        self._arrived: asyncio.Future[None] | None = None

    async def burst(self) -> list[str | bytes]:
        """Return all whole frames that came, at least one; bytes when binary.

        Being cancelled loses nothing.

        Raises:
            ConnectionClosed: there are no more.
        """
        while not self._came:
            if self._broken is not None:
                async with self.send_context():
                    self.protocol.fail(*self._broken)
                await asyncio.shield(self.connection_lost_waiter)
            if self.connection_lost_waiter.done():
                raise self.close_exc
            await self._something()
        came, self._came = self._came, []
        self._paused = False
        self._read_on()
        return came

    async def send_all(self, texts: Sequence[str]) -> None:
        """Send text frames, many at once, and no faster than they leave.

        Raises:
            ConnectionClosed: it is over; some may have left.
        """
        for piece in _pieces(texts):
            async with self.send_context():
                for text in piece:
                    self.protocol.send_text(text.encode())
                self.transport.write(b"".join(self.protocol.data_to_send()))

    async def _something(self) -> None:
        self._arrived = self.loop.create_future()
        try:
            await self._arrived
        finally:
            self._arrived = None

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to put what comes.

        TLS says how much it holds, and gets rid of all of it: asyncio does not ask
        again once the server has ended, and would drop what is left.
        """
        if sizehint + RECORD > len(self._buffer):
            self._buffer = memoryview(bytearray(sizehint + RECORD))
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what came: plain texts here, and the rest is the library's."""
        data = bytes(self._buffer[:nbytes])
        if self.protocol.state is CONNECTING:
            data = self._through_the_handshake(data)
        self._framer.feed(data)
        while True:
            texts, other = self._framer.cut()
            if texts:
                self._came += texts
            if not other:
                break
            if other[0] != PING or self._can_answer(len(other)):
                super().data_received(other)
            if self._is_over:
                self._framer.give_up()
                self._see_to_its_end()
        if self._came:
            self._wake()
            self._pause_when_behind()
        if nbytes < AT_ONCE:
            self._rest_when_hurried()

    def _pause_when_behind(self) -> None:
        most = self.max_queue_high
        if most is not None and len(self._came) > most:
            self._paused = True
            self.transport.pause_reading()

    def _rest_when_hurried(self) -> None:
        """Let a little more come before the next look, when it comes that often."""
        before, self._read_at = self._read_at, self.loop.time()
        if self._rest is None and self._read_at - before < HURRY:
            self.transport.pause_reading()
            self._rest = self.loop.call_later(REST, self._rested)

    def _rested(self) -> None:
        self._rest = None
        self._read_on()

    def _read_on(self) -> None:
        if not self._paused and self._rest is None:
            self.transport.resume_reading()

    def _through_the_handshake(self, data: bytes) -> bytes:
        """Give the library the answer to our upgrade; return what follows it."""
        came = self._tail + data
        end = came.find(BLANK_LINE)
        self._tail, start = came[-3:], len(self._tail)
        if end < 0:
            super().data_received(data)
            return b""
        head = came[start : end + len(BLANK_LINE)]
        super().data_received(head)
        if self.protocol.state is not OPEN:
            self._framer.give_up()
        return data[len(head) :]

    @property
    def _is_over(self) -> bool:
        """Whether what follows is to be ignored."""
        protocol = self.protocol
        endings = (self._broken, protocol.close_rcvd, protocol.parser_exc)
        return any(ending is not None for ending in endings)

    def _can_answer(self, size: int) -> bool:
        """Return whether an answer can leave; cut the line when too much waits to."""
        if self.paused:
            self._unanswered += size
            if self._unanswered > UNANSWERED:
                self.transport.abort()
        return not self.transport.is_closing()

    def resume_writing(self) -> None:
        """Take note that answers leave again."""
        super().resume_writing()
        self._unanswered = 0

    def _see_to_its_end(self) -> None:
        """Cut the line if the server does not: after its goodbye, nobody may ask."""
        if self._end is None and self.protocol.state is CLOSING:
            patience = self.close_timeout or 0.0
            self._end = self.loop.call_later(patience, self.transport.abort)

    def process_event(self, event: Event) -> None:
        """Put the frames of a message together; leave other events to the library."""
        if not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
            return super().process_event(event)
        if self._broken is None:
            self._put_together(event)
        return None

    def _put_together(self, part: Frame) -> None:
        if not self._parts:
            self._is_text = part.opcode is TEXT
        self._parts.append(part.data)
        if part.fin:
            whole, self._parts = b"".join(self._parts), []
            self._take(whole)
        elif len(self._parts) >= MOST_PARTS:
            self._break(CloseCode.MESSAGE_TOO_BIG, "too many fragments")

    def _take(self, message: bytes) -> None:
        try:
            self._came.append(message.decode() if self._is_text else message)
        except UnicodeDecodeError:
            self._break(CloseCode.INVALID_DATA, NOT_TEXT)

    def _break(self, code: CloseCode, reason: str) -> None:
        """End it once what came before is read."""
        self._broken = (code, reason)
        self._parts = []
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits for more."""
        super().connection_lost(exc)
        for timer in (self._rest, self._end):
            if timer is not None:
                timer.cancel()
        self._wake()


def _pieces(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield texts in their order, about as many at a time as are written at once."""
    piece: list[str] = []
    size = 0
    for text in texts:
        piece.append(text)
        size += len(text)
        if size >= WRITTEN:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
