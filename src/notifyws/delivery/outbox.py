"""What arrived and is still to be delivered: kept, handed to workers, then forgotten.

The law: *a notification is kept in the same step that moves the cursor past it, and
forgotten only when its sink took it or it became a dead letter.* So a process that is
killed delivers again what was under way, and asks the server for the rest. Each sink
has a queue of its own and a worker; nobody who receives waits for one. What is written
is written in groups: while one group goes to disk the next one gathers.

It knows no database, no process and no HTTP: a store and sinks are handed in.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from notifyws.clock import Clock, utc_text
from notifyws.config.settings import Settings
from notifyws.delivery.outbox_records import (
    OUTPUT,
    Backlog,
    DeadLetter,
    DeliveryCounts,
    Entry,
    Ident,
    ListenerPosition,
    OutboxRecord,
    notification_of,
)
from notifyws.delivery.timed_worker import Workers
from notifyws.delivery.worker import Sink, WriteDeadLetters
from notifyws.models import Notification
from notifyws.protocol.deduplicator import REMEMBERED, kept_id

if TYPE_CHECKING:
    from notifyws.delivery.outbox_file import OutboxFile
    from notifyws.delivery.routing import Routing

TOUCH = 5.0
"""Seconds after which the store knows that the line is still good."""
MANY, REST = 50, 0.01
"""So many that were written at once are part of a burst: that many seconds later more
of it is written at once, and most of that was shown meanwhile and is not written."""


class Outbox:
    """The queues between what arrived and the sinks.

    Args:
        settings: how often a sink is tried, and how much may wait for it.
        write_dead_letters: keeps what a sink finally did not take.
        warn: is told what could not be delivered.
        durable: whether this outlives the process, as a named listener does.
        routing: tells which sinks take what; each takes all without it.

    Attributes:
        counts: what came of what was kept, by sink.
        heard_at: returns since when nothing was heard, ``None`` while not connected.
        on_gap: told from when on something was not delivered, and why.
        on_moved: told where the listener stands, after that was written.
        past: what was known when this began.
        position: where the listener stands now.
        seen: ids that it was given, the oldest first.
        waiting: how much waits, by sink.
    """

    def __init__(
        self,
        store: OutboxFile,
        sinks: Sequence[Sink],
        settings: Settings,
        clock: Clock,
        *,
        write_dead_letters: WriteDeadLetters,
        warn: Callable[[str], None],
        durable: bool,
        routing: Routing | None = None,
    ) -> None:
        self._store = store
        self._workers = Workers(
            sinks,
            routing,
            lambda name: self.waiting[name].count,
            *(store, settings, clock),
            write_dead_letters=write_dead_letters,
            gone=self._forget,
            warn=warn,
            hurried=not durable,
        )
        self._max_bytes, self._clock, self._warn = settings.queue_disk, clock, warn
        self._write_dead_letters = write_dead_letters
        self.counts, self._durable = dict(self._workers.counts), durable
        self.heard_at: Callable[[], str | None] = lambda: None
        self.on_gap: Callable[[str, str], None] = lambda start, reason: None
        self.on_moved: Callable[[ListenerPosition], Awaitable[None]] | None = None
        self.past = past = store.past
        self.position = past.position
        self.seen = deque(past.seen, REMEMBERED)
        self._top = past.top
        self._batch: list[Entry] = []
        # what is not shown yet, in runs: number and position of the first, and how many
        self._unshown = deque[tuple[int, int, int]]()
        self._shown, self._dirty = 0, asyncio.Event()
        self._writing: asyncio.Future[None] | None = None
        self._refused: dict[str, tuple[int, str]] = {}
        self.waiting = {n: past.waiting.get(n, Backlog()) for n in self.counts}
        self._workers.look()

    @property
    def outlives(self) -> bool:
        """Whether what waits is found again, however this process ends."""
        return self._durable and self._store.is_on_disk

    def start(self) -> None:
        """Begin to write and to deliver, also what waited before; once is enough."""
        if self._workers.are_running:
            return
        self._tell_lost()
        for name in self.past.waiting.keys() - {OUTPUT, *self.waiting}:
            count = f"{self.past.waiting[name].count} wait for {name}"
            self._warn(f"{count}, which is not among those handed on to: they stay")
        self._workers.start("the queue", self._write_for_ever)

    def keep(self, notification: Notification, number: int | None) -> None:
        """Keep a notification for every sink, and move past it.

        Args:
            number: its number where it is shown, else ``None``; see :meth:`settled`.
        """
        self.keep_all([notification], number)

    def keep_all(
        self, notifications: Sequence[Notification], first: int | None
    ) -> None:
        """Keep a burst as :meth:`keep` does; ``first`` is the number of the first."""
        output: tuple[str, ...] = ()
        if self._durable and first is not None:
            output = (OUTPUT,)
            self._unshown.append((first, self._top + 1, len(notifications)))
        for notification in notifications:
            line = notification.line()
            names = self._queued_for(notification, line) if self.waiting else ()
            self._add(line, notification.id, (*names, *output) if names else output)
        self._move_past(notifications)

    def _queued_for(self, notification: Notification, line: str) -> list[str]:
        """Count it as waiting for each sink that takes it and has room."""
        takers = self._workers.takers(notification)
        names = [name for name in takers if self._has_room(name, len(line))]
        for name in names:
            self.waiting[name] = self.waiting[name].plus(line)
        if names:
            self._workers.look()
        return names

    def keep_for(self, name: str, notification: Notification) -> None:
        """Keep a notification for one sink alone."""
        line = notification.line()
        self.waiting[name] = self.waiting[name].plus(line)
        self._workers.look()
        self._add(line, None, (name,))
        self.position = replace(self.position, mixed=True)

    def passed(self, notification: Notification) -> None:
        """Move past a notification that nobody wants."""
        if self._durable:
            self._add("", notification.id, ())
            self._move_past([notification])

    def show_again(self, position: int, number: int) -> None:
        """Take note that what was kept before is shown under a new number."""
        self._unshown.append((number, position, 1))

    def settled(self, number: int) -> None:
        """Take note that everything up to a number was shown."""
        while self._unshown and (left := number + 1 - self._unshown[0][0]) > 0:
            first, position, count = self._unshown.popleft()
            self._shown = position + min(left, count) - 1
            if left < count:
                self._unshown.appendleft((first + left, position + left, count - left))
            self._dirty.set()

    async def reject_unshowable(self) -> None:
        """Make dead letters of what was kept to be shown and is no notification."""
        for record in self.past.unshown:
            try:
                notification_of(record.line)
            except ValueError as error:
                why = f"{error}, what was kept to be shown"
                at = utc_text(self._clock.wall())
                letter = DeadLetter(OUTPUT, why, 0, at, record.line)
                self.counts.setdefault(OUTPUT, DeliveryCounts()).rejected += 1
                await self._write_dead_letters(letter)
                await self._store.done(OUTPUT, record.position)

    async def drained(self) -> None:
        """Return when nothing waits for any sink but what waits for its time."""
        while self._batch or (self._writing and not self._writing.done()):
            await self._clock.sleep(REST)  # or a digest would go without the last ones
        await self._workers.drained()

    async def aclose(self, patience: float) -> bool:
        """Stop; what is left in some seconds stays (then true), or becomes letters."""
        await self._workers.stop(patience)
        if self._writing is not None:
            await self._writing
        self._tell_refused(*self._refused)
        await self._write()
        outlives = self._durable and await self._store.saved()
        if self._durable and not outlives:
            what = f"{self._store.path} could not be written"
            self._warn(f"{what}: the next listener of this name knows nothing of this")
        if not outlives:
            await self._workers.reject_the_rest()
        await self._store.aclose()
        return outlives

    def _add(self, line: str, ident: Ident | None, sinks: tuple[str, ...]) -> None:
        kept = None if ident is None else kept_id(ident)
        self._top += 1
        self._batch.append(Entry(self._top, line, kept, sinks))
        if kept is not None:
            self.seen.append(kept)
        self._dirty.set()

    def _move_past(self, notifications: Sequence[Notification]) -> None:
        self.position = self.position.past_all(notifications, self._clock.wall())

    def _has_room(self, name: str, size: int) -> bool:
        if self.waiting[name].size + size <= self._max_bytes:
            self._tell_refused(*({name} & self._refused.keys()))
            return True
        if name not in self._refused:
            limit = f"{self._max_bytes} bytes wait for it"
            self._warn(f"{name} is too slow: {limit}; the newest are not kept for it")
            self._refused[name] = (0, utc_text(self._clock.wall()))
        self.counts[name].dropped += 1
        count, since = self._refused[name]
        self._refused[name] = (count + 1, since)
        return False

    def _tell_refused(self, *names: str) -> None:
        for name in names:
            count, since = self._refused.pop(name)
            self.on_gap(since, f"{count} were not handed to {name}: it is too slow")

    async def _write_for_ever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(TOUCH if self._durable else None):
                    await self._dirty.wait()
            except TimeoutError:
                if self.heard_at() is None:
                    continue
            if await self._write() > MANY:
                await self._clock.sleep(REST)

    async def _write(self) -> int:
        """Write what has gathered, and return how many that were.

        What gathers meanwhile is for the next time.
        """
        self._dirty.clear()
        batch, self._batch = self._batch, []
        heard = self.heard_at() or self.position.heard_at
        self.position = position = replace(self.position, heard_at=heard)
        write = self._store.keep(batch, position, self._shown)
        self._writing = asyncio.ensure_future(write)
        try:
            await asyncio.shield(self._writing)  # who is cancelled has begun it
        except Exception:
            self._batch[:0] = batch
            self._dirty.set()
            raise
        if self._store.lost:
            self._count_anew([*batch, *self._batch])
            self._tell_lost()
        self._workers.wake()
        if self.on_moved is not None:
            await self.on_moved(position)
        return len(batch)

    def _tell_lost(self) -> None:
        while self._store.lost:
            self.on_gap(*self._store.lost.popleft())

    def _count_anew(self, entries: Sequence[Entry]) -> None:
        """Count what waits, where nothing is left but some entries."""
        self.waiting = dict.fromkeys(self.waiting, Backlog())
        for entry in entries:
            for name in self.waiting.keys() & set(entry.sinks):
                self.waiting[name] = self.waiting[name].plus(entry.line)
        self._workers.look()

    def _forget(self, name: str, record: OutboxRecord) -> None:
        self.waiting[name] = self.waiting[name].minus(record.line)
