"""``--format`` and ``--query``: what scripts ask of what would be printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifyws.config.validation import nearest
from notifyws.errors import UsageError
from notifyws.ui.streams import emit

if TYPE_CHECKING:
    from notifyws.ui.formatting import Shape

__all__ = ["Format", "Query", "emit_shaped", "exclude", "shape_of"]

SHOW = "What is shown"

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="TEXT",
        help="A line of this form, as in '{title}: {data.tripId}'.",
        rich_help_panel=SHOW,
    ),
]
Query = Annotated[
    str | None,
    typer.Option(
        "--query",
        metavar="EXPR",
        help="Only what this JMESPath expression finds.",
        rich_help_panel=SHOW,
    ),
]


def exclude(*options: tuple[str, object]) -> None:
    """Refuse options that were given together.

    Args:
        options: names, each with what was given for it.

    Raises:
        UsageError: names them.
    """
    given = [name for name, value in options if value not in (None, False)]
    if len(given) > 1:
        both = " and ".join(given)
        raise UsageError(f"{both} exclude each other", "give one of them")


def shape_of(
    format_: str | None,
    query: str | None,
    *,
    json: bool,
    warn: Callable[[str], None] | None = None,
    known: Sequence[str] | None = None,
) -> Shape | None:
    """Return the shape that was asked for, if one was.

    Args:
        format_: a template.
        query: a JMESPath expression.
        json: print what the query finds as JSON, also where it is text.
        warn: is told that a query does not fit; without it that is an error.
        known: the fields that there are; ``None`` where everything may come.

    Raises:
        UsageError: it cannot be read, names no field, or excludes another.
    """
    exclude(("--format", format_), ("--query", query))
    exclude(("--format", format_), ("--json", json))
    if format_ is None and query is None:
        return None
    from notifyws.ui import formatting as shaping

    if query is not None:
        return shaping.Query(query, as_json=json, warn=warn)
    shape = shaping.Format(_sayable(format_ or ""))
    if known is not None:
        _only_known(shape.names, known)
    return shape


def _only_known(names: Sequence[str], known: Sequence[str]) -> None:
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        near = nearest(unknown, known)
        fields = ", ".join(f"{{{name}}}" for name in known)
        hint = f"did you mean {{{near}}}?" if near else f"there are {fields}"
        raise UsageError(f"--format: there is no field {{{unknown}}}", hint)


def emit_shaped(shape: Shape, value: Mapping[str, Any]) -> None:
    """Print an object in a shape; what stands in its fields is text only."""
    from notifyws.ui.sanitize import text_only

    emit(shape.text(value, text_only, {}) + shape.end)


def _sayable(template: str) -> str:
    try:
        template.encode()
    except UnicodeEncodeError:
        raise UsageError("--format is not UTF-8 text", "check it") from None
    return template
