"""One line for each thing: a notification for people, an event for people or scripts.

No console draws them, because data is neither wrapped nor held up. A line holds no
newline and does not end in one.
"""

from __future__ import annotations

from datetime import tzinfo
from urllib.parse import urlsplit

from notifyws.events import (
    Closed,
    Connected,
    Connecting,
    Disconnected,
    Event,
    Failure,
    Gap,
    Reconnecting,
    as_json,
)
from notifyws.models import Notification, strict_json
from notifyws.ui.sanitize import harmless, link_target
from notifyws.ui.theme import Look
from notifyws.ui.times import clock_time, moment, span

__all__ = ["event_json", "event_line", "host_of", "plain_line", "seconds"]

_FAILURES = {
    "authentication_failed": "Authentication failed",
    "network_error": "Network error",
    "invalid_message": "Invalid message",
    "server_error": "Server error",
}


def plain_line(notification: Notification, look: Look) -> str:
    """Return time, mark, title or type, message and link in one line."""
    kind, paint = notification.type, look.paint
    style = look.style(kind)
    time = moment(notification.timestamp, notification.received, look.zone)
    headline = harmless(notification.title) or harmless(kind)
    message = harmless(notification.message)
    link = _shown_link(notification.link or style.link, look)
    said = paint(headline, "bold") + (f": {message}" if message else "")
    line = f"{paint(time, 'dim')} {paint(style.mark, style.colour)} {said}"
    return f"{line} {paint(link, 'dim')}" if link else line


def _shown_link(link: str | None, look: Look) -> str:
    """Return the URL, or the words of a link that leads nowhere."""
    if link is None:
        return ""
    return link_target(link, look.link_base) or harmless(link)


def event_json(event: Event) -> str:
    """Return the event as its JSON line."""
    return strict_json(as_json(event))


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
            said = f"Reconnecting in {seconds(delay)} (attempt {attempt})"
        case Disconnected(code, reason):
            said, why = "Disconnected", _parting(code, reason)
        case Failure(kind, why):
            said = _FAILURES[kind]
        case Gap():
            length = span(event.start, event.end)
            said = f"Gap of {length}" if length.strip("0 s") else "Gap"
            why = _gap_words(event, zone)
        case Closed(why):
            said = "Closed"
    return f"{said}: {harmless(why)}" if why else said


def seconds(delay: float) -> str:
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


def _parting(code: int, reason: str) -> str:
    """Return why a socket ended; 1006 is no code that anybody sent."""
    if code == 1006:
        return reason or "connection cut"
    return f"{reason or 'connection closed'} ({code})"


def _gap_words(gap: Gap, zone: tzinfo | None) -> str:
    start, end = clock_time(gap.start, zone), clock_time(gap.end, zone)
    fate = "were recovered" if gap.recovered else "may have been missed"
    reason = f" ({gap.reason})" if gap.reason else ""
    if gap.start == gap.end:
        return f"notifications before {end} {fate}{reason}"
    return f"notifications between {start} and {end} {fate}{reason}"
