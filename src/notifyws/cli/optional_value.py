"""Options whose value may be left out: what typer has no word for.

``--routes`` alone is ``--routes ''``. A command that has such an option takes nothing
but options, so that whatever follows and is no option is its value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from typer.core import TyperCommand

OPTIONAL = {"--routes"}


class WithOptionalValues(TyperCommand):
    """A command with such an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line, with an empty value where one was left out."""
        whole = args if ctx.resilient_parsing else [*with_values(args)]
        return super().parse_args(ctx, whole)


def with_values(args: Iterable[str]) -> Iterable[str]:
    """Yield the words of a command line, with an empty one where a value is missing."""
    lacking = False
    for word in args:
        if lacking and word.startswith("-"):
            yield ""
        yield word
        lacking = word in OPTIONAL
    if lacking:
        yield ""
