"""What is kept of notifications that are still to be handed on; pure.

An entry is what a listener keeps, a kept line is what a sink gets back, a letter is
what no sink took. Positions order everything that one listener ever received.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from notifyws.models import strict_json

__all__ = [
    "OUTPUT",
    "REMEMBERED",
    "Entry",
    "Ident",
    "Kept",
    "Letter",
    "Past",
    "Standing",
    "Waiting",
]

Ident = str | int

OUTPUT = "output"
"""The queue of what was not shown yet; who shows things takes it by other ways."""
REMEMBERED = 20_000
"""Ids that are kept to tell duplicates after a restart."""


@dataclass(frozen=True, slots=True)
class Standing:
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


@dataclass(frozen=True, slots=True)
class Entry:
    """A notification to keep; its position orders it among all others."""

    position: int
    line: str
    ident: Ident | None
    sinks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """A line that waits for a sink."""

    position: int
    line: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for one sink: notifications, and the bytes of their lines."""

    count: int = 0
    size: int = 0

    def plus(self, line: str) -> Waiting:
        """Return it with one more line."""
        return Waiting(self.count + 1, self.size + len(line))

    def minus(self, line: str) -> Waiting:
        """Return it with one line less."""
        return Waiting(self.count - 1, self.size - len(line))


@dataclass(frozen=True, slots=True)
class Past:
    """What a store held when it was opened.

    Args:
        standing: where the listener stood.
        seen: ids that it was given, the oldest first.
        top: the highest position in use.
        unshown: what was kept and perhaps never shown.
        waiting: how much waits, by sink.
    """

    standing: Standing = Standing()
    seen: Sequence[Ident] = ()
    top: int = 0
    unshown: Sequence[Kept] = ()
    waiting: Mapping[str, Waiting] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Letter:
    """What no sink took, whole, with the reason."""

    sink: str
    error: str
    attempts: int
    at: str
    line: str

    def as_line(self) -> str:
        """Return it as one line of JSON; the notification stays as it was, whole."""
        facts = {
            "sink": self.sink,
            "error": self.error,
            "attempts": self.attempts,
            "at": self.at,
        }
        return f'{strict_json(facts)[:-1]},"notification":{self.line}}}'

    @classmethod
    def of_line(cls, line: str) -> Letter:
        """Return what :meth:`as_line` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            value = json.loads(line)
            note = value["notification"]
            if not isinstance(note["type"], str):
                raise TypeError
            sink, error, tries = value["sink"], value["error"], int(value["attempts"])
            return cls(sink, error, tries, value["at"], strict_json(note))
        except (TypeError, KeyError, RecursionError):
            raise ValueError("this is no dead letter") from None
