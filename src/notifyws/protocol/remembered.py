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

__all__ = ["Remembered"]

SPREAD = 3
"""Slots for each mark, so that few stand in each other's way."""
POSITIVE = (1 << 60) - 1
"""Bits of a mark; Python's numbers are slower from the next one on."""


class Remembered:
    """The latest ids: at least so many, and at most twice that.

    Args:
        at_least: ids that are remembered for sure.
        idents: the first ones, the oldest first.
    """

    def __init__(self, at_least: int, idents: Iterable[str | int] = ()) -> None:
        self._at_least = at_least
        self._last = (1 << (SPREAD * at_least).bit_length()) - 1
        self._younger, self._older = self._table(), self._table()
        self._count = 0
        for ident in idents:
            if ident not in self:
                self.add(ident)

    def __contains__(self, ident: str | int) -> bool:
        mark, last = _mark(ident), self._last
        for table in (self._younger, self._older):
            at = mark & last
            while there := table[at]:  # its own slot is taken, by itself or not
                if there == mark:
                    return True
                at = at + 1 & last
        return False

    def add(self, ident: str | int) -> None:
        """Remember an id that is not remembered yet."""
        table, mark, last = self._younger, _mark(ident), self._last
        at = mark & last
        while table[at]:
            at = at + 1 & last
        table[at] = mark
        self._count += 1
        if self._count == self._at_least:
            self._younger, self._older, self._count = self._table(), table, 0

    def _table(self) -> array[int]:
        return array("Q", bytes(8 * (self._last + 1)))


def _mark(ident: str | int) -> int:
    """Return a number for an id; a number's is that of a text nobody would write."""
    if isinstance(ident, int):
        ident = f"\0{ident}"
    return hash(ident) & POSITIVE or 1
