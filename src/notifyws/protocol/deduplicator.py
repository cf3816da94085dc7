"""Deduplication: which notifications were handed over before, and so are not new.

What has an id is a duplicate when that id was seen, unless the profile says that ids
are those of things, of which more may be told. What has none may be a repeat only
while a server sends all that it holds, or two connections overlap. The oldest ids are
forgotten, for a server's history is finite too.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Iterable

RECENT = 2_000
"""Notifications without an id whose content is kept to tell repeats."""
REMEMBERED = 20_000
"""Ids kept to tell duplicates, at least: twice what the longest history replays."""
SPREAD = 3
"""Slots for each mark, so that few stand in each other's way."""
POSITIVE = (1 << 60) - 1
"""Bits of a mark; Python's numbers are slower from the next one on."""


class Deduplicator:
    """Decides whether a notification is new.

    Args:
        seen: ids that were handed over before this process, the oldest first.
        repeats: whether what has no id may come twice.
        by_id: whether an id that comes again is a duplicate.
    """

    def __init__(
        self,
        seen: Iterable[str | int] = (),
        *,
        repeats: bool = False,
        by_id: bool = True,
    ) -> None:
        self.may_repeat = repeats
        self._by_id = by_id
        self._seen = RecentIds(REMEMBERED, seen)
        self._recent: deque[int] = deque(maxlen=RECENT)
        self._overlap: deque[int] = deque(maxlen=RECENT)
        self._repeated: Counter[int] = Counter()
        self._repeating_until = 0.0

    def is_new(self, ident: str | int | None) -> bool:
        """Return whether this id was not handed over before; no id is always new."""
        return ident is None or not self._by_id or ident not in self._seen

    def add(self, ident: str | int) -> None:
        """Take note that the notification with this id was handed over."""
        self._seen.add(ident)

    def is_repeat(self, content: str, now: float) -> bool:
        """Return whether a notification without an id is one that was handed over.

        Two equal notifications are two: each is taken for a repeat only once.

        Args:
            content: the notification as text.
            now: monotonic seconds.
        """
        mark = hash(content)
        if now < self._repeating_until and self._repeated[mark] > 0:
            self._repeated[mark] -= 1
            return True
        self._recent.append(mark)
        self._overlap.append(mark)
        return False

    def begin_overlap(self) -> None:
        """Begin to note what may come a second time, by another connection."""
        self._overlap.clear()

    def expect_repeats(self, until: float) -> None:
        """From now on, take what came during the overlap for a repeat when it comes.

        Args:
            until: monotonic seconds; later on, equal content is news again.
        """
        self._expect(self._overlap, until)

    def expect_everything(self, until: float) -> None:
        """The same of all that came lately: the server sends what it holds."""
        self._overlap = deque(self._recent, RECENT)
        self._expect(self._recent, until)

    def _expect(self, marks: Iterable[int], until: float) -> None:
        self._repeated = Counter(marks)
        self._repeating_until = until


class RecentIds:
    """The latest ids: at least so many, and at most twice that.

    Twenty thousand ids in a ``dict`` take 2.5 MiB; here they are marks of eight bytes
    in two tables. Once the younger table holds as many as must be kept, it becomes the
    older one, and all that the older one knew is forgotten.

    A mark is Python's hash of the id, which is salted, so nobody can make two that are
    the same. That two happen to be is as likely as one in 10¹³ for each id.

    Who asked for an id last, and did not find it, has found where it goes.

    Args:
        at_least: ids that are remembered for sure.
        idents: the first ones, the oldest first.
    """

    def __init__(self, at_least: int, idents: Iterable[str | int] = ()) -> None:
        self._at_least = at_least
        self._last = (1 << (SPREAD * at_least).bit_length()) - 1
        self._younger, self._older = self._table(), self._table()
        self._count = self._mark = self._place = 0
        self._missed: str | int | None = None
        for ident in idents:
            self.add(ident)

    def __contains__(self, ident: str | int) -> bool:
        mark = hash(ident if isinstance(ident, str) else f"\0{ident}") & POSITIVE or 1
        if self._found(self._older, mark) or self._found(self._younger, mark):
            self._missed = None  # that place is another one's
            return True
        self._missed, self._mark = ident, mark
        return False

    def _found(self, table: array[int], mark: int) -> bool:
        """Look from the mark's own slot on, as far as slots are taken."""
        last = self._last
        at = mark & last
        while there := table[at]:
            if there == mark:
                return True
            at = at + 1 & last
        self._place = at
        return False

    def add(self, ident: str | int) -> None:
        """Remember an id; at once, when it was just asked for and not found."""
        if ident is not self._missed and ident in self:
            return
        self._younger[self._place] = self._mark
        self._missed = None
        self._count += 1
        if self._count == self._at_least:
            self._older, self._younger, self._count = self._younger, self._table(), 0

    def _table(self) -> array[int]:
        return array("Q", bytes(8 * (self._last + 1)))
