"""Which ids were seen lately, in a memory that is as large at the end as it began.

Twenty thousand ids in a ``dict`` take 2.5 MiB; here they are marks of eight bytes in
two tables. Once the younger table holds as many as must be kept, it becomes the older
one, and what the older one held is forgotten.

A mark is Python's hash of the id, which is salted, so nobody can make two that are the
same. That two happen to be is as likely as one in 10¹³ for each id.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

__all__ = ["RecentIds"]

SPREAD = 3
"""Slots for each mark, so that few stand in each other's way."""
POSITIVE = (1 << 60) - 1
"""Bits of a mark; Python's numbers are slower from the next one on."""


class RecentIds:
    """The latest ids: at least so many, and at most twice that.

    Who asked for an id last, and did not find it, has found where it goes.

    Args:
        at_least: ids that are remembered for sure.
        idents: the first ones, the oldest first.
    """

    def __init__(self, at_least: int, idents: Iterable[str | int] = ()) -> None:
        self._at_least = at_least
        self._last = (1 << (SPREAD * at_least).bit_length()) - 1
        self._younger, self._older = self._table(), self._table()
        self._count = self._mark = self._place = 0
        self._missed: str | int | None = None
        for ident in idents:
            self.add(ident)

    def __contains__(self, ident: str | int) -> bool:
        mark = hash(ident if isinstance(ident, str) else f"\0{ident}") & POSITIVE or 1
        if self._found(self._older, mark) or self._found(self._younger, mark):
            self._missed = None  # that place is another one's
            return True
        self._missed, self._mark = ident, mark
        return False

    def _found(self, table: array[int], mark: int) -> bool:
        """Look from the mark's own slot on, as far as slots are taken."""
        last = self._last
        at = mark & last
        while there := table[at]:
            if there == mark:
                return True
            at = at + 1 & last
        self._place = at
        return False

    def add(self, ident: str | int) -> None:
        """Remember an id; at once, when it was just asked for and not found."""
        if ident is not self._missed and ident in self:
            return
        self._younger[self._place] = self._mark
        self._missed = None
        self._count += 1
        if self._count == self._at_least:
            self._older, self._younger, self._count = self._younger, self._table(), 0

    def _table(self) -> array[int]:
        return array("Q", bytes(8 * (self._last + 1)))
