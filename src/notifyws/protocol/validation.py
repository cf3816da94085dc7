"""pydantic: a profile's values are checked whole, and described for editors."""

from __future__ import annotations

import ast
import inspect
from functools import cache
from textwrap import dedent
from typing import Annotated, Any, TypeVar, get_type_hints

from msgspec import NODEFAULT, structs
from pydantic import Field, GetCoreSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, core_schema

from notifyws.protocol.profile import Profile, Table

__all__ = ["json_schema", "table_schema", "validated"]

Kind = TypeVar("Kind", bound=Table)


def validated(kind: type[Kind], written: Any) -> Kind:
    """Return a table of a profile.

    Args:
        kind: which.
        written: its values, as TOML or JSON gives them.

    Raises:
        pydantic.ValidationError: something in it is wrong.
    """
    made: Kind = _adapter(kind).validate_python(written)
    return made


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a profile."""
    schema = _adapter(Profile).json_schema()
    for table in (schema, *schema["$defs"].values()):
        for key, described in table["properties"].items():
            if key not in table.get("required", ()):
                described.setdefault("default", {})  # what a factory makes
    return schema


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def table_schema(table: type[Table], handler: GetCoreSchemaHandler) -> CoreSchema:
    """Return what pydantic needs to know of a table: its keys, and no others."""
    hints, said = get_type_hints(table, include_extras=True), _described(table)
    keys = {
        field.name: _key(field, Annotated[hints[field.name], said[field.name]], handler)
        for field in structs.fields(table)
    }
    schema = core_schema.typed_dict_schema(
        keys, extra_behavior="forbid", cls_name=table.__name__
    )
    return core_schema.no_info_after_validator_function(
        lambda values: table(**values),
        schema,
        ref=f"notifyws.{table.__name__}:0",
        metadata={"pydantic_js_updates": {"description": inspect.getdoc(table)}},
    )


def _key(
    field: structs.FieldInfo, annotation: Any, handler: GetCoreSchemaHandler
) -> core_schema.TypedDictField:
    schema = handler.generate_schema(annotation)
    if field.default is not NODEFAULT and not isinstance(field.default, Table):
        schema = core_schema.with_default_schema(schema, default=field.default)
    return core_schema.typed_dict_field(schema, required=field.required)


def _described(table: type[Table]) -> dict[str, Any]:
    """Return what stands below each field of a table, also of one it is a kind of."""
    found: dict[str, Any] = {}
    for kind in reversed(table.__mro__[: table.__mro__.index(Table)]):
        (written,) = ast.parse(dedent(inspect.getsource(kind))).body
        assert isinstance(written, ast.ClassDef)
        for field, below in zip(written.body, written.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                name = ast.unparse(field.target)
                found[name] = Field(description=ast.literal_eval(below.value))
    return found
