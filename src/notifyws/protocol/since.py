"""Beginning at a time: how people spell it, what a server is asked, what is older.

People name an id, a duration (``30s``, ``10m``, ``1h30m``, ``2d``) or a time (RFC 3339
with its zone); ``id:`` in front makes an id of whatever follows. A profile names the
time in a template (``{since.unix}``, ``{since.ms}``, ``{since.iso}``), or lets the
server send all that it keeps; what is older than the time is then let go here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from notifyws.clock import utc_text
from notifyws.errors import UsageError
from notifyws.protocol.templates import mentions

if TYPE_CHECKING:
    from notifyws.models import Notification
    from notifyws.protocol.profile import Profile

MILLISECONDS = 1e11
"""Beyond it, a moment is written in unix milliseconds: seconds come there in 5138."""
GIVE = "as in --since 10m, --since 2026-01-15T10:30:00Z or --since id:10m"
UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_DURATION = r"(?a)(?:\d{1,9}[dhms])+"
_PART = r"(?a)(\d+)([dhms])"
_TIME = (
    r"(?a)\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
    r"(?P<zone>[Zz]|[+-]\d\d:\d\d)?"
)
_TIMESTAMP = r"(?a)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(Z|[+-]\d\d:\d\d)"


def parse_since(text: str, now: datetime) -> str | datetime:
    """Return what ``--since`` was given: an id, or the time to begin at, in UTC.

    ``now`` has its zone.

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


def parse_duration(text: str, option: str) -> float:
    """Return the seconds that an option was given: ``30s``, ``5m``, ``1h30m``, ``90``.

    Raises:
        UsageError: it is no duration, or none that makes sense.
    """
    plain = re.fullmatch(r"(?a)\d{1,9}(?:\.\d{1,9})?", text)
    if plain is None and not re.fullmatch(_DURATION, text):
        raise UsageError(
            f"{option} takes a duration, not {text!r}", f"as in {option} 5m"
        )
    return float(text) if plain else _duration(text).total_seconds()


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


def can_begin(profile: Profile) -> bool:
    """Return whether a server of this profile can be asked from a time on."""
    resume = profile.resume
    if resume is None:
        return False
    catchup = resume.catchup
    if resume.snapshot or resume.since_time is not None:
        return True
    if catchup is not None and catchup.order == "newest first":
        return True  # pages lead back to the time
    asked = [each.send for each in profile.handshake]
    asked += [asdict(catchup.step)] if catchup else []
    return mentions([*asked, asdict(profile.socket)], "since")


def spelled(moment: datetime) -> Mapping[str, Any]:
    """Return a time in the ways that servers know.

    Whole seconds begin one earlier: many servers send what is later than they are told,
    and number what came in one second from 0.
    """
    unix = moment.timestamp()
    return {"unix": int(unix) - 1, "ms": int(unix * 1000), "iso": utc_text(unix)}


def is_before(timestamp: str, moment: datetime) -> bool:
    """Return whether a notification's timestamp is older than a time.

    One that cannot be read is not: nothing is let go that might be wanted.
    """
    written = moment_of(timestamp)
    return written is not None and written < moment


def sent_at(notification: Notification) -> float | None:
    """Return the unix seconds at which a notification was sent, as the server says.

    It was sent before it was received, whatever the server says. ``None`` where that
    says nothing that can be read.
    """
    said = moment_of(notification.fields.get("timestamp"))
    if said is None:
        return None
    return min(said, moment_of(notification.received) or said).timestamp()


def text_and_zone(timestamp: str) -> tuple[str, str] | None:
    """Return a timestamp and its zone; ``None`` if it has not the form of RFC 3339."""
    found = re.fullmatch(_TIMESTAMP, timestamp)
    return found and (timestamp, found[1])


def moment_of(text: Any) -> datetime | None:
    """Return the moment that ISO 8601 text names; in UTC where it says no zone."""
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
