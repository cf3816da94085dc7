"""Which notifications are wanted, and when there were enough of them; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from notifyws.errors import UsageError
from notifyws.models import Notification

__all__ = ["Selection", "compiled", "parsed"]

EXAMPLE = "as in: \"type == 'trip_update' && data.status == 'STARTED'\""


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
        if self.satisfied or not self._passes(notification):
            return False
        self.admitted += 1
        enough = self._left is not None and self.admitted >= self._left
        found = self._until is not None and self._until(notification)
        self.satisfied = enough or found
        return True

    def _passes(self, notification: Notification) -> bool:
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
        except (ValueError, TypeError, OverflowError) as error:  # and JMESPath's own
            if unsaid:
                unsaid.clear()
                reason = str(error).splitlines()[0]
                warn(f"{option} does not fit every notification: {reason}")
            return False

    return test


def parsed(
    expression: str, option: str, example: str = EXAMPLE
) -> Callable[[Any], Any]:
    """Return what looks a JMESPath expression up in a value.

    It raises ``ValueError``, ``TypeError`` or ``OverflowError`` where the expression
    cannot be worked out.

    Raises:
        UsageError: it does not parse, or calls a function that does not exist.
    """
    import jmespath

    try:
        read = jmespath.compile(expression)
        _only_known_functions(read.parsed)
    except jmespath.exceptions.JMESPathError as error:
        reason = str(error).splitlines()[0].rstrip(":")
        message = f"{option} is not a JMESPath expression: {reason}"
        raise UsageError(message, example) from None
    search: Callable[[Any], Any] = read.search
    return search


def _only_known_functions(node: Any) -> None:
    """Raise for a function that JMESPath would miss only at the first notification."""
    from jmespath.exceptions import UnknownFunctionError
    from jmespath.functions import Functions

    if not isinstance(node, dict):
        return
    is_call = node["type"] == "function_expression"
    if is_call and node["value"] not in Functions.FUNCTION_TABLE:
        raise UnknownFunctionError(f"there is no function {node['value']}()")
    for child in node["children"]:
        _only_known_functions(child)


def truthy(value: Any) -> bool:
    """Return whether JMESPath counts a value as true: zero is, emptiness is not."""
    return value is not None and value is not False and value not in ("", [], {})
