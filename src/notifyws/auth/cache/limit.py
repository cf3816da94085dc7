"""The second that a call to a cache may take, counted while this process runs.

Where hundreds start together, a process waits seconds for its turn at the processor;
that says nothing about the cache, and must not make it look as if it were down. So
ticks are counted: one that comes late is one all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from notifyws.auth.cache import CALL_TIMEOUT

__all__ = ["call_limit"]

TICKS = 16
"""In how many parts the second is counted."""


@asynccontextmanager
async def call_limit() -> AsyncIterator[None]:
    """Limit what is done inside to its second.

    Raises:
        TimeoutError: the second is over.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        ticking = loop.call_later(0, lambda: tick(TICKS))

        def tick(left: int) -> None:
            nonlocal ticking
            if left:
                ticking = loop.call_later(CALL_TIMEOUT / TICKS, tick, left - 1)
            else:
                limit.reschedule(loop.time())

        try:
            yield
        finally:
            ticking.cancel()
