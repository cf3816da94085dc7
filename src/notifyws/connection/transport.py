"""One WebSocket's life, from its handshake to its end, in bursts of whole messages.

``websockets`` says what the bytes mean and what is answered (its Sans-I/O layer); this
module moves them, many at once, and no more than somebody reads. Whole plain texts are
cut off before the library sees them, because they cost it eight times as much.
"""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State

from notifyws.connection.inflate import begin_anew_after_an_end, inflater
from notifyws.connection.ports import AtOnce
from notifyws.connection.websocket_framer import (
    CONTROL,
    Assembler,
    BadMessage,
    Framer,
    close_frame,
)
from notifyws.errors import ConnectionLost
from notifyws.protocol.masking import masked

WAITING = 16
"""Messages that may wait to be read, each as large as any may be. 1024 are not faster,
and take 908 MB of memory where 16 take 15."""
AT_ONCE = 3 << 13
"""Bytes that are read at once; ten times as many take 5 MiB, and no less time."""
RECORD = 1 << 14
"""Bytes that TLS may have deciphered already, besides those that it says it holds."""
WRITTEN = 1 << 16
"""Characters of text that are handed to the transport at once: 1,000 frames of 50 bytes
cost 9 ms one by one, and 2 ms together."""
HURRY, REST, WAITED = 0.0005, 0.001, 0.01
"""Seconds: who sends little that often is read later; later still if a reader rests."""
UNANSWERED = 1 << 20
"""Bytes of pongs that may pile up while nothing leaves."""


class WebSocketTransport(asyncio.BufferedProtocol):
    """A client's end of a WebSocket; what ends it is raised as ``ConnectionLost``.

    Args:
        protocol: what the bytes mean.
        max_size: bytes of the largest message.
        close_timeout: seconds that the server has to end a connection that is over.
        secrets: gives what a close reason must not show.

    Attributes:
        heard_at: monotonic seconds; when anything came, a ping or a pong too.
    """

    def __init__(
        self,
        protocol: ClientProtocol,
        max_size: int,
        close_timeout: float,
        secrets: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self._protocol, self._secrets = protocol, secrets
        self._framer, self._assembler = Framer(max_size), Assembler()
        self._close_timeout, self._loop = close_timeout, asyncio.get_running_loop()
        self._buffer = memoryview(bytearray(AT_ONCE))
        self._came: list[str | bytes] = []
        self._said: tuple[int, str] | None = None
        self._is_full = self._is_over = self._is_ours = False
        self._tls_error: ssl.SSLError | None = None
        self._at_once: AtOnce | None = None
        self._pinged = self._ponged = self._unanswered = 0
        self.heard_at = 0.0
        self._rest = self._end = cast(asyncio.TimerHandle | None, None)
        events = (asyncio.Event() for _ in range(5))
        self._answered, self._arrived, self._pong, self._gone, self._writable = events
        self._writable.set()

    async def open(self, headers: Mapping[str, str], user_agent: str) -> None:
        """Go through the handshake.

        Raises:
            InvalidHandshake, SSLError: it was refused, or is none.
        """
        request = self._protocol.connect()
        request.headers.update(headers)
        request.headers.setdefault("User-Agent", user_agent)
        self._protocol.send_request(request)
        self._flush()
        await self._answered.wait()
        if error := self._tls_error or self._protocol.handshake_exc:
            raise error

    async def burst(self, at_once: AtOnce | None = None) -> Sequence[str | bytes]:
        """Return all whole messages that came, at least one; bytes when binary.

        Being cancelled loses nothing; ``at_once`` need not wait for the loop's turn.
        """
        while not self._came:
            if self._gone.is_set():
                raise self._lost()
            self._arrived.clear()
            self._at_once = at_once
            try:
                await self._arrived.wait()
            finally:
                self._at_once = None
        came, self._came, self._is_full = self._came, [], False
        self._read_on()
        return came

    async def send_all(self, texts: Sequence[str]) -> None:
        """Send texts, many at once, and no faster than they leave."""
        await self._be_open()
        waiting = 0
        for text in texts:
            self._protocol.send_text(text.encode())
            waiting += len(text)
            if waiting >= WRITTEN:
                await self._drain()
                waiting = 0
        await self._drain()

    async def ping(self) -> None:
        """Send a ping; return when its pong, or that of a later one, is there."""
        await self._be_open()
        number = self._pinged = self._pinged + 1
        self._protocol.send_ping(number.to_bytes(4))
        self._flush()
        while self._ponged < number:
            if self._gone.is_set():
                raise self._lost()
            await self._pong.wait()

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye and wait a little for the answer; never raises."""
        if self._protocol.state is State.OPEN:
            try:
                self._protocol.send_close(code, reason)
                self._is_ours = True
            except ProtocolError:  # it is longer than a close frame can be
                self.abort()
            self._flush()
        self._limit_its_end()
        await self._gone.wait()

    def abort(self) -> None:
        """Cut the line."""
        self._transport.abort()

    async def _drain(self) -> None:
        self._flush()
        await self._writable.wait()
        await self._be_open()

    async def _be_open(self) -> None:
        if self._protocol.state is not State.OPEN:
            await self._gone.wait()
            raise self._lost()

    def _lost(self) -> ConnectionLost:
        """Return how it ended: in the server's words, else in ours."""
        code = self._protocol.close_code or CloseCode.ABNORMAL_CLOSURE
        reason, is_ours = self._protocol.close_reason or "", self._is_ours
        if code == CloseCode.ABNORMAL_CLOSURE and self._said is not None:
            (code, reason), is_ours = self._said, True
        return ConnectionLost(int(code), masked(reason, self._secrets()), sent=is_ours)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the way out."""
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to put what comes; asyncio drops what did not fit at the end."""
        if sizehint + RECORD > len(self._buffer):
            self._buffer = memoryview(bytearray(sizehint + RECORD))
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what came: plain texts here, and the rest is the library's."""
        if self._is_over:
            return
        waits = bool(self._came)
        data: bytes | memoryview = self._buffer[:nbytes]
        if self._protocol.state is State.CONNECTING:
            data = self._through_the_handshake(data)
        try:
            for piece in self._framer.cut(data):
                if self._is_over:
                    break
                if isinstance(piece, list):
                    self._came += piece
                else:
                    self._receive(piece)
        except BadMessage as error:
            self._fail(error.code, error.reason)
        if self._at_once is not None and self._came:
            del self._came[: self._at_once(self._came)]
        if self._came:
            self._arrived.set()
        if len(self._came) > WAITING:
            self._is_full = True
            self._transport.pause_reading()
        before, self.heard_at = self.heard_at, self._loop.time()
        hurries = (waits or self.heard_at - before < HURRY) and nbytes < AT_ONCE
        if hurries and self._rest is None:  # let more come before the next look
            self._transport.pause_reading()
            self._rest = self._loop.call_later(WAITED if waits else REST, self._rested)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits for anything."""
        self._protocol.receive_eof()
        self._is_over = True
        self._tls_error = exc if isinstance(exc, ssl.SSLError) else None
        for timer in filter(None, (self._rest, self._end)):
            timer.cancel()
        waited = self._answered, self._arrived, self._pong, self._writable
        for event in (self._gone, *waited):
            event.set()

    def pause_writing(self) -> None:
        """Let whoever sends wait."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let whoever sends go on."""
        self._unanswered = 0
        self._writable.set()

    def _through_the_handshake(self, data: bytes | memoryview) -> bytes:
        """Give the library the answer to our upgrade; return what follows it."""
        lines = io.BytesIO(data)
        while self._protocol.state is State.CONNECTING and (line := lines.readline()):
            self._protocol.receive_data(line)
        if self._protocol.events_received() or self._protocol.handshake_exc:
            self._is_over = self._protocol.handshake_exc is not None
            for agreed in self._protocol.extensions:
                self._framer.inflate_by(inflater(agreed, self._framer.largest))
            self._answered.set()
        return lines.read()

    def _receive(self, frames: bytes) -> None:
        was_open = self._protocol.state is State.OPEN
        begin_anew_after_an_end(self._protocol.extensions)
        self._protocol.receive_data(frames)
        self._flush()
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and not self._is_over:
                self._take(event)
        if was_open and self._protocol.state is not State.OPEN:
            self._is_over = True  # what follows is to be ignored
            self._limit_its_end()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            number = int.from_bytes(frame.data)
            if self._ponged < number <= self._pinged:
                self._ponged = number
                self._pong.set()
                self._pong.clear()
        elif not frame.opcode & CONTROL:
            what = frame.opcode, frame.data
            self._came += self._assembler.add(*what, final=frame.fin)

    def _rested(self) -> None:
        self._rest = None
        self._read_on()

    def _read_on(self) -> None:
        if not self._is_full and self._rest is None:
            self._transport.resume_reading()

    def _flush(self) -> None:
        writes = self._protocol.data_to_send()
        if writes and self._protocol.state is State.CLOSING and self._said is None:
            self._said = close_frame(writes[-1])
        data = b"".join(writes)
        if not self._writable.is_set():
            self._unanswered += len(data)
            if self._unanswered > UNANSWERED:
                self.abort()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def _fail(self, code: int, reason: str) -> None:
        self._is_over = True
        self._protocol.fail(code, reason)
        self._flush()
        self._limit_its_end()

    def _limit_its_end(self) -> None:
        """Cut the line if the server does not: after a goodbye, nobody may ask."""
        if self._end is None:
            self._end = self._loop.call_later(self._close_timeout, self.abort)
