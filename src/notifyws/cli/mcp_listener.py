"""The listener of ``mcp``: what it remembers, and how it stands.

It runs for as long as its client does. A connection that ended for good (a password
that is refused, say) does not end it: then it says so to whoever asks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime
from typing import Any

from msgspec import Struct

from notifyws.delivery.filters import Only
from notifyws.delivery.recent import RecentNotifications
from notifyws.errors import NotifyError
from notifyws.events import READY, Connected, Event, Failure, Gap, as_json
from notifyws.models import Notification
from notifyws.service import NotificationService
from notifyws.ui.lines import event_line
from notifyws.ui.streams import say

MEMORY = 8 << 20
"""Characters of all that is remembered."""
GAPS = 20
"""The newest gaps that are remembered."""


class Request(Struct, frozen=True):
    """What ``mcp`` was asked to offer.

    Args:
        selection: what may be seen; everything when ``None``.
        only: the same, in its words.
        allow_send: whether messages may be sent.
        keep: notifications that are remembered.
        since: id or time to start from.
        quiet: say nothing but errors.
    """

    selection: Only | None
    only: str | None
    allow_send: bool
    keep: int
    since: str | datetime | None
    quiet: bool


class ListenerMemory:
    """Remembers what a service receives and what happens to it.

    Args:
        service: the one that listens.
        request: how much to remember, and what to say on stderr.

    Attributes:
        recent: the newest notifications.
        gaps: the newest gaps.
        gap_count: how many there were in all.
        connected_since: RFC 3339; empty while there is no connection.
        last_failure: the last thing that went wrong.
        ended: why the connection ended for good, once it did.
        ready: set while there is a connection, and when there will be none.
    """

    def __init__(self, service: NotificationService, request: Request) -> None:
        self.service = service
        self.recent = RecentNotifications(request.keep, MEMORY)
        self.gaps: deque[Gap] = deque(maxlen=GAPS)
        self.gap_count = 0
        self.connected_since = ""
        self.last_failure: Failure | None = None
        self.ended: NotifyError | None = None
        self.ready = asyncio.Event()
        self._quiet = request.quiet
        self._limited = request.selection is not None

    async def run(self) -> None:
        """Remember what arrives until the connection has ended for good."""
        async for burst in self.service.arrivals():
            for item in burst:
                if isinstance(item, Notification):
                    self.recent.add(item)
                elif isinstance(item, Event):
                    self.note(item)
        try:
            await self.service.closed()
        except NotifyError as error:
            self.ended = error
            self.recent.end(error)
            self.ready.set()  # whoever waits for it is told why there is none
            if not self._quiet:
                say(error.message, "error")
                say(error.hint, "hint")

    def note(self, event: Event) -> None:
        """Take note of what happened, and say it on stderr."""
        if not self._quiet:
            say(event_line(event))
        if event.name in READY:
            self.ready.set()
            self.connected_since = event.at if isinstance(event, Connected) else ""
        elif event.name in ("disconnected", "closed", "reconnecting"):
            self.ready.clear()
            self.connected_since = ""
        if isinstance(event, Failure):
            self.last_failure = event
        elif isinstance(event, Gap):
            self.gaps.append(event)
            self.gap_count += 1

    def troubles(self) -> dict[str, Any]:
        """Return what went wrong; the words may be the server's."""
        told: dict[str, Any] = {"gaps": [as_json(gap) for gap in self.gaps]}
        if (failure := self.last_failure) is not None:
            told["lastError"] = as_json(failure)
            if failure.type == "invalid_message" and self._limited:
                del told["lastError"]["message"]  # it quotes what nobody has checked
        if self.ended is not None:
            told["ended"] = {"message": self.ended.message, "hint": self.ended.hint}
        return told
