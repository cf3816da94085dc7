"""Notifications out of a value: where they are, which count, and their fields.

Everything is compiled once, where the profile is read. What an expression does not
find is left out, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from notifyws.clock import utc_text
from notifyws.models import Notification, as_text
from notifyws.protocol import profile
from notifyws.protocol.expressions import compiled, names, truthy, walks
from notifyws.protocol.frames import InvalidFrame, json_or_text
from notifyws.protocol.since import moment_of

AROUND = frozenset({"parent", "frame", "key", "item"})
"""What an item's expressions see beside its own fields."""
ORDER = ("type", "title", "message", "link", "data", "id", "timestamp")
SECONDS_DIGITS = 9
"""Digits of unix seconds, at least: since 1973."""
MOST_VISITS = 20_000_000
"""Values that the expressions of all items of a frame may look at: some seconds."""
_PATH = r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}"

Reader = Callable[[Any, str], list[Notification]]
_Item = tuple[Any, Any, Any]
"""An item, what it was found in, and its key."""
_Field = Callable[[Any], Any]


def plain(mapping: profile.FieldMapping) -> bool:
    """Return whether the frame itself is the notification."""
    parts = (mapping.items, mapping.children, mapping.keep)
    return not any(parts) and not mapping.fields and not mapping.text


def mapper(mapping: profile.FieldMapping) -> Reader:
    """Return what reads the notifications of a value.

    Args:
        mapping: of the profile.

    Returns:
        A function of a value and the RFC 3339 time of receipt. It raises
        :class:`InvalidFrame` where each of many items asked for all of a large frame:
        that would take for ever.
    """
    find = _finder(mapping)
    whole = frozenset({"parent", "frame"})
    walking = any(walks(text, whole) for text in _expressions(mapping))
    around = bool(AROUND & _mentioned(mapping))
    keep = compiled(mapping.keep) if mapping.keep else None
    fields = _fields(mapping)

    def read(value: Any, received: str) -> list[Notification]:
        found: list[Notification] = []
        items = list(find(value))
        if (
            walking
            and items
            and _size(value, MOST_VISITS // len(items)) > (MOST_VISITS // len(items))
        ):
            raise InvalidFrame("too large for what the profile asks of each item")
        for each in items:
            view = _view(each, value) if around else each[0]
            if keep is None or truthy(keep(view)):
                found.append(Notification(_filled(each[0], view, fields), received))
        return found

    return read


def _filled(item: Any, view: Any, fields: Mapping[str, _Field]) -> dict[str, Any]:
    if not fields:
        own = dict(item) if isinstance(item, dict) else {"data": item}
    else:
        read = {name: field(view) for name, field in fields.items()}
        own = {name: value for name, value in read.items() if value is not None}
        own.setdefault("data", item)
    if not isinstance(own.get("type"), str) or not own["type"]:
        own = {**own, "type": as_text(own.get("type")) or "notification"}
    return {"type": own["type"], **own}


def _finder(mapping: profile.FieldMapping) -> Callable[[Any], Iterator[_Item]]:
    items = compiled(mapping.items) if mapping.items else None
    children = compiled(mapping.children) if mapping.children else None

    def find(value: Any) -> Iterator[_Item]:
        place = items(value) if items else value
        for item, key in _each(place, values=mapping.values):
            if children is None:
                yield item, value, key
            else:
                for child, place_in in _each(children(item), values=False):
                    yield child, item, place_in

    return find


def _each(place: Any, *, values: bool) -> Iterator[tuple[Any, Any]]:
    if place is None:
        return
    if values and isinstance(place, dict):
        yield from ((value, key) for key, value in place.items())
    elif isinstance(place, list):
        yield from ((value, index) for index, value in enumerate(place))
    else:
        yield place, None


def _view(item: _Item, frame: Any) -> dict[str, Any]:
    own, parent, key = item
    around = {"item": own, "parent": parent, "frame": frame, "key": key}
    return {**(own if isinstance(own, dict) else {}), **around}


def _size(value: Any, enough: int) -> int:
    """Return how many values are inside each other, or that they are enough."""
    count, rest = 0, [value]
    while rest and count <= enough:
        inner = rest.pop()
        inner = inner.values() if isinstance(inner, dict) else inner
        if not isinstance(inner, (str, int, float, type(None))):
            rest.extend(inner)
            count += len(inner)
    return count


def _expressions(mapping: profile.FieldMapping) -> list[str]:
    return [*mapping.fields.values(), *filter(None, [mapping.keep])]


def _mentioned(mapping: profile.FieldMapping) -> set[str]:
    texts = [name for text in mapping.text.values() for name in re.findall(_PATH, text)]
    return {name for text in _expressions(mapping) for name in names(text)} | {
        name.partition(".")[0] for name in texts
    }


def _fields(mapping: profile.FieldMapping) -> dict[str, _Field]:
    known = {*mapping.fields, *mapping.text}
    ordered = [name for name in ORDER if name in known]
    ordered += [name for name in [*mapping.fields, *mapping.text] if name not in ORDER]
    return {name: _field(name, mapping) for name in dict.fromkeys(ordered)}


def _field(name: str, mapping: profile.FieldMapping) -> _Field:
    search = compiled(mapping.fields[name]) if name in mapping.fields else None
    text = mapping.text.get(name)
    words = mapping.words.get(name, {})
    convert = _converted(name, mapping)

    def field(view: Any) -> Any:
        value = search(view) if search else None
        if value is None and text is not None:
            value = _text(text, view)
        if words and isinstance(value, (str, int, float)):
            value = words.get(as_text(value), value)
        return convert(value) if convert else value

    return field


def _converted(name: str, mapping: profile.FieldMapping) -> _Field | None:
    if name == "timestamp" and mapping.timestamp != "iso":
        divisor = 1000 if mapping.timestamp == "ms" else 1
        return lambda value: _moment(value, divisor)
    if name == "data" and mapping.encoding == "json":
        return lambda data: json_or_text(data) if isinstance(data, str) else data
    return None


def _moment(value: Any, divisor: int) -> Any:
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


def _text(text: str, view: Any) -> str:
    return re.sub(_PATH, lambda found: as_text(_at(found[1].split("."), view)), text)


def _at(path: list[str], value: Any) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
