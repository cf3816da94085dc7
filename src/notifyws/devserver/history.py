"""What was published to one user: ids, replay, and the honest word for a hole.

Pure. Entries have a place (counted from 0, never reused) and an id (rising, with
holes). Live delivery and replay are the same thing here: every connection reads
forward from its own place, so there is nothing between the two that could be lost
or doubled. More is kept than is promised, so that whoever starts at the oldest
promised entry is not overtaken at once by what is published meanwhile.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Entry", "History", "Ids", "Overtaken", "Resumed", "resume"]


class Entry(NamedTuple):
    """One published notification.

    Args:
        id: its id as a number.
        frame: its text as it goes over the wire, made once for everybody.
        origin: the connection that sent it, which does not get it back; 0 if none.
    """

    id: int
    frame: str
    origin: int = 0


class Overtaken(LookupError):
    """A place is asked for that is no longer kept."""


class Ids:
    """Rising numbers that follow the clock, so that they go on rising in a new life.

    Args:
        last: the newest id given by anybody before.
    """

    def __init__(self, last: int = 0) -> None:
        self.last = last

    def next(self, now: float) -> int:
        """Return a new id; ``now`` is seconds since 1970."""
        self.last = max(self.last + 1, int(now * 1_000_000))
        return self.last


class History:
    """The newest notifications of one user.

    Args:
        born: ids up to this one belong to an earlier life, of which nothing is known.
        limit: how many entries are promised to those who come back.
        floor: everything later than this id is kept; ``born`` if not told.
    """

    def __init__(
        self, born: int, limit: int = 10_000, floor: int | None = None
    ) -> None:
        self.born = born
        self.limit = limit
        self._floor = born if floor is None else floor
        self._entries: list[Entry] = []
        self._base = 0

    @property
    def end(self) -> int:
        """The place that the next entry will get."""
        return self._base + len(self._entries)

    @property
    def start(self) -> int:
        """The place of the oldest entry that is promised."""
        return self._base + max(0, len(self._entries) - self.limit)

    @property
    def floor(self) -> int:
        """The newest id that is no longer promised."""
        before = self.start - self._base - 1
        return self._entries[before].id if before >= 0 else self._floor

    @property
    def newest(self) -> int:
        """The newest id there is."""
        return self._entries[-1].id if self._entries else self._floor

    def add(self, entry: Entry) -> None:
        """Append an entry; drop a whole ``limit`` of the oldest once in a while."""
        self._entries.append(entry)
        if len(self._entries) > 3 * self.limit:
            self._floor = self._entries[self.limit - 1].id
            del self._entries[: self.limit]
            self._base += self.limit

    def read(self, place: int, most: int) -> Sequence[Entry]:
        """Return up to ``most`` entries from ``place`` on.

        Raises:
            Overtaken: the entry at ``place`` is gone.
        """
        if place < self._base:
            raise Overtaken
        offset = place - self._base
        return self._entries[offset : offset + most]

    def promised(self) -> Sequence[Entry]:
        """Return every entry that is promised, oldest first."""
        return self._entries[self.start - self._base :]

    def after(self, ident: int) -> int:
        """Return the place of the first promised entry later than ``ident``."""
        found = bisect_right(self._entries, ident, key=lambda entry: entry.id)
        return max(self.start, self._base + found)


class Resumed(NamedTuple):
    """Where a connection starts to read, and the gap to be told first, if any."""

    place: int
    gap: dict[str, str] | None = None


def resume(history: History, since: str | None) -> Resumed:
    """Find where a client goes on that names the last id it has seen.

    ``None`` or nothing starts from now, ``0`` from the oldest that is kept. An id
    that cannot be placed (no number, or ahead of ours) gets everything there is.
    """
    if not since:
        return Resumed(history.end)
    ident = int(since) if since.isascii() and since.isdecimal() else -1
    if ident == 0:
        ident = history.born
    if history.floor <= ident <= history.newest:
        return Resumed(history.after(ident))
    return Resumed(history.start, _gap(history, since))


def _gap(history: History, since: str) -> dict[str, str]:
    oldest = history.read(history.start, 1)
    to = oldest[0].id if oldest else history.newest
    reason = "the server no longer keeps what was sent in between"
    return {"type": "gap", "from": since, "to": str(to), "reason": reason}
