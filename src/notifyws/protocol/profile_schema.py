"""What a profile's values must be, and how pydantic checks and describes them.

Kinds of values stand beside the model's types and tables are structs, so that whoever
uses a profile does not need pydantic, which takes 100 ms to import: it finds its way
here by its own hooks, when somebody validates a profile or asks for its JSON Schema.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_type_hints

from msgspec import NODEFAULT, Struct, field, structs

from notifyws.protocol.expressions import compiled, finder
from notifyws.protocol.frames import json_path
from notifyws.protocol.templates import check

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, TypeAdapter
    from pydantic_core import CoreSchema, core_schema


class Checked(Struct, frozen=True):
    """A condition on a value.

    Args:
        check: raises ``ValueError`` with a sentence about what is wrong.
        max_length: characters of a text.
    """

    check: Callable[[Any], object] | None = None
    pattern: str | None = None
    max_length: int | None = None
    gt: float | None = None
    ge: float | None = None
    le: float | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: Callable[[Any], Any]
    ) -> Any:
        from pydantic_core import core_schema

        schema = handler(source)
        for bound in ("pattern", "max_length", "gt", "ge", "le"):
            if (value := getattr(self, bound)) is not None:
                schema[bound] = value
        if (check := self.check) is None:
            return schema

        def checked(value: Any) -> Any:
            check(value)
            return value

        return core_schema.no_info_after_validator_function(checked, schema)


Expression = Annotated[str, Checked(compiled)]
Finder = Annotated[str, Checked(finder)]
JsonPath = Annotated[str, Checked(json_path)]
Template = Annotated[Any, Checked(check)]
Text = Annotated[str, Checked(check)]
Path = Annotated[
    str, Checked(check, pattern=r"^/([^/\\#\s][^\\#\s]*)?$")  # never "//host"
]
Name = Annotated[str, Checked(pattern=r"^[a-z][a-z0-9_]*$")]
ProfileName = Annotated[str, Checked(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Codes = Annotated[str, Checked(pattern=r"^[0-9]{1,4}(-[0-9]{1,4})?$")]
Closes = Annotated[str, Checked(pattern=r"^[0-9]{1,4}(-[0-9]{1,4})?( .+)?$")]
Place = Annotated[
    str, Checked(pattern=r"^(header|message|none|(query|subprotocol|cookie):[^{}]+)$")
]
Seconds = Annotated[float, Checked(gt=0, le=86400 * 400)]
Pages = Annotated[int, Checked(ge=1, le=1000)]
Pattern = Annotated[str, Checked(max_length=2000)]
VerdictName = Literal[
    "retry", "retry now", "renew", "renew once", "strike", "stop", "denied"
]
RefusalName = Literal["expired", VerdictName]
"""A verdict on a server's own words; ``expired`` is another name for ``renew``."""
Meaning = Literal[
    "bad credentials", "expired", "log in again", "retry", "throttled", "stop"
]


def table() -> Any:
    """Return the default of a key that holds a table of any keys."""
    return field(default_factory=dict)


class Table(Struct, frozen=True, kw_only=True):
    """A table of a profile: its keys are given by name, and there are no others."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return _table_schema(cls, handler)


Kind = TypeVar("Kind", bound=Table)


def validated(kind: type[Kind], written: Any) -> Kind:
    """Return a table of a profile, out of values as TOML or JSON gives them.

    Raises:
        pydantic.ValidationError: something in it is wrong.
    """
    made: Kind = _adapter(kind).validate_python(written)
    return made


def json_schema(kind: type[Table]) -> dict[str, Any]:
    """Return the JSON Schema of a profile or one of its tables."""
    schema = _adapter(kind).json_schema()
    for part in (schema, *schema["$defs"].values()):
        for key, described in part["properties"].items():
            if key not in part.get("required", ()):
                described.setdefault("default", {})  # what a factory makes
    return schema


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _table_schema(kind: type[Table], handler: GetCoreSchemaHandler) -> CoreSchema:
    """Return what pydantic needs to know of a table: its keys, and no others."""
    from pydantic_core import core_schema

    hints, said = get_type_hints(kind, include_extras=True), _described(kind)
    keys = {
        each.name: _key(each, Annotated[hints[each.name], said[each.name]], handler)
        for each in structs.fields(kind)
    }
    schema = core_schema.typed_dict_schema(
        keys, extra_behavior="forbid", cls_name=kind.__name__
    )
    return core_schema.no_info_after_validator_function(
        lambda values: kind(**values),
        schema,
        ref=f"notifyws.{kind.__name__}:0",
        metadata={"pydantic_js_updates": {"description": inspect.getdoc(kind)}},
    )


def _key(
    key: structs.FieldInfo, annotation: Any, handler: GetCoreSchemaHandler
) -> core_schema.TypedDictField:
    from pydantic_core import core_schema

    schema = handler.generate_schema(annotation)
    if key.default is not NODEFAULT and not isinstance(key.default, Table):
        schema = core_schema.with_default_schema(schema, default=key.default)
    return core_schema.typed_dict_field(schema, required=key.required)


def _described(kind: type[Table]) -> dict[str, Any]:
    """Return what stands below each field of a table, also of one it is a kind of."""
    from pydantic import Field

    found: dict[str, Any] = {}
    for each in reversed(kind.__mro__[: kind.__mro__.index(Table)]):
        (written,) = ast.parse(inspect.getsource(each)).body
        assert isinstance(written, ast.ClassDef)
        for key, below in zip(written.body, written.body[1:], strict=False):
            if isinstance(key, ast.AnnAssign) and isinstance(below, ast.Expr):
                name = ast.unparse(key.target)
                found[name] = Field(description=ast.literal_eval(below.value))
    return found
