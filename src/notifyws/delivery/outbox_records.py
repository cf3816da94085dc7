"""What is kept of notifications until each sink took them: the values; pure.

An entry is what a listener keeps, a record is what a sink gets back of it. Positions
order everything that one listener ever received.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, ValidationError, convert, field

from notifyws.models import Notification

Ident = str | int

OUTPUT = "output"
"""The queue of what was not shown yet; who shows things takes it by other ways."""


def notification_of(line: str) -> Notification:
    """Return the notification that a kept line holds.

    Raises:
        ValueError: it holds something else: another version's, or rubbish.
    """
    try:
        notification = Notification.of_line(line)
        notification.type, notification.id  # noqa: B018 - whether they are there
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError("it is no notification") from None
    return notification


class ListenerPosition(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a durable listener stands in the server's history.

    Args:
        last_id: of the last notification that was kept; ``None`` before the first.
        heard_at: RFC 3339 UTC; what was sent until then has been received.
        moved_at: unix seconds when ``last_id`` was set.
        mixed: whether some notifications had no id, so that none can be asked for.
    """

    last_id: Ident | None = None
    heard_at: str = ""
    moved_at: float = 0.0
    mixed: bool = False

    @classmethod
    def of(cls, value: object) -> ListenerPosition:
        """Return what was kept as a JSON object.

        Raises:
            ValueError: it is something else: another version's, or rubbish.
        """
        try:
            return convert(value, cls)
        except ValidationError:
            raise ValueError("it is no place in the history") from None


class Entry(Struct, frozen=True):
    """A notification to keep; its position orders it among all others."""

    position: int
    line: str
    ident: Ident | None
    sinks: tuple[str, ...]


class OutboxRecord(Struct, frozen=True):
    """A line that waits for a sink."""

    position: int
    line: str


class Backlog(Struct, frozen=True):
    """How much waits for one sink: notifications, and the bytes of their lines."""

    count: int = 0
    size: int = 0

    def plus(self, line: str) -> Backlog:
        """Return it with one more line."""
        return Backlog(self.count + 1, self.size + len(line))

    def minus(self, line: str) -> Backlog:
        """Return it with one line less."""
        return Backlog(max(self.count - 1, 0), max(self.size - len(line), 0))


class RecoveredState(Struct, frozen=True):
    """What a store held when it was opened.

    Args:
        position: where the listener stood.
        seen: ids that it was given, the oldest first.
        top: the highest position in use.
        unshown: what was kept and perhaps never shown.
        waiting: how much waits, by sink.
    """

    position: ListenerPosition = ListenerPosition()
    seen: Sequence[Ident] = ()
    top: int = 0
    unshown: Sequence[OutboxRecord] = ()
    waiting: Mapping[str, Backlog] = field(default_factory=dict)
