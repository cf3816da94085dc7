"""When what was kept for a sink is handed on: quiet hours, and a digest; pure.

Times of the day are local, also on the days on which clocks are changed: they are read
off the wall clock whenever they are needed.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from datetime import time as time_of_day

from msgspec import Struct

_HOURS = r"(?a)\s*(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)\s*"


class Quiet(Struct, frozen=True):
    """Hours of each day in which nothing is handed on.

    Args:
        start: when they begin.
        end: when they are over; the next day, where that is not later.
    """

    start: time_of_day
    end: time_of_day

    @classmethod
    def of(cls, text: str) -> Quiet:
        """Return hours as people write them, as in ``22:00-07:00``.

        Raises:
            ValueError: they are none, or the whole day.
        """
        found = re.fullmatch(_HOURS, text)
        if found is None:
            raise ValueError("must be two times of a day")
        hour, minute, last_hour, last_minute = map(int, found.groups())
        start, end = time_of_day(hour, minute), time_of_day(last_hour, last_minute)
        if start == end:
            raise ValueError("must begin and end at different times")
        return cls(start, end)

    def left(self, wall: float) -> float:
        """Return the seconds until they are over; 0 while it is not quiet.

        Args:
            wall: unix seconds.
        """
        now = datetime.fromtimestamp(wall)
        start, end, moment = self.start, self.end, now.time()
        over_night, after = start > end, moment >= start
        quiet = (after or moment < end) if over_night else (after and moment < end)
        if not quiet:
            return 0.0
        day = now.date() + timedelta(days=int(over_night and after))
        return max(datetime.combine(day, end).timestamp() - wall, 0.0)

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


class Timing(Struct, frozen=True):
    """When a sink is served.

    Args:
        quiet: not in these hours; ``None`` for at any time.
        digest: seconds in which what comes is gathered, from the first on, and handed
            on as one; 0 for each by itself.
    """

    quiet: Quiet | None = None
    digest: float = 0.0

    def quiet_for(self, wall: float) -> float:
        """Return for how many seconds it is quiet from a moment (unix) on."""
        return 0.0 if self.quiet is None else self.quiet.left(wall)
