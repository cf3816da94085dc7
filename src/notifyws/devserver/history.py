"""What was published to one user: replay, and the honest word for a hole.

Pure. Ids rise, with holes. Live delivery and replay are the same thing here: every
connection reads on from the last id it has seen, so there is nothing between the
two that could be lost or doubled. More is kept than is promised, so that whoever
starts at the oldest promised entry is not overtaken by what is published meanwhile.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Entry", "History", "Overtaken"]

DIGITS = 20
"""Digits of the longest id that is looked for."""


class Entry(NamedTuple):
    """One notification: its text, and the connection (not 0) that sent it, if any."""

    id: int
    frame: str
    origin: int = 0


class Overtaken(LookupError):
    """An id is asked for after which entries are no longer kept."""


class History:
    """The newest notifications of one user.

    Args:
        born: ids up to this one belong to an earlier life, of which nothing is known.
        limit: how many entries are promised to those who come back.
        floor: everything later than this id is kept; ``born`` if not told.
    """

    def __init__(self, born: int, limit: int, floor: int | None = None) -> None:
        self._born = born
        self._limit = limit
        self._dropped = born if floor is None else floor
        self._entries: list[Entry] = []

    @property
    def floor(self) -> int:
        """The newest id that is no longer promised."""
        older = len(self._entries) - self._limit
        return self._entries[older - 1].id if older > 0 else self._dropped

    @property
    def newest(self) -> int:
        """The newest id there is."""
        return self._entries[-1].id if self._entries else self._dropped

    def add(self, entry: Entry) -> None:
        """Append an entry; drop a whole ``limit`` of the oldest once in a while."""
        self._entries.append(entry)
        if len(self._entries) > 3 * self._limit:
            self._dropped = self._entries[self._limit - 1].id
            del self._entries[: self._limit]

    def promised(self) -> Sequence[Entry]:
        """Return every entry that is promised, oldest first."""
        return self._entries[-self._limit :]

    def after(self, ident: int, most: int) -> Sequence[Entry]:
        """Return the first entries later than ``ident``.

        Raises:
            Overtaken: some of them are gone.
        """
        if ident < self._dropped:
            raise Overtaken
        start = bisect_right(self._entries, ident, key=lambda entry: entry.id)
        return self._entries[start : start + most]

    def resume(self, since: str | None) -> tuple[int, dict[str, str] | None]:
        """Return after which id a client reads on, and the gap to be told it first.

        Args:
            since: the last id it has seen. Nothing starts from now, ``0`` from the
                oldest that is kept. An id that cannot be placed (no number, or
                ahead of ours) gets everything there is.
        """
        if not since:
            return self.newest, None
        known = since.isascii() and since.isdecimal() and len(since) <= DIGITS
        ident = int(since) if known else -1
        ident = ident or self._born
        if self.floor <= ident <= self.newest:
            return ident, None
        oldest = self.after(self.floor, 1)
        to = oldest[0].id if oldest else self.newest
        reason = "the server no longer keeps what was sent in between"
        gap = {"type": "gap", "from": since, "to": str(to), "reason": reason}
        return self.floor, gap
