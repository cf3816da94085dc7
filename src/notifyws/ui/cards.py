"""What scrolls by in the live view: cards, and what stands between them.

Pure. Everything is rows of segments, at most as wide as the terminal; only a URL that
is longer is left to the terminal to wrap, so that it can be clicked.
"""

from __future__ import annotations

import json
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from rich.segment import Segment
from rich.style import Style

from notifyws.config.settings import TypeStyle
from notifyws.events import Event, Failure, Gap
from notifyws.models import Notification
from notifyws.ui.lines import event_line
from notifyws.ui.rows import ROOMY, Row, breadth, cells, clip, hung, wrap
from notifyws.ui.sanitize import LIMIT, harmless, link_target
from notifyws.ui.theme import Theme, tint

_MEASURE = 110
_WITH_TIME = 24
_NARROW_NAME = 8
_MOST_LINES = 60


@lru_cache(maxsize=256)
def _part(text: str, words: str = "") -> Segment:
    """Return a segment that many rows have: the time, a mark, a label."""
    return Segment(text, tint(words) if words else None)


class _Page(NamedTuple):
    """Where the rows under a title go: how they look, how far in, how wide."""

    theme: Theme
    style: TypeStyle
    indent: str
    width: int
    room: int
    """Cells right of the indent; one at least."""

    def rows(self, text: str, style: Style | None = None) -> list[Row]:
        """Return text wrapped and indented, and not too much of it."""
        if "\n" not in text and cells(text) <= self.room:
            return [[_part(self.indent), Segment(text, style)]]
        more = text.count("\n") + 1 - _MOST_LINES
        if more > 0:
            text = "\n".join(text.split("\n", _MOST_LINES)[:-1])
        lines = wrap(text, self.room)
        more = len(lines) - _MOST_LINES + max(more, 0)
        if more > 0:
            left = f"… ({more:,} lines more)"
            lines = [*lines[:_MOST_LINES], clip(left, self.room)]
        return [[_part(self.indent), Segment(line, style)] for line in lines]


def told(event: Event, theme: Theme, width: int, *, times: int = 1) -> list[Row]:
    """Return what of an event scrolls by; may be nothing.

    Args:
        width: columns of the terminal, one or more.
        times: how often it happened in a row.
    """
    said = event_line(event, theme.zone)
    if isinstance(event, Gap):
        return _rule(said, "green" if event.recovered else "yellow", width)
    said += f"  ×{times:,}" if times > 1 else ""
    if isinstance(event, Failure):
        return _noted("⚠", said, "red", width)
    return [] if theme.cursor else [[Segment(said)]]


def new_day(day: date, width: int) -> list[Row]:
    """Return the line above the first card of a day, in the reader's calendar."""
    return _rule(f"{day:%A}, {day.day} {day:%B %Y}", "dim", width)


def card(
    notification: Notification, time: str, theme: Theme, width: int, *, times: int = 1
) -> list[Row]:
    """Return time, mark and title in one row, the rest under the title.

    Args:
        time: when it happened, by the reader's clock.
        width: columns of the terminal, one or more.
        times: how often it happened in a row.
    """
    theme = theme.for_server(notification.server)
    style = theme.settings.style(notification.type)
    time = f"{time} " if width >= _WITH_TIME else ""
    width = min(width, _MEASURE)
    label = theme.servers.get(notification.server)
    server = (label.text, label.colour) if label else ("", "")
    lead = _lead(time, style.mark, style.colour, *server, width >= ROOMY)
    rows = _headline(lead, notification, width, times)
    room = max(1, width - len(lead.indent))
    return rows + _body(notification, _Page(theme, style, lead.indent, width, room))


class _Lead(NamedTuple):
    """What stands before a title: the same for all cards of a type and a second."""

    row: Row
    used: int
    """Cells that it takes."""
    indent: str


@lru_cache(maxsize=256)
def _lead(
    time: str, mark: str, colour: str, server: str, server_colour: str, roomy: bool
) -> _Lead:
    """Return time and mark, and the name of the server where there are several."""
    shown = _part(f"{harmless(mark)} ", colour)
    indent = " " * (min(len(time), len("00:00:00 ")) + cells(shown.text))
    row = [_part(time, "dim"), shown]
    if server:
        name = server if roomy else clip(server.rstrip(), _NARROW_NAME)
        row += [_part(name, server_colour), _part(" │ ", "dim")]
    return _Lead(row, breadth(row), indent)


def target_of(notification: Notification, theme: Theme) -> str | None:
    """Return where a card's link leads; ``None`` if it has none to be followed."""
    theme = theme.for_server(notification.server)
    link = notification.link or theme.settings.style(notification.type).link
    return link_target(link, theme.link_base)


def _headline(
    lead: _Lead, notification: Notification, width: int, times: int
) -> list[Row]:
    """Return the title in bold; how often and the type beside it if there is room."""
    title, kind = harmless(notification.title), harmless(notification.type)
    said = f"{title or kind}  ×{times:,}" if times > 1 else title or kind
    used = lead.used + cells(said)
    if used <= width:
        rows = [[*lead.row, Segment(said, tint("bold"))]]
    else:
        rows = hung(lead.row, said, width, tint("bold"))
        used = breadth(rows[-1])
    if title and used + 2 + cells(kind) <= width:
        rows[-1] += [_part("  "), _part(kind, "dim")]
    return rows


def _body(notification: Notification, page: _Page) -> list[Row]:
    """Return the rows under the title: message, link, and data where wanted."""
    message = harmless(notification.words, lines=True).strip("\n")
    rows = page.rows(message) if message.strip() else []
    link = notification.link or page.style.link
    if link is not None:
        rows = _linked(rows, link, page)
    data = notification.data
    if page.theme.verbose and data is not None and data != notification.words:
        rows += _data(data, page)
    return rows


def _linked(rows: list[Row], link: str, page: _Page) -> list[Row]:
    """Return the rows with the link: its label beside the last one or below."""
    label = _label(page.style.label)
    target = link_target(link, page.theme.link_base)
    if target is None:
        return [*rows, *page.rows(f"{label}: {harmless(link)}", tint("dim"))]
    if not page.theme.hyperlinks:
        where = page.style.colour, page.indent, page.width, page.room
        return [*rows, *_spelled_out(label, target, *where)]
    style = tint(f"underline {page.style.colour}").update_link(target)
    anchor = Segment(clip(label, page.room), style)
    if rows and breadth(rows[-1]) + 2 + cells(anchor.text) <= page.width:
        rows[-1] += [_part("  "), anchor]
        return rows
    return [*rows, [_part(page.indent), anchor]]


@lru_cache(maxsize=64)
def _label(words: str) -> str:
    return harmless(words) or "View"


@lru_cache(maxsize=64)
def _spelled_out(
    label: str, target: str, colour: str, indent: str, width: int, room: int
) -> tuple[Row, ...]:
    """Return label and URL; the URL in one piece, so that it can be clicked.

    One that does not fit beside its label has a row of its own, further left if it
    must; the terminal itself wraps what is longer still.
    """
    before, url = _part(indent), Segment(target, tint("dim"))
    if cells(label) + 3 + len(target) <= room:
        return ([before, _part(label, colour), _part(" → "), url],)
    fits = (x for x in (indent, "  ") if len(x) + len(target) <= width)
    above = _part(clip(f"{label} →", room), colour)
    return [before, above], [_part(next(fits, "")), url]


def _data(data: Any, page: _Page) -> list[Row]:
    """Return the rows of what the server attached: one, if that is enough."""
    text = _spelled(data, page.room)
    if cells(text) > page.room:
        text = _spelled(data, LIMIT, indent=2)
    return page.rows(harmless(text, lines=True), tint("dim"))


def _spelled(data: Any, most: int, indent: int | None = None) -> str:
    """Return data as JSON, or its beginning where that is longer than ``most``."""
    pieces: list[str] = []
    size = 0
    for piece in json.JSONEncoder(ensure_ascii=False, indent=indent).iterencode(data):
        if size > most:
            return "".join(pieces) + "…"
        pieces.append(piece)
        size += len(piece)
    return "".join(pieces)


def _rule(words: str, style: str, width: int) -> list[Row]:
    """Return words as a line across the screen."""
    said = f"── {words} "
    missing = min(width, _MEASURE) - cells(said)
    if missing < 0:
        return _noted("──", words, style, width)
    return [[Segment(said + "─" * missing, tint(style))]]


def _noted(mark: str, words: str, style: str, width: int) -> list[Row]:
    """Return a sentence with a mark, the rest of it hanging under its words."""
    colour, width = tint(style), min(width, _MEASURE)
    if width < _WITH_TIME:
        return hung([], f"{mark} {words}", width, colour)
    return hung([Segment(f"{mark} ", colour)], words, width, colour)
