"""What was written as a setting's value, or a sentence that says what it must be.

Text is looked at here; all else is validated by pydantic, which takes 100 ms to import:
whoever sets only text, as most do, never waits for it. The sentence names the place
that said the value, so that it can be corrected.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from notifyws.config.settings import FIELDS, Setting, Settings
from notifyws.errors import ConfigurationError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

MANY, OR_NONE = "tuple[float, ...]", "int | None"
WANTED: Mapping[str, str] = {
    "str": "text",
    "float": "a number{}",
    "int": "a whole number{}",
    "bool": "true or false",
    MANY: "numbers{}, as in 1 2 4 8",
    OR_NONE: "a whole number{}, or 'unlimited'",
}
"""What a value of each annotation must be; in it, the bounds of the setting."""
UNLIMITED = "unlimited"
STRAY = {
    **dict.fromkeys("\n\r", "a newline"),
    **{" ": "a space", "\t": "a tab", "\ufeff": "a byte order mark"},
}
"""What is at the end of a value by mistake."""
MAY_HAVE_SPACES = {"password", "cache_key"}
"""Settings of words that people chose."""


def validated(name: str, value: Any, source: str) -> Any:
    """Return a value in the type of its setting.

    Args:
        value: as it was written: text, or what TOML makes of it.

    Raises:
        ConfigurationError: it cannot be one.
    """
    setting, wanted = FIELDS[name], Settings.__annotations__[name]
    try:
        if wanted != "str":
            return _adapter(name).validate_python(_prepared(wanted, value))
        text = _text(value)
    except ValueError:  # pydantic's is one as well
        what = WANTED[wanted].format(_range(setting))
        shown = "" if setting.secret else f", not {value!r}"
        message = f"{name} must be {what}{shown} ({source})"
        usual, meant = setting.default, setting.help
        hint = f"leave it out for {usual:g}. {meant}" if type(usual) is float else meant
        raise ConfigurationError(message, hint) from None
    return trimmed(text, name, source, spaces=name in MAY_HAVE_SPACES)


def trimmed(text: str, name: str, source: str, *, spaces: bool = False) -> str:
    """Return a value as it is; files and secret stores put into it what nobody sees.

    Args:
        spaces: whether it may begin or end with a space, as a password may.

    Raises:
        ConfigurationError: it begins or ends with what cannot be seen.
    """
    for where, char in (("ends in", text[-1:]), ("begins with", text[:1])):
        if char and (char == " " or not char.isprintable()):
            if char == " " and spaces:
                continue
            stray = STRAY.get(char, "a character that cannot be seen")
            hint = "take it off: printf writes none, and $(cat FILE) keeps none"
            raise ConfigurationError(f"{name} {where} {stray} ({source})", hint)
    return text


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    value.encode()  # bytes of the environment that are no UTF-8 cannot be
    return value


def _prepared(wanted: str, value: Any) -> Any:
    """Return a value as pydantic takes it, which reads no list or "unlimited"."""
    if isinstance(value, str):
        value = value.replace(",", " ").split() if wanted == MANY else value.strip()
        return None if wanted == OR_NONE and value == UNLIMITED else value
    given = value if isinstance(value, list) else [value]
    if wanted != "bool" and any(isinstance(each, bool) for each in given):
        raise ValueError  # to pydantic, true is 1
    return value


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    """Return what validates a setting by its annotation and its bounds."""
    from pydantic import ConfigDict, TypeAdapter
    from pydantic import Field as Limits

    low, high = FIELDS[name].low, FIELDS[name].high
    bounds = Limits(ge=low, le=None if high == math.inf else high)
    numbers = tuple[Annotated[float, bounds], ...]
    bounded: Mapping[str, Any] = {
        "float": Annotated[float, bounds],
        "int": Annotated[int, bounds],
        OR_NONE: Annotated[int, bounds] | None,
        MANY: Annotated[numbers, Limits(min_length=1)],
        "bool": bool,
    }
    config = ConfigDict(allow_inf_nan=False)
    return TypeAdapter(bounded[Settings.__annotations__[name]], config=config)


def _range(setting: Setting) -> str:
    low, high = setting.low, setting.high
    return f", {low:g} or more" if high == math.inf else f" from {low:g} to {high:g}"


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the word that ``word`` may have been meant to be."""
    return next(iter(difflib.get_close_matches(word, list(words), 1)), None)


def as_table(value: Any, label: str) -> Mapping[str, Any]:
    """Return a value that must be a table.

    Args:
        label: what it is and where it stands.

    Raises:
        ConfigurationError: it is something else.
    """
    if not isinstance(value, dict):
        hint = "as in [servers.work], with a line for each key below it"
        raise ConfigurationError(f"{label} must be a table", hint)
    return value


def known_keys(value: Any, names: Iterable[str], label: str) -> Mapping[str, Any]:
    """Return a table that holds no keys but these.

    Args:
        label: what it is and where it stands.

    Raises:
        ConfigurationError: it is no table, or has others.
    """
    table = as_table(value, label)
    names = list(names)
    for key in table:
        if key not in names:
            near = nearest(key, names)
            hint = f"did you mean {near}?" if near else f"known: {', '.join(names)}"
            raise ConfigurationError(f"unknown key {key!r} in {label}", hint)
    return table
