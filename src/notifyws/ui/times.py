"""Times as people read them: the local clock of what a server or a log wrote.

Pure. A moment that cannot be read is the reader's problem no more: another one is
taken, and in the end the words are shown as they are.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

from notifyws.ui.sanitize import harmless

__all__ = ["Stamp", "clock_time", "elapsed", "moment", "remaining", "span", "stamp"]

_MILLISECONDS_FROM = 100_000_000_000


def moment(written: str, received: str, zone: tzinfo | None) -> str:
    """Return the local time of day, with the date where it is not the day of receipt.

    Args:
        written: when it happened, in the server's words: RFC 3339 or epoch.
        received: RFC 3339 time of receipt, taken where those say nothing.
        zone: whose clock; ``None`` for the machine's.
    """
    day, time = stamp(written, received, zone)
    today = stamp(received, "", zone).day
    return time if day is None or today in (None, day) else f"{day} {time}"


class Stamp(NamedTuple):
    """A moment by the reader's calendar and clock; no day where none can be read."""

    day: date | None
    time: str


def stamp(written: str, received: str, zone: tzinfo | None) -> Stamp:
    """Return the local day and time of day of a moment.

    Args:
        written: when it happened, in the server's words: RFC 3339 or epoch.
        received: RFC 3339 time of receipt, taken where those say nothing.
        zone: whose clock; ``None`` for the machine's.
    """
    return _stamp(_to_the_second(written), _to_the_second(received), zone)


def _to_the_second(written: str) -> str:
    """Return RFC 3339 without its fraction, so that a second is read only once."""
    if written[19:20] != ".":
        return written
    return written[:19] + written[19:].lstrip(".0123456789")


@lru_cache(maxsize=1024)
def _stamp(written: str, received: str, zone: tzinfo | None) -> Stamp:
    happened = _read(written, zone)
    if happened is not None:
        return Stamp(happened.date(), happened.strftime("%H:%M:%S"))
    seen = _read(received, zone)
    return Stamp(seen.date() if seen else None, clock_time(received, zone))


def clock_time(written: str, zone: tzinfo | None) -> str:
    """Return the local time of day of a moment, or its own words, made harmless."""
    happened = _read(written, zone)
    return happened.strftime("%H:%M:%S") if happened else harmless(written)[:19]


def elapsed(seconds: float) -> str:
    """Return a time already past, as ``00:12:33`` or ``3d 04:12:33``."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour:02}:{minute:02}:{second:02}"
    return f"{days}d {clock}" if days else clock


def remaining(seconds: float) -> str:
    """Return a time still to come, as ``11:42`` or ``6d 11:59:00``."""
    return elapsed(seconds).removeprefix("00:")


def span(start: str, end: str) -> str:
    """Return how long it was between two moments: ``65 s``, ``12 min``, ``3 h 5 min``.

    Empty where one of them cannot be read, or they are in no order.
    """
    first, last = _read(start, UTC), _read(end, UTC)
    if first is None or last is None or last < first:
        return ""
    seconds = (last - first).total_seconds()
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return f"{minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min"


def _read(written: str, zone: tzinfo | None) -> datetime | None:
    try:
        if written.isdecimal() and len(written) in (10, 13):
            stamp = int(written)
            stamp = stamp // 1000 if stamp >= _MILLISECONDS_FROM else stamp
            return datetime.fromtimestamp(stamp, UTC).astimezone(zone)
        read = datetime.fromisoformat(written)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return None
