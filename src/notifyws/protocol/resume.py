"""Resume: which notification was the last, and which were seen before.

The cursor is the id of the last notification that was handed over, never of one
that merely arrived. Ids are remembered so that a replay repeats nothing; the oldest
are forgotten, for a server's history is finite too.
"""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["Cursor"]

REMEMBERED = 20_000
"""Ids kept to tell duplicates: twice what the longest known history replays."""


class Cursor:
    """Where a listener stands in a server's history.

    Args:
        last_id: where to start; ``None`` for "from now".
        can_resume: whether the profile says how to ask for what was missed.
    """

    def __init__(
        self, last_id: str | int | None = None, *, can_resume: bool = True
    ) -> None:
        self.last_id = last_id
        self._can_resume = can_resume
        self._some_without_id = False
        self._seen: OrderedDict[str | int, None] = OrderedDict()
        if last_id is not None:
            self._seen[last_id] = None

    @property
    def can_resume(self) -> bool:
        """Whether a reconnect can ask the server for what was missed."""
        return self._can_resume and self.last_id is not None

    @property
    def covers_everything(self) -> bool:
        """Whether that brings all of it: what has no id is not replayed for sure."""
        return self.can_resume and not self._some_without_id

    def is_new(self, ident: str | int | None) -> bool:
        """Return whether this id was not handed over before; no id is always new."""
        return ident is None or ident not in self._seen

    def advance(self, ident: str | int | None) -> None:
        """Take note that the notification with this id was handed over."""
        if ident is None:
            self._some_without_id = True
            return
        self.last_id = ident
        self._seen[ident] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
