"""Measures several things in turn, again and again, and compares them.

Knows nothing of what it measures: a measurement is a function that returns seconds,
or a rate, or whatever the row is about. Two are compared round by round, and the
median of these ratios counts: what slows the machine for a while slows both.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.goals import GOALS

__all__ = ["Rounds", "Row", "in_turn", "missing", "single"]

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Args:
        name: which goal it is held against.
        ours, theirs: the two medians, for people.
        value: what is held against the goal: a ratio mostly; ``None`` when there is
            nothing to compare with.
        spread: the least and the greatest of all rounds.
    """

    name: str
    ours: str
    theirs: str
    value: float | None
    spread: tuple[float, float] | None = None

    @property
    def verdict(self) -> str:
        """One word, for people."""
        goal = GOALS[self.name]
        if self.value is None or goal.must is None:
            return ""
        if not goal.is_within(self.value, goal.must):
            return "**missed**"
        more = goal.worth is not None and goal.is_within(self.value, goal.worth)
        return "+" if more else "reached"

    def cells(self) -> list[str]:
        """Return the row's cells."""
        goal = GOALS[self.name]
        sign = ">=" if goal.at_least else "<="
        value = "" if self.value is None else f"{self.value:.3g}{goal.unit}"
        spread = (
            "" if self.spread is None else " to ".join(f"{x:.3g}" for x in self.spread)
        )
        must = "" if goal.must is None else f"{sign} {goal.must:g}{goal.unit}"
        worth = "" if goal.worth is None else f"{goal.worth:g}{goal.unit}"
        facts = [goal.what, goal.against, self.ours, self.theirs]
        return [*facts, value, spread, must, worth, self.verdict]


class Rounds:
    """What was measured, round by round.

    Args:
        figures: of each contestant, in the order of the rounds.
    """

    def __init__(self, figures: Mapping[str, Sequence[float]]) -> None:
        self._figures = figures

    def row(
        self, name: str, ours: str, theirs: str, said: Callable[[float], str]
    ) -> Row:
        """Return a row about two contestants.

        Args:
            name: the row's.
            ours, theirs: the contestants.
            said: writes a figure for people.
        """
        mine, its = self._figures[ours], self._figures.get(theirs)
        told = said(statistics.median(mine))
        if its is None:
            return missing(name, told)
        ratios = [one / other for one, other in zip(mine, its, strict=True)]
        value, spread = statistics.median(ratios), (min(ratios), max(ratios))
        return Row(name, told, said(statistics.median(its)), value, spread)


def in_turn(
    contestants: Mapping[str, Callable[[], float]],
    rounds: int = ROUNDS,
    *,
    warm: bool = True,
) -> Rounds:
    """Measure all of them in turn.

    Args:
        contestants: what is measured, by name.
        rounds: how often; each begins with another one.
        warm: whether there is a round before these, which does not count.
    """
    names = list(contestants)
    figures: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-warm, rounds):
        at = turn % len(names)
        for name in names[at:] + names[:at]:
            figure = contestants[name]()
            if turn >= 0:
                figures[name].append(figure)
    return Rounds(figures)


def single(name: str, figures: Iterable[float], said: Callable[[float], str]) -> Row:
    """Return a row about something that is held against a fixed limit."""
    figures = list(figures)
    value = statistics.median(figures)
    return Row(name, said(value), "", value, (min(figures), max(figures)))


def missing(name: str, ours: str) -> Row:
    """Return a row whose peer cannot be had here."""
    return Row(name, ours, "not to be had here", None)
