"""Text as settings: each value in its type, or a sentence that says what it must be.

Pure; the sentence names the place that said it, so that it can be corrected.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from notifyws.config.settings import Settings
from notifyws.errors import ConfigurationError

__all__ = ["FIELDS", "as_table", "coerced", "environment_name", "nearest"]

FIELDS = {f.name: f for f in dataclasses.fields(Settings) if "side" in f.metadata}
"""Settings that can be said, one value each."""


def environment_name(name: str) -> str:
    """Return the variable of a setting: its own, else ``NOTIFYWS_<NAME>``."""
    return FIELDS[name].metadata["env"] or f"NOTIFYWS_{name.upper()}"


def coerced(field: dataclasses.Field[Any], value: Any, source: str) -> Any:
    """Return a value in the type of its setting.

    Args:
        field: the setting.
        value: as it was written: text, or what TOML makes of it.
        source: who said it.

    Raises:
        ConfigurationError: it cannot be one.
    """
    wanted = _TYPES[field.name]
    try:
        converted = _CONVERT[wanted](value)
        what = "" if _within(field, converted) else _range(field)
    except (ValueError, TypeError, OverflowError):
        what = _WANTED[wanted]
    if not what:
        return converted
    shown = "" if field.metadata["secret"] else f", not {value!r}"
    message = f"{field.name} must be {what}{shown} ({source})"
    raise ConfigurationError(message, field.metadata["help"])


def _within(field: dataclasses.Field[Any], value: Any) -> bool:
    low, high = field.metadata["low"], field.metadata["high"]
    values = value if isinstance(value, tuple) else (value,)
    return all(low <= v <= high for v in values if isinstance(v, (int, float)))


def _range(field: dataclasses.Field[Any]) -> str:
    low, high = field.metadata["low"], field.metadata["high"]
    return f"{low:g} or more" if high == math.inf else f"from {low:g} to {high:g}"


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError
    value.encode()  # bytes of the environment that are no UTF-8 cannot be
    return value


def _number(value: Any) -> float:
    number = float(value)
    if isinstance(value, bool) or not 0 <= number < float("inf"):
        raise ValueError
    return number


def _whole(value: Any) -> int:
    number = int(value)
    if isinstance(value, (bool, float)) or number < 0:
        raise ValueError
    return number


def _truth(value: Any) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    try:
        return words[str(value).strip().lower()]
    except KeyError:
        raise ValueError from None


def _numbers(value: Any) -> tuple[float, ...]:
    parts = value.replace(",", " ").split() if isinstance(value, str) else value
    numbers = tuple(_number(part) for part in parts)
    if not numbers:
        raise ValueError
    return numbers


_TYPES: Mapping[str, Any] = typing.get_type_hints(Settings)
_CONVERT: Mapping[Any, Callable[[Any], Any]] = {
    str: _text,
    float: _number,
    int: _whole,
    bool: _truth,
    tuple[float, ...]: _numbers,
    int | None: lambda value: None if value in (None, "unlimited") else _whole(value),
}
_WANTED: Mapping[Any, str] = {
    str: "text",
    float: "a number, not negative",
    int: "a whole number, not negative",
    bool: "true or false",
    tuple[float, ...]: "numbers, as in 1 2 4 8",
    int | None: "a whole number or 'unlimited'",
}


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the word that ``word`` may have been meant to be."""
    return next(iter(difflib.get_close_matches(word, list(words), 1)), None)


def as_table(value: Any, label: str) -> Mapping[str, Any]:
    """Return a value that must be a table.

    Args:
        value: what TOML makes of it.
        label: what it is and where it stands.

    Raises:
        ConfigurationError: it is something else.
    """
    if not isinstance(value, dict):
        raise ConfigurationError(f"{label} must be a table", "see the README")
    return value
