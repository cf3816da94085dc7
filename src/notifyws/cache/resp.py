"""What a Redis may answer at most; the one module that knows redis-py's parser.

A server that is none, or is somebody else's, must not fill our memory within the
second that a call may take.
"""

from __future__ import annotations

from redis._parsers import _AsyncRESP2Parser
from redis.exceptions import InvalidResponse

from notifyws.cache.texts import LARGEST

__all__ = ["BoundedParser"]

WHOLE = 16 << 20
"""Bytes of a whole answer: a thousand listeners, and much more."""


class BoundedParser(_AsyncRESP2Parser):
    """Reads answers whose values are no longer than ours can be."""

    async def _read(self, length: int) -> bytes:
        if not 0 <= length <= LARGEST + 1 or self._pos + length > WHOLE:
            raise InvalidResponse("the answer is too long")
        return await super()._read(length)
