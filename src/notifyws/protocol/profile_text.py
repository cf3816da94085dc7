"""A profile's text: read, checked whole, and its mistakes shown where they are."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_type_hints

from msgspec.structs import fields
from pydantic import ValidationError

from notifyws.config.validation import nearest
from notifyws.errors import ConfigurationError
from notifyws.protocol.expressions import BadExpression
from notifyws.protocol.profile import Profile
from notifyws.protocol.profile_schema import Table, validated
from notifyws.protocol.templates import variables_of

KNOWN = {
    *("username", "password", "access_token", "refresh_token", "authorization"),
    "origin",
    *("last_id", "since", "resuming", "following", "before", "uuid", "now", "seq"),
    *("type", "payload", "id"),
}
"""Variables that need no declaration."""
UNKNOWN = "extra_forbidden"
"""What pydantic calls a key that a table does not have."""
TABLE, ARRAY = "function-after[", "tuple["
"""How it calls the branches of what may be one table or an array of them."""
KINDS = {
    "dict_type": "must be a table",
    "string_type": "must be text",
    "tuple_type": "must be an array",
}
"""What TOML calls what pydantic wants, by its name for the mistake."""
SHOULD = r"^(Input|String) should"
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?")
_PART = r"(?:[\w-]+|\"[^\"]*\"|'[^']*')"
_KEY = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")
_Loc = tuple[Any, ...]
_EXPRESSIONS = frozenset(
    ["when", "expect", "ok", "code", "message", "items", "keep", "only_if", "unless"]
)


def parse(text: str, where: str) -> Profile:
    """Return the profile written in ``text``.

    Args:
        text: TOML.
        where: its file's name, for messages.

    Raises:
        ConfigurationError: it is not TOML, or not a profile; says file, line, column
            and key.
    """
    try:
        written = tomllib.loads(text)
        profile = validated(Profile, written)
    except tomllib.TOMLDecodeError as error:
        message = f"profile {where} is not valid TOML: {error}"
        raise ConfigurationError(message, "correct that line and try again") from None
    except ValidationError as error:
        raise _complaint(error, text, written, where) from None
    for loc, message, hint in _doubts(profile, written):
        line, column = located(text, loc)
        place = f"profile {where}:{line}:{column}: {_dotted(loc)}"
        raise ConfigurationError(f"{place}: {message}", hint)
    return profile


def located(text: str, loc: Sequence[Any], offset: int = 0) -> tuple[int, int]:
    """Return the line and column (from 1) where a key of a TOML text stands.

    What is not found, because it is missing, stands where its table begins.

    Args:
        text: TOML that parses.
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
        if header := _HEADER.fullmatch(line.split("#")[0].rstrip()):
            table = _opened(header[1], _split(header[2]), counts)
            yield table, number, header.start(1) + 1
        elif key := _KEY.match(line):
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


def _complaint(
    error: ValidationError, text: str, written: Any, where: str
) -> ConfigurationError:
    found = error.errors(include_url=False)
    fitting = [each for each in found if _fits(each["loc"], written)] or found
    # A key that is misspelt is the reason why another one is missing.
    first = min(fitting, key=lambda each: each["type"] != UNKNOWN)
    loc = _bare(first["loc"])
    cause = first.get("ctx", {}).get("error")
    offset = cause.offset if isinstance(cause, BadExpression) else 0
    line, column = located(text, loc, offset)
    message, hint = _said(first, loc, cause)
    place = f"profile {where}:{line}:{column}: {_dotted(loc)}"
    return ConfigurationError(f"{place}: {message}", hint)


def _said(error: Any, loc: _Loc, cause: object) -> tuple[str, str]:
    if isinstance(cause, BadExpression):
        message = f"not a JMESPath expression: {cause.reason}"
        return message, "try it with jp, or see https://jmespath.org"
    if error["type"] == UNKNOWN:
        known = _keys_of(loc)
        near = nearest(str(loc[-1]), known)
        hint = f"did you mean {near}?" if near else f"known: {', '.join(known)}"
        return f"unknown key {str(loc[-1])!r}", hint
    if error["type"] == "missing":
        return "is missing", "add it; see: notifyws profile show default"
    said = re.sub(SHOULD, "must", str(error["msg"])).removeprefix("Value error, ")
    return KINDS.get(
        error["type"], said
    ), "compare it with a built-in profile; unknown keys are errors"


def _keys_of(loc: _Loc) -> list[str]:
    """Return the keys of the table that a location's last part stands in."""
    table: Any = Profile
    for part in loc[:-1]:
        hints = get_type_hints(table)
        if isinstance(part, str) and part in hints:
            table = _table_of(hints[part]) or table
    return sorted(each.name for each in fields(table))


def _table_of(annotation: Any) -> type[Table] | None:
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation
    return next(filter(None, map(_table_of, get_args(annotation))), None)


def _artificial(part: Any) -> bool:
    return part in ("[key]", "str", "int", "bool") or (
        isinstance(part, str) and part.startswith((TABLE, ARRAY))
    )


def _bare(loc: _Loc) -> _Loc:
    return tuple(part for part in loc if not _artificial(part))


def _fits(loc: _Loc, written: Any) -> bool:
    """Return whether an error is of the branch (table or array) that was written."""
    value = written
    for part in loc:
        if isinstance(part, str) and part.startswith(TABLE):
            return isinstance(value, dict)
        if isinstance(part, str) and part.startswith(ARRAY):
            return isinstance(value, list)
        if isinstance(value, dict):
            value = value.get(part)
    return True


def _dotted(loc: Sequence[Any]) -> str:
    return ".".join(map(str, loc)) or "the profile"


_Doubt = tuple[_Loc, str, str]


def _doubts(profile: Profile, written: Mapping[str, Any]) -> Iterator[_Doubt]:
    """Yield what no single field shows."""
    socket, renewal, send = profile.socket, profile.renewal, profile.send
    if socket.token_in == "message" and not socket.first_frame:
        yield ("socket", "token_in"), "needs socket.first_frame", "add it"
    if renewal.how == "frame" and not (renewal.frame and renewal.ok):
        yield ("renewal", "how"), "needs renewal.frame and renewal.ok", "add them"
    if profile.http.login is not None and profile.tokens is None:
        hint = "say where its answer holds the token: tokens.access"
        yield ("http", "login"), "needs a table [tokens]", hint
    if send is not None and (send.frame is None) == (send.http is None):
        yield ("send",), "needs either frame or http", "and not both"
    yield from _unknown_variables(profile, written)


def _unknown_variables(
    profile: Profile, written: Mapping[str, Any]
) -> Iterator[_Doubt]:
    captured = {name for step in _steps(written) for name in step.get("capture", {})}
    followed = profile.follow.variables if profile.follow else ()
    known = {*KNOWN, *profile.constants, *profile.needs, *captured, *followed}
    skipped = ("rules", "constants", "needs", "types", "tokens")
    for loc, text in _strings(written, ()):
        if (loc[0] in skipped and "reply" not in loc) or "capture" in loc:
            continue
        for name in variables_of(text):
            if name not in known and not _expression_at(loc):
                near = nearest(name, sorted(known))
                hint = f"did you mean {{{near}}}?" if near else "declare it in [needs]"
                yield loc, f"there is no variable {{{name}}}", hint


def _expression_at(loc: _Loc) -> bool:
    return loc[-1] in _EXPRESSIONS or "fields" in loc or "text" in loc


def _steps(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _steps(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _steps(inner)


def _strings(value: Any, loc: _Loc) -> Iterator[tuple[_Loc, str]]:
    if isinstance(value, str):
        yield loc, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner, (*loc, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _strings(inner, (*loc, index))
