"""What several sockets of a group bring and miss, told from each other; pure.

The law: *what one socket brings twice are two.* Two sockets bring the same, so what has
the same mark is appended once, by whoever is first. An id marks a notification; one
that has been there is told by its content; what has no id, by its content with the
server's timestamp. What cannot be told from another so has no mark: it is appended by
each socket that brings it, for twice is better than never.

The law: *only who was heard after a gap was open through it.* Two sockets may be
cut by the same fault, so that another one was open a moment ago proves nothing. Until
its member tells of it, a gap waits; what is not proven in time was missed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import blake2b

from msgspec.structs import replace

from notifyws.clock import Clock
from notifyws.events import Gap
from notifyws.fleet.group.keys import DISTINCT
from notifyws.models import Notification, as_text

WITHOUT = (
    "a notification has neither an id nor a timestamp of the server's, or is like "
    "another one: each socket of the group hands it on (--sockets 1 has one)"
)


class Marks:
    """Marks what one socket brings.

    Args:
        warn: is told, once, that something cannot be told from another.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._warned = False

    def mark(self, notification: Notification) -> str:
        """Return the mark of a notification; empty where it has none."""
        for mark in _marks_of(notification):
            if self._is_new(mark):
                return mark
        if not self._warned:
            self._warned = True
            self._warn(WITHOUT)
        return ""

    def remember(self, notification: Notification) -> None:
        """Know of what is in the stream: its id comes again with another one only.

        What has no id may come again itself, from a server that sends it once more.
        """
        if notification.id is not None:
            for mark in _marks_of(notification):
                self._is_new(mark)

    def _is_new(self, mark: str) -> bool:
        if mark in self._seen:
            return False
        self._seen[mark] = None
        if len(self._seen) > 2 * DISTINCT:
            self._seen.popitem(last=False)
        return True


def _marks_of(n: Notification) -> Iterator[str]:
    """Yield what may mark it: what came first has the first of them."""
    if n.id is not None:
        yield _digest([n.id, n.type, n.title, n.message])
    if n.id is not None or n.fields.get("timestamp"):
        yield _digest(["", n.id, n.fields])


def _digest(told: object) -> str:
    """Return what is short for a value, however large a server made it."""
    text = as_text(told).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).hexdigest()


Covers = Callable[[float, float], bool | None]
"""Tells whether another socket was open from a moment to another (unix seconds);
``None`` where a later word will tell."""


class OpenGaps:
    """The gaps of which it is not known yet whether another socket covered them.

    Args:
        covers: see ``Covers``.
        tell: is told a gap when that is known.
        patience: seconds that a gap waits at most.
    """

    def __init__(
        self, covers: Covers, tell: Callable[[Gap], None], clock: Clock, patience: float
    ) -> None:
        self._covers, self._tell, self._clock = covers, tell, clock
        self._patience = patience
        self._waiting: list[tuple[Gap, float]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, gap: Gap) -> None:
        """Tell a gap, now or when it is known whether it is one."""
        self._waiting.append((gap, self._clock.now() + self._patience))
        self.look()

    def look(self) -> None:
        """Tell those of which it is known now, or will not be any more."""
        waiting, self._waiting = self._waiting, []
        for gap, end in waiting:
            start, stop = _moment(gap.start), _moment(gap.end)
            covered = gap.recovered or self._covers(start, stop)
            if covered is None and self._clock.now() < end:
                self._waiting.append((gap, end))
            else:
                self._tell(replace(gap, recovered=bool(covered)))

    def give_up(self) -> None:
        """Tell all of them: nobody will know."""
        waiting, self._waiting = self._waiting, []
        for gap, _ in waiting:
            self._tell(gap)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
