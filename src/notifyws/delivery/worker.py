"""Brings one sink what waits for it: in order, with retries, at last as a dead letter.

It reads from the store what was kept, so that what waits costs disk and no memory.
It never raises: a sink that fails, even by a bug, is a notification not taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from notifyws.clock import Clock, utc_text
from notifyws.config.settings import Settings
from notifyws.delivery.outbox_records import (
    DeadLetter,
    DeliveryCounts,
    OutboxRecord,
    notification_of,
)
from notifyws.errors import DeliveryFailed
from notifyws.models import Notification

BATCH = 100
"""Notifications read back from the store at once."""

FEW, MANY, MANY_BYTES = 10, 2000, 4 << 20
"""How many become dead letters at once: at first, at most, and by their size."""


class WriteDeadLetters(Protocol):
    """Keeps dead letters, of one sink and for one reason."""

    async def __call__(self, *letters: DeadLetter) -> None:
        """Keep all, or tell them in full."""


class Sink(Protocol):
    """Takes notifications, one after the other or several at a time."""

    name: str
    """What it is called in a queue, a dead letter and a message."""

    async def deliver(self, notification: Notification) -> None:
        """Return once it was taken.

        Raises:
            DeliveryFailed: it was not.
        """

    async def aclose(self) -> None:
        """Let go of what is open."""


class RecordStore(Protocol):
    """Where what a worker delivers waits."""

    async def waiting(self, sink: str, after: int, limit: int) -> list[OutboxRecord]:
        """Return what waits for a sink beyond a position, in order."""

    async def done(self, sink: str, position: int) -> None:
        """Forget what a sink was given."""


class DeliveryWorker:
    """Serves one sink.

    Args:
        settings: how often it is tried, and how many at a time.
        gone: told of each that waits no longer, taken or not.
        warn: told when the sink begins to fail, and why.

    Attributes:
        counts: what came of it so far.
        more: set it when more may be waiting.
        on_rest: told whenever :attr:`rests` may have changed.
    """

    def __init__(
        self,
        sink: Sink,
        store: RecordStore,
        settings: Settings,
        clock: Clock,
        *,
        write_dead_letters: WriteDeadLetters,
        gone: Callable[[str, OutboxRecord], None],
        warn: Callable[[str], None],
    ) -> None:
        self.name = sink.name
        self.sink = sink
        self.counts = DeliveryCounts()
        self.more = asyncio.Event()
        self.on_rest: Callable[[], None] = lambda: None
        self._store = store
        self._settings = settings
        self._clock = clock
        self._write_dead_letters = write_dead_letters
        self._gone = gone
        self._warn = warn
        self._failing = ""

    @property
    def rests(self) -> bool:
        """Whether what waits for it waits for a time of its own."""
        return False

    def hurry(self) -> None:
        """Let nothing wait for more to come: there will be none."""

    async def run(self) -> None:
        """Deliver for ever, in order."""
        after = 0
        places = asyncio.Semaphore(self._settings.concurrency)
        async with asyncio.TaskGroup() as group:
            while True:
                self.more.clear()
                records = await self._store.waiting(self.name, after, BATCH)
                if not records:
                    await self.more.wait()
                for record in records:
                    after = record.position
                    await places.acquire()
                    group.create_task(self._deliver(record, places))

    async def reject_the_rest(self) -> None:
        """Make dead letters of all that waits."""
        error = "the listener ended before it"
        error += f", after: {self._failing}" if self._failing else ""
        after, limit = 0, FEW
        while records := await self._store.waiting(self.name, after, limit):
            after = records[-1].position
            largest = max(len(record.line) for record in records)
            limit = max(1, min(MANY, MANY_BYTES // max(largest, 1)))
            letters = [self._letter(record, 0, error) for record in records]
            await self._write_dead_letters(*letters)
            self.counts.rejected += len(records)
            for record in records:
                self._gone(self.name, record)

    async def _deliver(self, record: OutboxRecord, places: asyncio.Semaphore) -> None:
        try:
            attempts, error = await self._try(record)
            if error is None:
                self.counts.delivered += 1
            else:
                await self._reject(record, attempts, error)
        finally:
            places.release()  # the next one need not wait for the disk to forget this
        await self._forget(record)

    async def _try(self, record: OutboxRecord) -> tuple[int, str | None]:
        """Return how often it was tried, and why it came to nothing if it did."""
        try:
            notification = notification_of(record.line)
        except ValueError as error:
            return 0, f"{error}, what waited for it"
        for attempt, delay in enumerate((*self._settings.hand_on_delays, None), 1):
            try:
                await self._give(notification)
                self._failing = ""
                return attempt, None
            except Exception as error:  # noqa: BLE001 - a sink's bug ends no queue
                failed = error if isinstance(error, DeliveryFailed) else _bug(error)
                if failed.final or delay is None:
                    return attempt, failed.message
                self._say(failed.message)
                self.counts.retries += 1
                asked = min(failed.after or 0.0, self._settings.retry_after_max)
                await self._clock.sleep(max(delay, asked))
        raise AssertionError  # pragma: no cover - the last delay is None

    async def _give(self, notification: Notification) -> None:
        counts, began = self.counts, self._clock.now()
        counts.tries += 1
        try:
            await self.sink.deliver(notification)
        finally:
            counts.seconds += self._clock.now() - began

    def _say(self, failure: str) -> None:
        """Say why the sink fails, once until it works again."""
        if not self._failing:
            said = f"{self.name} did not take a notification: {failure}"
            self._warn(f"{said}; it is tried again")
        self._failing = failure

    async def _reject(
        self, record: OutboxRecord, attempts: int, error: str, count: int = 1
    ) -> None:
        """Make one dead letter, of so many notifications."""
        self.counts.rejected += count
        await self._write_dead_letters(self._letter(record, attempts, error))

    def _letter(self, record: OutboxRecord, attempts: int, error: str) -> DeadLetter:
        at = utc_text(self._clock.wall())
        return DeadLetter(self.name, error, attempts, at, record.line)

    async def _forget(self, record: OutboxRecord) -> None:
        await self._store.done(self.name, record.position)
        self._gone(self.name, record)


def _bug(error: Exception) -> DeliveryFailed:
    return DeliveryFailed(f"it failed unexpectedly: {error!r}")
