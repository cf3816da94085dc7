"""Beginning at a time: what a server is asked then, and what it sends that is older.

A profile names the time in a template (``{since.unix}``, ``{since.ms}``,
``{since.iso}``), or lets the server send all that it keeps; what is older than the
time is then let go here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import asdict

from notifyws.clock import utc_text
from notifyws.protocol.profile import Profile
from notifyws.protocol.template import mentions

__all__ = ["can_begin", "is_before", "spelled"]


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
    try:
        written = datetime.fromisoformat(timestamp)
        return (written if written.tzinfo else written.replace(tzinfo=UTC)) < moment
    except (ValueError, OverflowError):
        return False
