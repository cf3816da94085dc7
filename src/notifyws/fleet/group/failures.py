"""Says what Redis goes on refusing although it is there; that it is away, others say.

The law: *nothing fails for long without a word.* Each step of a group is tried again
when it fails, for Redis is disturbed now and then. A step that does not work for as
long as a lease lasts, while beats are answered, is said, once until it works again.
"""

from __future__ import annotations

from collections.abc import Callable

from notifyws.clock import Clock
from notifyws.errors import CacheFailed

MEANINGS = {
    "append": "what arrives waits here",
    "present": "what arrives waits here",
    "where": "this member cannot lead",
    "_page": "this member cannot lead",
    "read": "this member takes nothing",
    "held": "this member takes nothing",
    "own": "this member takes nothing",
    "claim": "what others left is not taken over",
    "acknowledge": "what is done with may come again",
    "trim": "the group's stream grows",
}
"""What it means when a step fails; of others nobody needs to know."""


class RedisFailures:
    """Keeps count of what fails.

    Args:
        clock: monotonic time.
        warn: is told.
        patience: seconds that something may fail.
        is_away: whether Redis is known to be away.
    """

    def __init__(
        self,
        clock: Clock,
        warn: Callable[[str], None],
        patience: float,
        is_away: Callable[[], bool],
    ) -> None:
        self._clock, self._warn = clock, warn
        self._patience, self._is_away = patience, is_away
        self._since: dict[str, float] = {}
        self._said: set[str] = set()

    def failed(self, step: str, error: CacheFailed) -> None:
        """Take note that a step failed."""
        meaning = MEANINGS.get(step)
        if meaning is None:
            return
        now = self._clock.now()
        since = self._since.setdefault(step, now)
        if now - since < self._patience or self._is_away() or meaning in self._said:
            return
        self._said.add(meaning)
        hint = f" ({error.hint})" if error.hint else ""
        self._warn(f"{error.message}{hint}; {meaning}")

    def worked(self, step: str) -> None:
        """Take note that a step was answered."""
        if self._since.pop(step, None) is not None:
            self._said.discard(MEANINGS[step])
