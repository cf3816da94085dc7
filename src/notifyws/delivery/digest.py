"""One notification with what came: its title counts, its data has each whole; pure."""

from __future__ import annotations

from collections.abc import Sequence

from notifyws.delivery.outbox_records import notification_of
from notifyws.models import Notification, strict_json

TYPE = "digest"
SHOWN = 20
"""Notifications of which the message has a line."""
WIDTH = 120
"""Characters of such a line."""


def digest_of(many: Sequence[Notification], at: str) -> Notification:
    """Return a digest.

    Args:
        many: what came, in order.
        at: RFC 3339 UTC; when it is made.
    """
    said = {
        "type": TYPE,
        "title": f"{len(many)} notifications",
        "message": "\n".join(_lines(many)),
        "timestamp": at,
    }
    whole = ",".join(each.line() for each in many)  # no number is written anew
    facts = f'{{"count":{len(many)},"notifications":[{whole}]}}'
    return notification_of(f'{strict_json(said)[:-1]},"data":{facts}}}')


def _lines(many: Sequence[Notification]) -> list[str]:
    lines = [_line(each) for each in many[:SHOWN]]
    more = len(many) - SHOWN
    return [*lines, f"and {more} more"] if more > 0 else lines


def _line(one: Notification) -> str:
    title, words = one.title or one.type, " ".join(one.words.split())
    line = f"{title}: {words}" if words else title
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"
