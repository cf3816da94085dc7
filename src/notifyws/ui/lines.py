"""One line for each thing, and times as people read them; pure.

A notification or an event for people. No console draws them, because data is neither
wrapped nor held up. A line holds no newline and does not end in one. Times are the
local clock of what a server or a log wrote; a moment that cannot be read is the
reader's problem no more: another one is taken, and in the end the words are shown as
they are.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from notifyws.events import (
    Closed,
    Connected,
    Connecting,
    Disconnected,
    Event,
    Failure,
    Gap,
    Grouped,
    Reconnecting,
)
from notifyws.models import Notification
from notifyws.ui.sanitize import harmless, link_target
from notifyws.ui.theme import Theme

LONGEST = 64
"""Characters of a moment, in whatever way it is written."""
_MILLISECONDS_FROM = 100_000_000_000
_FAILURES = {
    "authentication_failed": "Authentication failed",
    "network_error": "Network error",
    "invalid_message": "Invalid message",
    "server_error": "Server error",
}


def plain_line(notification: Notification, theme: Theme) -> str:
    """Return time, mark, title or type, message and link in one line."""
    kind, paint = notification.type, theme.paint
    theme = theme.for_server(server := notification.server)
    style = theme.settings.style(kind)
    time = moment(notification.timestamp, notification.received, theme.zone)
    headline = harmless(notification.title) or harmless(kind)
    message = harmless(notification.words)
    link = notification.link or style.link
    if link is not None:  # one that leads nowhere is told by its words
        link = link_target(link, theme.link_base) or harmless(link)
    said = paint(headline, "bold") + (f": {message}" if message else "")
    if label := theme.servers.get(server):
        said = f"{paint(label.text, label.colour)} │ {said}"
    line = f"{paint(time, 'dim')} {paint(harmless(style.mark), style.colour)} {said}"
    return f"{line} {paint(link, 'dim')}" if link else line


def event_line(event: Event, zone: tzinfo | None = None) -> str:
    """Return one sentence that says what happened to the connection.

    Args:
        event: what happened.
        zone: whose local time a gap is told in; ``None`` for the machine's.
    """
    match event:
        case Connecting(url, attempt):
            again = f" (attempt {attempt})" if attempt else ""
            said, why = f"Connecting to {host_of(url)}{again}", ""
        case Connected(url, user):
            who = f" as user {user}" if user is not None else ""
            said, why = f"Connected to {host_of(url)}{harmless(who)}", ""
        case Reconnecting(attempt, delay, why):
            said = f"Reconnecting in {_wait(delay)} (attempt {attempt})"
        case Disconnected(1006, reason):  # which is no code that anybody sent
            said, why = "Disconnected", reason or "connection cut"
        case Disconnected(code, reason):
            said, why = "Disconnected", f"{reason or 'connection closed'} ({code})"
        case Failure(kind, why):
            said = _FAILURES[kind]
        case Gap():
            length = span(event.start, event.end)
            said = f"Gap of {length}" if length.strip("0 s") else "Gap"
            why = _gap_words(event, zone)
        case Grouped(group, "leader"):
            said, why = f"Leading the group {harmless(group)}", ""
        case Grouped(group, "replay"):
            said, why = f"Reading the group {harmless(group)} again", ""
        case Grouped(group, _, leader):
            said = f"Member of the group {harmless(group)}"
            why = f"{leader} leads" if leader else "nobody leads yet"
        case Closed(why):  # pragma: no branch - there is no other
            said = "Closed"
    said = f"{harmless(event.server)}: {said}" if event.server else said
    return f"{said}: {harmless(why)}" if why else said


def _wait(delay: float) -> str:
    """Return a short wait in words: ``4 s``, ``0.5 s``, ``2 min``."""
    if delay < 1:
        return f"{delay:.1f} s"
    return f"{delay:.0f} s" if delay < 600 else f"{delay / 60:.0f} min"


def host_of(url: str) -> str:
    """Return host and port of ``url`` for people, without credentials."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return harmless(url.rpartition("@")[2])
    return harmless(parts.netloc.rpartition("@")[2]) or harmless(url)


def _gap_words(gap: Gap, zone: tzinfo | None) -> str:
    start, end = clock_time(gap.start, zone), clock_time(gap.end, zone)
    fate = "were recovered" if gap.recovered else "may have been missed"
    reason = f" ({gap.reason})" if gap.reason else ""
    if gap.start == gap.end:
        return f"notifications before {end} {fate}{reason}"
    return f"notifications between {start} and {end} {fate}{reason}"


def moment(written: str, received: str, zone: tzinfo | None) -> str:
    """Return the local time of day, with the date where it is not the day of receipt.

    See :func:`stamp`.
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
    happened = _stamp(_to_the_second(written), zone)
    if happened is not None:
        return happened
    seen = _stamp(_to_the_second(received), zone)
    return Stamp(seen.day if seen else None, clock_time(received, zone))


def _to_the_second(written: str) -> str:
    """Return RFC 3339 without its fraction, so that a second is read only once.

    Words that are far too long for a moment are remembered as none.
    """
    if len(written) > LONGEST:
        return ""
    if written[19:20] != ".":
        return written
    return written[:19] + written[19:].lstrip(".0123456789")


@lru_cache(maxsize=1024)
def _stamp(written: str, zone: tzinfo | None) -> Stamp | None:
    happened = _read(written, zone)
    if happened is None:
        return None
    return Stamp(happened.date(), happened.strftime("%H:%M:%S"))


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
