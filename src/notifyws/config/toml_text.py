"""What the text of a TOML file says, where a key stands in it, and how to write one.

Whoever wrote it may be a stranger: what the reader of TOML trips over, or would be busy
with for minutes, is no valid TOML here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

_PART = r"(?:[\w-]++|\"[^\"]*+\"|'[^']*+')"
_NAMES = rf"({_PART}(?:\s*+\.\s*+{_PART})*+)"
_HEADER = rf"\s*+(\[\[?)\s*+{_NAMES}\s*+\]\]?"
_KEY = rf"\s*+{_NAMES}\s*+="
"""None of these tries a character twice: a line of a text may look like one of them."""
LONGEST_NAME = 100
"""Characters of a name that is looked for within a line."""

_LONG = r"""(?<![\w."'-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){100}"""
"""A key of so many parts takes the reader a time that grows with their square."""


class InvalidToml(ValueError):
    """The text is no TOML, or none that a person would write."""


def read_toml(text: str) -> dict[str, Any]:
    """Return what a TOML text says.

    Raises:
        InvalidToml: it is none; says why, and where if that is known.
    """
    import tomllib

    if re.search(_LONG, text):
        raise InvalidToml("a key has a hundred parts or more")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InvalidToml("it is nested too deeply") from None
    except ValueError as error:  # also for numbers of thousands of digits
        raise InvalidToml(str(error)) from None


def located(text: str, loc: Sequence[Any], offset: int = 0) -> tuple[int, int]:
    """Return the line and column (from 1) where a key of a TOML text stands.

    What is not found, because it is missing, stands where its table begins.

    Args:
        loc: keys and indexes that lead to it.
        offset: characters into its value.
    """
    wanted = tuple(str(part) for part in loc)
    best, depth = (1, 1), 0
    for path, line, column in _keys(text):
        common = 0
        while common < min(len(path), len(wanted)) and path[common] == wanted[common]:
            common += 1
        if common == len(path) and common >= depth and common > 0:
            best, depth = (line, column), common
    line, column = best
    rest = [part for part in wanted[depth:] if not part.isdigit()]
    if depth and (rest or offset or depth < len(wanted)):
        column = _within(text.splitlines()[line - 1], column, rest, offset)
    elif offset or depth == len(wanted) > 0:
        column = _within(text.splitlines()[line - 1], column, [], offset)
    return line, column


def _within(line: str, column: int, names: Sequence[str], offset: int) -> int:
    """Return the column of a key inside an inline table, or of a value's character."""
    for name in names:
        if len(name) > LONGEST_NAME:
            return column
        found = re.compile(rf"[\"']?\b{re.escape(name)}\b[\"']?\s*=").search(
            line, column - 1
        )
        if found is None:
            return column
        column = found.start() + 1
    if offset:
        value = re.compile(r"=\s*(\"\"\"|'''|\"|')").search(line, column - 1)
        return value.end() + 1 + offset if value else column
    return column


def _keys(text: str) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Yield the path of every table and key, with its line and column."""
    table: tuple[str, ...] = ()
    counts: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.fullmatch(_HEADER, line.split("#")[0].rstrip()):
            table = _opened(header[1], _split(header[2]), counts)
            yield table, number, header.start(1) + 1
        elif key := re.match(_KEY, line):
            yield (*table, *_split(key[1])), number, key.start(1) + 1


def _opened(
    mark: str, names: tuple[str, ...], counts: dict[tuple[str, ...], int]
) -> tuple[str, ...]:
    path: tuple[str, ...] = ()
    for name in names[:-1]:
        path = (*path, name)
        path = (*path, str(counts[path])) if path in counts else path
    path = (*path, names[-1])
    if mark == "[[":
        counts[path] = counts.get(path, -1) + 1
        return (*path, str(counts[path]))
    return path


def _split(dotted: str) -> tuple[str, ...]:
    parts = re.findall(r"\"([^\"]*)\"|'([^']*)'|([^.\s]+)", dotted)
    return tuple(a or b or c for a, b, c in parts)


def quoted(text: str) -> str:
    """Return a string of TOML, in ASCII; unlike JSON it knows no surrogates."""
    printable = (c if " " <= c <= "~" and c not in '"\\' else _escaped(c) for c in text)
    return f'"{"".join(printable)}"'


def shown(text: str) -> str:
    """Return a text for a comment, which is one line."""
    return text if text.isprintable() else quoted(text)


def _escaped(character: str) -> str:
    code = 0xFFFD if "\ud800" <= character <= "\udfff" else ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
