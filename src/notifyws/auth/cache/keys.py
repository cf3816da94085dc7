"""What is cached under which key, in which format, and for how long: the one table.

In Redis the keys of an account are ``notifyws:{ACCOUNT}:NAME``, the braces literal; in
the file a row has both. Who writes a key is named behind it.

===================  =========================================  ========================
name                 text                                       forgotten after
===================  =========================================  ========================
``access``           JSON: ``v``, ``token``, ``margin``,        its lifetime less its
                     ``userId`` (token_manager)                 margin: then it counts
                                                                as expired
``refresh``          the same (token_manager)                   the same
``generation``       random, new with every login, refresh      420 days
                     and logout (token_manager)
``lock``             its owner's random proof (token_lock)      15 s, while it is held
                                                                again and again
``denied:DIGEST``    ``1``: this password was refused           60 s
                     (``2``: perhaps by a proxy)
                     (token_manager)
``lost:DIGEST``      how often a refresh token was shown and    60 s
                     no answer heard (token_lock)
``cursor:NAME``      JSON: ``v``, ``standing`` of a listener    30 days
                     (delivery.durable_listener)
``listener:ID``      JSON: ``v``, what a running listener says  30 s
                     of itself (fleet.heartbeat)
``listeners:N``      JSON: listener's id -> unix time until     600 s
                     which it stands there (fleet.heartbeat)
``probe``            ``1``: can the cache be written to?        1 s
                     (diagnostics.health_checks)
===================  =========================================  ========================

With ``NOTIFYWS_CACHE_KEY``, ``access`` and ``refresh`` are encrypted (``checked``).

The cache is shared with whoever else can write to it, other versions of ours
included. So a text is good, or of a newer version (its ``v`` says so), or cannot be
read: of another shape, cut, or with fields that make no sense. Whoever reads a key
asks here; this module is pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, TypeGuard

from msgspec import Meta, Struct, convert

from notifyws.config.settings import LIFETIME
from notifyws.protocol.frames import decode as strictly
from notifyws.protocol.masking import sendable

VERSION = 1
"""Of the values that are objects."""
KEEP: Mapping[str, float] = {
    **dict.fromkeys(("access", "refresh"), LIFETIME),  # at most: each has its own
    "generation": 420 * 86400.0,  # it outlives the tokens, so that a logout wins
    "lock": 15.0,
    "denied": 60.0,
    "lost": 60.0,
    "cursor": 30 * 86400.0,
    "listener": 30.0,
    "listeners": 600.0,
    "probe": 1.0,
}
"""Seconds for which what has no lifetime of its own is kept."""
UNSURE = 60.0
"""Seconds that clocks may differ in telling how long something stays."""

Number = Annotated[float, Meta(gt=-1e15, lt=1e15)]
"""Any moment, or number of seconds, that makes sense."""


class _CachedToken(Struct):
    token: str
    margin: Annotated[float, Meta(ge=0, le=LIFETIME)]
    userId: str | None = None

    def __post_init__(self) -> None:
        if not sendable(self.token):
            raise ValueError("no header can carry it")


class _Standing(Struct, forbid_unknown_fields=True):
    last_id: Any = None  # whether it makes sense is for its reader
    heard_at: str = ""
    moved_at: Number = 0.0
    mixed: bool = False
    sent_at: Annotated[float, Meta(gt=-1e11, lt=1e11)] | None = None

    def __post_init__(self) -> None:
        if self.heard_at:
            datetime.fromisoformat(self.heard_at)


class _CachedCursor(Struct):
    standing: _Standing


class _CachedListener(Struct):
    """What tells a listener from others; the rest has defaults."""

    name: str | None
    host: str
    pid: int


OBJECTS: Mapping[str, Any] = {
    "access": _CachedToken,
    "refresh": _CachedToken,
    "cursor": _CachedCursor,
    "listener": _CachedListener,
    "listeners": dict[str, Number],
}
SECRET = r"(?a)[\w-]{6,64}"
COUNT = r"(?a)\d{1,4}"
WORDS: Mapping[str, str] = {
    "generation": SECRET,
    "lock": SECRET,
    "denied": COUNT,
    "lost": COUNT,
    "probe": COUNT,
}


class UnreadableValue(ValueError):
    """What lies there makes no sense."""


class NewerValue(ValueError):
    """What lies there was written by a newer version of ours."""


def decode(name: str, text: str, remaining: float = 0.0) -> Any:
    """Return what the text under a key holds: an object, or the text itself.

    Args:
        name: the key's, within its account; what it is about stands before a colon.
        remaining: seconds until it is forgotten. What is to stay for longer than
            anybody of ours keeps it is none of ours: a lock for years would hold
            everybody up.

    Raises:
        NewerValue: it is of a newer version.
        UnreadableValue: it is none of ours.
    """
    kind = name.partition(":")[0]
    value = _read(kind, text)
    if remaining > KEEP.get(kind, remaining) + UNSURE:
        raise UnreadableValue(kind)
    return value


@lru_cache(maxsize=8)
def _read(kind: str, text: str) -> Any:
    """Return what a text holds; each ``get`` reads the same texts, each of them twice.

    Nobody changes what is returned.
    """
    try:
        value = strictly(text) if text.startswith("{") else None
    except ValueError:
        value = None
    version = value.get("v") if isinstance(value, dict) else None
    if _is_number(version) and VERSION < version < 1e15:
        raise NewerValue(kind)
    if kind in WORDS:
        if re.fullmatch(WORDS[kind], text) is None:
            raise UnreadableValue(kind)
        return text
    if kind not in OBJECTS:
        return text
    if version != (None if kind == "listeners" else VERSION):
        raise UnreadableValue(kind)
    try:
        convert(value, OBJECTS[kind])
    except (ValueError, OverflowError):
        raise UnreadableValue(kind) from None
    return value


def decoded(name: str, text: str | None, remaining: float = 0.0) -> Any:
    """Return what :func:`decode` does, ``None`` for whatever is not to be read."""
    try:
        return None if text is None else decode(name, text, remaining)
    except (NewerValue, UnreadableValue):
        return None


def is_ident(value: Any) -> bool:
    """Tell whether a server can be asked for what came after it: text or number.

    Numbers may be large, other than moments: microseconds, say, or snowflakes.
    """
    return isinstance(value, str) or (_is_number(value) and abs(value) < 1e30)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
