"""How a notification looks in the live view: a card, and what stands between cards.

Pure. Escapes are written by hand, one string for each card: through rich a card
costs over ten times as much. Every drawn text ends in a newline.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any, NamedTuple

from notifyws.events import Event, Failure, Gap
from notifyws.models import Notification
from notifyws.settings import TypeStyle
from notifyws.view.cells import cells, clip, wrap
from notifyws.view.clock import stamp
from notifyws.view.lines import event_line
from notifyws.view.look import Look, colour_code
from notifyws.view.safe import harmless, link_target

__all__ = ["card", "drawn", "new_day", "target_of"]

_MEASURE = 110
_WITH_TIME = 24
_MOST_LINES = 60


class _Page(NamedTuple):
    """Where the rows under a title go: how they look, how far in, how wide."""

    look: Look
    style: TypeStyle
    indent: str
    width: int

    @property
    def room(self) -> int:
        """Cells right of the indent; one at least."""
        return max(1, self.width - len(self.indent))


def drawn(item: Notification | Event, look: Look, width: int, *, times: int = 1) -> str:
    """Return what of a notification or event scrolls by; may be nothing.

    Args:
        item: what happened.
        look: how things are drawn.
        width: columns of the terminal, one or more.
        times: how often it happened in a row.
    """
    if isinstance(item, Notification):
        return card(item, look, width, times=times)
    if isinstance(item, Gap):
        return _rule(event_line(item, look.zone), _colour_of(item), look, width)
    said = event_line(item, look.zone) + (f"  ×{times:,}" if times > 1 else "")
    if isinstance(item, Failure):
        return _noted(f"⚠ {said}", "31", look, width)
    return "" if look.cursor else f"{said}\n"


def new_day(day: date, look: Look, width: int) -> str:
    """Return the line above the first card of a day, in the reader's calendar."""
    return _rule(f"{day:%A}, {day.day} {day:%B %Y}", "2", look, width)


def card(notification: Notification, look: Look, width: int, *, times: int = 1) -> str:
    """Return time, mark and title in one row, the rest under the title."""
    style = look.style(notification.type)
    time = _time(notification, look) if width >= _WITH_TIME else ""
    width = min(width, _MEASURE)
    head, used = _lead(time, style, look)
    first, *more = _headline(notification, look, width - used, times)
    indent = " " * min(used, len("00:00:00 ") + cells(style.mark) + 1)
    page = _Page(look, style, indent, width)
    rows = [head + first, *(" " * used + line for line in more)]
    rows += _body(notification, page)
    return "\n".join(rows) + "\n"


def target_of(notification: Notification, look: Look) -> str | None:
    """Return where a card's link leads; ``None`` if it has none to be followed."""
    link = notification.link or look.style(notification.type).link
    return link_target(link, look.link_base)


def _time(notification: Notification, look: Look) -> str:
    return stamp(notification.timestamp, notification.received, look.zone).time


def _lead(time: str, style: TypeStyle, look: Look) -> tuple[str, int]:
    """Return what stands before the title, and how many cells it takes."""
    used = len(time) + bool(time) + cells(style.mark) + 1
    mark = look.paint(style.mark, colour_code(style.colour))
    return (f"{look.paint(time, '2')} {mark} " if time else f"{mark} "), used


def _headline(
    notification: Notification, look: Look, room: int, times: int
) -> list[str]:
    """Return the title in bold; how often and the type beside it if there is room."""
    title, kind = harmless(notification.title), harmless(notification.type)
    often = f"×{times:,}" if times > 1 else ""
    lines = wrap(f"{title or kind}  {often}" if often else title or kind, max(1, room))
    used = cells(lines[-1])
    bold = [look.paint(line, "1") for line in lines]
    if title and used + 2 + cells(kind) <= room:
        bold[-1] += "  " + look.paint(kind, "2")
    return bold


def _body(notification: Notification, page: _Page) -> list[str]:
    """Return the rows under the title: message, link, and data where wanted."""
    message = harmless(notification.message, lines=True).strip("\n")
    lines = _few(wrap(message, page.room)) if message.strip() else []
    rows = [page.indent + line for line in lines]
    link = notification.link or page.style.link
    if link is not None:
        rows = _linked(rows, link, page)
    if page.look.verbose and notification.data is not None:
        rows += _data(notification.data, page)
    return rows


def _linked(rows: list[str], link: str, page: _Page) -> list[str]:
    """Return the rows with the link: its label beside the last one or below."""
    look, label = page.look, clip(page.style.label or "View", page.room)
    code = colour_code(page.style.colour)
    target = link_target(link, look.link_base)
    if target is None:
        return [*rows, *_hung(f"{label}: {harmless(link)}", page)]
    if not look.hyperlinks:
        return [*rows, *_spelled_out(label, code, target, page)]
    painted = look.paint(label, f"{code};4" if code else "4")
    anchor = f"\x1b]8;;{target}\x1b\\{painted}\x1b]8;;\x1b\\"
    if rows and cells(rows[-1]) + 2 + cells(label) <= page.width:
        return [*rows[:-1], f"{rows[-1]}  {anchor}"]
    return [*rows, page.indent + anchor]


def _spelled_out(label: str, code: str, target: str, page: _Page) -> list[str]:
    """Return label and URL; the URL in one piece, so that it can be clicked.

    One that does not fit beside its label has a row of its own, further left if it
    must; the terminal itself wraps what is longer still.
    """
    look, url = page.look, page.look.paint(target, "2")
    if cells(label) + 3 + len(target) <= page.room:
        return [f"{page.indent}{look.paint(label, code)} → {url}"]
    fits = (x for x in (page.indent, "  ") if len(x) + len(target) <= page.width)
    painted = look.paint(clip(f"{label} →", page.room), code)
    return [page.indent + painted, next(fits, "") + url]


def _hung(text: str, page: _Page) -> list[str]:
    """Return text of little weight, wrapped and indented, not too much of it."""
    lines = _few(wrap(text, page.room))
    return [page.indent + page.look.paint(line, "2") for line in lines]


def _data(data: Any, page: _Page) -> list[str]:
    """Return the rows of what the server attached: one, if that is enough."""
    try:
        text = json.dumps(data, ensure_ascii=False)
        if cells(text) > page.room:
            text = json.dumps(data, indent=2, ensure_ascii=False)
    except RecursionError:
        text = "… (data nested too deep to be shown)"
    return _hung(harmless(text, lines=True), page)


def _few(lines: list[str]) -> list[str]:
    """Return not too many of the lines; the last one then says how many more."""
    if len(lines) <= _MOST_LINES:
        return lines
    return [*lines[:_MOST_LINES], f"… ({len(lines) - _MOST_LINES:,} lines more)"]


def _colour_of(gap: Gap) -> str:
    return "32" if gap.recovered else "33"


def _rule(words: str, code: str, look: Look, width: int) -> str:
    """Return words as a line across the screen."""
    said = f"── {words}"
    missing = min(width, _MEASURE) - cells(said) - 1
    if missing < 0:
        return _noted(said, code, look, width)
    return look.paint(f"{said} {'─' * missing}", code) + "\n"


def _noted(text: str, code: str, look: Look, width: int) -> str:
    """Return a sentence with a mark, the rest of it hanging under its words."""
    mark, _, words = text.partition(" ")
    hang = cells(mark) + 1 if width >= _WITH_TIME else 0
    first, *more = wrap(words if hang else text, max(1, min(width, _MEASURE) - hang))
    rows = [f"{mark} {first}" if hang else first, *(" " * hang + x for x in more)]
    return "".join(look.paint(row, code) + "\n" for row in rows)
