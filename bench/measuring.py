"""Measures two things in turn, again and again, and compares their medians.

Knows nothing of what it measures: a measurement is a function that returns seconds,
or a rate, or whatever the row is about.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Pair", "Row", "side_by_side"]

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Pair:
    """Two medians that were measured in turn."""

    ours: float
    theirs: float

    @property
    def ratio(self) -> float:
        """Ours to theirs."""
        return self.ours / self.theirs


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Args:
        what: what was measured.
        against: the peer or floor beside it.
        ours, theirs: the two medians, for people.
        value: what is held against the limit: a ratio mostly.
        unit: of ``value``; empty for a ratio.
        limit: what must be reached.
        worth: what is worth reaching; ``None`` for nothing more.
        at_least: whether more is better.
    """

    what: str
    against: str
    ours: str
    theirs: str
    value: float
    limit: float
    worth: float | None = None
    at_least: bool = False
    unit: str = ""

    @property
    def reached(self) -> bool:
        """Whether it is as good as it must be."""
        return self._within(self.limit)

    @property
    def verdict(self) -> str:
        """One word, for people."""
        if not self.reached:
            return "**missed**"
        return "reached" if self.worth is None or not self._within(self.worth) else "+"

    def cells(self) -> list[str]:
        """Return the row's cells."""
        sign = ">=" if self.at_least else "<="
        worth = "" if self.worth is None else f"{self.worth:g}{self.unit}"
        value = f"{self.value:.3g}{self.unit}"
        limit = f"{sign} {self.limit:g}{self.unit}"
        facts = [self.what, self.against, self.ours, self.theirs]
        return [*facts, value, limit, worth, self.verdict]

    def _within(self, limit: float) -> bool:
        return self.value >= limit if self.at_least else self.value <= limit


def side_by_side(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int = ROUNDS
) -> Pair:
    """Measure both in turn and return the medians; a first round is not counted."""
    ours(), theirs()
    mine, its = [], []
    for turn in range(rounds):
        first, second = (ours, theirs) if turn % 2 else (theirs, ours)
        for measure in (first, second):
            (mine if measure is ours else its).append(measure())
    return Pair(statistics.median(mine), statistics.median(its))
