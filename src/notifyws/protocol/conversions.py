"""Values as servers write them, as they will be shown: JSON, base64, unix time; pure.

None of them fails: what is not what it should be stays as it is, or is nothing.
"""

from __future__ import annotations

import base64
from typing import Any

from notifyws.clock import utc_text
from notifyws.protocol.frames import json_or_text
from notifyws.protocol.since import moment_of

SECONDS_DIGITS = 9
"""Digits of unix seconds, at least: since 1973."""


def as_json(value: Any) -> Any:
    """Return the value of a text that is JSON; anything else stays."""
    return json_or_text(value) if isinstance(value, str) else value


def base64_text(value: Any) -> Any:
    """Return the text that base64 stands for; what is no base64 stays as it is.

    Bytes that are no UTF-8 are Latin-1: each a character, so that none is lost. Servers
    write base64 where a text is not UTF-8.
    """
    try:
        plain = base64.b64decode(value, validate=True)
    except (TypeError, ValueError):
        return value
    try:
        return plain.decode()
    except UnicodeDecodeError:
        return plain.decode("latin-1")


def unix_moment(value: Any, divisor: int) -> Any:
    """Return unix time as RFC 3339; text that is a time stays.

    What nchan calls an id begins with it: ``1705314600:0``.
    """
    if isinstance(value, str) and ":" in value:
        head = value.partition(":")[0]
        if not (head.isdecimal() and len(head) >= SECONDS_DIGITS):
            return value if moment_of(value) is not None else None
        value = head
    try:
        return utc_text(float(value) / divisor)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
