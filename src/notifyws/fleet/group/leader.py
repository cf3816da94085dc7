"""The member that holds the socket: what arrives there goes into the group's stream.

The law: *what was received is appended once, in order, or lies in a gap that is said.*
The session fills a bounded queue as for any reader; here the reader is Redis, and how
it reads is known by ``appender``. While that has no room nothing is taken from the
queue any more, and the session does what it does with every slow reader.

Whether this member still leads is not decided here: see ``membership``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING
from zlib import crc32

from msgspec.structs import replace

from notifyws.auth.authenticator import Authenticator
from notifyws.clock import utc_text
from notifyws.connection.build import build_session
from notifyws.delivery.build import build_receiver
from notifyws.delivery.outbox_records import (
    ListenerPosition,
    RecoveredState,
    notification_of,
)
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Item
from notifyws.events import Closed, Connected, Disconnected, Event, Gap, join_of
from notifyws.fleet.group.appender import GroupAppender, Lines
from notifyws.fleet.group.entries import Leading, Standing, moment_text, shifted
from notifyws.fleet.group.several_sockets import Covers, OpenGaps
from notifyws.fleet.group.spool import Spool
from notifyws.fleet.group.store import GroupStore
from notifyws.models import Notification
from notifyws.protocol.deduplicator import REMEMBERED
from notifyws.tasks import background, cancel

if TYPE_CHECKING:
    from notifyws.connection.session import Session
    from notifyws.delivery.receiver import Receiver

LINGER = 0.01
"""Seconds after a small batch in which the next one may grow: a command for each of two
hundred a second costs Redis more than they do."""
FEW = 50
"""Lines that are a small batch."""
LAST = 1.0
"""Seconds that what had arrived has at the end to be appended."""
AT_THE_SAME_TIME = 60.0
"""Seconds within which two sockets surely bring the same notification."""
LOST = "Redis lost what waited for the group"


class GroupLeader:
    """Keeps one session and appends what it brings.

    Args:
        line_of: what is appended of a notification.
        remember: is told of what the stream holds already.
        waited_since, tell_gap: see :class:`GroupAppender`.
        covers: see ``several_sockets``.
        announce: takes events for whoever shows things here.
        handled_until: see there.
        ahead: seconds that Redis' clock is ahead of ours.

    Attributes:
        appender: brings into the stream what was received.
        gaps: those of which it is not known yet whether they are any.
        session: keeps the connection; ``None`` before :meth:`run`.
        receiver: takes what arrives.
        handled_until: RFC 3339; what arrived until then was surely handled.
    """

    def __init__(
        self,
        auth: Authenticator,
        store: GroupStore,
        spool: Spool,
        standing: Standing,
        *,
        line_of: Lines,
        remember: Callable[[Notification], None],
        waited_since: Callable[[], float],
        tell_gap: Callable[[float], None],
        announce: Callable[..., None],
        observe: Callable[[Event], None],
        in_doubt: Callable[[], None],
        covers: Covers,
        handled_until: str = "",
        ahead: float = 0.0,
    ) -> None:
        self._auth, self._store = auth, store
        self._began, self._previous = standing.began, standing.previous
        self._announce, self._observe, self._remember = announce, observe, remember
        self.handled_until, self._ahead = handled_until, ahead
        s = auth.settings
        self._queue = DeliveryQueue[Item](s.queue_count, s.queue_bytes)
        self.appender = GroupAppender(
            store,
            spool,
            auth.clock,
            standing,
            line_of=line_of,
            waited_since=waited_since,
            tell_gap=tell_gap,
            in_doubt=in_doubt,
            warn=auth.warn,
        )
        patience = s.ping_interval + s.ping_timeout + store.lease
        self.gaps = OpenGaps(covers, self._tell_gap, auth.clock, patience)
        self._opened_at = 0.0
        self._cut_at: float | None = auth.clock.now()
        self._handed_over = 0
        self.session: Session | None = None
        self.receiver: Receiver | None = None

    @property
    def leading(self) -> Leading:
        """What it says of itself with a beat."""
        tracked = self.receiver is not None and self.receiver.has_open_gaps
        open_for = 0.0 if tracked else self._auth.clock.now() - self._opened_at
        has_open, batch = tracked or bool(self.gaps), self.appender.last_batch
        return Leading(self._began, self._heard_at(), open_for, batch, has_open)

    def _heard_at(self) -> str:
        connection = self.session.connection if self.session else None
        if connection is None:
            return ""
        if self.appender.is_idle and self._handed_over == self._queue.put_in_all:
            self.appender.sure_until = utc_text(connection.heard_at)
        return self.appender.sure_until

    @property
    def cut_for(self) -> float:
        """Seconds that the server could not be reached; 0 where it can, or says why."""
        answered = self.session is not None and self.session.outcome.is_answer
        if self._cut_at is None or answered:
            return 0.0
        return self._auth.clock.now() - self._cut_at

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
        if self._store.is_shared:
            receiver.emitter.on_gap = self._add_gap
        self.receiver = receiver
        on_receiver(receiver)
        self.session = session = build_session(self._auth, receiver, retries=retries)
        appending = background("what appends", self._append_for_ever(), self._died)
        try:
            await session.run()
        finally:
            receiver.emitter.on_gap = receiver.emitter.tell
            self.gaps.give_up()
            receiver.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST):
                    await asyncio.shield(appending)
                    await self.appender.settled()
            await cancel(appending)
            await self.appender.stop()

    def _died(self, said: str, error: Exception) -> None:
        self._auth.warn(f"{said}; the connection is opened anew")
        self.stop()

    def stop(self) -> None:
        """End: say goodbye to the server, append what had arrived."""
        if self.session is not None:
            self.session.stop()

    def depose(self, standing: Standing) -> None:
        """Another one leads: nothing of this one is to be appended any more."""
        self.appender.depose()
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
        self.appender.renew(standing)
        return True

    async def _past(self) -> RecoveredState:
        """Return where the group stands, after what an earlier leader left here."""
        now = self._auth.clock.wall() + self._ahead
        position = await self._store.where(now)
        position = replace(position, heard_at=shifted(position.heard_at, -self._ahead))
        seen, oldest = [], dict[int, float]()
        async for entry in self._store.latest(REMEMBERED // 4):
            oldest[entry.stream] = entry.at
            with suppress(ValueError):
                known = notification_of(entry.line or "")
                self._remember(known)
                if known.id is not None:
                    seen.append(known.id)
        if self._store.is_shared:
            since = max(oldest.values(), default=now)
            await self._store.forget_marks(until=min(since, now - AT_THE_SAME_TIME))
        seen.reverse()
        leaders = {self._store.member, self._previous.partition(" ")[2]}
        position = await self.appender.begin(position, leaders, set(seen))
        if not position.heard_at:
            position = replace(position, heard_at=self._last_sign(position))
        return RecoveredState(position, seen)

    def _last_sign(self, position: ListenerPosition) -> str:
        """Return until when what arrived was handled, where no leader said so."""
        moved = position.moved_at
        return self.handled_until or (moment_text(moved) if moved else "")

    def _tell(self, event: Event) -> None:
        if isinstance(event, Connected):
            self._opened_at, self._cut_at = self._auth.clock.now(), None
            if self._store.is_shared:  # what came meanwhile, another one appended
                self.appender.window.miss(self._auth.clock.wall() + self._ahead)
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
                    self._announce(item, join=join_of(item))
            await self.appender.append(notes)
            self._handed_over += len(notes)
            if len(notes) < FEW:
                await self._auth.clock.sleep(LINGER)

    def _tell_lost(self) -> None:
        self.appender.forget()
        if self.receiver is not None:
            now = self.receiver.emitter.now()
            self._tell_gap(Gap(self.handled_until or now, now, LOST))

    def _add_gap(self, gap: Gap) -> None:
        if not gap.recovered:  # until now, this socket proves nothing to others
            self._opened_at = self._auth.clock.now()
        self.gaps.add(gap)

    def _tell_gap(self, gap: Gap) -> None:
        if self.receiver is not None:
            self.receiver.emitter.tell(gap)


def partition_of(key: str, count: int) -> int:
    """Return the partition of a key, the same everywhere."""
    return crc32(key.encode("utf-8", "surrogatepass")) % count
