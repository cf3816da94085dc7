"""Notifications out of a value: where they are, which count, and their fields.

Everything is compiled once, where the profile is read. What an expression does not
find is left out, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any

from notifyws.models import Notification, as_text
from notifyws.protocol import profile
from notifyws.protocol.expressions import compiled, names, truthy, walks
from notifyws.protocol.field_values import ORDER, PATH, Field, Growth, fields_of
from notifyws.protocol.frames import InvalidFrame

AROUND = frozenset({"parent", "frame", "key", "item"})
"""What an item's expressions see beside its own fields."""
RESERVED = {*ORDER, "frame"}
"""Names that what no field shows cannot take."""
MOST_VISITS = 20_000_000
"""Values that the expressions of all items of a frame may look at: some seconds."""

Reader = Callable[[Any, str], list[Notification]]
_Item = tuple[Any, Any, Any]
"""An item, what it was found in, and its key."""


def plain(mapping: profile.FieldMapping) -> bool:
    """Return whether the frame itself is the notification."""
    parts = (mapping.items, mapping.children, mapping.keep)
    return not any(parts) and not mapping.fields and not mapping.text


def mapper(
    mapping: profile.FieldMapping, failed: Callable[[str], object] = lambda reason: None
) -> Reader:
    """Return what reads the notifications of a value.

    Args:
        mapping: of the profile.
        failed: is told why an ``id`` could not be worked out.

    Returns:
        A function of a value and the RFC 3339 time of receipt. It raises
        :class:`InvalidFrame` where each of many items asked for all of a large frame:
        that would take for ever.
    """
    find = _finder(mapping)
    mentioned = _mentioned(mapping)
    around = bool(AROUND & mentioned)
    whole = frozenset({"parent", "frame"})
    walking = any(walks(text, whole) for text in _expressions(mapping))
    keep = compiled(mapping.keep) if mapping.keep else None
    fields = fields_of(mapping, failed)
    growing = around or bool(mapping.text) or len(fields) > len(ORDER)

    def read(value: Any, received: str) -> list[Notification]:
        found: list[Notification] = []
        items = list(find(value))
        most = MOST_VISITS // max(len(items), 1)
        if walking and _size(value, most) > most:
            raise InvalidFrame("too large for what the profile asks of each item")
        growth = Growth(value) if growing else None
        for each in items:
            view = _view(each, value) if around else each[0]
            if keep is None or truthy(keep(view)):
                filled = _filled(each[0], view, fields, mentioned)
                if growth is not None:
                    growth.add(filled, each[0])
                found.append(Notification(filled, received))
        return found

    return read


def _filled(
    item: Any, view: Any, fields: Mapping[str, Field], mentioned: Set[str]
) -> dict[str, Any]:
    """Return the fields of a notification; nothing of its item is lost.

    The item is its ``data``. Where ``data`` is a field of the mapping, what no field
    shows stands beside them as it does in the item, or below ``frame`` where a field
    has that name.
    """
    if not fields:
        own = dict(item) if isinstance(item, dict) else {"data": item}
        return _typed(own)
    own, shown = {}, set()
    for name, field in fields.items():
        value = found = field.find(view)
        if found is not None and field.convert is not None:
            value = field.convert(found, view)
        if field.words and isinstance(value, (str, int, float)):
            value, found = field.words.get(as_text(value), value), value
        if value is not None:
            own[name] = value
            if field.convert is not None or value is found:
                shown.add(id(found))
    if "data" not in own:
        return _typed({**own, "data": item})
    rest = _rest(item, shown, mentioned) if isinstance(item, dict) else {}
    beside = {k: v for k, v in rest.items() if k not in own and k not in RESERVED}
    below = {k: v for k, v in rest.items() if k not in beside}
    return {**_typed(own), **beside, **({"frame": below} if below else {})}


def _typed(own: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(own.get("type"), str) or not own["type"]:
        own = {**own, "type": as_text(own.get("type")) or "notification"}
    return {"type": own["type"], **own}


def _rest(
    item: Mapping[str, Any], shown: Set[int], mentioned: Set[str]
) -> dict[str, Any]:
    """Return what of an item no field shows.

    Args:
        item: the item.
        shown: which objects the fields show; two values may be one object.
        mentioned: the names in the mapping.
    """
    left: dict[str, Any] = {}
    for key, value in item.items():
        if id(value) in shown and (key in mentioned or isinstance(value, (dict, list))):
            continue
        if value and isinstance(value, dict):
            if inner := _rest(value, shown, mentioned):
                left[key] = inner
        else:
            left[key] = value
    return left


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
    texts = [path for text in mapping.text.values() for path in re.findall(PATH, text)]
    return {name for text in _expressions(mapping) for name in names(text)} | {
        name for path in texts for name in path.split(".")
    }
