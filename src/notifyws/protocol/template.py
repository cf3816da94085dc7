"""Templates: ``{name}`` in a profile's strings, filled with what is known.

A string that is exactly one variable keeps the variable's type. A part of an
object or list whose variable is not set is left out. Nothing else is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["UNSET", "fill"]

_VARIABLE = re.compile(r"\{([a-z_]+)\}")


class _Unset:
    def __repr__(self) -> str:
        return "UNSET"


UNSET = _Unset()
"""What a template is worth whose variable has no value."""


def fill(template: Any, variables: Mapping[str, Any]) -> Any:
    """Return ``template`` with its variables filled in, or :data:`UNSET`.

    Args:
        template: a string, or JSON-like values holding strings.
        variables: name -> value; ``None`` counts as not set.
    """
    match template:
        case str():
            return _fill_text(template, variables)
        case Mapping():
            filled = {key: fill(value, variables) for key, value in template.items()}
            return {key: value for key, value in filled.items() if value is not UNSET}
        case list() | tuple():
            values = [fill(value, variables) for value in template]
            return [value for value in values if value is not UNSET]
        case _:
            return template


def _fill_text(template: str, variables: Mapping[str, Any]) -> Any:
    names = _VARIABLE.findall(template)
    if any(variables.get(name) is None for name in names):
        return UNSET
    if names and template == f"{{{names[0]}}}":
        return variables[names[0]]
    return _VARIABLE.sub(lambda found: str(variables[found[1]]), template)
