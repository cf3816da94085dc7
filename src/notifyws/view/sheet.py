"""A page of short facts for people: a verdict, then labelled lines under headings.

Pure. Where the width is known, texts wrap beside their label, or on a narrow screen
below it; where it is not, each fact is one line, whole, for ``grep``. Every word is
made harmless here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from notifyws.view.cells import cells, wrap
from notifyws.view.look import Look, colour_code
from notifyws.view.safe import harmless

__all__ = ["Fact", "Part", "sheet"]

MARKS: Mapping[str, str] = {"pass": "✔", "warn": "!", "fail": "✖", "skip": "-"}
COLOURS = {"pass": "green", "warn": "yellow", "fail": "red", "skip": "bright_black"}
ROOMY = 60
"""Cells of a screen from which labels stand beside their texts."""
LONGEST = 14
"""Cells of a label beside which texts still line up."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: a label and what is so.

    Args:
        label: what it is about.
        text: what is so.
        source: where that comes from.
        status: ``pass``, ``warn``, ``fail`` or ``skip``; empty for no mark.
        hint: what to try next; then ``text`` is the reason for it.
    """

    label: str
    text: str
    source: str = ""
    status: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A heading and the facts under it."""

    title: str
    facts: Sequence[Fact]


def sheet(verdict: Fact, parts: Sequence[Part], look: Look, width: int | None) -> str:
    """Return the page.

    Args:
        verdict: the first line; its label is not shown.
        parts: those without facts are left out.
        look: colours, or none.
        width: cells of the screen; ``None`` where nothing is wrapped.
    """
    return "\n".join([*_lines(verdict, parts, look, width), ""])


def _lines(
    verdict: Fact, parts: Sequence[Part], look: Look, width: int | None
) -> Iterator[str]:
    lead = _mark(verdict.status, look)
    colour = f"bold {COLOURS[verdict.status]}"
    yield from _hung(lead, 2, verdict.text, look, width, colour)
    for part in parts:
        if part.facts:
            yield ""
            yield look.paint(harmless(part.title), colour_code("bold"))
        for fact in part.facts:
            yield from _fact(fact, look, width)


def _mark(status: str, look: Look) -> str:
    return look.paint(MARKS[status], colour_code(COLOURS[status])) + " "


def _fact(fact: Fact, look: Look, width: int | None) -> Iterator[str]:
    label = harmless(fact.label)
    lead = f"  {_mark(fact.status, look)}" if fact.status else "  "
    if fact.hint:
        yield lead + label
        yield from _hung("    why: ", 9, fact.text, look, width)
        yield from _hung("    try: ", 9, fact.hint, look, width, "bold")
        return
    text = f"{fact.text}  [{fact.source}]" if fact.source else fact.text
    grey = "bright_black" if fact.status == "skip" else ""
    before = 4 if fact.status else 2
    if not label:
        yield from _hung(lead, before + 2, text, look, width)
    elif width is None or width >= ROOMY:
        room = max(LONGEST, cells(label) + 1)
        lead += label + " " * (room - cells(label))
        yield from _hung(lead, before + room, text, look, width, grey)
    else:
        yield lead + label
        yield from _hung(" " * 6, 6, text, look, width, grey)


def _hung(
    lead: str, indent: int, text: str, look: Look, width: int | None, colour: str = ""
) -> Iterator[str]:
    """Yield a text behind its lead, further lines below their beginning."""
    room = 1 << 20 if width is None else max(10, width - indent)
    for line in wrap(harmless(text), room):
        yield f"{lead}{look.paint(line, colour_code(colour))}"
        lead = " " * indent
