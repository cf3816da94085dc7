"""Times as people read them: the local clock of what a server or a log wrote.

Pure. A moment that cannot be read is the reader's problem no more: another one is
taken, and in the end the words are shown as they are.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from notifyws.view.safe import harmless

__all__ = ["clock_time", "elapsed", "moment", "remaining"]

_MILLISECONDS_FROM = 100_000_000_000


def moment(written: str, received: str, zone: tzinfo | None) -> str:
    """Return the local time of day, with the date where it is not the day of receipt.

    Args:
        written: when it happened, in the server's words: RFC 3339 or epoch.
        received: RFC 3339 time of receipt, taken where those say nothing.
        zone: whose clock; ``None`` for the machine's.
    """
    return _moment(_to_the_second(written), _to_the_second(received), zone)


def _to_the_second(written: str) -> str:
    """Return RFC 3339 without its fraction, so that a second is read only once."""
    if written[19:20] != ".":
        return written
    return written[:19] + written[19:].lstrip(".0123456789")


@lru_cache(maxsize=1024)
def _moment(written: str, received: str, zone: tzinfo | None) -> str:
    seen, happened = _read(received, zone), _read(written, zone)
    if happened is None:
        return clock_time(received, zone)
    if seen is None or seen.date() == happened.date():
        return happened.strftime("%H:%M:%S")
    return happened.strftime("%Y-%m-%d %H:%M:%S")


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
