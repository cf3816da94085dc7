"""What the frames of a server show of a profile: their meaning, their ids; pure."""

from __future__ import annotations

from notifyws.models import Notification, strict_json
from notifyws.protocol.arrivals import (
    Arrival,
    Many,
    NotUnderstood,
    ServerError,
    SessionEnded,
)

LONGEST = 400
"""Characters of a notification that are told."""


def meaning(arrival: Arrival) -> str:
    """Return what the rules make of a frame, in words."""
    match arrival:
        case Notification():
            return f"a notification: {strict_json(arrival.as_json())[:LONGEST]}"
        case Many(()):
            return "a rule fits, but it finds no notification in it"
        case Many(arrivals):
            return "; ".join(map(meaning, arrivals[:3]))
        case NotUnderstood(reason):
            return f"not understood: {reason}"
        case ServerError(words) | SessionEnded(message=words):
            return f"the server's error: {words}"
        case _:
            return f"no notification: {type(arrival).__name__}"


class Ids:
    """Sees whether the profile's id is one: never the same with other content.

    Attributes:
        last: the latest id.
        twice: the first that came again with other content; ``None`` while none did.
    """

    def __init__(self) -> None:
        self._seen: dict[str | int, int] = {}
        self._without = 0
        self.last: str | int | None = None
        self.twice: str | int | None = None

    def note(self, notification: Notification) -> None:
        """Take a notification that arrived."""
        if (ident := notification.id) is None:
            self._without += 1
            return
        self.last, content = ident, hash(notification.line())  # a flood fits in, too
        if self._seen.setdefault(ident, content) != content and self.twice is None:
            self.twice = ident

    @property
    def words(self) -> str:
        """What was seen, in words; empty where nothing came."""
        if self.twice is not None:
            return f"the id {self.twice} came twice, with other content"
        of_them = f", {self._without} without" if self._without else ""
        seen = len(self._seen)
        return f"{seen} different ids{of_them}" if seen or self._without else ""
