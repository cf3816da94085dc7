"""What the service manager is told while ``listen`` runs, from what happens.

Ready is a listener as soon as one of its servers is; ending, when the last one has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

from notifyws.events import READY, Event
from notifyws.fleet.health import Systemd
from notifyws.service import NotificationService
from notifyws.tasks import restarted
from notifyws.ui.lines import event_line
from notifyws.ui.streams import say


class Supervisor:
    """Tells the service manager how services do.

    Args:
        environ: says where that is; read once, and its variables taken out.
        services: not started yet.

    Attributes:
        was_ready: whether notifications could come at any time.
    """

    def __init__(
        self, environ: MutableMapping[str, str], services: Sequence[NotificationService]
    ) -> None:
        self._systemd = Systemd(environ)
        self._open = len(services)
        self.was_ready = False
        for service in services:
            service.listener.observers.append(self._tell)

    def _tell(self, event: Event) -> None:
        if event.name in READY:
            self.was_ready = True
            self._systemd.ready()
        if event.name == "closed":
            self._open -= 1
            if not self._open:
                self._systemd.stopping()
        self._systemd.status(event_line(event))

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Say meanwhile that we live."""
        stay_alive = partial(self._systemd.stay_alive, asyncio.sleep)
        alive = restarted("the watchdog's sign of life", stay_alive, say, asyncio.sleep)
        try:
            yield
        finally:
            alive.cancel()
            await asyncio.gather(alive, return_exceptions=True)
