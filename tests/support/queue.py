"""A store in memory and sinks by script, for tests of the outbox."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from notifyws.config.settings import Settings
from notifyws.delivery.outbox import Outbox
from notifyws.delivery.outbox_records import (
    OUTPUT,
    Backlog,
    DeadLetter,
    Entry,
    ListenerPosition,
    OutboxRecord,
    RecoveredState,
)
from notifyws.delivery.routing import Routing
from notifyws.delivery.targets import Route
from notifyws.errors import DeliveryFailed
from notifyws.models import Notification, strict_json

from .virtual import VirtualClock


def note(title: object, ident: str | int | None = None) -> Notification:
    """A notification with a title, and an id if one is given."""
    fields = {"type": "t", "title": str(title)}
    return Notification(fields | ({} if ident is None else {"id": ident}), "then")


class MemoryStore:
    """Keeps entries in lists; passes the contract of ``queue_file``.

    Args:
        before: the store of an earlier process, whose past this one begins with.

    Attributes:
        kept: how many entries each step kept.
        pause: seconds that a step takes.
        saves: whether the next process finds what it holds.
        is_on_disk: whether it would, however this one ended.
    """

    def __init__(self, before: MemoryStore | None = None) -> None:
        self.rows: dict[tuple[str, int], str] = dict(before.rows) if before else {}
        self.seen: dict[str | int, int] = dict(before.seen) if before else {}
        self.position = before.position if before else ListenerPosition()
        self.kept: list[int] = []
        self.pause = 0.0
        self.closed, self.saves, self.path = False, True, "queue.db"
        self.is_on_disk = True
        self.past = self._past()
        self.lost: deque[tuple[str, str]] = deque()

    async def keep(
        self, entries: Sequence[Entry], position: ListenerPosition, shown: int
    ) -> None:
        await asyncio.sleep(self.pause)
        self.kept.append(len(entries))
        for entry in entries:
            for sink in entry.sinks:
                self.rows[sink, entry.position] = entry.line
            if entry.ident is not None:
                self.seen[entry.ident] = entry.position
        self.position = position
        for sink, place in list(self.rows):
            if sink == OUTPUT and place <= shown:
                del self.rows[sink, place]

    async def waiting(self, sink: str, after: int, limit: int) -> list[OutboxRecord]:
        rows = sorted(p for name, p in self.rows if name == sink and p > after)
        return [
            OutboxRecord(position, self.rows[sink, position])
            for position in rows[:limit]
        ]

    async def done(self, sink: str, position: int) -> None:
        del self.rows[sink, position]

    async def saved(self) -> bool:
        return self.saves

    async def aclose(self) -> None:
        self.closed = True

    def _past(self) -> RecoveredState:
        waiting: dict[str, Backlog] = {}
        for (sink, _), line in self.rows.items():
            waiting[sink] = waiting.get(sink, Backlog()).plus(line)
        positions = [position for _, position in self.rows]
        unshown = [
            OutboxRecord(p, self.rows[s, p])
            for s, p in sorted(self.rows)
            if s == OUTPUT
        ]
        return RecoveredState(
            self.position,
            sorted(self.seen, key=self.seen.__getitem__),
            max([0, *positions, *self.seen.values()]),
            unshown,
            waiting,
        )


class ScriptedSink:
    """Takes notifications; the next attempts fail or take time as the script says.

    Attributes:
        given: everything that was taken, in order.
        titles: of that.
        tries: of everything that was tried, with the time.
    """

    def __init__(
        self, *context: DeliveryFailed | Exception | float, name: str = "exec"
    ):
        self.name = name
        self.context = list(context)
        self.given: list[Notification] = []
        self.tries: list[tuple[float, str]] = []
        self.most = self._now = 0
        self.closed = False

    @property
    def titles(self) -> list[str]:
        return [each.title for each in self.given]

    async def deliver(self, notification: Notification) -> None:
        self.tries.append((asyncio.get_running_loop().time(), notification.title))
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            step = self.context.pop(0) if self.context else 0.0
            if isinstance(step, Exception):
                raise step
            await asyncio.sleep(step)
            self.given.append(notification)
        finally:
            self._now -= 1

    async def aclose(self) -> None:
        self.closed = True


def line(title: object) -> str:
    """The line of ``note(title)``."""
    return strict_json(note(title).as_json())


def keep(outbox: Outbox, *titles: object) -> None:
    """Keep notifications with these titles, the first as number 1."""
    for number, title in enumerate(titles, 1):
        outbox.keep(note(title), number)


class Story:
    """An outbox with everything around it."""

    def __init__(
        self,
        *sinks: ScriptedSink,
        durable: bool = True,
        store: MemoryStore | None = None,
        settings: Settings | None = None,
        routes: Sequence[Route] = (),
    ) -> None:
        self.store = store or MemoryStore()
        self.letters: list[DeadLetter] = []
        self.warnings: list[str] = []
        self.gaps: list[str] = []
        self.clock = VirtualClock()
        self.outbox = Outbox(
            self.store,
            sinks,
            settings or Settings(hand_on_delays=(1.0, 2.0)),
            self.clock.clock,
            write_dead_letters=self._reject,
            warn=self.warnings.append,
            durable=durable,
            routing=Routing(routes, [s.name for s in sinks], print) if routes else None,
        )
        self.outbox.on_gap = lambda start, reason: self.gaps.append(reason)

    async def _reject(self, *letters: DeadLetter) -> None:
        self.letters += letters

    @property
    def rejected(self) -> list[tuple[str, str, int]]:
        return [(x.sink, x.error, x.attempts) for x in self.letters]

    @asynccontextmanager
    async def running(self, patience: float = 0.0) -> AsyncIterator[Outbox]:
        self.outbox.start()
        try:
            yield self.outbox
        finally:
            await self.outbox.aclose(patience)

    async def run(self, *titles: object) -> Outbox:
        """Keep notifications with these titles, and wait until all is done."""
        async with self.running() as outbox:
            keep(outbox, *titles)
            await outbox.drained()
        return outbox
