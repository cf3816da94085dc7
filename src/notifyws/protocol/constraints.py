"""What a value of a profile must be, said beside its type.

Read by pydantic when a profile is validated, through the hook that it looks for; so
the model itself can be imported without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

__all__ = ["Checked"]


class Checked(Struct, frozen=True):
    """A condition on a value.

    Args:
        check: raises ``ValueError`` with a sentence about what is wrong.
        pattern: which a text must match.
        max_length: characters of a text.
        gt, ge, le: bounds of a number.
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
        if self.check is None:
            return schema
        return core_schema.no_info_after_validator_function(self._checked, schema)

    def _checked(self, value: Any) -> Any:
        assert self.check is not None
        self.check(value)
        return value
