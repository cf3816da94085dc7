"""What a leader appended lately, should Redis turn out to have lost some of it; pure.

A primary that dies takes with it what its replica had not been told. What was appended
is known here for a while, so that what is missing at the new primary can be found and
appended again. A Redis that lost everything is another matter: what of it had been
handled is not known, so that is a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from notifyws.fleet.group.entries import Place

COUNT, SIZE = 5_000, 16 << 20
"""Entries that are known at most, and characters of their lines."""

Line = tuple[int, str, str]
"""Stream, line, and what tells it from others."""


class AppendWindow:
    """The entries that one leader appended last."""

    def __init__(self) -> None:
        self._entries: deque[tuple[Place, Line]] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, places: Sequence[Place], lines: Sequence[Line]) -> None:
        """Take note of what was appended, and where."""
        self._entries.extend(zip(places, lines, strict=True))
        self._size += sum(len(line) for _, line, _ in lines)
        while len(self._entries) > COUNT or self._size > SIZE:
            _, (_, line, _) = self._entries.popleft()
            self._size -= len(line)

    @property
    def places(self) -> list[Place]:
        """Where they lie, the oldest first."""
        return [place for place, _ in self._entries]

    def lost(self, present: Sequence[bool]) -> list[Line]:
        """Return what is missing, and forget that it was appended.

        What is missing before the first that is there was trimmed, not lost.

        Args:
            present: for each of ``places``, whether it is there.
        """
        first = present.index(True) if True in present else 0
        missing = [
            line
            for n, (_, line) in enumerate(self._entries)
            if n >= first and not present[n]
        ]
        kept = [
            each for each, there in zip(self._entries, present, strict=True) if there
        ]
        self._entries = deque(kept)
        self._size = sum(len(line) for _, (_, line, _) in kept)
        return missing

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._size = 0
