"""What scrolls by in the live view: cards, a line where a day begins, nothing twice.

Pure. Remembers only what the next burst needs: the day of the last card, and the
last link, for whoever wants to follow it. What looks alike, is of the same minute and
comes in a row within one burst is drawn once, with how often it came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any

from notifyws.events import Event
from notifyws.models import Notification
from notifyws.ui.cards import drawn, new_day, target_of
from notifyws.ui.rows import Row
from notifyws.ui.theme import Look
from notifyws.ui.times import stamp

__all__ = ["Scroll"]

_PAGE = 100
"""Items drawn before they are written: more would hold up the event loop."""

_SHOWN = ("type", "title", "message", "link")

Item = Notification | Event


class Scroll:
    """Draws bursts, one after the other.

    Args:
        look: how things are drawn; may be changed at any time.
        today: the day for which no line is needed; ``None`` for that of the first
            card.

    Attributes:
        last_link: where the last card's link leads that has one.
    """

    def __init__(self, look: Look, today: date | None = None) -> None:
        self.look = look
        self.last_link: str | None = None
        self._day = today

    def pages(self, burst: Sequence[Item], width: int) -> Iterator[list[Row]]:
        """Yield the rows of a burst, so many that they can be drawn at once.

        Args:
            burst: what happened.
            width: columns of the terminal, one or more.
        """
        folded = self._folded(burst)
        while some := list(islice(folded, _PAGE)):
            yield [row for item in some for row in self._drawn(*item, width)]

    def _drawn(self, item: Item, times: int, width: int) -> list[Row]:
        rows = drawn(item, self.look, width, times=times)
        if not isinstance(item, Notification):
            return rows
        self.last_link = target_of(item, self.look) or self.last_link
        day = stamp(item.timestamp, item.received, self.look.zone).day
        before, self._day = self._day, day or self._day
        if day is None or before in (None, day):
            return rows
        return new_day(day, width) + rows

    def _folded(self, burst: Sequence[Item]) -> Iterator[tuple[Item, int]]:
        """Yield each item with how often it comes in a row."""
        times = 0
        for index, item in enumerate(burst):
            times += 1
            after = burst[index + 1] if index + 1 < len(burst) else None
            if after is None or not self._alike(item, after):
                yield item, times
                times = 0

    def _alike(self, one: Item, other: Item) -> bool:
        if not (isinstance(one, Notification) and isinstance(other, Notification)):
            return one == other
        shown = (*_SHOWN, "data") if self.look.verbose else _SHOWN
        mine, its = one.fields, other.fields
        same = all(_same(mine.get(key), its.get(key)) for key in shown)
        return same and self._minute(one) == self._minute(other)

    def _minute(self, item: Notification) -> tuple[date | None, str]:
        """Return when it happened, as exactly as one time can stand for several."""
        day, time = stamp(item.timestamp, item.received, self.look.zone)
        return day, time[:-3]


def _same(mine: Any, its: Any) -> bool:
    try:
        return type(mine) is type(its) and bool(mine == its)
    except RecursionError:  # nested too deep to be compared
        return False
