"""Templates: ``{name}`` in a profile's strings, filled with what is known.

A string that is exactly one variable keeps the variable's type. A part of an object
or list whose variable is not set is left out, and with it what becomes empty by
that. ``{name|json}``, ``{name|b64}`` and ``{name|b64url}`` write a value in that
form, ``{payload.title}`` looks inside one, ``{null}`` is JSON's null, ``{{`` and
``}}`` are braces. Nothing else is evaluated.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

__all__ = ["UNSET", "Filler", "check", "fill", "filler", "mentions", "variables_of"]

_VARIABLE = re.compile(
    r"(?<!\{)\{([a-z_][a-z0-9_]*)((?:\.[A-Za-z0-9_-]+)*)(?:\|([a-z0-9]+))?\}"
)
_Use = tuple[str, Sequence[str], str | None]
"""A variable's name, the way to what is inside it, and a filter."""
Filler = Callable[[Mapping[str, Any]], Any]
"""Fills one template: variables in, a value or :data:`UNSET` out."""
_BRACES = re.compile(r"\{\{|\}\}")


class _Unset:
    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()
"""What a template is worth whose variable has no value."""


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _b64(value: Any) -> str:
    return base64.b64encode(_text(value).encode("utf-8", "surrogatepass")).decode()


def _b64url(value: Any) -> str:
    return _b64(value).translate(str.maketrans("+/", "-_")).rstrip("=")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


FILTERS: Mapping[str | None, Callable[[Any], str]] = {
    None: _text,
    "json": _json,
    "b64": _b64,
    "b64url": _b64url,
}


def fill(template: Any, variables: Mapping[str, Any]) -> Any:
    """Return ``template`` with its variables filled in, or :data:`UNSET`.

    Args:
        template: a string, or JSON-like values holding strings.
        variables: name -> value; ``None`` counts as not set.
    """
    return filler(template)(variables)


def filler(template: Any) -> Filler:
    """Return what fills a template, which is read only once: for many messages."""
    match template:
        case str():
            return _text_filler(template)
        case Mapping():
            return _object_filler(
                {key: filler(value) for key, value in template.items()}
            )
        case list() | tuple():
            return _list_filler([filler(value) for value in template])
        case _:
            return lambda variables: template


def mentions(template: Any, name: str) -> bool:
    """Return whether a template uses a variable."""
    match template:
        case str():
            return any(found[1] == name for found in _VARIABLE.finditer(template))
        case Mapping():
            return any(mentions(value, name) for value in template.values())
        case list() | tuple():
            return any(mentions(value, name) for value in template)
        case _:
            return False


def variables_of(text: str) -> list[str]:
    """Return the names of the variables in a string."""
    return [found[1] for found in _VARIABLE.finditer(text) if found[0] != "{null}"]


def check(template: Any) -> None:
    """Refuse a template with a filter that does not exist.

    Raises:
        ValueError: names the filter.
    """
    match template:
        case str():
            for found in _VARIABLE.finditer(template):
                if found[3] not in FILTERS:
                    known = ", ".join(sorted(name for name in FILTERS if name))
                    raise ValueError(f"there is no filter {found[3]!r}: use {known}")
        case Mapping():
            for value in template.values():
                check(value)
        case list() | tuple():
            for value in template:
                check(value)


def _object_filler(parts: Mapping[str, Filler]) -> Filler:
    def filled(variables: Mapping[str, Any]) -> Any:
        values = {key: part(variables) for key, part in parts.items()}
        if UNSET not in values.values():
            return values
        return {k: v for k, v in values.items() if v is not UNSET} or UNSET

    return filled


def _list_filler(parts: Sequence[Filler]) -> Filler:
    def filled(variables: Mapping[str, Any]) -> Any:
        values = [part(variables) for part in parts]
        left = [value for value in values if value is not UNSET]
        return UNSET if values and not left else left

    return filled


def _text_filler(template: str) -> Filler:
    if template == "{null}":
        return lambda variables: None
    uses = [(u[1], u[2].split(".")[1:], u[3]) for u in _VARIABLE.finditer(template)]
    pieces = _VARIABLE.split(template)[:: _VARIABLE.groups + 1]
    plain = [_BRACES.sub(lambda found: found[0][0], piece) for piece in pieces]
    if not uses:
        return lambda variables: plain[0]
    if len(uses) == 1 and pieces == ["", ""] and uses[0][2] is None:
        return _value_filler(*uses[0][:2])
    return _mixed_filler(plain, uses)


def _value_filler(name: str, path: Sequence[str]) -> Filler:
    """Return what gives a variable itself, in its own type."""

    def filled(variables: Mapping[str, Any]) -> Any:
        value = _value(name, path, variables)
        return UNSET if value is None else value

    return filled


def _mixed_filler(plain: Sequence[str], uses: Sequence[_Use]) -> Filler:
    """Return what writes variables between pieces of plain text."""

    def filled(variables: Mapping[str, Any]) -> Any:
        values = [_value(name, path, variables) for name, path, _ in uses]
        if None in values:
            return UNSET
        texts = [FILTERS[u[2]](value) for u, value in zip(uses, values, strict=True)]
        return "".join(chain.from_iterable(zip(plain, [*texts, ""], strict=True)))

    return filled


def _value(name: str, path: Sequence[str], variables: Mapping[str, Any]) -> Any:
    value = variables.get(name)
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
