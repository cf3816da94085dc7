"""What is told of a connection, and since when something may be missing.

Events go to observers at once, and to whoever shows things in their turn. A gap is
dated on two clocks, for the wall clock may be set while it lasts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from notifyws.clock import Clock, boot_time, utc_text
from notifyws.events import Event, Gap, join_of
from notifyws.models import Notification

UNNOTICED = 60.0
"""Seconds that a dead line can go unnoticed, and then some (ping and its time-out)."""
LAG = 5.0
"""Seconds a notification may be on its way; one that took longer was replayed."""


class GapStart(Struct, frozen=True):
    """Since when something may be missing.

    Args:
        text: RFC 3339 UTC, as the wall clock said then.
        at: the same on the steady clock; ``None`` for what an earlier process noted.
    """

    text: str
    at: float | None = None


class EventEmitter:
    """Tells what happens.

    Args:
        announce: takes events for whoever shows things, in their turn.
        server: which of several servers it is, by our own name for it.

    Attributes:
        observers: are told at once.
        latest: the notification that came last; tells how long they are on their way.
        on_gap: is given each gap, and tells it now or when more of it is known.
    """

    def __init__(
        self, announce: Callable[..., Any], clock: Clock, server: str = ""
    ) -> None:
        self._announce = announce
        self._server = server or None
        self._clock = clock
        self.observers: list[Callable[[Event], None]] = []
        self.latest: Notification | None = None
        self.on_gap: Callable[[Gap], None] = self.tell

    def now(self) -> str:
        """Return the moment as RFC 3339 UTC."""
        return utc_text(self._clock.wall())

    def tell(self, event: Event) -> None:
        """Tell observers at once, and whoever shows things in its turn: it is now."""
        event = replace(event, server=self._server, at=self.now())
        for observer in self.observers:
            observer(event)
        self._announce(event, join=join_of(event))

    def since(self, heard_at: float) -> GapStart:
        """Return when the server was heard last, on both clocks.

        Args:
            heard_at: unix seconds. When that cannot be, the wall clock was set since,
                and it was as long ago as a dead line can go unnoticed.
        """
        if (delay := self.delay) < LAG:  # else it tells of a replay, or of the clocks
            heard_at -= delay  # what was sent next was on its way as well
        age = self._clock.wall() - heard_at
        age = age if 0 <= age <= UNNOTICED else UNNOTICED
        return GapStart(utc_text(heard_at), boot_time(self._clock) - age)

    @property
    def delay(self) -> float:
        """Seconds that the latest notification took to come, by its own timestamp."""
        if self.latest is None:
            return 0.0
        try:
            born = datetime.fromisoformat(self.latest.timestamp)
            took = (datetime.fromisoformat(self.latest.received) - born).total_seconds()
        except (ValueError, TypeError, OverflowError):  # no time, or one of no zone
            return 0.0
        return max(took, 0.0)

    def gap(self, start: GapStart, reason: str, *, recovered: bool = False) -> None:
        """Tell that from ``start`` to now notifications may have been missed.

        The wall clock may have been set back since; then it began as long before now
        as time has passed.
        """
        wall = self._clock.wall()
        passed = 0.0 if start.at is None else boot_time(self._clock) - start.at
        now, floor = utc_text(wall), utc_text(wall - passed)
        self.on_gap(Gap(min(start.text, floor), now, reason, recovered))

    def steadily(self, text: str) -> GapStart:
        """Return a moment that was written just now, on both clocks."""
        return GapStart(text, boot_time(self._clock))
