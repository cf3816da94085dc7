"""The member that holds the socket: what arrives there goes into the group's stream.

The law: *what was received is appended once, in order, or lies in a gap that is said.*
The session fills a bounded queue as for any reader; here the reader is Redis. While
that is away, what arrives is spooled on disk; when the spool is full nothing is taken
from the queue any more, and the session does what it does with every slow reader.

Whether this member still leads is not decided here: whoever keeps the lease tells.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from notifyws.auth.authenticator import Authenticator
from notifyws.clock import utc_text
from notifyws.connection.build import build_session
from notifyws.connection.event_emitter import GapStart
from notifyws.delivery.build import build_receiver
from notifyws.delivery.outbox_records import ListenerPosition, notification_of
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Item
from notifyws.errors import CacheFailed
from notifyws.events import Closed, Connected, Disconnected, Event, Gap
from notifyws.fleet.group.entries import Batch, Standing
from notifyws.fleet.group.spool import Spool
from notifyws.fleet.group.store import GroupStore
from notifyws.fleet.group.window import AppendWindow, Line
from notifyws.models import Notification
from notifyws.protocol.deduplicator import REMEMBERED
from notifyws.tasks import background

if TYPE_CHECKING:
    from notifyws.connection.session import Session
    from notifyws.delivery.receiver import Receiver

AT_ONCE = 500
"""Lines that are appended in one step."""
LINGER = 0.01
"""Seconds after a small batch in which the next one may grow: a command for each of two
hundred a second costs Redis more than they do."""
FEW = 50
"""Lines that are a small batch."""
AGAIN = 0.25
"""Seconds between two tries while Redis is away."""
LAST = 1.0
"""Seconds that what had arrived has at the end to be appended."""
LOST = "Redis lost what waited for the group"

Lines = Callable[[Notification], Line]


class Past(Struct, frozen=True):
    """Where a group stands at the server, and the ids that it was given lately."""

    position: ListenerPosition
    seen: Sequence[str | int] = ()


class GroupLeader:
    """Keeps one session and appends what it brings.

    Args:
        auth: who we are, and where.
        store: the group.
        spool: what waits while Redis is away.
        standing: how this member came to lead.
        line_of: what is appended of a notification.
        announce: takes events for whoever shows things here.
        observe: is told of every event at once.
        in_doubt: is told that a lease may be lost.
        is_covered: returns whether another socket of the group has been open since
            then (unix seconds): what came there is no gap.

    Attributes:
        session: keeps the connection; ``None`` before :meth:`run`.
        receiver: takes what arrives.
        connections: how many times the server was connected to.
        handled_until: unix seconds; what arrived until then was surely handled.
    """

    def __init__(
        self,
        auth: Authenticator,
        store: GroupStore,
        spool: Spool,
        standing: Standing,
        *,
        line_of: Lines,
        announce: Callable[..., None],
        observe: Callable[[Event], None],
        in_doubt: Callable[[], None],
        is_covered: Callable[[float], bool],
        handled_until: float | None = None,
    ) -> None:
        self._auth, self._store, self._spool = auth, store, spool
        self._slot, self._proof = standing.slot, standing.proof
        self._began, self._previous = standing.began, standing.previous
        self._line_of, self._announce, self._observe = line_of, announce, observe
        self._in_doubt, self._is_covered = in_doubt, is_covered
        self.handled_until = handled_until
        s = auth.settings
        self._queue = DeliveryQueue[Item](s.queue_count, s.queue_bytes)
        self._window = AppendWindow()
        self._position = ListenerPosition()
        self._number = 0
        self._appended = ListenerPosition()
        self._sure_until = ""
        self._busy = False
        self._cut_at: float | None = auth.clock.now()
        self._first = deque[tuple[Batch, int]]()
        self._disturbed = self._deposed = False
        self._draining: asyncio.Task[None] | None = None
        self.session: Session | None = None
        self.receiver: Receiver | None = None
        self.connections = 0

    @property
    def heard_at(self) -> str:
        """What was sent until then is in the stream; RFC 3339, empty: unknown."""
        connection = self.session.connection if self.session else None
        if connection is None:
            return ""
        if not (self._busy or self._is_draining or len(self._queue)):
            self._sure_until = utc_text(connection.heard_at)
        return self._sure_until

    @property
    def cut_for(self) -> float:
        """Seconds that the server could not be reached; 0 where it can, or says why."""
        answered = self.session is not None and self.session.was_answered
        if self._cut_at is None or answered:
            return 0.0
        return self._auth.clock.now() - self._cut_at

    @property
    def _is_draining(self) -> bool:
        return self._draining is not None and not self._draining.done()

    async def run(
        self, retries: int | None, on_receiver: Callable[[Receiver], None]
    ) -> None:
        """Keep the connection until told to stop, or until it ends for good.

        Args:
            retries: reconnects in a row before giving up; ``None`` for never.
            on_receiver: is given what will take frames in.

        Raises:
            CacheFailed: Redis does not say where the group stands.
            AuthenticationFailed, NetworkFailed: why it ended.
        """
        past = await self._past()
        receiver = build_receiver(self._auth, self._queue, since=None, past=past)
        receiver.emitter.observers.append(self._tell)
        receiver.emitter.is_covered = self._is_covered
        self.receiver = receiver
        on_receiver(receiver)
        self.session = session = build_session(self._auth, receiver, retries=retries)
        appending = background("what appends", self._append_for_ever(), self._died)
        try:
            await session.run()
        finally:
            receiver.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST):
                    await asyncio.shield(appending)
                    await self._settled()
            appending.cancel()
            if self._draining is not None:
                self._draining.cancel()
            await asyncio.gather(
                appending, *filter(None, [self._draining]), return_exceptions=True
            )

    def _died(self, said: str, error: Exception) -> None:
        self._auth.warn(f"{said}; the connection is opened anew")
        self.stop()

    def stop(self) -> None:
        """End: say goodbye to the server, append what had arrived."""
        if self.session is not None:
            self.session.stop()

    def depose(self, standing: Standing) -> None:
        """Another one leads: nothing of this one is to be appended any more."""
        self._deposed = True
        if 0 < standing.fence <= self._began:  # it cannot know what Redis lost
            self._tell_lost()
        self.stop()

    def renewed(self, standing: Standing) -> bool:
        """Go on with the lease that this member holds, which may be another one.

        Returns:
            Whether this is the same leadership: nobody else led in between.
        """
        if standing.began != self._began:
            if standing.previous:
                return False
            self._began = standing.began
            self._tell_lost()
        self._slot, self._proof = standing.slot, standing.proof
        return True

    async def aclose(self) -> None:
        """Let go of the spool: what is in it is for who leads next on this host."""
        if self._deposed and self._spool.count:
            count = self._spool.count
            self._auth.warn(f"{count} spooled notifications are left to the new leader")
            await self._spool.clear()
        await self._spool.aclose()

    async def _past(self) -> Past:
        """Return where the group stands, after what an earlier leader left here."""
        position, _ = await self._store.where()
        self._appended = position
        leaders = {self._store.member, self._previous.partition(" ")[2]}
        if await self._spool.recover(leaders):
            position = self._spool.position
            self._begin_to_drain()
        if not position.heard_at and self.handled_until is not None:
            position = replace(position, heard_at=utc_text(self.handled_until))
        self._position = position
        seen = []
        for entry in reversed(await self._store.latest(REMEMBERED // 4)):
            with suppress(ValueError):
                if (ident := notification_of(entry.line or "").id) is not None:
                    seen.append(ident)
        return Past(position, seen)

    def _tell(self, event: Event) -> None:
        self.connections += isinstance(event, Connected)
        if isinstance(event, Connected):
            self._cut_at = None
        elif isinstance(event, Disconnected):
            self._cut_at = self._auth.clock.now()
        if not isinstance(event, Closed):
            self._observe(event)

    async def _append_for_ever(self) -> None:
        while burst := await self._queue.get():
            notes = []
            for item in burst:
                if isinstance(item, Notification):
                    notes.append(item)
                elif not isinstance(item, Closed):
                    self._announce(item, vital=isinstance(item, Gap))
            if self._deposed:
                continue
            self._busy = True
            for n in range(0, len(notes), AT_ONCE):
                await self._append(notes[n : n + AT_ONCE])
            self._busy = False
            if len(notes) < FEW:
                await self._auth.clock.sleep(LINGER)

    async def _append(self, notes: Sequence[Notification]) -> None:
        lines = [self._line_of(note) for note in notes]
        self._position = self._position.past_all(notes, self._auth.clock.wall())
        if self._is_draining:
            await self._put_aside(lines)
        elif await self._write(self._batch(lines, self._position), spooled=len(lines)):
            self._sure_until = max(self._sure_until, notes[-1].received)
        else:
            await self._put_aside(lines)
            self._begin_to_drain()

    def _batch(self, lines: Sequence[Line], position: ListenerPosition) -> Batch:
        self._number += 1
        return Batch(self._number, lines, position)

    async def _write(self, batch: Batch, *, spooled: int, again: bool = False) -> bool:
        """Append a batch; return whether that is sure.

        Args:
            batch: what is appended.
            spooled: how many of the oldest spooled lines that is, should it fail.
            again: whether it may have been done already.
        """
        try:
            places = await self._store.append(
                self._slot, self._proof, batch, again=again
            )
        except CacheFailed:
            if not again:
                self._first.append((batch, spooled))
            self._disturbed = True
            return False
        if places is None:
            self._in_doubt()
            return False
        if places:
            self._window.add(places, batch.lines)
        self._appended = batch.position
        return True

    async def _put_aside(self, lines: Sequence[Line]) -> None:
        """Spool lines; return when there is room for more."""
        await self._spool.put(lines, self._position, self._store.member)
        while self._spool.is_full and not self._deposed:
            await self._auth.clock.sleep(AGAIN)

    def _begin_to_drain(self) -> None:
        def died(said: str, error: Exception) -> None:
            self._auth.warn(f"{said}; what is spooled waits")

        self._draining = background("the spool", self._drain(), died)

    async def _settled(self) -> None:
        """Return when nothing is spooled."""
        if self._draining is not None:
            await asyncio.wait({self._draining})

    async def _drain(self) -> None:
        """Append what is spooled, as soon as that is possible again."""
        while not self._deposed and (
            self._spool.count or self._first or self._disturbed
        ):
            if not await self._try_to_drain():
                await self._auth.clock.sleep(AGAIN)

    async def _try_to_drain(self) -> bool:
        if self._disturbed and not await self._find_lost():
            return False
        while self._first:
            batch, spooled = self._first[0]
            if not await self._write(batch, spooled=spooled, again=True):
                return False
            self._first.popleft()
            await self._spool.drop(spooled)
        while self._spool.count and not self._deposed:
            lines = await self._spool.first(AT_ONCE)
            batch = self._batch(lines, self._position_after(lines))
            if not await self._write(batch, spooled=len(lines)):
                return False
            await self._spool.drop(len(lines))
        return True

    def _position_after(self, lines: Sequence[Line]) -> ListenerPosition:
        """Return where the group stands once these of the spooled are appended.

        The rest of them is not, should this process be killed meanwhile.
        """
        notes = []
        for _, line, _ in lines:
            with suppress(ValueError):
                notes.append(notification_of(line))
        return self._appended.past_all(notes, self._auth.clock.wall())

    async def _find_lost(self) -> bool:
        """Have what Redis lost of the latest appended again, before all else.

        Returns:
            Whether that is known.
        """
        try:
            leader, present = await self._store.present(self._window.places)
        except CacheFailed:
            return False
        if leader != self._proof and not self._store.is_shared:
            self._in_doubt()
            return False
        lost = self._window.lost(present)
        parts = [lost[n : n + AT_ONCE] for n in range(0, len(lost), AT_ONCE)]
        batches = [(self._batch(part, self._appended), 0) for part in parts]
        self._first.extendleft(reversed(batches))
        self._disturbed = False
        return True

    def _tell_lost(self) -> None:
        self._window.clear()
        self._first.clear()
        self._disturbed = False
        if self.receiver is not None:
            at = self.handled_until or self._auth.clock.wall()
            self.receiver.emitter.gap(GapStart(utc_text(at)), LOST)


def partition_of(key: str, count: int) -> int:
    """Return the partition of a key, the same everywhere."""
    return crc32(key.encode("utf-8", "surrogatepass")) % count
