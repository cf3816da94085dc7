"""Rows of Rich segments: texts measured, wrapped, clipped and hung under each other.

Pure. Rows are as wide as they shall be; nothing wraps them once more, and nothing in
them is ever markup. They are segments because a ``Text`` for each row of a card takes
35 us, which a burst does not have; segments take 8.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style
from rich.text import Text

__all__ = ["ENDLESS", "Row", "breadth", "clip", "hung", "page", "wrap"]

Row = list[Segment]
ENDLESS = 1 << 20
"""Cells of a screen that is none: each row is one line, whole, for ``grep``."""
breadth = Segment.get_line_length
_measuring = cache(Console)


def page(rows: Iterable[Row]) -> Segments:
    """Return rows as what Rich prints, each with a newline behind it."""
    end = Segment.line()
    return Segments(segment for row in rows for segment in (*row, end))


def clip(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` cells; an ellipsis says it was cut."""
    if cell_len(text) <= width:
        return text
    cut = Text(text)
    cut.truncate(max(width, 1), overflow="ellipsis")
    return cut.plain if width > 0 else ""


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of ``text``, each in ``width`` cells, broken between words."""
    width = max(1, width)
    if "\n" not in text and cell_len(text) <= width:
        return [text]
    return [line.plain.rstrip() for line in Text(text).wrap(_measuring(), width)]


def hung(lead: Row, text: str, width: int, style: Style | None = None) -> list[Row]:
    """Return a text behind its lead, further lines below their beginning.

    Args:
        lead: what stands before it; its width is how far the rest hangs in.
        text: may have newlines.
        width: cells of the screen.
        style: of the text.
    """
    used = breadth(lead)
    first, *more = wrap(text, width - used)
    below = Segment(" " * used)
    return [[*lead, Segment(first, style)], *([below, Segment(x, style)] for x in more)]
