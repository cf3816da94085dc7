"""Where a durable listener stands, for its other hosts: a value in the shared cache.

The disk of a host is the truth while the listener runs there; the shared value is for
the host that takes over. The one that was moved last counts.
"""

from __future__ import annotations

import json

from msgspec.structs import asdict, replace

from notifyws.auth.cache import TokenCache
from notifyws.auth.cache.keys import VERSION, decoded, is_ident
from notifyws.clock import Clock
from notifyws.delivery.outbox_records import ListenerPosition

__all__ = ["SharedCursor"]

KEEP = 30 * 86400.0
"""Seconds for which a listener that is away keeps its place."""
EVERY = 1.0
"""Seconds between two writes: what lies between them comes twice, not never."""


class SharedCursor:
    """The place of one listener in the shared cache.

    Args:
        cache: where; it never fails.
        account: whose.
        name: the listener's.
        world: the clock.
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
        position = ListenerPosition(**value["standing"])
        return (
            position if is_ident(position.last_id) else replace(position, last_id=None)
        )

    async def write(self, position: ListenerPosition, *, last: bool = False) -> None:
        """Tell where it stands: now and then, and at the ``last``."""
        now = self._clock.now()
        if position == self._written or (now - self._written_at < EVERY and not last):
            return
        self._written, self._written_at = position, now
        text = json.dumps({"v": VERSION, "standing": asdict(position)})
        await self._cache.replace(self._account, {self._key: (text, KEEP)}, expect={})
