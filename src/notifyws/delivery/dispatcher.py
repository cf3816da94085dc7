"""Brings what arrives to handlers and iterations, in order, one thing at a time.

A handler that raises is reported as an error and breaks nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from functools import partial

from notifyws.delivery.handlers import Handlers
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Item
from notifyws.events import Failure
from notifyws.tasks import restarted

__all__ = ["Dispatcher"]

_log = logging.getLogger("notifyws")


class Dispatcher:
    """Empties one inbox after the other.

    Args:
        handlers: who is told.
    """

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._task: asyncio.Task[None] | None = None

    def start(self, queue: DeliveryQueue[Item]) -> None:
        """Begin to tell what is in ``queue``, after all of an earlier one is told."""
        untold: deque[Item] = deque()
        run = partial(self._run, queue, self._task, untold)
        self._task = restarted("the dispatcher", run, _log.error, asyncio.sleep)

    async def stop(self, patience: float = 0.0) -> None:
        """Stop telling, whatever still waits after ``patience`` seconds."""
        task, self._task = self._task, None
        if task is not None:
            if patience:
                await asyncio.wait({task}, timeout=patience)
            task.cancel()
            await asyncio.wait({task})
            self._handlers.end()

    async def _run(
        self,
        queue: DeliveryQueue[Item],
        before: asyncio.Task[None] | None,
        untold: deque[Item],
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        self._handlers.begin()
        while untold or (burst := await queue.get()):
            untold.extend(() if untold else burst)
            while untold:
                await self._tell(untold.popleft())
        self._handlers.end()

    async def _tell(self, item: Item) -> None:
        try:
            await self._handlers.tell(item)
        except Exception as error:  # noqa: BLE001 - a handler's bug ends nothing
            _log.error("a handler failed", exc_info=error)
            failure = Failure("server_error", f"a handler failed: {error!r}")
            await self._handlers.tell(failure, quietly=True)
