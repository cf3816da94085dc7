"""What is kept of notifications until each sink took them: the values.

An entry is what a listener keeps, a record is what a sink gets back of it. Positions
order everything that one listener ever received.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated

from msgspec import Meta, Struct, convert, field
from msgspec.structs import asdict, replace

from notifyws.models import Notification, strict_json
from notifyws.protocol import frames
from notifyws.protocol.frames import decode
from notifyws.protocol.since import sent_at

Ident = str | int
Moment = Annotated[float, Meta(gt=-1e11, lt=1e11)]
"""Unix seconds that a calendar knows."""

DEEPEST = 3 * frames.DEEPEST
"""Levels of a kept line: more than a frame, and the JSON in its strings, can have."""
NOTIFICATION = ',"notification":'
"""Before the last value of a dead letter."""
OUTPUT = "output"
"""The queue of what was not shown yet; who shows things takes it by other ways."""


def notification_of(line: str) -> Notification:
    """Return the notification that a kept line holds.

    Raises:
        ValueError: it holds something else: another version's, or rubbish.
    """
    try:
        notification = Notification(decode(line, DEEPEST), "", line)
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
        sent_at: unix seconds, by the server's clock, when that notification was sent;
            ``None`` where it did not say.
    """

    last_id: Ident | None = None
    heard_at: str = ""
    moved_at: float = 0.0
    mixed: bool = False
    sent_at: Moment | None = None

    @classmethod
    def of(cls, value: object) -> ListenerPosition:
        """Return what was kept as a JSON object.

        Raises:
            ValueError: it is something else: another version's, or rubbish.
        """
        try:
            return convert(value, cls)
        except ValueError:
            raise ValueError("it is no place in the history") from None

    def past(self, notification: Notification, wall: float) -> ListenerPosition:
        """Return where it stands after a notification, which is taken now.

        Args:
            wall: unix seconds.
        """
        if notification.id is None:
            return replace(self, mixed=True)
        return replace(
            self, last_id=notification.id, moved_at=wall, sent_at=sent_at(notification)
        )

    def past_all(
        self, notifications: Sequence[Notification], wall: float
    ) -> ListenerPosition:
        """Return where it stands after many, which are taken now."""
        named = [n for n in notifications if n.id is not None]
        after = self.past(named[-1], wall) if named else self
        return replace(after, mixed=self.mixed or len(named) < len(notifications))

    def until(self, now: float) -> ListenerPosition:
        """Return it without moments in the future, or before all computers.

        A move that is yet to come would win for ever, and a notification that is yet to
        be sent would make all others old.

        Args:
            now: unix seconds; the clock that wrote it may have been wrong.
        """
        sent_at = None if self.sent_at is None else min(self.sent_at, now)
        moved_at = max(0.0, min(self.moved_at, now))  # in this order NaN is nothing
        return replace(self, moved_at=moved_at, sent_at=sent_at)


class Entry(Struct, frozen=True, gc=False):
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


class DeliveryCounts(Struct):
    """What came of a sink's notifications since this process began.

    Args:
        dropped: how many it was never given, as too much waited for it.
        tries: how often it was given one.
        retries: how often that was to come again.
        seconds: how long all tries took.
    """

    delivered: int = 0
    rejected: int = 0
    dropped: int = 0
    tries: int = 0
    retries: int = 0
    seconds: float = 0.0


class RecoveredState(Struct, frozen=True):
    """What a store held when it was opened.

    Args:
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
    """What a sink finally did not take, and what a line of the dead-letter file holds.

    A line is ``{"sink", "error", "attempts", "at", "notification"}``; the notification
    stands there whole, as text where it is none.

    Args:
        at: RFC 3339 UTC; when it was given up.
        line: the notification as one line of JSON, or whatever waited in its place.
    """

    sink: str
    error: str
    attempts: int
    at: str
    line: str

    def as_line(self) -> str:
        """Return it as one line of JSON; the notification stays as it was, whole."""
        facts = asdict(self)
        line = facts.pop("line")
        whole = line if self._is_one_line() else strict_json(line)
        return f"{strict_json(facts)[:-1]}{NOTIFICATION}{whole}}}"

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
            if isinstance(note, str):
                line = note
            elif isinstance(note["type"], str):
                line = _as_written(line) or strict_json(note)
            else:
                raise TypeError
            texts = value["sink"], value["error"], value["at"]
            if not all(isinstance(text, str) for text in texts):
                raise TypeError
            sink, error, at = texts
            return cls(sink, error, int(value["attempts"]), at, line)
        except (TypeError, KeyError, OverflowError, RecursionError):
            raise ValueError("it is no dead letter") from None


def _as_written(letter: str) -> str:
    """Return a letter's notification with its numbers and spaces as they were.

    It stands last in what we write; empty where it does not, as in another's file.
    """
    line = letter.rstrip().partition(NOTIFICATION)[2][:-1]
    with suppress(ValueError):
        notification_of(line)
        return line
    return ""
