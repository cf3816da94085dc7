"""What tells a notification from others, for two sockets of a group that bring it.

The law: *what one socket brings twice are two.* Two sockets bring the same, so what has
the same mark is appended once, by whoever is first. An id marks a notification; one
that has been there is told by its content; what has no id, by its content with the
server's timestamp. What cannot be told from another so has no mark: it is appended by
each socket that brings it, for twice is better than never.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from hashlib import blake2b

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
