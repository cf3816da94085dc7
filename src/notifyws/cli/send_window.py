"""How much ``send --lines`` may have on its way at once; pure.

It begins with little, lets more go while all goes well, and little again when it does
not, so that a slow line is not filled for longer than anybody waits. An error that
names no message puts all that is on its way in doubt: once there was one, little goes
at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from notifyws.models import Message

__all__ = ["Load", "Window"]

FIRST, MOST = 2_000, 16_000
"""Messages on their way; the first are those of 10 s of a server that takes 200 a
second, the most those of 0.2 s at 80,000."""
FIRST_BYTES, MOST_BYTES = 384 << 10, 8 << 20
"""Bytes of them; what a longer line holds goes all the same, alone. A line of 40 KB a
second is filled for 10 s by the first."""
BATCHES = 100
"""Batches at most, each with a ping of its own."""
GROWTH = 2
"""How much more may go for what was through in time: three times as much next."""
PROMPT = 1.0
"""Seconds within which a batch is through where all goes well."""


class Load(Struct, frozen=True):
    """A batch of messages, and how many bytes their lines had."""

    messages: Sequence[Message]
    size: int


class Window:
    """Counts what is on its way, and says whether there is room for more.

    Args:
        batches: how many may be on their way at most.
    """

    def __init__(self, batches: int = BATCHES) -> None:
        self._batches = self._messages = self._bytes = 0
        self._most_batches = batches
        self._most = MOST
        self._begin()

    def _begin(self) -> None:
        self._allowed, self._allowed_bytes = FIRST, FIRST_BYTES

    @property
    def full(self) -> bool:
        """Whether something must be through before more may go."""
        return (
            self._messages >= self._allowed
            or self._bytes >= self._allowed_bytes
            or self._batches >= self._most_batches
        )

    def sent(self, load: Load) -> None:
        """Take note of a batch that goes."""
        self._batches += 1
        self._messages += len(load.messages)
        self._bytes += load.size

    def through(self, load: Load, took: float, *, doubtful: bool) -> None:
        """Take note of a batch that is dealt with.

        Args:
            load: the batch.
            took: seconds from when it went.
            doubtful: whether what became of it is not known.
        """
        self._batches -= 1
        self._messages -= len(load.messages)
        self._bytes -= load.size
        if doubtful:
            self._most = FIRST
        if took > PROMPT:
            self._begin()
            return
        more, larger = GROWTH * len(load.messages), GROWTH * load.size
        self._allowed = min(self._allowed + more, self._most)
        self._allowed_bytes = min(self._allowed_bytes + larger, MOST_BYTES)
