"""The cursor: where a listener stands in a server's history, and goes on.

It is the id of the last notification that was handed over, never of one that merely
arrived; before the first one it may be a time to begin at.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from notifyws.protocol.deduplicator import Deduplicator
from notifyws.protocol.since import is_before


class Cursor:
    """Where a listener stands in a server's history.

    Args:
        last_id: where to start; ``None`` for "from now".
        can_resume: whether the profile says how to ask for what was missed.
        snapshot: whether the server sends all that it holds at every connect.
        partial: whether not all that is listened to can be had again.
        repeats: whether what has no id may come twice, as while a token is renewed.
        seen: ids that were handed over before this process, the oldest first.
        mixed: whether some of what came before this process had no id.
        since: the time to begin at, where no id is known.

    Attributes:
        deduplicator: knows what was handed over.
        since: the time to ask for, until something was handed over.
        beginning: the time that was begun at; ``None`` when it was no time.
    """

    def __init__(
        self,
        last_id: str | int | None = None,
        *,
        can_resume: bool = True,
        snapshot: bool = False,
        partial: bool = False,
        repeats: bool = False,
        seen: Iterable[str | int] = (),
        mixed: bool = False,
        since: datetime | None = None,
    ) -> None:
        self.last_id = last_id
        self._can_resume = can_resume and not partial
        self._snapshot = snapshot
        self._partial = partial
        self.since = since
        self.beginning = since
        self._beginning_until = 0.0
        self.mixed = mixed
        self.deduplicator = Deduplicator(seen, repeats=snapshot or repeats)
        if last_id is not None:
            self.begin_at(last_id)

    def begin_at(self, last_id: str | int) -> None:
        """Ask for what came after this one, which was handed over elsewhere."""
        self.last_id = last_id
        self.deduplicator.add(last_id)

    @property
    def place(self) -> str | int | datetime | None:
        """Where to go on: after an id, at a time, or from now."""
        return self.since if self.last_id is None else self.last_id

    @property
    def can_resume(self) -> bool:
        """Whether a reconnect can ask the server for what was missed."""
        return self._can_resume and self.place is not None

    @property
    def covers_everything(self) -> bool:
        """Whether that brings all of it: what has no id is not replayed for sure."""
        snapshot = self._snapshot and not self._partial
        return snapshot or (self.can_resume and not self.mixed)

    def is_too_old(self, timestamp: str, now: float) -> bool:
        """Return whether a replayed notification is older than the time to begin at.

        Nothing is, once the replay must be over: then a timestamp tells of the
        server's clock only. That newer ones were handed over is no reason: a server may
        send its history in any order.

        Args:
            timestamp: the notification's.
            now: monotonic seconds.
        """
        if self.beginning is None or now >= self._beginning_until:
            return False
        return is_before(timestamp, self.beginning)

    def advance(self, ident: str | int | None) -> None:
        """Take note that the notification with this new id was handed over."""
        self.since = None
        if ident is None:
            self.mixed = True
            return
        self.last_id = ident
        self.deduplicator.add(ident)

    def reconnected(self, until: float) -> None:
        """Expect all of it again, where the server sends what it holds.

        Args:
            until: monotonic seconds; later on, equal content is news again, and
                nothing is too old.
        """
        self._beginning_until = until
        if self._snapshot:
            self.deduplicator.expect_everything(until)
