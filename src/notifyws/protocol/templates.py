"""Templates: ``{name}`` in a profile's strings, filled with what is known; pure.

A string that is exactly one variable keeps the variable's type. A part of an object
or list whose variable is not set is left out, and with it what becomes empty by
that. ``{name|json}``, ``{name|b64}`` and ``{name|b64url}`` write a value in that
form, ``{name|form}`` as forms do, ``{name|path}`` keeps its slashes in a path,
``{payload.title}`` looks inside one, ``{null}`` is JSON's null, ``{{`` and ``}}`` are
braces. Nothing else is evaluated.

Known are the profile's constants, what the user gives for what it leaves open, and
what one socket adds: its token, what a handshake captured, and a counter.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from itertools import chain
from typing import Any
from urllib.parse import quote_plus

import msgspec

from notifyws.models import as_text, strict_json

_VARIABLE = re.compile(
    r"(?<!\{)\{([a-z_][a-z0-9_]*)((?:\.[A-Za-z0-9_-]+)*)(?:\|([a-z0-9]+))?\}"
)
_Use = tuple[str, Sequence[str], str | None]
"""A variable's name, the way to what is inside it, and a filter."""
Filler = Callable[[Mapping[str, Any]], Any]
"""Fills one template: variables in, a value or :data:`UNSET` out."""
_URL_SAFE = str.maketrans("+/", "-_")
_BRACES = re.compile(r"\{\{|\}\}")
UNSET = msgspec.UNSET
"""What a template is worth whose variable has no value."""


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _b64(value: Any) -> str:
    return base64.b64encode(_text(value).encode("utf-8", "surrogatepass")).decode()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


FILTERS: Mapping[str | None, Callable[[Any], str]] = {
    None: _text,
    "json": _json,
    "b64": _b64,
    "b64url": lambda value: _b64(value).translate(_URL_SAFE).rstrip("="),
    "path": _text,
    "form": lambda value: quote_plus(_text(value), errors="replace"),
}


def fill(template: Any, variables: Mapping[str, Any]) -> Any:
    """Return a template with its variables filled in, or :data:`UNSET`.

    A variable that is ``None`` counts as not set.
    """
    return filler(template)(variables)


def filled_texts(
    table: Mapping[str, str], variables: Mapping[str, Any]
) -> dict[str, str]:
    """Return a table of templates as texts, without those that are not set."""
    filled = {name: fill(value, variables) for name, value in table.items()}
    return {n: as_text(value) for n, value in filled.items() if value is not UNSET}


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
    return any(found[1] == name for found in _uses(template))


def variables_of(template: Any) -> list[str]:
    """Return the names of the variables in a template."""
    return [found[1] for found in _uses(template) if found[0] != "{null}"]


def check(template: Any) -> None:
    """Refuse a template with a filter that does not exist.

    Raises:
        ValueError: names the filter.
    """
    for found in _uses(template):
        if found[3] not in FILTERS:
            known = ", ".join(sorted(name for name in FILTERS if name))
            raise ValueError(f"there is no filter {found[3]!r}: use {known}")


def _uses(template: Any) -> Iterator[re.Match[str]]:
    """Yield every variable of a template, wherever it stands."""
    match template:
        case str():
            yield from _VARIABLE.finditer(template)
        case Mapping():
            yield from chain.from_iterable(map(_uses, template.values()))
        case list() | tuple():
            yield from chain.from_iterable(map(_uses, template))


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


class TemplateContext:
    """Writes frames from templates.

    Args:
        known: variables and their values; may hold secrets.
        wall: unix seconds, for ``{now}``.
        secret: an unguessable text, for ``{uuid}``.
    """

    def __init__(
        self,
        known: Mapping[str, Any],
        wall: Callable[[], float],
        secret: Callable[[], str],
    ) -> None:
        self._known = dict(known)
        self._wall = wall
        self._secret = secret
        self.seq = 0

    def knows(self, name: str) -> bool:
        """Return whether a variable has a value."""
        return self._known.get(name) is not None

    def learn(self, name: str, value: Any) -> None:
        """Give a variable a value."""
        self._known[name] = value

    def known(self, used: Set[str], more: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is known, and ``more``; counts up if ``seq`` is ``used``.

        What is not used need not be there: an unguessable text takes its time.
        """
        self.seq += "seq" in used
        uuid = self._secret() if "uuid" in used else None
        moment = {"now": int(self._wall()), "uuid": uuid, "seq": self.seq}
        return {**self._known, **moment, **more}

    def frame(self, template: Any, more: Mapping[str, Any] = {}) -> str | None:
        """Return a template as a frame; ``None`` where there is nothing to say."""
        known = self.known({*variables_of(template)}, more)
        return as_frame(fill(template, known))


def shown(token: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return what proves who we are: the token, and a header's value.

    Args:
        token: the access token; empty where there is none.
        variables: may hold another ``authorization``, for where there is none.
    """
    without = variables.get("authorization")
    bearer = f"Bearer {token}" if token else without
    return {"access_token": token or None, "authorization": bearer}


def as_frame(filled: Any) -> str | None:
    """Return a filled template as a frame: text as it is, all else as JSON."""
    if filled is UNSET or filled is None:
        return None
    return filled if isinstance(filled, str) else strict_json(filled)


def listed(value: Any) -> list[Any]:
    """Return the values of a variable that may hold several, commas between them."""
    if not isinstance(value, str):
        return [] if value is None else value if isinstance(value, list) else [value]
    return list(dict.fromkeys(filter(None, map(str.strip, value.split(",")))))
