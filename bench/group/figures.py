"""What was measured: figures with what they must reach, kept in ``results.json``."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec

FILE = Path(__file__).resolve().parent / "results.json"


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One figure.

    Args:
        name: by which others ask for it.
        what: what it is, for people.
        value: the figure.
        unit: of it.
        most, least: what must be reached; ``None`` for nothing.
    """

    name: str
    what: str
    value: float
    unit: str = ""
    most: float | None = None
    least: float | None = None

    @property
    def reached(self) -> bool:
        """Whether it is as good as it must be."""
        low = self.least is None or self.value >= self.least
        return low and (self.most is None or self.value <= self.most)

    def cells(self) -> list[str]:
        """Return its cells in a table."""
        limits = [("<=", self.most), (">=", self.least)]
        must = [f"{sign} {shown(n, self.unit)}" for sign, n in limits if n is not None]
        verdict = ("reached" if self.reached else "**missed**") if must else ""
        return [self.what, shown(self.value, self.unit), " ".join(must), verdict]


class Results(msgspec.Struct, frozen=True):
    """All figures of one day and one machine."""

    made: str
    machine: str
    figures: list[Figure]

    def __getitem__(self, name: str) -> float:
        """Return the figure of a name."""
        return next(each.value for each in self.figures if each.name == name)

    def table(self) -> list[str]:
        """Return the lines of the table."""
        heads = ["what", "measured", "must", ""]
        rows = [heads, ["---"] * len(heads), *(each.cells() for each in self.figures)]
        return [f"| {' | '.join(row)} |" for row in rows]


def of_today(figures: Sequence[Figure]) -> Results:
    """Return figures with the day and this machine."""
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    python = f"Python {platform.python_version()}"
    return Results(f"{date.today():%d %B %Y}", f"{machine}, {python}", list(figures))


def kept() -> Results:
    """Return the results that are kept."""
    return msgspec.json.decode(FILE.read_bytes(), type=Results)


def keep(results: Results) -> None:
    """Keep results."""
    text = msgspec.json.format(msgspec.json.encode(results), indent=1)
    FILE.write_bytes(text + b"\n")


def shown(value: float, unit: str = "") -> str:
    """Return a figure for people: three digits that count, or all before the point."""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    gap = "" if unit.startswith("/") else " "
    return f"{text}{gap}{unit}" if unit else text
