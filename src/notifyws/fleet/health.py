"""Whether listeners are alive, and whether they are of use: what probes ask.

Alive is the event loop that has run lately. Of the server that says nothing, so that
nobody restarts a listener for a fault of its server. Of use is one that is connected,
or whose group has somebody who is. It is asked from another thread, as a loop that is
blocked answers nobody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from notifyws.fleet.active_listener import ActiveListener

TICK = 1.0
"""Seconds between two ticks of the loop."""
STALLED = 10.0
"""Seconds without one after which the loop counts as blocked: it missed pings."""


class Health:
    """What probes are told of listeners.

    Args:
        listeners: as they stand.
        now: monotonic seconds.
    """

    def __init__(
        self, listeners: Sequence[ActiveListener], now: Callable[[], float]
    ) -> None:
        self._listeners = listeners
        self._now = now
        self._ticked_at = now()

    async def tick(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Say for ever that the loop runs.

        Args:
            sleep: waits that many seconds.
        """
        while True:
            self._ticked_at = self._now()
            await sleep(TICK)

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
