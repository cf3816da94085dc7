"""What outlives one connection of a listener: its outbox and its place.

Ties the outbox to the queue of what is shown and to the session, in this order: what
was kept and perhaps not shown comes first, then where the listener stood, here or on
another host, and only then the socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from notifyws.clock import utc_text
from notifyws.connection.event_emitter import GapStart
from notifyws.connection.session import Session
from notifyws.delivery.outbox import Outbox
from notifyws.delivery.outbox_records import Backlog, ListenerPosition, notification_of
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Item
from notifyws.delivery.shared_cursor import SharedCursor

__all__ = ["DurableListener"]


class DurableListener:
    """Keeps a listener's place over connections.

    Args:
        outbox: keeps what arrives.
        shared: the place as other hosts know it; ``None`` where they do not.
        inbox: what is shown; what was not shown before is put there at once.
    """

    def __init__(
        self, outbox: Outbox, shared: SharedCursor | None, queue: DeliveryQueue[Item]
    ) -> None:
        self.outbox = outbox
        self._shared = shared
        self._session: Session | None = None
        for kept in outbox.past.unshown:
            with suppress(ValueError):  # the outbox makes a dead letter of it
                queue.put(notification_of(kept.line), len(kept.line))
                outbox.show_again(kept.position, queue.put_in_all)
        outbox.heard_at = self._heard_at
        outbox.on_moved = self._share

    @property
    def waiting(self) -> Mapping[str, Backlog]:
        """How much waits for each sink."""
        return dict(self.outbox.waiting)

    async def begin(self, session: Session, queue: DeliveryQueue[Item]) -> None:
        """Let a session begin where this listener stood, here or elsewhere."""
        receiver, self._session = session.receiver, session
        there = await self._shared.read() if self._shared else None
        if there is not None and there.moved_at > self.outbox.position.moved_at:
            self.outbox.position = there
            if there.heard_at:
                receiver.gaps.begin(GapStart(there.heard_at))
            if there.last_id is not None:
                receiver.cursor.begin_at(there.last_id)
        queue.on_settled = self.outbox.settled
        gap = receiver.emitter.gap
        self.outbox.on_gap = lambda start, reason: gap(GapStart(start), reason)
        await self.outbox.bury_what_cannot_be_shown()
        self.outbox.start()

    async def aclose(self, patience: float) -> None:
        """Stop; what is left after some seconds stays, or becomes dead letters."""
        await self.outbox.aclose(patience)
        if self._shared is not None:
            await self._shared.write(self.outbox.position, last=True)

    async def _share(self, position: ListenerPosition) -> None:
        if self._shared is not None:
            await self._shared.write(position)

    def _heard_at(self) -> str | None:
        link = self._session.connection if self._session else None
        return utc_text(link.heard_at) if link else None
