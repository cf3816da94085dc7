"""Rows of Rich segments: texts wrapped and hung under each other, and pages of facts.

Pure. Rows are as wide as they shall be; nothing wraps them once more, and nothing in
them is ever markup. They are segments because a ``Text`` for each row of a card takes
35 us, which a burst does not have; segments take 8. Whoever makes rows of remote text
makes it harmless before; a page of facts does so itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from msgspec import Struct
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from notifyws.ui.sanitize import harmless
from notifyws.ui.theme import tint

Row = list[Segment]
ENDLESS = 1 << 20
"""Cells of a screen that is none: each row is one line, whole, for ``grep``."""
_MARKS = {"pass": "✔", "warn": "!", "fail": "✖", "skip": "-"}
COLOURS = {"pass": "green", "warn": "yellow", "fail": "red", "skip": "bright_black"}
ROOMY = 60
"""Cells of a screen from which labels stand beside their texts."""
LONGEST = 14
"""Cells of a label beside which texts still line up."""
_measuring = cache(Console)


def cells(text: str) -> int:
    """Return how many cells a text takes that is harmless."""
    return len(text) if text.isascii() else cell_len(text)


def breadth(row: Row) -> int:
    """Return how many cells a row takes."""
    return sum([cells(segment.text) for segment in row])


def clip(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` cells; an ellipsis says it was cut."""
    if cells(text) <= width:
        return text
    cut = Text(text)
    cut.truncate(max(width, 1), overflow="ellipsis")
    return cut.plain if width > 0 else ""


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of ``text``, each in ``width`` cells, broken between words."""
    width = max(1, width)
    if cells(text) <= width and "\n" not in text:
        return [text]
    return [line.plain.rstrip() for line in Text(text).wrap(_measuring(), width)]


def hung(lead: Row, text: str, width: int, style: Style | None = None) -> list[Row]:
    """Return a text behind its lead, further lines below their beginning.

    Args:
        lead: what stands before it; its width is how far the rest hangs in.
        text: may have newlines.
        width: cells of the screen.
    """
    used = breadth(lead)
    first, *more = wrap(text, width - used)
    rows = [[*lead, Segment(first, style)]]
    if more:
        below = Segment(" " * used)
        rows += ([below, Segment(line, style)] for line in more)
    return rows


class Fact(Struct, frozen=True):
    """One line: a label and what is so.

    Args:
        source: where that comes from.
        status: ``pass``, ``warn``, ``fail`` or ``skip``; empty for no mark.
        hint: what to try next; then ``text`` is the reason for it.
    """

    label: str
    text: str
    source: str = ""
    status: str = ""
    hint: str = ""


class Part(Struct, frozen=True):
    """A heading and the facts under it."""

    title: str
    facts: Sequence[Fact]


def sheet(verdict: Fact, parts: Sequence[Part], width: int) -> list[Row]:
    """Return the rows of a page; parts without facts are left out."""
    bold = tint(f"bold {COLOURS[verdict.status]}")
    rows = hung(_mark(verdict.status), harmless(verdict.text), width, bold)
    for part in parts:
        if part.facts:
            rows += [[], [Segment(harmless(part.title), tint("bold"))]]
        for fact in part.facts:
            rows += _fact(fact, width)
    return rows


def listed(things: Sequence[tuple[str, str, str]], width: int) -> list[Row]:
    """Return the rows of a list: names, what each is, and what else there is to say."""
    longest = max(cell_len(harmless(name)) for name, _, _ in things)
    rows: list[Row] = []
    for name, what, more in things:
        lead = Segment(set_cell_size(harmless(name), longest), tint("bold"))
        rows += hung([lead, Segment("  ")], harmless(what), width)
        rows += hung([Segment("  ")], harmless(more), width, tint("dim"))
    return rows


def traced(fact: Fact, trace: Sequence[str], width: int) -> list[Row]:
    """Return the rows of a step that was tried, and of what went on in it."""
    lead = [*_mark(fact.status), Segment(f"{harmless(fact.label)}  ")]
    rows = hung(lead, harmless(fact.text), width)
    for line in trace:
        rows += hung([Segment("    ")], harmless(line), width)
    return rows


def _mark(status: str) -> Row:
    if not status:
        return []
    return [Segment(_MARKS[status], tint(COLOURS[status])), Segment(" ")]


def _fact(fact: Fact, width: int) -> list[Row]:
    """Return a fact beside its label, or below it where the screen is narrow."""
    label, lead = harmless(fact.label), [Segment("  "), *_mark(fact.status)]
    text = harmless(f"{fact.text}  [{fact.source}]" if fact.source else fact.text)
    grey = tint(COLOURS["skip"]) if fact.status == "skip" else None
    if fact.hint:
        hint = harmless(fact.hint)
        why = hung([Segment("    why: ")], text, width)
        advice = hung([Segment("    try: ")], hint, width, tint("bold"))
        return [[*lead, Segment(label)], *why, *advice]
    if not label:
        return hung(lead, text, width)
    if width < ROOMY:
        return [[*lead, Segment(label)], *hung([Segment(" " * 6)], text, width, grey)]
    spaces = " " * max(LONGEST - cell_len(label), 1)
    return hung([*lead, Segment(label + spaces)], text, width, grey)
