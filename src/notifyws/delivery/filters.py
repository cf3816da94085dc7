"""Which notifications are wanted, and when there were enough of them; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from notifyws.errors import UsageError
from notifyws.models import Notification
from notifyws.protocol.expressions import (
    UNFIT,
    bare_word,
    first_line,
    of_option,
    truthy,
)

EXAMPLE = "as in: \"type == 'trip_update' && data.status == 'STARTED'\""


class Filter(Protocol):
    """Which notifications are wanted, and whether there were enough of them.

    What admits a burst unseen is only told how many there were.
    """

    @property
    def satisfied(self) -> bool: ...
    def admits_unseen(self, count: int) -> bool: ...
    def count_admitted(self, count: int) -> None: ...
    def passes(self, notification: Notification) -> bool: ...
    def admit(self, notification: Notification) -> bool: ...


class Selection:
    """Admits what passes, and knows when it is satisfied.

    Args:
        types: types to admit; empty for all.
        filter: a JMESPath expression over the notification; truthy passes.
        count: satisfied after so many; ``None`` for never.
        until: satisfied by the first that makes this JMESPath expression truthy.
        warn: is told, once an expression, when it cannot be worked out.
        option: where the user gave the filter.

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
        option: str = "--filter",
    ) -> None:
        if count is not None and count < 1:
            raise UsageError(f"--count must be 1 or more, not {count}", "as in -n 1")
        self._types = frozenset(types)
        self._filter = matcher(filter, option, warn) if filter is not None else None
        self._until = matcher(until, "--until", warn) if until is not None else None
        self.count = count
        self.has_end = count is not None or until is not None
        self.admits_all = not self._types and self._filter is None
        self.admitted = 0
        self.satisfied = False

    def admit(self, notification: Notification) -> bool:
        """Return whether it passes; nothing does once satisfied."""
        if self.satisfied or not (self.admits_all or self.passes(notification)):
            return False
        self.admitted += 1
        enough = self.count is not None and self.admitted >= self.count
        found = self._until is not None and self._until(notification)
        self.satisfied = enough or found
        return True

    def admits_unseen(self, count: int) -> bool:
        """Return whether the next so many pass unseen, and are not enough."""
        left = self.count is None or self.admitted + count < self.count
        return self.admits_all and self._until is None and left

    def count_admitted(self, count: int) -> None:
        """Count what was admitted unseen."""
        self.admitted += count

    def passes(self, notification: Notification) -> bool:
        """Return whether it is wanted, without counting it."""
        if self._types and notification.type not in self._types:
            return False
        return self._filter is None or self._filter(notification)


def matcher(
    expression: str, option: str, warn: Callable[[str], None]
) -> Callable[[Notification], bool]:
    """Return a test made of a JMESPath expression.

    A notification on which it cannot be worked out (a function of the wrong type,
    say) does not pass.

    Raises:
        UsageError: it does not parse; says where.
    """
    search = of_option(expression, option, EXAMPLE)
    if word := bare_word(expression):
        warn(f"{option} compares with the field {word}; a text is quoted: '{word}'")
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
