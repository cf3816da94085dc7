"""The fields of an item: how each is found, written, and how much they may be.

Servers write JSON, base64 and unix time as text and numbers. No conversion fails: what
is not what it should be stays as it is, or is nothing.

A profile may give every item a field of what is around it. Nothing is copied by that,
until each is written as a line: a frame of a megabyte with 20,000 items then is 14 GB.
So what one frame becomes is bounded.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from notifyws.clock import utc_text
from notifyws.models import as_text
from notifyws.protocol import profile
from notifyws.protocol.expressions import compiled, truthy
from notifyws.protocol.frames import InvalidFrame, json_or_text
from notifyws.protocol.since import moment_of

ORDER = ("type", "title", "message", "link", "data", "id", "timestamp")
"""The fields that everybody knows, as they are shown."""
PATH = r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}"
"""A path in the text of a field."""
MOST = 16 << 20
"""Characters that the fields of a frame's items may have in all, and four times what
the frame itself has."""
WHY = "too large: each of its items, or fields, would repeat too much of it"
SECONDS_DIGITS = 9
"""Digits of unix seconds, at least: since 1973."""


class Field(Struct, frozen=True):
    """How a field is read.

    Args:
        find: takes its value out of an item.
        convert: writes it as it will be shown, and loses nothing of it; ``None`` for a
            value that makes no sense.
        words: replace values.
    """

    find: Callable[[Any], Any]
    convert: Callable[[Any, Any], Any] | None = None
    words: Mapping[str, str] = {}


def fields_of(
    mapping: profile.FieldMapping, failed: Callable[[str], object]
) -> dict[str, Field]:
    """Return how each field of a mapping is read, in the order they are shown in.

    ``failed`` is told why an ``id`` could not be worked out.
    """
    named = dict.fromkeys([*mapping.fields, *mapping.text])
    ordered = sorted(named, key=lambda name: (*ORDER, name).index(name))
    return {name: _field(name, mapping, failed) for name in ordered}


def _field(
    name: str, mapping: profile.FieldMapping, failed: Callable[[str], object]
) -> Field:
    text = mapping.text.get(name)
    search: Callable[[Any], Any] = lambda view: None  # noqa: E731 - the empty one
    if name in mapping.fields:
        told = failed if name == "id" else lambda reason: None
        search = compiled(mapping.fields[name], told)

    def find(view: Any) -> Any:
        value = search(view)
        return _text(text, view) if value is None and text is not None else value

    return Field(find, _converted(name, mapping), mapping.words.get(name, {}))


def _converted(
    name: str, mapping: profile.FieldMapping
) -> Callable[[Any, Any], Any] | None:
    if name == "timestamp" and mapping.timestamp != "iso":
        divisor = 1000 if mapping.timestamp == "ms" else 1
        return lambda value, view: _unix_moment(value, divisor)
    is_json = name == "data" and mapping.encoding == "json"
    if name in mapping.base64:
        is_base64 = compiled(mapping.base64[name])

        def convert(value: Any, view: Any) -> Any:
            plain = _base64_text(value) if truthy(is_base64(view)) else value
            return _as_json(plain) if is_json else plain

        return convert
    return (lambda value, view: _as_json(value)) if is_json else None


def _text(text: str, view: Any) -> str:
    left = MOST

    def filled(found: re.Match[str]) -> str:
        nonlocal left
        value = as_text(_at(found[1].split("."), view))
        left -= len(value)
        if left < 0:
            raise InvalidFrame(WHY)
        return value

    return re.sub(PATH, filled, text)


def _at(path: list[str], value: Any) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _as_json(value: Any) -> Any:
    """Return the value of a text that is JSON; anything else stays."""
    return json_or_text(value) if isinstance(value, str) else value


def _base64_text(value: Any) -> Any:
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


def _unix_moment(value: Any, divisor: int) -> Any:
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


class Growth:
    """Counts what the items of one frame show that is not their own."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self._weights: dict[int, int] = {}
        self._total = 0

    def add(self, fields: Mapping[str, Any], item: Any) -> None:
        """Count the fields of one item, which must be kept while others are counted.

        Raises:
            InvalidFrame: it is too much.
        """
        for name, value in fields.items():
            if name != "data" or value is not item:
                self._total += self._weight(value)
        if self._total > MOST and self._total > MOST + 4 * self._weight(self._frame):
            raise InvalidFrame(WHY)

    def _weight(self, value: Any) -> int:
        """Return about how many characters a value takes; a part is weighed once."""
        if isinstance(value, str):
            return len(value)
        if not isinstance(value, dict | list):
            return 8
        if (known := self._weights.get(id(value))) is None:
            inner = value.values() if isinstance(value, dict) else value
            names = sum(map(len, value)) if isinstance(value, dict) else 0
            known = names + len(value) + sum(map(self._weight, inner))
            self._weights[id(value)] = known
        return known
