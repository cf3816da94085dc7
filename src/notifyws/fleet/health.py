"""Whether listeners are alive, and whether they are of use: what probes ask.

Alive is the event loop that has run lately. Of the server that says nothing, so that
nobody restarts a listener for a fault of its server. Of use is one that is connected,
or whose group has somebody who is. It is asked from another thread, as a loop that is
blocked answers nobody.

And what systemd is told of them: one datagram each to the socket that ``NOTIFY_SOCKET``
names; nothing at all where it names none. Telling never fails and never waits: whoever
does not listen misses it.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from notifyws.events import READY, Event
from notifyws.tasks import meanwhile

if TYPE_CHECKING:
    from notifyws.fleet.active_listener import ActiveListener

TICK = 1.0
"""Seconds between two ticks of the loop."""
STALLED = 10.0
"""Seconds without one after which the loop counts as blocked: it missed pings."""


class Health:
    """What probes are told of listeners.

    Args:
        now: monotonic seconds.
    """

    def __init__(
        self, listeners: Sequence[ActiveListener], now: Callable[[], float]
    ) -> None:
        self._listeners = listeners
        self._now = now
        self._ticked_at = now()

    async def tick(self) -> None:
        """Say for ever that the loop runs."""
        while True:
            self._ticked_at = self._now()
            await asyncio.sleep(TICK)

    def alive(self) -> tuple[bool, str]:
        """Return whether the loop runs, and one word."""
        stalled = self._now() - self._ticked_at > STALLED
        return not stalled, "stalled" if stalled else "ok"

    def ready(self) -> tuple[bool, str]:
        """Return whether notifications can come from everywhere; else why they cannot.

        In one word, behind the server's name where there are several.
        """
        for each in self._listeners:
            state, group = each.state, each.group
            if state == "connected" or (group is not None and group.has_leader):
                continue
            label, why = each.auth.label, state if group is None else "leaderless"
            return False, f"{label}: {why}" if label else why
        return True, "ready"


VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class Systemd:
    """The service manager, if there is one.

    Args:
        environ: is read once; its variables are taken out, so no child has them.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        path, usec, pid = (environ.pop(name, "") for name in VARIABLES)
        self._address = "\0" + path[1:] if path.startswith("@") else path
        ours = path and pid in ("", str(os.getpid()))
        digits = usec.isascii() and usec.isdigit()
        self.watchdog = int(usec) / 1e6 if ours and digits and int(usec) else None

    async def stay_alive(self) -> None:
        """Say that we live, at half the interval that systemd asks for, for ever."""
        while self.watchdog is not None:
            self.tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog / 2)

    def tell(self, text: str) -> None:
        """Say one thing, as ``sd_notify`` spells it; lines become one."""
        if not self._address:
            return
        said = " ".join(text.split()).encode("utf-8", "replace")
        with (
            suppress(OSError, ValueError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line,
        ):
            line.setblocking(False)
            line.sendto(said, self._address)


class Supervisor:
    """Tells the service manager how listeners do, while they listen.

    Ready it is told as soon as one of them is; that we end, when the last one has.

    Args:
        environ: says where that is; read once, and its variables taken out.
        listeners: not started yet.

    Attributes:
        was_ready: whether notifications could come at any time.
    """

    def __init__(
        self,
        environ: MutableMapping[str, str],
        listeners: Sequence[ActiveListener],
        describe: Callable[[Event], str],
        warn: Callable[[str], None],
    ) -> None:
        self._systemd = Systemd(environ)
        self._open = len(listeners)
        self._describe, self._warn = describe, warn
        self.was_ready = False
        for listener in listeners:
            listener.observers.append(self._tell)

    def _tell(self, event: Event) -> None:
        if event.name in READY:
            self.was_ready = True
            self._systemd.tell("READY=1")
        if event.name == "closed":
            self._open -= 1
            if not self._open:
                self._systemd.tell("STOPPING=1")
        self._systemd.tell(f"STATUS={self._describe(event)}")

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Say meanwhile that we live."""
        alive = self._systemd.stay_alive
        async with meanwhile("the watchdog's sign of life", alive, self._warn):
            yield
