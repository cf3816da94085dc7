"""Cuts a server's bytes into WebSocket frames (RFC 6455, section 5.2), and puts the
messages together again that came in several (5.4); pure.

What the frames' texts mean is read elsewhere, by ``protocol.frames``.
The plain case is read here and costs little: a text in one frame, not masked, and
compressed only where there is something to inflate it. All else comes out as the bytes
it is, as soon as it is there, for somebody who knows the rest of the protocol, and who
does not go on once a rule was broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle

TEXT, COMPRESSED = 0x81, 0xC1
"""The first byte of a whole text: the last of its frames, and which extension is at
work: none, or the one that compresses."""
FINAL, CONTROL, KIND = 0x80, 0x08, 0x0F
"""Bits of the first byte."""
KINDS = frozenset({0, 1, 2, 8, 9, 10})
NO_TEXT, TOO_BIG = 1007, 1009
"""What a close says of a message that is not what it should be (7.4.1)."""
MOST_PARTS = 4096
"""Frames that a message may be cut into; empty ones would have no end."""
SHORT, LONG = 126, 127
"""Lengths that say: the length is in the two bytes that follow, or in eight."""


class BadMessage(Exception):
    """A message breaks a rule; whoever sent it is told this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Framer:
    """Cuts what a server sends into plain texts, and what is between these.

    Args:
        largest: bytes that a plain text may hold.
    """

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self._plain = bytes([TEXT])
        self._inflate: Callable[[bytes], str] = bytes.decode
        self._buffer = b""
        self._owed = 0  # bytes to come of a frame that has begun to come out
        self._in_parts = False

    def inflate_by(self, inflate: Callable[[bytes], str]) -> None:
        """Read compressed texts as well.

        Args:
            inflate: returns a text, or raises :class:`BadMessage`.
        """
        self._plain, self._inflate = bytes([TEXT, COMPRESSED]), inflate

    def cut(self, data: bytes | memoryview) -> Iterator[list[str] | bytes]:
        """Take in what came; yield lists of texts and other frames, in their order.

        Texts behind other frames are inflated after these were dealt with.

        Raises:
            BadMessage: a text cannot be; what came before it was yielded.
        """
        self._buffer += bytes(data)
        start, end = -1, 0
        while start < end:
            start = middle = end
            if not (self._owed or self._in_parts):
                texts: list[str] = []
                try:
                    middle = self._texts(start, texts)
                finally:
                    if texts:
                        yield texts
            end = self._others(middle)
            if middle < end:
                yield self._buffer[middle:end]
        self._buffer = self._buffer[end:]

    def _texts(self, start: int, texts: list[str]) -> int:
        """Read plain texts as long as they are no trouble; return where they end."""
        buffer, size, plain = self._buffer, len(self._buffer), self._plain
        try:
            while start + 4 <= size and (first := buffer[start]) in plain:
                length, payload = buffer[start + 1], start + 2
                if length == SHORT:
                    length = buffer[start + 2] << 8 | buffer[start + 3]
                    payload = start + 4
                elif length >= LONG:
                    break
                end = payload + length
                if end > size or length > self.largest:
                    break
                if first == TEXT:
                    texts.append(buffer[payload:end].decode())
                else:
                    texts.append(self._inflate(buffer[payload:end]))
                start = end
        except UnicodeDecodeError:
            pass  # is somebody else's trouble
        return start

    def _others(self, start: int) -> int:
        """Return up to where there is no plain text, nor one that is not whole yet."""
        buffer, size = self._buffer, len(self._buffer)
        at, self._owed = start + self._owed, 0
        plain = self._plain
        while at < size and (at == start or self._in_parts or buffer[at] not in plain):
            if buffer[at] & KIND not in KINDS:
                return size  # its length may mean anything
            length = buffer[at + 1] if at + 1 < size else 0
            wide = {SHORT: 2, LONG: 8}.get(length, 0)
            payload = at + 2 + wide
            if payload > size:
                break
            said = int.from_bytes(buffer[at + 2 : payload]) if wide else length
            end = payload + said
            is_text = buffer[at] in plain and length < LONG and said <= self.largest
            if is_text and end > size:
                break  # as a whole one it costs little
            if not buffer[at] & CONTROL:
                self._in_parts = not buffer[at] & FINAL
            at = end
        self._owed = max(0, at - size)
        return min(at, size)


class Assembler:
    """Puts a message's frames together, between which there may be pings and pongs."""

    def __init__(self) -> None:
        self._parts: list[bytes | bytearray | memoryview] = []
        self._is_text = False

    def add(
        self, kind: int, data: bytes | bytearray | memoryview, *, final: bool
    ) -> list[str | bytes]:
        """Return the message that a frame ends; an empty list if it ends none.

        Args:
            kind: the frame's opcode.
            data: its payload.
            final: whether it is the last of its message.

        Raises:
            BadMessage: it is no text, or in too many parts.
        """
        if not self._parts:
            self._is_text = kind == TEXT & KIND
        self._parts.append(data)
        if not final:
            if len(self._parts) >= MOST_PARTS:
                raise BadMessage(TOO_BIG, "too many fragments")
            return []
        whole, self._parts = b"".join(self._parts), []
        try:
            return [whole.decode() if self._is_text else whole]
        except UnicodeDecodeError:
            raise BadMessage(NO_TEXT, "a text frame was not UTF-8") from None


def close_frame(frame: bytes) -> tuple[int, str]:
    """Return the code and reason of a client's close frame, which is masked.

    When the server breaks a rule, ``websockets`` says nowhere else what it answers.
    """
    pairs = zip(frame[6:], cycle(frame[2:6]), strict=False)
    payload = bytes(byte ^ mask for byte, mask in pairs)
    return int.from_bytes(payload[:2]), payload[2:].decode()
