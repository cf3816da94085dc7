"""A server's bytes as WebSocket frames (RFC 6455, section 5.2): where each one ends.

The plain case is read here and costs little: a text in one frame, neither compressed
nor masked. Any other frame comes out whole, as the bytes it is, for somebody who knows
the rest of the protocol; so does everything from the first thing on that no server may
send.
"""

from __future__ import annotations

__all__ = ["Framer"]

TEXT = 0x81
"""The first byte of a whole text: the last of its frames, and no extension at work."""
FINAL, CONTROL = 0x80, 0x08
"""Bits of the first byte."""
KINDS = frozenset({0, 1, 2, 8, 9, 10})
"""What the lower half of the first byte may say."""
SHORT, LONG = 126, 127
"""Lengths that say: the length is in the two bytes that follow, or in eight."""


class Framer:
    """Cuts what a server sends into frames.

    Args:
        largest: bytes that a frame may hold; a larger one is not waited for.
    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._buffer = bytearray()
        self._wanted = 2
        self._in_parts = self._given_up = False

    def feed(self, data: bytes) -> None:
        """Take in what came."""
        self._buffer += data

    def give_up(self) -> None:
        """Let all that comes out as it comes, from now on."""
        self._given_up = True

    def cut(self) -> tuple[list[str], bytes]:
        """Return the texts that are whole by now, and the other frame behind them.

        The second is empty when the rest is still to come; until then, ask again.
        """
        texts: list[str] = []
        if not (self._in_parts or self._given_up):
            self._cut_texts(texts)
        return texts, self._cut_other()

    def _cut_texts(self, texts: list[str]) -> None:
        """Cut plain texts off the beginning, as long as they are no trouble."""
        buffer, size, start = self._buffer, len(self._buffer), 0
        try:
            while start + 4 <= size and buffer[start] == TEXT:
                length, payload = buffer[start + 1], start + 2
                if length == SHORT:
                    length = buffer[start + 2] << 8 | buffer[start + 3]
                    payload = start + 4
                elif length >= LONG:
                    break
                end = payload + length
                if end > size or length > self._largest:
                    break
                texts.append(buffer[payload:end].decode())
                start = end
        except UnicodeDecodeError:
            pass  # is somebody else's trouble
        if start:
            self._wanted = 2
            del buffer[:start]

    def _cut_other(self) -> bytes:
        """Cut whatever comes next off, once it is whole."""
        if not self._given_up and len(self._buffer) >= self._wanted:
            self._wanted = self._end()
        if self._given_up:
            return self._taken(len(self._buffer))
        if len(self._buffer) < self._wanted:
            return b""
        first, end, self._wanted = self._buffer[0], self._wanted, 2
        if not first & CONTROL:
            self._in_parts = not first & FINAL
        return self._taken(end)

    def _taken(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _end(self) -> int:
        """Return where the next frame ends, or up to where that can be told."""
        if self._buffer[0] & 0x0F not in KINDS:
            self.give_up()
        length = self._buffer[1]
        wide = {SHORT: 2, LONG: 8}.get(length, 0)
        if len(self._buffer) < 2 + wide:
            return 2 + wide
        if wide:
            length = int.from_bytes(self._buffer[2 : 2 + wide])
        elif length > LONG:  # it is masked
            self.give_up()
        if length > self._largest:
            self.give_up()
        return 2 + wide + length
