"""What lies under each of our keys in a token cache: the one reading of it; pure.

A cache is shared with whoever else can write to it, other versions of ours included.
A text is good, or of a newer version (its ``v`` says so), or cannot be read: of
another shape, cut, or with fields that make no sense. Whoever reads a key asks here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeGuard

from notifyws.protocol.masking import sendable

__all__ = ["VERSION", "NewerValue", "UnreadableValue", "decode", "decoded", "is_ident"]

VERSION = 1
"""Of the values that are objects."""
GREATEST = 1e15
"""Beyond any moment or number of seconds."""


class UnreadableValue(ValueError):
    """What lies there makes no sense."""


class NewerValue(ValueError):
    """What lies there was written by a newer version of ours."""


def decode(name: str, text: str) -> Any:
    """Return what the text under a key holds: an object, or the text itself.

    Args:
        name: the key's, within its account; what it is about stands before a colon.
        text: as the cache has it.

    Raises:
        NewerValue: it is of a newer version.
        UnreadableValue: it is none of ours.
    """
    kind = name.partition(":")[0]
    value = _parsed(text)
    version = value.get("v") if isinstance(value, dict) else None
    if _is_number(version) and version > VERSION:
        raise NewerValue(kind)
    if kind in WORDS:
        if re.fullmatch(WORDS[kind], text) is None:
            raise UnreadableValue(kind)
        return text
    if kind not in OBJECTS:
        return text
    known = isinstance(value, dict) and (version == VERSION or kind == "listeners")
    if not known or not OBJECTS[kind](value):
        raise UnreadableValue(kind)
    return value


def decoded(name: str, text: str | None) -> Any:
    """Return what :func:`decode` does, ``None`` for whatever is not to be read."""
    try:
        return None if text is None else decode(name, text)
    except (NewerValue, UnreadableValue):
        return None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text.startswith("{") else None
    except (ValueError, RecursionError):
        return None


def _is_number(value: Any) -> TypeGuard[float]:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and -GREATEST < value < GREATEST


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_token(value: Mapping[str, Any]) -> bool:
    token, margin = value.get("token"), value.get("margin")
    fits = isinstance(token, str) and sendable(token)
    known = _is_text_or_none(value.get("userId"))
    return fits and known and _is_number(margin) and margin >= 0


def _is_cursor(value: Mapping[str, Any]) -> bool:
    """Tell whether a place makes sense; what id it names is for its reader."""
    place = value.get("standing")
    if not isinstance(place, dict) or place.keys() - STANDING:
        return False
    moved, mixed = place.get("moved_at", 0), place.get("mixed", False)
    heard = _is_moment(place.get("heard_at", ""))
    return heard and _is_number(moved) and isinstance(mixed, bool)


def _is_moment(value: Any) -> bool:
    try:
        return value == "" or datetime.fromisoformat(value) is not None
    except (ValueError, TypeError):
        return False


def _is_listener(value: Mapping[str, Any]) -> bool:
    """Tell whether a listener can be told from others; the rest has defaults."""
    name, host, pid = (value.get(each, 0) for each in ("name", "host", "pid"))
    whole = isinstance(pid, int) and not isinstance(pid, bool)
    return _is_text_or_none(name) and isinstance(host, str) and whole


def _is_index(value: Mapping[str, Any]) -> bool:
    return "v" not in value and all(map(_is_number, value.values()))


def is_ident(value: Any) -> bool:
    """Tell whether a server can be asked for what came after it: text or number."""
    return isinstance(value, str) or _is_number(value)


STANDING = {"last_id", "heard_at", "moved_at", "mixed"}
OBJECTS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "access": _is_token,
    "refresh": _is_token,
    "cursor": _is_cursor,
    "listener": _is_listener,
    "listeners": _is_index,
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
