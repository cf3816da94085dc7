"""What is kept of notifications that are still to be handed on; pure.

An entry is what a listener keeps, a kept line is what a sink gets back, a letter is
what no sink took. Positions order everything that one listener ever received.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from notifyws.models import Notification, strict_json

__all__ = [
    "OUTPUT",
    "REMEMBERED",
    "Backlog",
    "DeadLetter",
    "Entry",
    "Ident",
    "ListenerPosition",
    "OutboxRecord",
    "RecoveredState",
    "is_ident",
    "notification_of",
]

Ident = str | int

OUTPUT = "output"
"""The queue of what was not shown yet; who shows things takes it by other ways."""
REMEMBERED = 20_000
"""Ids that are kept to tell duplicates after a restart."""


def is_ident(value: object) -> bool:
    """Tell whether a value can be an id: text or a whole number."""
    return isinstance(value, (str, int)) and not isinstance(value, bool)


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


class ListenerPosition(Struct, frozen=True):
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
            position = cls(**value)  # type: ignore[arg-type]  # seen by what follows
        except TypeError:
            raise ValueError("it is no place in the history") from None
        right = (
            (position.last_id is None or is_ident(position.last_id))
            and isinstance(position.heard_at, str)
            and type(position.moved_at) in (int, float)
            and isinstance(position.mixed, bool)
        )
        if not right:
            raise ValueError("it is no place in the history")
        return position


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
        standing: where the listener stood.
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


class DeadLetter(Struct, frozen=True):
    """What no sink took, whole, with the reason."""

    sink: str
    error: str
    attempts: int
    at: str
    line: str

    def as_line(self) -> str:
        """Return it as one line of JSON; the notification stays as it was, whole.

        What is no notification stands there as text.
        """
        facts = {
            "sink": self.sink,
            "error": self.error,
            "attempts": self.attempts,
            "at": self.at,
        }
        whole = self.line if self._is_one_line() else strict_json(self.line)
        return f'{strict_json(facts)[:-1]},"notification":{whole}}}'

    def _is_one_line(self) -> bool:
        try:
            notification_of(self.line)
        except ValueError:
            return False
        return len(self.line.splitlines()) == 1

    @classmethod
    def of_line(cls, line: str) -> DeadLetter:
        """Return what :meth:`as_line` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            value = json.loads(line)
            note = value["notification"]
            line = note if isinstance(note, str) else strict_json(note)
            if line is not note and not isinstance(note["type"], str):
                raise TypeError
            sink, error, tries = value["sink"], value["error"], int(value["attempts"])
            return cls(sink, error, tries, value["at"], line)
        except (TypeError, KeyError, RecursionError):
            raise ValueError("this is no dead letter") from None
