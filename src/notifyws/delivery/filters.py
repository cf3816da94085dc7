"""Which notifications are wanted, and when there were enough of them; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from notifyws.errors import UsageError
from notifyws.models import Notification
from notifyws.protocol.expressions import BadExpression, check_functions, truthy

__all__ = ["UNFIT", "Selection", "compiled", "first_line", "parsed"]

EXAMPLE = "as in: \"type == 'trip_update' && data.status == 'STARTED'\""
UNFIT = (ValueError, TypeError, OverflowError, RecursionError)
"""What comes of an expression that cannot be worked out; JMESPath's own errors are
ValueErrors, and it lets more out."""


class Selection:
    """Admits what passes, and knows when it is satisfied.

    Args:
        types: types to admit; empty for all.
        filter: a JMESPath expression over the notification; truthy passes.
        count: satisfied after so many; ``None`` for never.
        until: satisfied by the first that makes this JMESPath expression truthy.
        warn: is told, once an expression, when it cannot be worked out.

    Raises:
        UsageError: an expression does not parse, or ``count`` is not positive.
    """

    def __init__(
        self,
        types: Iterable[str] = (),
        filter: str | None = None,
        count: int | None = None,
        until: str | None = None,
        warn: Callable[[str], None] = lambda text: None,
    ) -> None:
        if count is not None and count < 1:
            raise UsageError(f"--count must be 1 or more, not {count}", "as in -n 1")
        self._types = frozenset(types)
        self._filter = (
            compiled(filter, "--filter", warn) if filter is not None else None
        )
        self._until = compiled(until, "--until", warn) if until is not None else None
        self._left = count
        self.admits_all = not self._types and self._filter is None
        self.admitted = 0
        self.satisfied = False

    def admit(self, notification: Notification) -> bool:
        """Return whether it passes; nothing does once satisfied."""
        if self.satisfied or not (self.admits_all or self.passes(notification)):
            return False
        self.admitted += 1
        enough = self._left is not None and self.admitted >= self._left
        found = self._until is not None and self._until(notification)
        self.satisfied = enough or found
        return True

    def passes(self, notification: Notification) -> bool:
        """Return whether it is wanted, without counting it."""
        if self._types and notification.type not in self._types:
            return False
        return self._filter is None or self._filter(notification)


def compiled(
    expression: str, option: str, warn: Callable[[str], None]
) -> Callable[[Notification], bool]:
    """Return a test made of a JMESPath expression.

    A notification on which it cannot be worked out (a function of the wrong type,
    say) does not pass.

    Raises:
        UsageError: it does not parse; says where.
    """
    search = parsed(expression, option)
    unsaid = [True]

    def test(notification: Notification) -> bool:
        try:
            return truthy(search(notification.as_json()))
        except UNFIT as error:
            if unsaid:
                unsaid.clear()
                warn(f"{option} does not fit every notification: {first_line(error)}")
            return False

    return test


def parsed(
    expression: str, option: str, example: str = EXAMPLE
) -> Callable[[Any], Any]:
    """Return what looks a JMESPath expression up in a value.

    It raises one of :data:`UNFIT` where the expression cannot be worked out.

    Raises:
        UsageError: it does not parse, is too deep, or calls a function that does not
            exist.
    """
    import jmespath

    try:
        read = jmespath.compile(expression)
        check_functions(read.parsed, expression)
    except (ValueError, RecursionError) as error:
        message = f"{option} is not a JMESPath expression: {_why(error)}"
        raise UsageError(message, example) from None
    search: Callable[[Any], Any] = read.search
    return search


def first_line(error: Exception) -> str:
    """Return the first line of an error's words, or its name where it has none."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _why(error: Exception) -> str:
    from jmespath.exceptions import JMESPathError

    if isinstance(error, (JMESPathError, BadExpression)):
        return first_line(error).rstrip(":")
    deep = isinstance(error, RecursionError)
    return "it is nested too deeply" if deep else "it holds a number that is too long"
