"""pydantic: a profile's values are checked whole, and described for editors."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

from notifyws.protocol.profile import Mapping, Profile

__all__ = ["json_schema", "validated"]

Part = TypeVar("Part")


def validated(kind: type[Part], written: Any) -> Part:
    """Return a table of a profile.

    Args:
        kind: which.
        written: its values, as TOML or JSON gives them.

    Raises:
        pydantic.ValidationError: something in it is wrong.
    """
    table: Any = kind
    made: Part = _adapter(table).validate_python(written)
    return made


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a profile."""
    schema = _adapter(Profile).json_schema()
    shared = _adapter(Mapping).json_schema()["properties"]
    for table in (schema, *schema["$defs"].values()):
        for key, described in table["properties"].items():
            if key not in table.get("required", ()):
                described.setdefault("default", {})  # what a factory makes
            if "description" not in described:  # pydantic reads one class only
                described["description"] = shared[key]["description"]
    return schema


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
