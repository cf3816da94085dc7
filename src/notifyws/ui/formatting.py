r"""Shapes a JSON object for scripts: a template with fields, or a JMESPath query; pure.

A template is text with ``{field}`` and ``{data.tripId}`` in it; ``{{`` and ``}}`` are
braces, and ``\t``, ``\n``, ``\r``, ``\0`` and ``\\`` what they are in a shell's printf.
What is not there is empty, and what is not text is compact JSON. Everything is read
once, so that thousands of notifications a second cost little.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from notifyws.errors import UsageError
from notifyws.models import strict_json
from notifyws.protocol.expressions import UNFIT, first_line, of_option

GIVE_FORMAT = "as in --format '{time} {title}: {message}'"
GIVE_QUERY = "as in --query data.tripId"
ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "0": "\0", "\\": "\\"}
_TOKEN = r"(?s)\{\{|\}\}|\{([^{}]*)\}|[{}]|\\(.?)"
_FIELD = r"[^\s.:!\"'\[\]]+(\.[^\s.:!\"'\[\]]+)*"

Clean = Callable[[str], str]
"""Makes a value fit to be printed."""
_Path = tuple[str, ...]


class Format:
    """A template.

    Args:
        template: as in ``{time} {title}: {message}``.

    Attributes:
        names: the first words of its fields: ``data`` of ``{data.tripId}``.
        end: what follows each text: a newline, or nothing after a template that
            ends in NUL, so that ``xargs -0`` reads it.

    Raises:
        UsageError: it is no template; says where.
    """

    def __init__(self, template: str) -> None:
        self._pieces = [piece for piece in _pieces(template) if piece]
        last = self._pieces[-1] if self._pieces else ""
        self.end = "" if isinstance(last, str) and last.endswith("\0") else "\n"
        paths = (piece for piece in self._pieces if isinstance(piece, tuple))
        self.names = tuple(dict.fromkeys(path[0] for path in paths))

    def text(self, value: Mapping[str, Any], clean: Clean) -> str:
        """Return the template filled in.

        Args:
            clean: is given each field's text, and not the template's own.
        """
        return "".join(
            [
                piece if isinstance(piece, str) else clean(_said(_at(piece, value)))
                for piece in self._pieces
            ]
        )


class Query:
    """A JMESPath expression, and how what it finds is printed.

    Text stands as it is, null is an empty line, and all else is compact JSON; so a
    script gets one line for each object, as from ``gh --jq``.

    Args:
        as_json: print text and null as JSON, too.
        warn: is told once that the expression cannot be worked out, which then is
            null; without it that is an error.

    Raises:
        UsageError: it does not parse.
    """

    names = ()
    end = "\n"

    def __init__(
        self,
        expression: str,
        *,
        as_json: bool = False,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._search = of_option(expression, "--query", GIVE_QUERY)
        self._as_json = as_json
        self._warn = warn

    def text(self, value: Mapping[str, Any], clean: Clean) -> str:
        """Return what is found.

        Raises:
            UsageError: it cannot be worked out, and nobody is to be warned.
        """
        try:
            return self._written(self._search(value), clean)
        except UNFIT as error:  # Infinity, too, is found first and then is no JSON
            message = f"--query does not fit: {first_line(error)}"
            if self._warn is None:
                raise UsageError(message, GIVE_QUERY) from None
            self._warn(message)
            self._warn = lambda text: None
            return self._written(None, clean)

    def _written(self, found: Any, clean: Clean) -> str:
        return strict_json(found) if self._as_json else clean(_said(found))


Shape = Format | Query
"""Makes a text of an object."""


def _pieces(template: str) -> Iterator[str | _Path]:
    """Yield what a template is made of: texts, and paths of fields."""
    end = 0
    for found in re.finditer(_TOKEN, template):
        yield from (template[end : found.start()], _meaning(found))
        end = found.end()
    yield template[end:]


def _meaning(found: re.Match[str]) -> str | _Path:
    token = found[0]
    if token in ("{{", "}}"):
        return token[0]
    if token.startswith("\\"):
        if found[2] in ESCAPES:
            return ESCAPES[found[2]]
        hint = r"there are \t, \n, \r and \0; write \\ for a backslash"
        raise UsageError(f"--format has an unknown escape {token}", hint)
    if token in ("{", "}"):
        message = f"--format has a {token} without its other half"
        raise UsageError(message, f"write {token * 2} for a brace")
    if not re.fullmatch(_FIELD, found[1]):
        raise UsageError(f"--format: {token} names no field", GIVE_FORMAT)
    return tuple(found[1].split("."))


def _at(path: _Path, value: Any) -> Any:
    """Return what stands at a path; ``None`` where there is nothing."""
    for key in path:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            value = _item(value, key)
        else:
            return None
    return value


def _item(values: Sequence[Any], key: str) -> Any:
    index = int(key) if key.isascii() and key.isdecimal() and len(key) < 10 else -1
    return values[index] if 0 <= index < len(values) else None


def _said(value: Any) -> str:
    """Return a value for people: text as it is, nothing for null, else its JSON.

    Raises:
        ValueError, TypeError: it is nothing that JSON can say.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
