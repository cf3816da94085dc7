"""The listener of ``mcp``: what it remembers, and how it stands.

It runs for as long as its client does. A connection that ended for good (a password
that is refused, say) does not end it: then it says so to whoever asks. The newest
notifications are kept, bounded by count and size, each with a number counted from 1
without holes, so that whoever asks again can say after which.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Struct

from notifyws.delivery.filters import Selection
from notifyws.errors import NotifyError, UsageError
from notifyws.events import READY, Connected, Event, Failure, Gap, as_json
from notifyws.models import Notification
from notifyws.service import NotificationService
from notifyws.ui.lines import event_line
from notifyws.ui.streams import say

MOST_WAITING = 16
"""Who may wait at a time: each looks at every notification."""

Test = Callable[[Notification], bool]


class Remembered(Struct, frozen=True, eq=False):
    """A notification, and its number in the order of arrival.

    Args:
        number: 1 for the first.
        size: characters of its line.
    """

    number: int
    notification: Notification
    size: int


class RecentNotifications:
    """Remembers what came last.

    Args:
        count: notifications at most.
        size: characters of all their lines at most; the newest is kept in any case.

    Attributes:
        newest: the number of the last that came; 0 before the first.
    """

    def __init__(self, count: int, size: int) -> None:
        self._count, self._size = count, size
        self._kept: deque[Remembered] = deque()
        self._held = 0
        self._waiting: dict[asyncio.Future[Remembered], Test] = {}
        self._over: NotifyError | None = None
        self.newest = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, notification: Notification) -> None:
        """Remember one, and give it to all who wait for such a one."""
        self.newest += 1
        size = len(notification.line())
        remembered = Remembered(self.newest, notification, size)
        self._kept.append(remembered)
        self._held += size
        while len(self._kept) > self._count or (
            self._held > self._size and len(self._kept) > 1
        ):
            self._held -= self._kept.popleft().size
        for future, test in list(self._waiting.items()):
            if not future.done() and test(notification):
                future.set_result(remembered)

    def end(self, error: NotifyError) -> None:
        """Let go whoever waits, now and later: nothing will come any more."""
        self._over = error
        for future in self._waiting:
            if not future.done():
                future.set_exception(error)

    def after(self, number: int) -> list[Remembered]:
        """Return what is remembered of all that came after one, oldest first."""
        return [each for each in self._kept if each.number > number]

    async def found(self, test: Test, after: int) -> list[Remembered]:
        """Return what passes a test of all after a number; others get their turns."""
        found = []
        for each in self.after(after):
            if test(each.notification):
                found.append(each)
            await asyncio.sleep(0)
        return found

    def forgotten(self, number: int) -> int:
        """Return how many came after one and are remembered no more."""
        return max(0, self.newest - len(self._kept) - number)

    async def wait_for(self, test: Test, after: int) -> Remembered:
        """Return the first after a number that passes a test, when it comes.

        Args:
            after: the number; those that came since are looked at first.

        Raises:
            UsageError: too many wait already.
            NotifyError: nothing will come any more.
        """
        while rest := self.after(after):
            for each in rest:
                if test(each.notification):
                    return each
                after = each.number
                await asyncio.sleep(0)
        if self._over is not None:
            raise self._over
        if len(self._waiting) >= MOST_WAITING:
            message = f"{MOST_WAITING} wait for a notification already"
            raise UsageError(message, "wait for one of those to end")
        future: asyncio.Future[Remembered] = asyncio.get_running_loop().create_future()
        self._waiting[future] = test
        try:
            return await future
        finally:
            del self._waiting[future]


MEMORY = 8 << 20
"""Characters of all that is remembered."""
GAPS = 20
"""The newest gaps that are remembered."""


class Request(Struct, frozen=True):
    """What ``mcp`` was asked to offer.

    Args:
        selection: what may be seen; everything when ``None``.
        only: the same, in its words.
        keep: notifications that are remembered.
        since: id or time to start from.
    """

    selection: Selection | None
    only: str | None
    allow_send: bool
    keep: int
    since: str | datetime | None
    quiet: bool


class ListenerMemory:
    """Remembers what a service receives and what happens to it.

    Attributes:
        gap_count: how many there were in all.
        connected_since: RFC 3339; empty while there is no connection.
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
