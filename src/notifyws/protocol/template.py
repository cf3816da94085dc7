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
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["UNSET", "check", "fill", "mentions", "variables_of"]

_VARIABLE = re.compile(
    r"(?<!\{)\{([a-z_][a-z0-9_]*)((?:\.[A-Za-z0-9_-]+)*)(?:\|([a-z0-9]+))?\}"
)
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
    match template:
        case str():
            return _fill_text(template, variables)
        case Mapping():
            filled = {key: fill(value, variables) for key, value in template.items()}
            kept = {key: value for key, value in filled.items() if value is not UNSET}
            return UNSET if filled and not kept else kept
        case list() | tuple():
            values = [fill(value, variables) for value in template]
            left = [value for value in values if value is not UNSET]
            return UNSET if values and not left else left
        case _:
            return template


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


def _fill_text(template: str, variables: Mapping[str, Any]) -> Any:
    if template == "{null}":
        return None
    uses = list(_VARIABLE.finditer(template))
    values = [_value(found, variables) for found in uses]
    if any(value is None for value in values):
        return UNSET
    if len(uses) == 1 and uses[0][0] == template and uses[0][3] is None:
        return values[0]
    texts = iter([FILTERS[u[3]](value) for u, value in zip(uses, values, strict=True)])
    pieces = _VARIABLE.split(template)[:: _VARIABLE.groups + 1]
    plain = [_BRACES.sub(lambda found: found[0][0], piece) for piece in pieces]
    return plain[0] + "".join(f"{next(texts)}{piece}" for piece in plain[1:])


def _value(found: re.Match[str], variables: Mapping[str, Any]) -> Any:
    value = variables.get(found[1])
    for key in filter(None, found[2].split(".")):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
