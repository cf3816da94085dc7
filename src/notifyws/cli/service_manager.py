"""Tells the service manager how a listener does, from its start to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from notifyws.fleet.systemd import Systemd
from notifyws.tasks import restarted
from notifyws.ui.streams import say

if TYPE_CHECKING:
    from notifyws.events import Event
    from notifyws.service import NotificationService

__all__ = ["supervised"]


@asynccontextmanager
async def supervised(
    service: NotificationService, environ: MutableMapping[str, str]
) -> AsyncIterator[None]:
    """Tell what happens to ``service``, which is not started yet."""
    from notifyws.ui.lines import event_line

    systemd = Systemd(environ)

    def tell(event: Event) -> None:
        if event.name == "connected":
            systemd.ready()
        if event.name == "closed":
            systemd.stopping()
        systemd.status(event_line(event))

    service.observe(tell)
    stay_alive = partial(systemd.stay_alive, asyncio.sleep)
    alive = restarted("the watchdog's sign of life", stay_alive, say, asyncio.sleep)
    try:
        yield
    finally:
        alive.cancel()
        await asyncio.gather(alive, return_exceptions=True)
