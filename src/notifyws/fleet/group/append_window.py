"""What a leader appended lately, should Redis turn out to have lost it; pure."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from notifyws.fleet.group.entries import Line, Place, moment

COUNT, SIZE = 5_000, 16 << 20
"""Entries that are known at most, and characters of their lines."""


class AppendWindow:
    """The entries that one leader appended last.

    A primary that dies takes with it what its replica had not been told. That is found
    here, so that it can be appended again. A Redis that lost everything is another
    matter: what of it had been handled is not known, so that is a gap.

    Args:
        since: unix seconds by Redis' clock; what is appended from then on is here.
    """

    def __init__(self, since: float = 0.0) -> None:
        self._since = since
        self._entries: deque[tuple[Place, Line]] = deque()
        self._size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, places: Sequence[Place], lines: Sequence[Line]) -> None:
        """Take note of what was appended, and where; something was."""
        if self._since == math.inf:
            self._since = moment(places[0][1])
        self._entries.extend(zip(places, lines, strict=True))
        self._size += sum(len(line) for _, line, _ in lines)
        while len(self._entries) > COUNT or self._size > SIZE:
            (_, dropped), (_, line, _) = self._entries.popleft()
            self._size -= len(line)
            self.miss(moment(dropped))

    @property
    def places(self) -> list[Place]:
        """Where they lie, the oldest first."""
        return [place for place, _ in self._entries]

    def reaches(self, since: float) -> bool:
        """Tell whether all that was appended since then (unix seconds) is here."""
        return self._since <= since

    def has_all(self, present: Sequence[bool], since: float) -> bool:
        """Tell whether all that is missing since then is here.

        What Redis lost by coming back older is what was appended last: where the oldest
        that is known here is there, so is all before it.
        """
        return any(present[:1]) or self.reaches(since)

    def begin_again(self) -> None:
        """Where the latest lie is not known: only what is appended next is here."""
        self.clear()
        self._since = math.inf

    def miss(self, until: float) -> None:
        """Take note that others may have appended what is not here, until a moment."""
        self._since = max(self._since, until)

    def lost(self, present: Sequence[bool], since: float | None = None) -> list[Line]:
        """Return what is missing, and forget that it was appended.

        Args:
            present: for each of ``places``, whether it is there.
            since: unix seconds; what was appended earlier is handled. Where that is
                not known, what is missing before the first that is there was trimmed.
        """
        first = present.index(True) if True in present and since is None else 0
        after = since or 0.0
        missing = [
            line
            for n, ((_, place), line) in enumerate(self._entries)
            if n >= first and not present[n] and not 0 < moment(place) < after
        ]
        pairs = zip(self._entries, present, strict=True)
        self._entries = kept = deque(each for each, there in pairs if there)
        self._size = sum(len(line) for _, (_, line, _) in kept)
        return missing

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._size = 0
