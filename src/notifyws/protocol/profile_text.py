"""A profile's text: read, checked whole, and its mistakes shown where they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, get_args, get_type_hints

from msgspec.structs import fields
from pydantic import ValidationError

from notifyws.config.toml_text import InvalidToml, located, read_toml
from notifyws.config.validation import nearest
from notifyws.errors import ConfigurationError
from notifyws.protocol.expressions import BadExpression
from notifyws.protocol.profile import Profile
from notifyws.protocol.profile_lint import Finding, faults, warnings
from notifyws.protocol.profile_schema import Table, validated

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
_Loc = tuple[Any, ...]


def parse(text: str, where: str) -> Profile:
    """Return the profile written in TOML; ``where`` is its file's name, for messages.

    Raises:
        ConfigurationError: it is not TOML, or not a profile; says file, line, column
            and key.
    """
    try:
        written = read_toml(text)
        profile = validated(Profile, written)
    except InvalidToml as error:
        message = f"profile {where} is not valid TOML: {error}"
        raise ConfigurationError(message, "correct that line and try again") from None
    except ValidationError as error:
        raise _complaint(error, text, written, where) from None
    for finding in faults(profile, written):
        raise ConfigurationError(placed(finding, text, where), finding.hint)
    return profile


def slips(profile: Profile, text: str, where: str) -> list[str]:
    """Return what is allowed in a profile and looks like a slip, each in a sentence."""
    found = warnings(profile, read_toml(text))
    return [f"{placed(each, text, where)}: {each.hint}" for each in found]


def placed(finding: Finding, text: str, where: str) -> str:
    """Return what is said of a key, and where it stands."""
    line, column = located(text, finding.loc)
    return f"profile {where}:{line}:{column}: {_dotted(finding.loc)}: {finding.message}"


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
    if isinstance(cause, BadExpression) and "json_in" in loc:
        return f"not where JSON may stand: {cause.reason}", "as in data or [].data"
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
    return KINDS.get(error["type"], said), "see what it can be: notifyws profile schema"


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


def _bare(loc: _Loc) -> _Loc:
    """Return the keys and numbers of a location, without the words of pydantic."""
    own = [part for part in loc if part not in ("[key]", "str", "int", "bool")]
    return tuple(part for part in own if not str(part).startswith((TABLE, ARRAY)))


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
