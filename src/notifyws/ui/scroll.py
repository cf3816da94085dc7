"""Draws bursts as what scrolls by: in pages, each day under a line, nothing twice.

Pure: it remembers what the next burst needs, and reads no clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any

from notifyws.events import Event
from notifyws.models import Notification
from notifyws.ui.cards import card, new_day, target_of, told
from notifyws.ui.lines import stamp
from notifyws.ui.rows import Row
from notifyws.ui.theme import Theme

_PAGE = 100
"""Items drawn before they are written: more would hold up the event loop."""
_SHOWN = ("title", "message", "type", "link")

Item = Notification | Event


class Scroll:
    """Draws bursts, one after the other.

    Remembers only what the next one needs: the day of the last card, and the last
    link, for whoever wants to follow it. What looks alike, is of the same minute and
    comes in a row within one burst is drawn once, with how often it came.

    Args:
        theme: how things are drawn; may be changed at any time.
        today: the day for which no line is needed; ``None`` for that of the first
            card.

    Attributes:
        last_link: where the last card's link leads that has one.
    """

    def __init__(self, theme: Theme, today: date | None = None) -> None:
        self.theme = theme
        self.last_link: str | None = None
        self._day = today

    def pages(self, burst: Sequence[Item], width: int) -> Iterator[list[Row]]:
        """Yield the rows of a burst, as many as can be drawn at once."""
        folded = self._folded(burst)
        while some := list(islice(folded, _PAGE)):
            cards = [item for item, _ in some if isinstance(item, Notification)]
            links = (target_of(each, self.theme) for each in reversed(cards))
            self.last_link = next(filter(None, links), self.last_link)
            yield [row for item in some for row in self._drawn(*item, width)]

    def _drawn(self, item: Item, times: int, width: int) -> list[Row]:
        if not isinstance(item, Notification):
            return told(item, self.theme, width, times=times)
        day, time = stamp(item.timestamp, item.received, self.theme.zone)
        rows = card(item, time, self.theme, width, times=times)
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
        shown = (*_SHOWN, "data") if self.theme.verbose else _SHOWN
        mine, its = one.fields, other.fields
        for key in shown:
            if not _same(mine.get(key), its.get(key)):
                return False
        same = one.words == other.words and one.server == other.server
        return same and self._minute(one) == self._minute(other)

    def _minute(self, item: Notification) -> tuple[date | None, str]:
        """Return when it happened, as exactly as one time can stand for several."""
        day, time = stamp(item.timestamp, item.received, self.theme.zone)
        return day, time[:-3]


def _same(mine: Any, its: Any) -> bool:
    try:
        return type(mine) is type(its) and bool(mine == its)
    except RecursionError:  # nested too deep to be compared
        return False
