"""How long to wait before the next try; pure.

One table for all that a connection tries again: itself, the renewal of its token, the
request for what was missed. The delays that count are the setting ``retry_delays``;
what is given here is the same, for the library's tests. Chance is handed in.
"""

from __future__ import annotations

from msgspec import Struct


class BackoffPolicy(Struct, frozen=True):
    """How patient to be. Durations are seconds.

    Args:
        delays: before each reconnect, the last for ever.
        jitter: share of each delay drawn by lot; 0 gives the exact table.
        stable_after: how long a connection must last to be forgiven its past.
        max_retries: reconnects in a row before giving up; ``None`` for never.
        retry_after_max: the longest wait a server may ask for.
    """

    delays: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
    jitter: float = 0.5
    stable_after: float = 30.0
    max_retries: int | None = None
    retry_after_max: float = 300.0

    def delay(self, losses: int, draw: float, retry_after: float | None) -> float:
        """Return the seconds to wait after loss number ``losses`` (from 1).

        Args:
            draw: a number in [0, 1).
            retry_after: what the server asked for; it can only make it longer.
        """
        base = self.delays[min(losses, len(self.delays)) - 1]
        asked = min(max(retry_after or 0.0, 0.0), self.retry_after_max)
        return max(base * (1.0 - self.jitter * draw), asked)
