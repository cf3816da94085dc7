"""The second that a call to a cache may take, counted while this process runs.

Where hundreds start together, a process waits seconds for its turn at the processor;
that says nothing about the cache, and must not make it look as if it were down.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from notifyws.cache import CALL_TIMEOUT

__all__ = ["call_limit"]

TICK = 0.07
"""Seconds between looks at the clock; a look that comes late was not our doing."""


@asynccontextmanager
async def call_limit() -> AsyncIterator[None]:
    """Limit what is done inside to its second.

    Raises:
        TimeoutError: the second is over.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CALL_TIMEOUT) as limit:

        def look(due: float) -> None:
            late, end = loop.time() - due, limit.when()
            if late > TICK and end is not None and not limit.expired():
                limit.reschedule(end + late)
            ticking.append(later())

        def later() -> asyncio.TimerHandle:
            return loop.call_later(TICK, look, loop.time() + TICK)

        ticking = deque([later()], maxlen=1)
        try:
            yield
        finally:
            ticking[0].cancel()
