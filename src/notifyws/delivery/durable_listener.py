"""Where a durable listener stands, here and in the shared cache, and its outbox.

Ties the outbox to the queue of what is shown and to the session, in this order: what
was kept and perhaps not shown comes first, then where the listener stood, here or on
another host, and only then the socket. The disk of a host is the truth while the
listener runs there; the shared value is for the host that takes over. The one that
was moved last counts; a move in the future was made just now.
"""

from __future__ import annotations

import json
from contextlib import suppress

from msgspec.structs import asdict, replace

from notifyws.auth.cache import TokenCache
from notifyws.auth.cache.keys import KEEP, VERSION, decoded, is_ident
from notifyws.clock import Clock, utc_text
from notifyws.connection.event_emitter import GapStart
from notifyws.connection.session import Session
from notifyws.delivery.outbox import Outbox
from notifyws.delivery.outbox_records import ListenerPosition, notification_of
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Item

EVERY = 1.0
"""Seconds between two writes: what lies between them comes twice, not never."""
AGAIN = 10.0
"""Seconds after which it is written again: a cache may lose all that it holds."""


class SharedCursor:
    """Where one listener stands, in the shared cache.

    Args:
        clock: says when it was written last.
    """

    def __init__(
        self, cache: TokenCache, account: str, name: str, clock: Clock
    ) -> None:
        self._cache = cache
        self._account = account
        self._key = f"cursor:{name}"
        self._clock = clock
        self._written_at = -EVERY
        self._written: ListenerPosition | None = None

    async def read(self) -> ListenerPosition | None:
        """Return where the listener stood, ``None`` if nothing of sense is known.

        An id that is neither text nor number is none: there will be a gap.
        """
        entry = (await self._cache.read(self._account, self._key)).get(self._key)
        value = decoded(self._key, entry.text if entry else None)
        if value is None:
            return None
        position = self.believed(ListenerPosition(**value["standing"]))
        return (
            position if is_ident(position.last_id) else replace(position, last_id=None)
        )

    def believed(self, position: ListenerPosition) -> ListenerPosition:
        """Return a place without moments in the future."""
        return position.until(self._clock.wall())

    async def write(self, position: ListenerPosition, *, last: bool = False) -> None:
        """Tell where it stands: now and then, and at the ``last``."""
        now = self._clock.now()
        least = AGAIN if position == self._written else EVERY
        if now - self._written_at < least and (position == self._written or not last):
            return
        self._written, self._written_at = position, now
        text = json.dumps({"v": VERSION, "standing": asdict(position)})
        await self._cache.replace(
            self._account, {self._key: (text, KEEP["cursor"])}, expect={}
        )


class DurableListener:
    """Keeps a listener's place over connections.

    Args:
        shared: the place as other hosts know it; ``None`` where they do not.
        queue: what is shown; what was not shown before is put there at once.
    """

    def __init__(
        self, outbox: Outbox, shared: SharedCursor | None, queue: DeliveryQueue[Item]
    ) -> None:
        self.outbox = outbox
        self._shared, self._queue = shared, queue
        self._session: Session | None = None
        for record in outbox.past.unshown:
            with suppress(ValueError):  # the outbox makes a dead letter of it
                queue.put(notification_of(record.line), len(record.line))
                outbox.show_again(record.position, queue.put_in_all)
        outbox.heard_at = self._heard_at
        if shared is not None:
            outbox.on_moved = self._tell_place

    async def begin(self, session: Session, queue: DeliveryQueue[Item]) -> None:
        """Let a session begin where this listener stood, here or elsewhere."""
        receiver, self._session, self._queue = session.receiver, session, queue
        there = None
        if self._shared is not None:
            there = await self._shared.read()
            self.outbox.position = self._shared.believed(self.outbox.position)
        if there is not None and there.moved_at > self.outbox.position.moved_at:
            self.outbox.position = there
            if there.heard_at:
                receiver.gaps.begin(GapStart(there.heard_at))
            if there.last_id is not None:
                receiver.cursor.begin_at(there.last_id)
                receiver.cursor.began_at = there.sent_at
        queue.on_settled = self.outbox.settled
        gap = receiver.emitter.gap
        self.outbox.on_gap = lambda start, reason: gap(GapStart(start), reason)
        await self.outbox.reject_unshowable()
        self.outbox.start()

    async def aclose(self, patience: float) -> None:
        """Stop; what is left after some seconds stays, or becomes dead letters."""
        outlives = await self.outbox.aclose(patience)
        if self._shared is not None and (outlives or self._queue.is_settled):
            await self._shared.write(self.outbox.position, last=True)

    async def _tell_place(self, position: ListenerPosition) -> None:
        """Tell other hosts a place, unless it lies past what ends with this process.

        Where the disk does not serve that comes twice, not never, on the next host.
        """
        holds = any(each.count for each in self.outbox.waiting.values())
        if self.outbox.outlives or (self._queue.is_settled and not holds):
            assert self._shared is not None
            await self._shared.write(position)

    def _heard_at(self) -> str | None:
        connection = self._session.connection if self._session else None
        return utc_text(connection.heard_at) if connection else None
