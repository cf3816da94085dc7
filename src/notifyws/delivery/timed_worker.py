"""Brings one sink what waits for it, in its time: not in quiet hours, or as a digest.

What rests stays in the store, so that a night of it costs disk and no memory, and a
process that is killed loses none. Whoever waits for the sinks does not wait for one at
rest. A digest is one notification: its title counts, its data has each whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from notifyws.clock import Clock, boot_time, utc_text
from notifyws.config.settings import Settings
from notifyws.delivery.outbox_records import OutboxRecord, notification_of
from notifyws.delivery.targets import Timing
from notifyws.delivery.worker import BATCH, DeliveryWorker, RecordStore, Sink
from notifyws.models import Notification, strict_json
from notifyws.tasks import cancel, first_of, restarted

if TYPE_CHECKING:
    from notifyws.delivery.routing import Routing

MOST = 500
"""Notifications of one digest."""
MOST_BYTES = 1 << 20
"""Bytes of their lines."""
LOOK = 60.0
"""Seconds between looks at the wall clock, which may be set, or have slept."""


class TimedWorker(DeliveryWorker):
    """Serves one sink when it is time.

    Args:
        parts, more: as for :class:`DeliveryWorker`.
    """

    def __init__(self, *parts: Any, timing: Timing, **more: Any) -> None:
        super().__init__(*parts, **more)
        self._timing = timing
        self._gathers, self._asleep = False, 0
        self._hurried = asyncio.Event()

    @property
    def rests(self) -> bool:
        """Whether what waits for it waits for its time."""
        gathers = self._gathers and not self._hurried.is_set()
        return gathers or self._asleep > 0

    def hurry(self) -> None:
        """Let no digest wait for more."""
        self._hurried.set()
        self.on_rest()

    async def run(self) -> None:
        """Deliver for ever, in order; a digest at a time where that is asked for."""
        if not self._timing.digest:
            return await super().run()
        while True:
            await self._hand_on(await self._gathered())

    async def _give(self, notification: Notification) -> None:
        await self._until_awake()
        await super()._give(notification)

    async def _until_awake(self) -> None:
        wall = self._clock.wall
        if self._timing.quiet_for(wall()):
            self._asleep += 1
            self.on_rest()
            try:
                while left := self._timing.quiet_for(wall()):
                    await self._pause(left)
            finally:
                self._asleep -= 1
                self.on_rest()

    async def _gathered(self) -> list[OutboxRecord]:
        """Return what came until it is time, or until it is enough for one digest."""
        while not (found := await self._next([])):
            await self.more.wait()
        end = boot_time(self._clock) + self._timing.digest
        self._gathers = True
        self.on_rest()
        try:
            while not _is_full(found) and not self._hurried.is_set():
                quiet = self._timing.quiet_for(self._clock.wall())
                left = max(end - boot_time(self._clock), quiet)
                if left <= 0:
                    break
                waits = self.more.wait(), self._hurried.wait()
                await first_of(*waits, self._pause(left))
                found = await self._next(found)
        finally:
            self._gathers = False
            self.on_rest()
        return found

    async def _pause(self, left: float) -> None:
        await self._clock.sleep(min(left, LOOK))

    async def _next(self, found: list[OutboxRecord]) -> list[OutboxRecord]:
        """Return what was found, and what waits beyond it, as far as there is room."""
        self.more.clear()
        found, room = list(found), MOST_BYTES - _size(found)
        while len(found) < MOST and room > 0:
            after = found[-1].position if found else 0
            new = await self._store.waiting(self.name, after, BATCH)
            for record in new[: MOST - len(found)]:
                if room > 0:
                    found.append(record)
                    room -= len(record.line)
            if len(new) < BATCH:
                break
        return found

    async def _hand_on(self, records: Sequence[OutboxRecord]) -> None:
        """Deliver records as one; they are forgotten, taken or not."""
        good: list[tuple[OutboxRecord, Notification]] = []
        for record in records:
            try:
                good.append((record, notification_of(record.line)))
            except ValueError as odd:
                await self._reject(record, 0, f"{odd}, what waited for it")
                await self._forget(record)
        if not good:
            return
        last, one = good[-1]
        if len(good) > 1:
            at = utc_text(self._clock.wall())
            one = digest_of([each for _, each in good], at)
        whole = OutboxRecord(last.position, one.line())
        attempts, error = await self._try(whole)
        if error is None:
            self.counts.delivered += len(good)
        else:
            await self._reject(whole, attempts, error, len(good))
        for record, _ in good:
            await self._forget(record)


def _is_full(found: Sequence[OutboxRecord]) -> bool:
    return len(found) >= MOST or _size(found) >= MOST_BYTES


def _size(found: Sequence[OutboxRecord]) -> int:
    return sum(len(each.line) for each in found)


class Workers:
    """The workers of all sinks.

    Args:
        routing: tells which of them take what, and when; all at once without it.
        waits_for: returns whether anything waits for a sink.
        store, settings, clock, more: as for :class:`DeliveryWorker`.
        gone, warn: the same.
        hurried: whether no digest waits for more at the end.

    Attributes:
        counts: what came of what each sink was given, by its name.
        takers: returns the names of the sinks that take a notification.
    """

    def __init__(
        self,
        sinks: Iterable[Sink],
        routing: Routing | None,
        waits_for: Callable[[str], object],
        store: RecordStore,
        settings: Settings,
        clock: Clock,
        *,
        gone: Callable[[str, OutboxRecord], None],
        warn: Callable[[str], None],
        hurried: bool = False,
        **more: Any,
    ) -> None:
        self._waits_for, self._gone, self._hurried = waits_for, gone, hurried
        self._warn, self._sleep = warn, clock.sleep
        self._workers: dict[str, DeliveryWorker] = {}
        for sink in sinks:
            parts = sink, store, settings, clock
            told = {"gone": self._is_gone, "warn": warn, **more}
            timing = routing.timing_of(sink.name) if routing else None
            worker = (
                DeliveryWorker(*parts, **told)
                if timing is None
                else TimedWorker(*parts, timing=timing, **told)
            )
            worker.on_rest = self.look
            self._workers[sink.name] = worker
        self.counts = {name: each.counts for name, each in self._workers.items()}
        self.takers = routing.takers if routing else lambda _: [*self._workers]
        self._tasks: list[asyncio.Task[None]] = []
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def are_running(self) -> bool:
        """Whether they were started, and not stopped."""
        return bool(self._tasks)

    def start(self, name: str, body: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin to deliver, and to do what is done beside it."""
        bodies = {f"the worker of {n}": each.run for n, each in self._workers.items()}
        self._tasks = [
            restarted(name, body, self._warn, self._sleep)
            for name, body in {name: body, **bodies}.items()
        ]

    def wake(self) -> None:
        """More may be waiting."""
        for worker in self._workers.values():
            worker.more.set()

    def look(self) -> None:
        """Look again at what waits."""
        workers = self._workers.items()
        if any(self._waits_for(name) and not each.rests for name, each in workers):
            self._idle.clear()
        else:
            self._idle.set()

    async def drained(self) -> None:
        """Return when nothing waits for any sink but what waits for its time."""
        if self._hurried:
            for worker in self._workers.values():
                worker.hurry()
        await self._idle.wait()

    async def stop(self, patience: float) -> None:
        """Deliver what can be in so many seconds, and no more; let the sinks go."""
        if self.are_running:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self.drained()
        await cancel(*self._tasks)
        self._tasks = []
        for worker in self._workers.values():
            await worker.sink.aclose()

    async def reject_the_rest(self) -> None:
        """Make dead letters of all that waits."""
        for worker in self._workers.values():
            await worker.reject_the_rest()

    def _is_gone(self, name: str, record: OutboxRecord) -> None:
        self._gone(name, record)
        self.look()


TYPE = "digest"
SHOWN = 20
"""Notifications of which the message has a line."""
WIDTH = 120
"""Characters of such a line."""


def digest_of(many: Sequence[Notification], at: str) -> Notification:
    """Return a digest.

    Args:
        many: what came, in order.
        at: RFC 3339 UTC; when it is made.
    """
    said = {
        "type": TYPE,
        "title": f"{len(many)} notifications",
        "message": "\n".join(_lines(many)),
        "timestamp": at,
    }
    whole = ",".join(each.line() for each in many)  # no number is written anew
    facts = f'{{"count":{len(many)},"notifications":[{whole}]}}'
    return notification_of(f'{strict_json(said)[:-1]},"data":{facts}}}')


def _lines(many: Sequence[Notification]) -> list[str]:
    lines = [_line(each) for each in many[:SHOWN]]
    more = len(many) - SHOWN
    return [*lines, f"and {more} more"] if more > 0 else lines


def _line(one: Notification) -> str:
    title, words = one.title or one.type, " ".join(one.words.split())
    line = f"{title}: {words}" if words else title
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"
