"""Gaps of one socket of a group, which another one may have covered; pure.

The law: *only who was heard after a gap was open through it.* Two sockets may be cut by
the same fault, so that another one was open a moment ago proves nothing. Until its
member tells of it, a gap waits; what is not proven in time was missed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from notifyws.clock import Clock
from notifyws.events import Gap

Covers = Callable[[float, float], bool | None]
"""Tells whether another socket was open from a moment to another (unix seconds);
``None`` where a later word will tell."""


class OpenGaps:
    """The gaps of which it is not known yet whether another socket covered them.

    Args:
        covers: see ``Covers``.
        tell: is told a gap when that is known.
        patience: seconds that a gap waits at most.
    """

    def __init__(
        self, covers: Covers, tell: Callable[[Gap], None], clock: Clock, patience: float
    ) -> None:
        self._covers, self._tell, self._clock = covers, tell, clock
        self._patience = patience
        self._waiting: list[tuple[Gap, float]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, gap: Gap) -> None:
        """Tell a gap, now or when it is known whether it is one."""
        self._waiting.append((gap, self._clock.now() + self._patience))
        self.look()

    def look(self) -> None:
        """Tell those of which it is known now, or will not be any more."""
        waiting, self._waiting = self._waiting, []
        for gap, end in waiting:
            start, stop = _moment(gap.start), _moment(gap.end)
            covered = gap.recovered or self._covers(start, stop)
            if covered is None and self._clock.now() < end:
                self._waiting.append((gap, end))
            else:
                self._tell(replace(gap, recovered=bool(covered)))

    def give_up(self) -> None:
        """Tell all of them: nobody will know."""
        waiting, self._waiting = self._waiting, []
        for gap, _ in waiting:
            self._tell(gap)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
