"""From a frame to whoever is told: what it means, whether it is new, where it goes.

The reader of the socket ends here, and nothing here waits. A notification is handed
over once or lies in a gap that is said: when there is no room, the server is left if
it can replay (:class:`QueueFull`), else the newest are dropped and counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from notifyws.clock import Clock
from notifyws.connection.event_emitter import EventEmitter
from notifyws.connection.ports import QueueFull
from notifyws.delivery.gaps import DroppedCounter, GapTracker
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.server_words import ServerWords
from notifyws.events import Event
from notifyws.models import Frame, Notification, strict_json
from notifyws.protocol.arrivals import Arrival, Many, many, notifications, others_of
from notifyws.protocol.cursor import Cursor
from notifyws.protocol.rules import Rules

if TYPE_CHECKING:
    from notifyws.delivery.filters import Filter
    from notifyws.delivery.outbox import Outbox

Item = Notification | Event | Frame
PATIENCE = 2.0
"""Seconds a line may fill up for a slow reader: far less than a ping waits."""
BREATH = 0.04
"""Seconds that a burst may wait for the one before it to be shown: what is read much
sooner than it is shown only fills memory."""
FETCHED = 5.0
"""Seconds in which a connection brings what was fetched as well."""
_Part = tuple[Arrival | Frame, int]
"""A thing that arrived in a frame, and its share of that; or the frame behind all."""


class Receiver(ServerWords):
    """Takes frames in and tells events, in their order.

    Args:
        frames: hand over frames as they are, too, behind what is in them; a
            notification that is all of a frame stands for it.
        selection: which are wanted; all of them when not given.
        server: which of several servers this is, by our own name for it.

    Attributes:
        dropped: how many there was no room for, at a server that cannot replay.
        room: returns when whoever shows things can take more.
    """

    def __init__(
        self,
        rules: Rules,
        queue: DeliveryQueue[Item],
        cursor: Cursor,
        clock: Clock,
        *,
        frames: bool = False,
        selection: Filter | None = None,
        outbox: Outbox | None = None,
        server: str = "",
    ) -> None:
        self._rules, self._queue, self._clock = rules, queue, clock
        self._selection, self._outbox = selection, outbox
        self._frames, self._server = frames, server
        emitter = EventEmitter(queue.announce, clock, server)
        super().__init__(emitter, GapTracker(emitter, cursor, clock))
        self._dropped_counter = DroppedCounter(emitter, queue.room)
        self._received, self.room, self.cursor = "", queue.room, cursor
        self.received = self.filtered = self.repeats = self.dropped = 0

    def take(self, frames: Sequence[str | bytes]) -> Awaitable[None] | None:
        """Take a burst in; return what to await before the next one, if anything.

        Raises:
            QueueFull: (there or here) leave the server, and come back when there is.
        """
        self._received = self.emitter.now()
        rest = iter(frames[self._take_plain(frames) :])
        if (pause := self._take(rest)) is not None:
            return self._go_on(pause, lambda: self._take(rest))
        self.end_burst()
        return self._queue.taken(BREATH) if self._queue.is_filling else None

    def take_at_once(self, frames: Sequence[str | bytes]) -> int:
        """Take in what a burst begins with, where nothing waits; return how many."""
        if len(self._queue):
            return 0
        self._received = self.emitter.now()
        return self._take_plain(frames)

    def _take_plain(self, frames: Sequence[str | bytes]) -> int:
        """Do what :meth:`_take` does with each that is in no doubt; return how many."""
        if not self._is_calm(len(frames)):
            return 0
        found = self._rules.plain(frames, self._received)
        if not self._queue.fit(len(found), sum(map(len, frames[: len(found)]))):
            return 0
        if not (count := self.cursor.advance_over(found)):
            return 0
        del found[count:]
        self.received += count
        self.emitter.latest = found[-1]
        if self._selection is not None:
            self._selection.count_admitted(count)
        self._queue.put_all(found, sum(map(len, frames[:count])))
        if self._outbox is not None:
            self._outbox.keep_all(found, self._queue.put_in_all - count + 1)
        return count

    @property
    def has_open_gaps(self) -> bool:
        """Whether something may be missing that was not said yet."""
        return self.gaps.pending or self._dropped_counter.count > 0

    def _is_calm(self, count: int) -> bool:
        """Return whether of so many no notification is asked but whether it is new."""
        unseen = self._selection is None or self._selection.admits_unseen(count)
        doubt = self._server or self.gaps.in_doubt or self._dropped_counter.count
        return unseen and not doubt and self.cursor.beginning is None

    def _take(self, rest: Iterator[str | bytes]) -> Awaitable[None] | None:
        """Take frames in until one must wait; return what for."""
        read, received = self._rules.read, self._received
        for frame in rest:
            arrival = read(frame, received)
            if isinstance(arrival, Notification) and arrival.frame is not None:
                pause = self._notification(arrival, len(frame))
            else:
                pause = self._take_apart(frame, arrival)
            if pause is not None:
                return pause
        return None

    async def _go_on(
        self, pause: Awaitable[None] | None, take: Callable[[], Awaitable[None] | None]
    ) -> None:
        while pause is not None:
            await pause
            self._received = self.emitter.now()
            pause = take()
        self.end_burst()

    def _take_apart(
        self, frame: str | bytes, arrival: Arrival
    ) -> Awaitable[None] | None:
        """Take in a frame that is more, or less, than a notification."""
        parts = self._parts(frame, arrival)
        pause = self._take_parts(parts, frame)
        return pause and self._go_on(pause, lambda: self._take_parts(parts, frame))

    def _parts(self, frame: str | bytes, arrival: Arrival) -> Iterator[_Part]:
        admitted = self._admitted
        if isinstance(arrival, Many):
            share = len(frame) // max(len(arrival.arrivals), 1)
            for each in arrival.arrivals:
                yield each, share
        else:
            yield arrival, len(frame)
        if self._frames:
            has_news = self._admitted > admitted
            if has_news or not notifications(arrival):
                yield Frame.of(frame, has_news), len(frame)

    @property
    def _admitted(self) -> int:
        return self.received - self.filtered

    def _take_parts(
        self, parts: Iterator[_Part], frame: str | bytes
    ) -> Awaitable[None] | None:
        for part, size in parts:
            if isinstance(part, Notification):
                if (pause := self._notification(part, size)) is not None:
                    return pause
            elif isinstance(part, Frame):
                self._pass_on(part)
            else:
                self.hear(part, frame)
        return None

    async def catch_up(self, missed: Iterable[Notification]) -> None:
        """Take in what was missed and came by other means.

        Raises:
            QueueFull: there is none for the rest of it.
        """
        for notification in filter(self.cursor.is_news, missed):
            line, admitted = notification.line(), self._admitted
            if pause := self._notification(notification, len(line)):
                await pause
            if self._frames and self._admitted > admitted and not notification.frame:
                self._pass_on(Frame(line, has_news=True))  # it came in none
        self.cursor.deduplicator.expect_ids(self._clock.now() + FETCHED)

    def meaning_of(self, values: Sequence[Any]) -> Arrival:
        """Return what the rules see in values that were fetched."""
        received = self.emitter.now()
        return many(self._rules.value(value, received) for value in values)

    def hear_fetched(self, arrival: Arrival, body: Any) -> None:
        """Tell what else arrived in a body than notifications, as of a frame."""
        if others := others_of(arrival):
            text = strict_json(body)
            for each in others:
                self.hear(each, text)

    def meaning(self, frame: str | bytes) -> Arrival:
        """Return what a frame means of which nothing is to be handed over."""
        return self._rules.read(frame, self.emitter.now())

    def _notification(
        self, notification: Notification, size: int
    ) -> Awaitable[None] | None:
        """Take in what may be news; most of the time of a burst goes by here."""
        selection, ident = self._selection, notification.fields.get("id")
        if type(ident) is not str or not ident:
            ident = notification.id
        if self._server:
            notification = replace(notification, server=self._server)
        now = self._clock.now
        if self.cursor.is_repeat(notification, ident, now):
            self.repeats += 1
            if self.gaps.in_doubt and self.cursor.is_too_old(notification, now()):
                self.gaps.in_doubt = False  # the server keeps more than was asked for
            return None
        if selection is not None and selection.satisfied:
            return None  # the cursor stays before it, for the next time
        if not self._queue.fits(size) and (  # what nobody wants needs no room
            selection is None or selection.passes(notification)
        ):
            return self._hand_over_patiently(notification, size)
        self._hand_over(notification, ident, size)
        return None

    def close(self) -> None:
        """Say what is still to be said; nothing follows."""
        self.gaps.settle()
        self._dropped_counter.close()
        self._queue.close()

    def _hand_over(
        self, notification: Notification, ident: str | int | None, size: int
    ) -> None:
        if self.gaps.in_doubt:
            self.gaps.settle()
        self.cursor.advance(ident, notification)
        self.received += 1
        self.emitter.latest = notification
        if self._selection is None or self._selection.admit(notification):
            self._dropped_counter.say()
            self._queue.put(notification, size)
            if self._outbox is not None:
                self._outbox.keep(notification, self._queue.put_in_all)
            return
        self.filtered += 1
        if self._outbox is not None:
            self._outbox.passed(notification)

    async def _hand_over_patiently(self, notification: Notification, size: int) -> None:
        """Let the line fill up for a moment: the reader may be about to catch up."""
        try:
            if not self._dropped_counter.count:
                with suppress(TimeoutError):
                    async with asyncio.timeout(PATIENCE):
                        while not self._queue.fits(size):
                            await self.room()
        except asyncio.CancelledError:
            self._refuse(notification)
            raise
        if self._queue.fits(size):
            self._hand_over(notification, notification.id, size)
        elif self._refuse(notification):
            raise QueueFull

    def _refuse(self, notification: Notification) -> bool:
        """Return whether the server can replay it; if not, it is dropped."""
        if self.cursor.can_resume and notification.id is not None:
            return True
        if notification.id is None:
            self.cursor.advance(None)
        self.dropped += 1
        self._dropped_counter.add(notification.received)
        if self._outbox is not None:  # a slow reader is no reason to deliver less
            self._outbox.keep(notification, None)
        return False

    def _pass_on(self, frame: Frame) -> None:
        if self._queue.fits(size := len(frame.text)):
            self._queue.put(frame, size)
        else:
            self._dropped_counter.add(self.emitter.now())
