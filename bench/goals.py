"""What each row of the table must reach, and what is worth reaching; plain facts.

A row has a name, by which ``python -m bench NAME`` measures it alone.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GOALS", "PROGRAMS", "Goal", "wanted_by"]


@dataclass(frozen=True, slots=True)
class Goal:
    """A row before it was measured.

    Args:
        program: the module that measures it.
        what: what is measured.
        against: the peer or floor beside it.
        must: what must be reached; ``None`` where the row only tells.
        worth: what is worth reaching; ``None`` for nothing more.
        at_least: whether more is better.
        unit: of the measured value; empty for a ratio.
    """

    program: str
    what: str
    against: str
    must: float | None = None
    worth: float | None = None
    at_least: bool = False
    unit: str = ""

    def is_within(self, value: float, limit: float) -> bool:
        """Return whether a value is as good as a limit."""
        return value >= limit if self.at_least else value <= limit


def _less(*facts: str, must=None, worth=None, unit="") -> Goal:
    return Goal(*facts, must, worth, unit=unit)


def _more(*facts: str, must=None, worth=None) -> Goal:
    return Goal(*facts, must, worth, at_least=True)


START, STREAM, LIVE, MEMORY = "starting", "streaming", "live", "memory"
FIRST, JSON = "`listen --json` to its first line", "`listen --json`"
MILLION = "memory after 1,000,000"

GOALS = {
    "help": _less(START, "`--help`", "a bare Typer app", must=1.0),
    "tab": _less(START, "one TAB", "the bare Typer app", must=1.0),
    "token": _less(
        *(START, "`token`, warm embedded cache", "`http --version`"), must=0.45
    ),
    "token-redis": _less(*(START, "`token`, warm Redis", "`http --version`"), must=0.7),
    "first-line": _less(START, FIRST, "`wscat`", must=1.4, worth=1.1),
    "first-line-websocat": _less(START, FIRST, "`websocat`, compiled"),
    "json": _more(STREAM, JSON, "`wscat`, raw text", must=0.7, worth=1.0),
    "json-bare": _more(STREAM, JSON, "a bare loop", must=0.6),
    "json-websocat": _more(STREAM, JSON, "`websocat`, raw text, compiled"),
    "raw": _more(STREAM, "`listen --raw`", "a bare loop", must=1.0, worth=1.4),
    "plain": _more(STREAM, "`listen --plain`", "a bare loop", must=0.4),
    "deflate": _more(
        STREAM, "`listen --json`, deflate", "`wscat`", must=7.0, worth=11.0
    ),
    "durable": _more(
        *(STREAM, "`listen --json --name`", "the same without a name"),
        must=0.6,
        worth=0.8,
    ),
    "latency": _less(
        *("latency", "latency at 200/s, median", "a loop that prints and flushes"),
        must=1.1,
    ),
    "exec": _more(
        *("handing", "`listen --exec true`", "`xargs -n1 true`"), must=0.6, worth=0.9
    ),
    "live-1000": _less(
        LIVE, "live view, 1,000/s", "one core", must=15, worth=8, unit=" %"
    ),
    "live-10000": _less(
        LIVE, "live view, 10,000/s", "one core", must=50, worth=25, unit=" %"
    ),
    "live-idle": _less(LIVE, "live view, idle", "one core", must=0.5, unit=" %"),
    "live-late": _less(
        *(LIVE, "event loop in a blast, live view", "a 5 ms ticker"),
        must=50,
        unit=" ms",
    ),
    "memory-10": _less(
        MEMORY, "memory, `--json`, after 10", "", must=36, worth=30, unit=" MiB"
    ),
    "memory-grown": _less(
        MEMORY, "memory grown after 1,000,000", "after 10", must=2, unit=" MiB"
    ),
    "memory-wscat": _less(MEMORY, MILLION, "`wscat`", must=1.0),
    "memory-websocat": _less(MEMORY, MILLION, "`websocat`, compiled"),
    "send": _more(
        *("sending", "`send --lines`, 100,000 confirmed", "a bare loop that sends"),
        must=0.8,
    ),
    "fleet-refreshes": _less(
        "fleet", "1,000 token managers, refreshes", "one a window", must=1.0
    ),
    "fleet-asks": _less("fleet", "round trips of a `get`", "the cache", must=2.0),
    "fleet-late": _less(
        "fleet", "99 % of a day's `get`", "in time", must=5.0, unit=" ms"
    ),
}
"""Every row, in the order of the table."""

PROGRAMS = tuple(dict.fromkeys(goal.program for goal in GOALS.values()))


def wanted_by(names: list[str]) -> list[str]:
    """Return the rows of names, each that of a row or of a program; all for none.

    Raises:
        KeyError: there is none of that name.
    """
    for name in names:
        if name not in GOALS and name not in PROGRAMS:
            raise KeyError(name)
    return [
        row
        for row, goal in GOALS.items()
        if not names or row in names or goal.program in names
    ]
