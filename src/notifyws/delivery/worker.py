"""Brings one sink what waits for it: in order, again and again, then as a dead letter.

It reads from the store what was kept, so that what waits costs disk and no memory.
It never raises: a sink that fails, even by a bug, is a notification not taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from msgspec import Struct

from notifyws.clock import Clock, utc_text
from notifyws.delivery.outbox_records import DeadLetter, OutboxRecord, notification_of
from notifyws.errors import DeliveryFailed
from notifyws.models import Notification

__all__ = [
    "DeliveryPolicy",
    "DeliveryWorker",
    "OutboxReader",
    "Sink",
    "WriteDeadLetter",
]

BATCH = 100
"""Notifications read back from the store at once."""

WriteDeadLetter = Callable[[DeadLetter], Awaitable[None]]
"""Keeps a dead letter."""


class OutboxReader(Protocol):
    """Where a courier finds what waits; never raises."""

    async def waiting(self, sink: str, after: int, limit: int) -> list[OutboxRecord]:
        """Return what waits for a sink beyond a position, in order."""

    async def done(self, sink: str, position: int) -> None:
        """Forget what a sink was given."""


class Sink(Protocol):
    """Takes notifications, one after the other or several at a time."""

    @property
    def name(self) -> str:
        """What it is called in a queue, a dead letter and a message."""

    async def deliver(self, notification: Notification) -> None:
        """Return once it was taken.

        Raises:
            DeliveryFailed: it was not.
        """

    async def aclose(self) -> None:
        """Let go of what is open."""


class DeliveryPolicy(Struct, frozen=True):
    """How patiently things are handed on.

    Args:
        delays: seconds before each new try.
        longest: seconds beyond which the other side's own wish is not followed.
        concurrency: how many at the same time; 1 keeps the order.
        max_bytes: that may wait for one sink.
    """

    delays: Sequence[float] = (1.0, 2.0, 4.0, 8.0, 16.0)
    longest: float = 300.0
    concurrency: int = 1
    max_bytes: int = 256 << 20


class DeliveryWorker:
    """Serves one sink.

    Args:
        sink: who takes.
        shelf: where it waits.
        handing: how patiently.
        world: clock and sleep.
        bury: keeps what was finally not taken.
        gone: told of each that waits no longer, taken or buried.
        warn: told when the sink begins to fail, and why.

    Attributes:
        more: set it when more may be waiting.
    """

    def __init__(
        self,
        sink: Sink,
        shelf: OutboxReader,
        delivery_policy: DeliveryPolicy,
        clock: Clock,
        *,
        write_dead_letter: WriteDeadLetter,
        gone: Callable[[str, OutboxRecord], None],
        warn: Callable[[str], None],
    ) -> None:
        self.name = sink.name
        self.sink = sink
        self.more = asyncio.Event()
        self._shelf = shelf
        self._handing = delivery_policy
        self._clock = clock
        self._bury = write_dead_letter
        self._gone = gone
        self._warn = warn
        self._failing = ""

    async def run(self) -> None:
        """Hand on for ever, in order."""
        after = 0
        places = asyncio.Semaphore(self._handing.concurrency)
        async with asyncio.TaskGroup() as group:
            while True:
                self.more.clear()
                kept = await self._shelf.waiting(self.name, after, BATCH)
                if not kept:
                    await self.more.wait()
                for each in kept:
                    after = each.position
                    await places.acquire()
                    group.create_task(self._one(each, places))

    async def bury_the_rest(self) -> None:
        """Make dead letters of all that waits."""
        while kept := await self._shelf.waiting(self.name, 0, BATCH):
            for each in kept:
                why = f", after: {self._failing}" if self._failing else ""
                await self._end(each, 0, f"the listener ended before it{why}")

    async def _one(self, kept: OutboxRecord, places: asyncio.Semaphore) -> None:
        try:
            attempts, error = await self._try(kept)
            if error is None:
                await self._forget(kept)
            else:
                await self._end(kept, attempts, error)
        finally:
            places.release()

    async def _try(self, kept: OutboxRecord) -> tuple[int, str | None]:
        """Return how often it was tried, and why it came to nothing if it did."""
        try:
            notification = notification_of(kept.line)
        except ValueError as error:
            return 0, f"{error}, what waited for it"
        for attempt, delay in enumerate((*self._handing.delays, None), 1):
            try:
                await self.sink.deliver(notification)
                self._failing = ""
                return attempt, None
            except Exception as error:  # noqa: BLE001 - a sink's bug ends no queue
                failed = _as_failed(error)
                if failed.final or delay is None:
                    return attempt, failed.message
                self._say(failed.message)
                asked = min(failed.after or 0.0, self._handing.longest)
                await self._clock.sleep(max(delay, asked))
        raise AssertionError  # pragma: no cover - the last delay is None

    def _say(self, failure: str) -> None:
        """Say why the sink fails, once until it works again."""
        if not self._failing:
            said = f"{self.name} did not take a notification: {failure}"
            self._warn(f"{said}; it is tried again")
        self._failing = failure

    async def _end(self, kept: OutboxRecord, attempts: int, error: str) -> None:
        at = utc_text(self._clock.wall())
        await self._bury(DeadLetter(self.name, error, attempts, at, kept.line))
        await self._forget(kept)

    async def _forget(self, kept: OutboxRecord) -> None:
        await self._shelf.done(self.name, kept.position)
        self._gone(self.name, kept)


def _as_failed(error: Exception) -> DeliveryFailed:
    if isinstance(error, DeliveryFailed):
        return error
    return DeliveryFailed(f"it failed unexpectedly: {error!r}")
