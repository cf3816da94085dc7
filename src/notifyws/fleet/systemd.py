"""What systemd is told of us: ready, how it goes, alive, ending.

One datagram each to the socket that ``NOTIFY_SOCKET`` names; nothing at all where it
names none. Telling never fails and never waits: whoever does not listen misses it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress

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

    def ready(self) -> None:
        """Say that we do what we are for."""
        self._tell("READY=1")

    def status(self, line: str) -> None:
        """Say how it goes.

        Args:
            line: of harmless text.
        """
        self._tell("STATUS=" + " ".join(line.split()))

    def stopping(self) -> None:
        """Say that we are about to end."""
        self._tell("STOPPING=1")

    async def stay_alive(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Say that we live, at half the interval that systemd asks for, for ever."""
        while self.watchdog is not None:
            self._tell("WATCHDOG=1")
            await sleep(self.watchdog / 2)

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        with (
            suppress(OSError, ValueError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line,
        ):
            line.setblocking(False)
            line.sendto(text.encode("utf-8", "replace"), self._address)
