"""Is the socket deaf? While it is open the server is asked what it had for us.

It owns when that is asked, from where on, and what follows from the answer. It must not
know how a server is asked: by ``catch_up`` (HTTP), or by ``second_connection``.

The law: *a socket is called deaf only for a notification that the server gives when it
is asked, that the socket had time to bring, and of which all that came was read.*
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from notifyws.clock import Clock, sleep
from notifyws.connection.connection import Connection
from notifyws.connection.event_emitter import GapStart
from notifyws.connection.ports import Found, Place, QueueFull, Receiver
from notifyws.errors import NotifyError
from notifyws.events import Failure
from notifyws.models import Notification
from notifyws.protocol.cursor import UNSURE
from notifyws.protocol.deduplicator import REMEMBERED
from notifyws.protocol.since import sent_at


class Proofs(Struct):
    """What came of the looks so far.

    Args:
        every: seconds between two of them.
        proved_at: RFC 3339 UTC; all that the server had until then was handed over.
        sound: looks that found nothing missed.
        deaf: sockets that had missed something, and were renewed.
        failed: looks that proved nothing.
        recovered: notifications that no socket had brought.
    """

    every: float
    proved_at: str | None = None
    sound: int = 0
    deaf: int = 0
    failed: int = 0
    recovered: int = 0


class Missed(Struct, frozen=True):
    """What a socket did not bring.

    Args:
        notifications: oldest first.
        since: when all was well for the last time.
        complete: whether that is all of it.
    """

    notifications: Sequence[Notification]
    since: GapStart
    asked_at: GapStart
    complete: bool

    @property
    def said(self) -> str:
        """What people are told of it."""
        count = len(self.notifications)
        what = "a notification" if count == 1 else f"{count} notifications"
        return f"the socket was open and did not bring {what}"


GRACE = 5.0
"""Seconds that a socket has to bring what the server gave when it was asked."""
LOOK = 0.25
"""Seconds between two looks at whether it did."""
TICK = 1.0
"""Seconds between two looks at whether it is time."""
MANY = REMEMBERED // 2
"""Notifications after which it is time as well: ids of older ones may be forgotten."""
SEE = "look at it with: notifyws status --check"
ODD = "the server did not give what it had sent before"
BEYOND = "more was missed than can be fetched"

Ask = Callable[[Place, Receiver], Awaitable[Found]]
"""Returns what the server has after a place; raises ``NotifyError``."""


class Verifier:
    """Looks at the connections of one session, one after the other.

    Args:
        every: seconds between two looks.
        begins: whether the server can be asked from a time on, where no id is known.

    Attributes:
        proofs: what came of the looks.
        deaf: is set once the connection has missed something.
    """

    def __init__(
        self,
        ask: Ask,
        every: float,
        receiver: Receiver,
        clock: Clock,
        *,
        begins: bool = True,
    ) -> None:
        self._ask = ask
        self._begins = begins
        self._receiver = receiver
        self._clock = clock
        self._place: Place | None = None
        self._sent_at: float | None = None
        self._before: frozenset[str | int] = frozenset()
        self._counted = self._placed = 0
        self._due_at = float("-inf")
        self._well_since: GapStart | None = None
        self._missed: Missed | None = None
        self._is_said = False
        self.proofs = Proofs(every)
        self.deaf = asyncio.Event()

    async def watch(self, connection: Connection) -> None:
        """Look at a connection again and again; return when it is deaf."""
        if self._due_at < self._clock.now():
            self._put_off()
        self._well_since = self._well_since or self._now()
        while not self.deaf.is_set():
            try:
                await self._find_beginning()
                await self._until_due()
                await self._look(connection)
                self._is_said = False
            except NotifyError as error:
                self._prove_nothing(error.message)
            self._put_off()

    async def recover(self) -> None:
        """Hand over what the connection missed, and say so; somebody has left it."""
        assert self._missed is not None
        missed, self._missed = self._missed, None
        self.deaf.clear()
        emitter = self._receiver.emitter
        emitter.gap(missed.since, missed.said, recovered=True)
        await self._hand_over(missed.notifications)
        self.proofs.recovered += len(missed.notifications)
        if missed.complete:
            self._all_well(missed.asked_at)
        else:
            emitter.gap(missed.since, BEYOND)
        self._move_to(missed.notifications)

    async def _hand_over(self, notifications: Sequence[Notification]) -> None:
        while True:
            try:
                return await self._receiver.catch_up(list(notifications))
            except QueueFull:  # what has been handed over is passed over then
                await self._receiver.room()

    async def _find_beginning(self) -> None:
        """Find from where on to ask; what was there before is nobody's loss.

        Raises:
            NotifyError: the server did not answer.
        """
        if self._place is not None:
            return
        place, began_at = self._receiver.cursor.place, self._clock.wall()
        if place is None and self._begins:
            place = datetime.fromtimestamp(began_at - UNSURE, UTC)
            found = (await self._ask(place, self._receiver)).notifications
            old = [each for each in found if (sent_at(each) or 0.0) < began_at]
            self._before = frozenset(each.id for each in old if each.id is not None)
            self._move_to(old)
        self._place = self._place or place

    def _put_off(self) -> None:
        self._due_at = self._clock.now() + self.proofs.every
        self._counted = self._receiver.received

    async def _until_due(self) -> None:
        while (left := self._due_at - self._clock.now()) > 0:
            if self._receiver.received - self._counted >= MANY:
                return
            await sleep(self._clock, min(left, TICK))

    async def _look(self, connection: Connection) -> None:
        """Ask the server, and see whether the connection brought the same.

        Raises:
            NotifyError: nobody can say.
        """
        if self._place is None:
            return None  # nothing came yet, and nobody knows from where on to ask
        assert self._well_since is not None
        stood, asked_at = self._receiver.cursor.last_id, self._now()
        found = await self._ask(self._place, self._receiver)
        missing = await self._left_out(found, connection)
        if missing:
            self.proofs.deaf += 1
            facts = self._well_since, asked_at, found.complete
            self._missed = Missed(missing, *facts)
            return self.deaf.set()
        known = {None, self._place, *(each.id for each in found.notifications)}
        if not found.guessed or stood in known:
            self._move_to(found.notifications)
        if isinstance(self._place, datetime) and stood is not None:
            self._move_to_latest(stood)  # of which no clock can be wrong
        if found.guessed and stood not in known:
            raise NotifyError(ODD, SEE)
        if not found.complete:
            raise NotifyError(BEYOND, SEE)
        self.proofs.sound += 1
        return self._all_well(asked_at)

    async def _left_out(
        self, found: Found, connection: Connection
    ) -> list[Notification]:
        """Return what the connection does not bring, although it had the time."""
        missing = self._news(self._after_place(found))
        if missing and connection.can_ping:
            await connection.ping()  # what was sent before its pong is read by then
        left = GRACE
        while missing and left > 0:
            await sleep(self._clock, LOOK)
            unread = connection.is_behind and connection.can_ping
            left -= 0.0 if unread else LOOK
            missing = self._news(missing)
        return missing

    def _news(self, notifications: Sequence[Notification]) -> list[Notification]:
        return [
            each
            for each in notifications
            if each.id is not None
            and each.id not in self._before
            and self._receiver.cursor.is_news(each)
        ]

    def _after_place(self, found: Found) -> Sequence[Notification]:
        """Return what is no older than the place, where that is there no more.

        Somebody may have deleted it. What follows one that was handed over is younger,
        and so is what the server itself dates so.
        """
        if found.reached:
            return found.notifications
        for number, each in enumerate(found.notifications):
            sent = sent_at(each)
            is_known = each.id is not None and not self._news([each])
            is_younger = sent is not None and sent > (self._sent_at or float("inf"))
            if is_known or is_younger:
                return found.notifications[number:]
        return ()

    def _now(self) -> GapStart:
        return self._receiver.emitter.steadily(self._receiver.emitter.now())

    def _all_well(self, asked_at: GapStart) -> None:
        self.proofs.proved_at = asked_at.text
        self._well_since = asked_at

    def _move_to(self, notifications: Sequence[Notification]) -> None:
        """Ask from the last of these on, from now on."""
        for each in reversed(notifications):
            if each.id is not None:
                self._place, self._sent_at = each.id, sent_at(each)
                break
        self._placed = self._receiver.received

    def _move_to_latest(self, ident: str | int) -> None:
        latest = self._receiver.emitter.latest
        self._move_to([latest] if latest is not None and latest.id == ident else ())
        self._place = ident

    def _prove_nothing(self, why: str) -> None:
        """Take note that nobody can say; that is told once, until it is better."""
        self.proofs.failed += 1
        if self._receiver.received - self._placed >= MANY:
            self._place = self._receiver.cursor.place
            self._placed = self._receiver.received
        if not self._is_said:
            self._is_said = True
            said = f"whether the socket missed anything could not be proved: {why}"
            self._receiver.emitter.tell(Failure("network_error", said))
