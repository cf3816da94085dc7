"""From when on notifications are wanted: an id, or a time as people spell it; pure.

A duration is digits with their units (``30s``, ``10m``, ``1h30m``, ``2d``), a time is
RFC 3339 with its zone. Anything else is an id, and ``id:`` in front makes one of
whatever follows.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from notifyws.errors import UsageError

__all__ = ["parse_since"]

GIVE = "as in --since 10m, --since 2026-01-15T10:30:00Z or --since id:10m"
UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = r"(?a)(?:\d{1,9}[dhms])+"
_PART = r"(?a)(\d+)([dhms])"
_TIME = (
    r"(?a)\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
    r"(?P<zone>[Zz]|[+-]\d\d:\d\d)?"
)


def parse_since(text: str, now: datetime) -> str | datetime:
    """Return what ``--since`` was given: an id, or the time to begin at.

    Args:
        text: an id, a duration or a time.
        now: with its zone.

    Returns:
        The id, or the time in UTC.

    Raises:
        UsageError: it is a time that cannot be, has no zone, or is still to come.
    """
    if text.startswith("id:"):
        return text.removeprefix("id:")
    try:
        if re.fullmatch(_DURATION, text):
            return (now - _duration(text)).astimezone(UTC)
        if (found := re.fullmatch(_TIME, text)) is not None:
            return _time(found, now).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"--since: there is no such time as {text}", GIVE) from None
    return text


def _duration(text: str) -> timedelta:
    parts = [{UNITS[unit]: int(count)} for count, unit in re.findall(_PART, text)]
    return sum((timedelta(**part) for part in parts), timedelta())


def _time(found: re.Match[str], now: datetime) -> datetime:
    if found["zone"] is None:
        hint = "add Z for UTC, or a zone as in +01:00"
        raise UsageError(f"--since: {found[0]} says no zone", hint)
    moment = datetime.fromisoformat(found[0].upper())
    if moment > now:
        raise UsageError(f"--since: {found[0]} is still to come", GIVE)
    return moment
