"""What a look at an open socket finds, and what came of all of them; values only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from notifyws.connection.event_emitter import GapStart
from notifyws.models import Notification

Place = str | int | datetime


class Found(Struct, frozen=True):
    """What a server had after a place.

    Args:
        notifications: oldest first.
        complete: whether nothing is known to be lacking.
        guessed: whether nothing but silence told that this was all.
        reached: whether nothing among it is from before the place.
    """

    notifications: Sequence[Notification]
    complete: bool = True
    guessed: bool = False
    reached: bool = True


class Proofs(Struct):
    """What came of the looks so far.

    Args:
        every: seconds between two of them.
        proved_at: RFC 3339 UTC; all that the server had until then was handed over.
        sound: looks that found nothing missed.
        deaf: sockets that had missed something, and were renewed.
        failed: looks that proved nothing.
        recovered: notifications that no socket had brought.
    """

    every: float
    proved_at: str | None = None
    sound: int = 0
    deaf: int = 0
    failed: int = 0
    recovered: int = 0


class Missed(Struct, frozen=True):
    """What a socket did not bring.

    Args:
        notifications: oldest first.
        since: when all was well for the last time.
        asked_at: when the server was asked.
        complete: whether that is all of it.
    """

    notifications: Sequence[Notification]
    since: GapStart
    asked_at: GapStart
    complete: bool

    @property
    def said(self) -> str:
        """What people are told of it."""
        count = len(self.notifications)
        what = "a notification" if count == 1 else f"{count} notifications"
        return f"the socket was open and did not bring {what}"
