"""How secrets are found within other texts, however many and long they are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

SHORTEST = 4
"""Characters of a secret that is looked for within other texts."""
MARK = 64
"""Characters at its beginning by which it is known there."""


class Marks:
    """How secrets begin.

    None begins with another, so that one alone can stand at a place: the last one, in
    their order, that is no later than what stands there.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._ordered: list[str] = []
        for mark in sorted(each[:MARK] for each in secrets if len(each) >= SHORTEST):
            if not self._ordered or not mark.startswith(self._ordered[-1]):
                self._ordered.append(mark)
        self._heads = {mark[:SHORTEST] for mark in self._ordered}

    def are_in(self, text: str) -> bool:
        """Return whether one of them is in a text."""
        for start in range(len(text) - SHORTEST + 1):
            if text[start : start + SHORTEST] in self._heads:
                place = bisect_right(self._ordered, text[start : start + MARK])
                if place and text.startswith(self._ordered[place - 1], start):
                    return True
        return False
