"""A member's share of the group: taken from the stream, shown, handed on, acknowledged.

The law: *an entry is acknowledged when it was shown and every sink took it*, so that
one that dies leaves the rest to the others. No more is taken than there is room for.
What Redis offers again, because an answer was lost or a replica took over, is told
from what is new.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from notifyws.clock import Clock
from notifyws.config.settings import Settings
from notifyws.delivery.outbox_records import Backlog, notification_of
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Item
from notifyws.delivery.timed_worker import Workers
from notifyws.delivery.worker import Sink, WriteDeadLetters
from notifyws.errors import CacheFailed
from notifyws.fleet.group.entries import Entry, moment_text
from notifyws.fleet.group.in_hand import InHand
from notifyws.fleet.group.store import GroupStore
from notifyws.tasks import cancel, first_of, restarted

if TYPE_CHECKING:
    from notifyws.delivery.filters import Filter
    from notifyws.delivery.routing import Routing

WAIT = 5.0
"""Seconds that a read waits for something new."""
AGAIN = 0.5
"""Seconds after which a call that failed is tried again."""
GATHER = 0.005
"""Seconds in which what is done with is gathered to be acknowledged."""


class GroupMember:
    """Takes what falls to one member.

    Args:
        write_dead_letters: keeps what a sink finally did not take.
        warn: is told what could not be delivered.
        selection: which notifications are wanted; all of them when not given.
        lost: told since when (RFC 3339) something is missing, and why.
        routing: tells which sinks take what; each takes all without it.
        server: which of several servers this is, by our own name for it.

    Attributes:
        streams: numbers of the streams that it reads.
        received, filtered: notifications so far.
        workers: bring sinks what falls to this member.
    """

    def __init__(
        self,
        store: GroupStore,
        queue: DeliveryQueue[Item],
        sinks: Sequence[Sink],
        settings: Settings,
        clock: Clock,
        *,
        write_dead_letters: WriteDeadLetters,
        warn: Callable[[str], None],
        selection: Filter | None,
        lost: Callable[[str, str], None],
        routing: Routing | None = None,
        server: str = "",
    ) -> None:
        self._store, self._queue, self._clock = store, queue, clock
        self._warn, self._selection, self._lost = warn, selection, lost
        self._server = server
        self.in_hand = InHand(sink.name for sink in sinks)
        self.workers = Workers(
            sinks,
            routing,
            self.in_hand.waits_for,
            *(self.in_hand, settings, clock),
            write_dead_letters=write_dead_letters,
            gone=lambda name, record: self._look(),
            warn=warn,
        )
        self.streams: list[int] = []
        self.received = self.filtered = 0
        self._turned = asyncio.Event()
        self._done, self._room = asyncio.Event(), asyncio.Event()
        self._again: set[int] = set()
        self._reading: asyncio.Task[None] | None = None
        queue.on_settled = self._settled

    def start(self) -> None:
        """Begin to take, to hand on and to acknowledge."""
        warn, sleep = self._warn, self._clock.sleep
        self._reading = restarted("the reader of the group", self._read, warn, sleep)
        self.workers.start("what acknowledges", self._acknowledge_for_ever)

    def read_from(self, streams: Sequence[int]) -> None:
        """Read these streams from now on; what is in hand of others is finished."""
        if list(streams) != self.streams:
            self._again |= set(streams) - set(self.streams)
            self.streams = list(streams)
            self._turned.set()

    def doubt(self, streams: Iterable[int]) -> None:
        """Look again at what this member was given: an answer may have been lost."""
        self._again |= set(streams)

    def backlog(self) -> dict[str, Backlog]:
        """Return how much waits for each sink."""
        backlog_of = self.in_hand.backlog_of
        return {name: Backlog(*backlog_of(name)) for name in self.workers.counts}

    def take(self, entries: Sequence[Entry]) -> None:
        """Take entries that fell to this member."""
        self.in_hand.came(entries)
        for entry in entries:
            if entry.place in self.in_hand:
                continue
            if self.in_hand.was_done(entry.place):
                self.in_hand.again(entry.place)
            elif entry.line is None:
                self._is_lost(entry)
            else:
                self._take(entry, entry.line)
        if self.in_hand.has_done:
            self._done.set()
        self.workers.wake()

    async def claim(self, idle: float) -> None:
        """Take over what dead members held, if there is room for it.

        Raises:
            CacheFailed: Redis does not answer.
        """
        for stream in self.streams:
            if not self._is_satisfied:
                await self.inherit(stream, idle, own=False)

    async def is_done_with(self, stream: int) -> bool:
        """Return whether nothing of a stream that is read no more is unfinished.

        Raises:
            CacheFailed: Redis does not answer.
        """
        self.take(entries := await self._store.held(stream, "0", self.in_hand.some()))
        return not entries

    async def inherit(
        self, stream: int, idle: float = 0.0, *, own: bool = True
    ) -> bool:
        """Take over what others held, if there is room; return whether that was all.

        Args:
            idle: seconds that nobody may have touched it.
            own: whether all that others hold there is to be taken.

        Raises:
            CacheFailed: Redis does not answer.
        """
        most = min(self.in_hand.room, self.in_hand.some())
        if most <= 0:
            return False
        try:
            entries = await self._store.claim(stream, idle, most, own=own)
        except CacheFailed:
            self.in_hand.want_less()
            raise
        self.take(entries)
        return sum(entry.line is not None for entry in entries) < most

    async def stop_reading(self) -> None:
        """Take no more."""
        if self._reading is not None:
            await cancel(self._reading)

    async def aclose(self, patience: float) -> None:
        """Stop; what is not done with after some seconds is for the others."""
        await self.stop_reading()
        await self.workers.stop(patience)
        with suppress(CacheFailed):  # then it comes twice, to another one
            await self._acknowledge()

    @property
    def _is_satisfied(self) -> bool:
        return self._selection is not None and self._selection.satisfied

    async def _read(self) -> None:
        while True:
            await self._room_for_more()
            if not self.streams or self._is_satisfied:
                await self._turned.wait()
                self._turned.clear()
                continue
            try:
                while self._again:
                    await self._look_again(min(self._again))
                await self._read_on(self.streams)
            except CacheFailed:
                self.in_hand.want_less()
                self.doubt(self.streams)
                await self._clock.sleep(AGAIN)

    async def _read_on(self, streams: Sequence[int]) -> None:
        """Read what comes next, unless this member is turned to other streams."""
        self._turned.clear()

        async def read() -> None:
            count = max(min(self.in_hand.some(len(streams)), self.in_hand.room), 1)
            self.take(await self._store.read(streams, count, WAIT))

        await first_of(read(), self._turned.wait())
        if self._turned.is_set():  # what an interrupted read was given is not known
            self._again |= set(streams) & set(self.streams)

    async def _room_for_more(self) -> None:
        while self.in_hand.room <= 0:
            self._room.clear()
            await self._room.wait()

    async def _look_again(self, stream: int) -> None:
        """See what this member was given before, and does not know of."""
        after = "0"
        while entries := await self._store.held(stream, after, self.in_hand.some()):
            self.take(entries)
            after = entries[-1].id
            await self._room_for_more()
        self._again.discard(stream)

    def _take(self, entry: Entry, line: str) -> None:
        try:
            notification = notification_of(line)
        except ValueError as error:
            self._warn(f"an entry of the group's stream is passed over: {error}")
            self.in_hand.finish(entry.place)
            return
        if self._server:
            notification = replace(notification, server=self._server)
            entry = replace(entry, line=notification.line())
        if self._is_satisfied:
            return  # it is given back
        self.received += 1
        if self._selection is not None and not self._selection.admit(notification):
            self.filtered += 1
            self.in_hand.finish(entry.place)
            return
        self._queue.put(notification, len(line))
        takers = self.workers.takers(notification)
        self.in_hand.take(entry, self._queue.put_in_all, takers)
        self.workers.look()

    def _is_lost(self, entry: Entry) -> None:
        """Tell that an entry was trimmed before the one who had it was done with it."""
        self.in_hand.finish(entry.place)
        self._lost(moment_text(entry.at), "it was trimmed before it was handled")
        self._done.set()

    def _settled(self, number: int) -> None:
        self.in_hand.settled(number)
        self._look()

    def _look(self) -> None:
        if self.in_hand.has_done:
            self._done.set()
        if self.in_hand.room > 0:
            self._room.set()

    async def _acknowledge_for_ever(self) -> None:
        while True:
            await self._done.wait()
            await self._clock.sleep(GATHER)
            self._done.clear()
            try:
                await self._acknowledge()
            except CacheFailed:
                await self._clock.sleep(AGAIN)

    async def _acknowledge(self) -> None:
        done = self.in_hand.acknowledgeable()
        try:
            while done:
                stream, ids = next(iter(done.items()))
                await self._store.acknowledge(stream, ids)
                del done[stream]
        finally:
            for stream, ids in done.items():
                self.in_hand.put_back(stream, ids)
                self._done.set()
