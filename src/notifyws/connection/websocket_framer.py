"""Cuts a server's bytes into WebSocket frames (RFC 6455, section 5.2); pure.

What the frames' texts mean is read elsewhere, by ``protocol.frames``.
The plain case is read here and costs little: a text in one frame, neither compressed
nor masked. All else comes out as the bytes it is, as soon as it is there, for somebody
who knows the rest of the protocol, and who does not go on once a rule was broken.
"""

from __future__ import annotations

from itertools import cycle

TEXT = 0x81
"""The first byte of a whole text: the last of its frames, and no extension at work."""
FINAL, CONTROL, KIND = 0x80, 0x08, 0x0F
"""Bits of the first byte."""
KINDS = frozenset({0, 1, 2, 8, 9, 10})
SHORT, LONG = 126, 127
"""Lengths that say: the length is in the two bytes that follow, or in eight."""


class Framer:
    """Cuts what a server sends into plain texts, and what is between these.

    Args:
        largest: bytes that a plain text may hold.
    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._buffer = b""
        self._owed = 0  # bytes to come of a frame that has begun to come out
        self._in_parts = False

    def cut(self, data: bytes | memoryview) -> list[list[str] | bytes]:
        """Take in what came; return lists of texts and other frames, in their order."""
        self._buffer += bytes(data)
        pieces: list[list[str] | bytes] = []
        start, end = -1, 0
        while start < end:
            start = middle = end
            if not (self._owed or self._in_parts):
                texts: list[str] = []
                middle = self._texts(start, texts)
                if texts:
                    pieces.append(texts)
            end = self._others(middle)
            if middle < end:
                pieces.append(self._buffer[middle:end])
        self._buffer = self._buffer[end:]
        return pieces

    def _texts(self, start: int, texts: list[str]) -> int:
        """Read plain texts as long as they are no trouble; return where they end."""
        buffer, size = self._buffer, len(self._buffer)
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
        return start

    def _others(self, start: int) -> int:
        """Return up to where there is no plain text, nor one that is not whole yet."""
        buffer, size = self._buffer, len(self._buffer)
        at, self._owed = start + self._owed, 0
        while at < size and (at == start or self._in_parts or buffer[at] != TEXT):
            if buffer[at] & KIND not in KINDS:
                return size  # its length may mean anything
            length = buffer[at + 1] if at + 1 < size else 0
            wide = {SHORT: 2, LONG: 8}.get(length, 0)
            payload = at + 2 + wide
            if payload > size:
                break
            said = int.from_bytes(buffer[at + 2 : payload]) if wide else length
            end = payload + said
            is_text = buffer[at] == TEXT and length < LONG and said <= self._largest
            if is_text and end > size:
                break  # as a whole one it costs little
            if not buffer[at] & CONTROL:
                self._in_parts = not buffer[at] & FINAL
            at = end
        self._owed = max(0, at - size)
        return min(at, size)


def close_frame(frame: bytes) -> tuple[int, str]:
    """Return the code and reason of a client's close frame, which is masked.

    When the server breaks a rule, ``websockets`` says nowhere else what it answers.
    """
    pairs = zip(frame[6:], cycle(frame[2:6]), strict=False)
    payload = bytes(byte ^ mask for byte, mask in pairs)
    return int.from_bytes(payload[:2]), payload[2:].decode()
