"""What a member took of the stream and has not acknowledged yet; pure.

The law: *an entry is acknowledged when everybody here is done with it:* whoever shows
it, and every sink. What was acknowledged lately is remembered, because Redis may forget
that (a replica that took over, an answer that was lost) and offer it again.

It is also the store from which sinks' workers read what waits for them: the stream
keeps it, so memory is enough here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from notifyws.delivery.outbox_records import OutboxRecord
from notifyws.fleet.group.entries import Entry, Place

OUTPUT = "output"
"""The part of whoever shows things."""
REMEMBERED = 20_000
"""Entries that are known to have been acknowledged."""
AT_ONCE = 200
"""Entries that are taken at once: a share that the others notice little of."""
HANDFUL = 1000
"""Entries in hand beyond which no more are taken."""
BYTES = 8 << 20
"""Characters of them beyond which no more are taken, and that are taken at once."""
FIRST = 8
"""Entries that are taken at once while it is not known how large they are."""


class InHand:
    """Entries in a member's hands, and who is still to be done with each.

    Args:
        sinks: names of the sinks, each of which takes every entry, or some.

    Attributes:
        size: characters of the lines in hand.
    """

    def __init__(self, sinks: Iterable[str]) -> None:
        self._sinks = tuple(sinks)
        self._top = 0
        self._waiting: dict[str, dict[int, str]] = {name: {} for name in self._sinks}
        self._parts: dict[int, set[str]] = {}
        self._places: dict[int, Place] = {}
        self._held: dict[Place, int] = {}
        self.size = 0
        self._shown = deque[tuple[int, int]]()
        self._done: list[Place] = []
        self._past: set[Place] = set()
        self._order = deque[Place]()
        self._at_once, self._largest = FIRST, 1

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, place: Place) -> bool:
        return place in self._held

    @property
    def room(self) -> int:
        """How many more may be taken; entries may be large."""
        room = BYTES - self.size
        return min(HANDFUL - len(self), -(-room // self._largest))

    def some(self, streams: int = 1) -> int:
        """Return how many to take at once of each stream, by what came before."""
        return max(min(self._at_once, BYTES // self._largest // streams), 1)

    def came(self, entries: Sequence[Entry]) -> None:
        """Take note how large entries are."""
        self._at_once = min(2 * self._at_once, AT_ONCE)
        for entry in entries:
            self._largest = max(len(entry.line or ""), self._largest * 99 // 100, 1)

    def want_less(self) -> None:
        """Take less at once: so much may not come in the time that there is."""
        self._at_once = max(self._at_once // 4, 1)

    @property
    def places(self) -> set[Place]:
        """Where what is in hand lies."""
        return set(self._held)

    def waits_for(self, sink: str) -> bool:
        """Return whether any entry waits for a sink."""
        return bool(self._waiting[sink])

    def backlog_of(self, sink: str) -> tuple[int, int]:
        """Return how many wait for a sink, and the bytes of their lines."""
        lines = list(self._waiting[sink].values())  # another thread may ask
        return len(lines), sum(map(len, lines))

    def was_done(self, place: Place) -> bool:
        """Return whether an entry was acknowledged lately."""
        return place in self._past

    def take(
        self, entry: Entry, number: int, sinks: Iterable[str] | None = None
    ) -> None:
        """Take an entry for whoever shows it, and for sinks.

        Args:
            entry: with a line.
            number: its number where it is shown (see :meth:`settled`).
            sinks: which; all of them when not given.
        """
        assert entry.line is not None
        self._top = position = self._top + 1
        self._held[entry.place] = length = len(entry.line)
        self.size += length
        self._places[position] = entry.place
        takers = self._sinks if sinks is None else tuple(sinks)
        self._parts[position] = {OUTPUT, *takers}
        for sink in takers:
            self._waiting[sink][position] = entry.line
        self._shown.append((number, position))

    def settled(self, number: int) -> None:
        """Take note that everything up to a number was shown."""
        while self._shown and self._shown[0][0] <= number:
            self._is_done(self._shown.popleft()[1], OUTPUT)

    async def waiting(self, sink: str, after: int, limit: int) -> list[OutboxRecord]:
        """Return what waits for a sink beyond a position, in order."""
        found: list[OutboxRecord] = []
        for position, line in self._waiting[sink].items():
            if position > after:
                found.append(OutboxRecord(position, line))
                if len(found) == limit:
                    break
        return found

    async def done(self, sink: str, position: int) -> None:
        """Take note that a sink took it, or never will."""
        if self._waiting[sink].pop(position, None) is not None:
            self._is_done(position, sink)

    def acknowledgeable(self) -> dict[int, list[str]]:
        """Hand out what is to be acknowledged, by stream."""
        done, self._done = self._done, []
        found: dict[int, list[str]] = {}
        for stream, id_ in done:
            found.setdefault(stream, []).append(id_)
        return found

    def put_back(self, stream: int, ids: Sequence[str]) -> None:
        """Take note that these could not be acknowledged, or not for sure."""
        self._done += ((stream, id_) for id_ in ids)

    def again(self, place: Place) -> None:
        """Acknowledge once more what was, and is offered again."""
        self._done.append(place)

    @property
    def has_done(self) -> bool:
        """Whether anything is to be acknowledged."""
        return bool(self._done)

    def _is_done(self, position: int, part: str) -> None:
        left = self._parts[position]
        left.discard(part)
        if not left:
            del self._parts[position]
            place = self._places.pop(position)
            self.size -= self._held.pop(place, 0)
            self.finish(place)

    def finish(self, place: Place) -> None:
        """Acknowledge an entry: everybody here is done with it, or nobody wants it."""
        self._done.append(place)
        self._past.add(place)
        self._order.append(place)
        if len(self._order) > REMEMBERED:
            self._past.discard(self._order.popleft())
