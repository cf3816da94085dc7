"""The newest notifications, kept for whoever asks later, and who waits for one.

Each has a number, counted from 1 without holes, so that whoever asks again can say
after which. Bounded by count and size: the oldest are forgotten, and how many is known.
It knows nothing of sockets and of how anything looks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from notifyws.errors import NotifyError, UsageError
from notifyws.models import Notification

MOST_WAITING = 16
"""Who may wait at a time: each looks at every notification."""

Test = Callable[[Notification], bool]


class Remembered(Struct, frozen=True, eq=False):
    """A notification, and its number in the order of arrival.

    Args:
        number: 1 for the first.
        notification: as it came.
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

    def forgotten(self, number: int) -> int:
        """Return how many came after one and are remembered no more."""
        return max(0, self.newest - len(self._kept) - number)

    async def wait_for(self, test: Test, after: int) -> Remembered:
        """Return the first after a number that passes a test, when it comes.

        Args:
            test: tells whether it is wanted.
            after: the number; those that came since are looked at first.

        Raises:
            UsageError: too many wait already.
            NotifyError: nothing will come any more.
        """
        for each in self.after(after):
            if test(each.notification):
                return each
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
