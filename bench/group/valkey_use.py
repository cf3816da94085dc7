"""What a Valkey did between two looks: commands, processor time and bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from tests.support.valkey import Valkey

OF_CLIENTS = ("eval", "evalsha", "xreadgroup", "xack", "xrevrange")
"""Commands that our listeners send; all others are called inside of scripts."""
OURS = ("info", "ping", "keys", "mget", "memory|usage", "config|resetstat")
"""Commands of those who look."""


class Look(Struct, frozen=True):
    """What had been done at a moment.

    Args:
        calls: how often each command was called, inside scripts too.
        cpu: seconds of processor time.
        read, written: bytes over its sockets.
        memory: bytes in use.
        clients: connections.
    """

    calls: Mapping[str, int]
    cpu: float
    read: int
    written: int
    memory: int
    clients: int

    @property
    def all(self) -> int:
        """All calls, but those of whoever looks."""
        return sum(n for name, n in self.calls.items() if name not in OURS)

    @property
    def sent(self) -> int:
        """Commands that clients sent, each script being one."""
        return sum(self.calls.get(name, 0) for name in OF_CLIENTS)

    def since(self, earlier: Look) -> Look:
        """Return what was done between two looks; memory and clients as they grew."""
        calls = {k: n - earlier.calls.get(k, 0) for k, n in self.calls.items()}
        return Look(
            calls,
            self.cpu - earlier.cpu,
            self.read - earlier.read,
            self.written - earlier.written,
            self.memory - earlier.memory,
            self.clients - earlier.clients,
        )


def look(valkey: Valkey) -> Look:
    """Look at it."""
    told: dict[str, Any] = {}
    for part in ("commandstats", "cpu", "stats", "memory", "clients"):
        told |= valkey.command("INFO", part)
    prefix = "cmdstat_"
    return Look(
        {
            name.removeprefix(prefix): facts["calls"]
            for name, facts in told.items()
            if name.startswith(prefix)
        },
        told["used_cpu_user"] + told["used_cpu_sys"],
        told["total_net_input_bytes"],
        told["total_net_output_bytes"],
        told["used_memory"],
        told["connected_clients"],
    )
