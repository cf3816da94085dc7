"""Deduplication: which notifications were handed over before, and so are not new.

What has an id is a duplicate when that id was seen, unless the profile says that
nothing comes twice. Where nothing is replayed, one that comes with other content is
none: the profile's id is not unique. What has no id may be a repeat only while a server
sends all that it holds, when a connection that replaces another begins as that one did,
or while the two overlap. The oldest ids are forgotten, for a server's history is finite
too.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Iterable
from typing import TypeVar

from notifyws.models import Notification

Ident = TypeVar("Ident", str, int, str | int)

RECENT = 2_000
"""Notifications without an id whose content is kept to tell repeats."""
REMEMBERED = 20_000
"""Ids kept to tell duplicates, at least: twice what the longest history replays."""
SPREAD = 3
"""Slots for each mark, so that few stand in each other's way."""
OPENING = 2.0
"""Seconds in which a connection has brought what a server sends to all who come."""
CONTENT = (1 << 32) - 1
"""Bits by which the content of a notification is known again."""
LONGEST_ID = 256
"""Characters of an id that is kept as it is."""
POSITIVE = (1 << 60) - 1
"""Bits of a mark; Python's numbers are slower from the next one on."""


class Deduplicator:
    """Knows what was handed over before; :class:`~.cursor.Cursor` says what is new.

    Args:
        seen: ids that were handed over before this process, the oldest first.
        repeats: whether what has no id may come twice.
        snapshot: whether the server sends all that it holds at every connect.
        by_id: whether an id that comes again is a duplicate.
    """

    def __init__(
        self,
        seen: Iterable[str | int] = (),
        *,
        repeats: bool = False,
        snapshot: bool = False,
        by_id: bool = True,
    ) -> None:
        self.may_repeat = repeats or snapshot
        self._snapshot = snapshot
        self.by_id = by_id
        self.seen = RecentIds(REMEMBERED, seen)
        self._recent: deque[int] = deque(maxlen=RECENT)
        self._overlap: deque[int] = deque(maxlen=RECENT)
        self._retained: deque[int] = deque(maxlen=RECENT)
        self._opening: deque[int] = deque(maxlen=RECENT)
        self._opening_until = 0.0
        self._repeated: Counter[int] = Counter()
        self._repeating_until = 0.0
        self._replaying_until = 0.0
        self._unasked_until = float("inf")

    def is_new(self, ident: str | int | None) -> bool:
        """Return whether this id was not handed over before; no id is always new."""
        return ident is None or not self.by_id or ident not in self.seen

    def is_reused(self, ident: str | int, content: int, now: float) -> bool:
        """Return whether an id that was handed over before names something else now.

        What is replayed may be spelled otherwise and is the same. So is, for as long
        as a server may replay unasked, what comes of an id of an earlier process, of
        which no content is known; later it is shown, and perhaps twice.

        Args:
            ident: the id.
            content: what tells it from another of this id; see :func:`mark_of`.
            now: monotonic seconds.
        """
        if now < self._replaying_until:
            return False
        known = self.seen.swap(ident, content)
        return known != content if known else now >= self._unasked_until

    def add(self, ident: str | int, content: int = 0) -> None:
        """Take note that the notification with this id was handed over.

        Its content, see :func:`mark_of`, is 0 where it is not known.
        """
        self.seen.add(ident, content)

    def is_repeat(self, content: str, now: float) -> bool:
        """Return whether a notification without an id is one that was handed over.

        ``content`` is its text, ``now`` monotonic seconds. Two equal notifications are
        two: each is taken for a repeat only once.
        """
        mark = hash(content)
        if now < self._opening_until:
            self._opening.append(mark)
        if now < self._repeating_until and self._repeated[mark] > 0:
            self._repeated[mark] -= 1
            return True
        self._recent.append(mark)
        self._overlap.append(mark)
        return False

    def begin_overlap(self) -> None:
        """Begin to note what may come a second time, by another connection."""
        self._overlap.clear()

    def expect_repeats(self, now: float, seconds: float) -> None:
        """Take for a repeat what the connection brings that replaced another.

        That is what came while both were there, and what the other one began with.

        Args:
            now: monotonic seconds.
            seconds: for which; later on, equal content is news again.
        """
        known = self._recent if self._snapshot else [*self._overlap, *self._retained]
        self._expect(known, now + seconds)
        self._opening_until = now + OPENING
        self.expect_ids(now + seconds)

    def opened(self, now: float, replay: float, unasked: float = 0.0) -> None:
        """Begin with a new connection.

        Args:
            now: monotonic seconds.
            replay: seconds for which it may bring what came before; 0 for never.
            unasked: seconds for which it might do so though it was not asked to.
        """
        self._replaying_until = now + replay
        self._unasked_until = now + max(replay, unasked)
        if self._snapshot:
            self._overlap = deque(self._recent, RECENT)
            self._expect(self._recent, now + replay)
        self._retained, self._opening = self._opening, deque(maxlen=RECENT)
        self._opening_until = now + OPENING

    def expect_ids(self, until: float) -> None:
        """Take what comes of a known id for the same, until these monotonic seconds."""
        self._replaying_until = max(self._replaying_until, until)

    def _expect(self, marks: Iterable[int], until: float) -> None:
        self._repeated = Counter(marks)
        self._repeating_until = max(self._repeating_until, until)


class RecentIds:
    """The latest ids: at least so many, and at most twice that.

    Twenty thousand ids in a ``dict`` take 2.5 MiB; here they are marks of eight bytes
    in two tables, each with four more for what it named. Once the younger table holds
    as many as must be kept, it becomes the older one, and all that the older one knew
    is forgotten.

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
        self._younger, self._younger_contents = self._table()
        self._older, self._older_contents = self._table()
        self._count = self._mark = self._place = 0
        self._is_old = False
        self._missed: str | int | None = None
        for ident in idents:
            self.add(ident)

    def __contains__(self, ident: str | int) -> bool:
        is_short = isinstance(ident, str) and len(ident) <= LONGEST_ID
        mark = hash(ident if is_short else _distinct(ident)) & POSITIVE or 1
        last, table = self._last, self._older
        at = own = mark & last  # its own slot; then on, as far as slots are taken
        while there := table[at]:
            if there == mark:
                return self._found_at(at, is_old=True)
            at = at + 1 & last
        at, table = own, self._younger
        while there := table[at]:
            if there == mark:
                return self._found_at(at, is_old=False)
            at = at + 1 & last
        self._missed, self._mark, self._place = ident, mark, at
        return False

    def _found_at(self, place: int, *, is_old: bool) -> bool:
        self._is_old, self._place = is_old, place
        self._missed = None  # that place is another one's
        return True

    def swap(self, ident: str | int, content: int) -> int:
        """Remember another content of an id; return the former, 0 if none is known."""
        if ident not in self:
            return 0
        contents = self._older_contents if self._is_old else self._younger_contents
        known, contents[self._place] = contents[self._place], content
        return known

    def add(self, ident: str | int, content: int = 0) -> None:
        """Remember an id; at once, when it was just asked for and not found."""
        if ident is not self._missed and ident in self:
            return
        self._younger[self._place] = self._mark
        self._younger_contents[self._place] = content
        self._missed = None
        self._count += 1
        if self._count == self._at_least:
            self._forget_the_oldest()

    def _forget_the_oldest(self) -> None:
        self._older, self._older_contents = self._younger, self._younger_contents
        self._younger, self._younger_contents = self._table()
        self._count = 0

    def add_new(self, idents: Iterable[str], contents: Iterable[int]) -> int:
        """Remember short ids up to the first that is known; return how many.

        It is what :meth:`__contains__` and :meth:`add` do, for a burst.
        """
        last, count = self._last, 0
        for ident, content in zip(idents, contents, strict=False):
            mark = hash(ident) & POSITIVE or 1
            at = own = mark & last
            table = self._older
            while (there := table[at]) and there != mark:
                at = at + 1 & last
            if there:
                break
            at, table = own, self._younger
            while (there := table[at]) and there != mark:
                at = at + 1 & last
            if there:
                break
            table[at], self._younger_contents[at] = mark, content
            count += 1
            self._count += 1
            if self._count == self._at_least:
                self._forget_the_oldest()
        self._missed = None  # its place may be taken
        return count

    def _table(self) -> tuple[array[int], array[int]]:
        """Return room for marks, and for what each of them named."""
        slots = self._last + 1
        return array("Q", bytes(8 * slots)), array("I", bytes(4 * slots))


def _distinct(ident: str | int) -> str:
    """Return what tells an id from all others, be they texts or numbers."""
    return kept_id(ident) if isinstance(ident, str) else f"\0{ident}"


def kept_id(ident: Ident) -> Ident:
    """Return an id as it is kept to know it again: a long one as its digest.

    Thousands of them are kept, and a server may make one of a megabyte.
    """
    if not isinstance(ident, str) or len(ident) <= LONGEST_ID:
        return ident
    import hashlib  # which next to nobody needs

    coded = ident.encode("utf-8", "surrogatepass")
    return f"sha256:{hashlib.sha256(coded).hexdigest()}"


def mark_of(notification: Notification) -> int:
    """Return what tells a notification from others of its id: 32 bits, never 0."""
    frame = notification.frame
    return hash(frame if frame is not None else repr(notification.fields)) & CONTENT | 1
