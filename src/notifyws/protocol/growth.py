"""How much a frame becomes: bounded, though all its items may show one part of it.

A profile may give every item a field of what is around it. Nothing is copied by that,
until each is written as a line: a frame of a megabyte with 20,000 items then is 14 GB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from notifyws.protocol.frames import InvalidFrame

MOST = 16 << 20
"""Characters that the fields of a frame's items may have in all, and four times what
the frame itself has."""
WHY = "too large: each of its items, or fields, would repeat too much of it"


class Growth:
    """Counts what the items of one frame show that is not their own.

    Args:
        frame: its value.
    """

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self._weights: dict[int, int] = {}
        self._total = 0

    def add(self, fields: Mapping[str, Any], item: Any) -> None:
        """Count the fields of one item, which must be kept while others are counted.

        Raises:
            InvalidFrame: it is too much.
        """
        for name, value in fields.items():
            if name != "data" or value is not item:
                self._total += self._weight(value)
        if self._total > MOST and self._total > MOST + 4 * self._weight(self._frame):
            raise InvalidFrame(WHY)

    def _weight(self, value: Any) -> int:
        """Return about how many characters a value takes; a part is weighed once."""
        if isinstance(value, str):
            return len(value)
        if not isinstance(value, dict | list):
            return 8
        if (known := self._weights.get(id(value))) is None:
            inner = value.values() if isinstance(value, dict) else value
            names = sum(map(len, value)) if isinstance(value, dict) else 0
            known = names + len(value) + sum(map(self._weight, inner))
            self._weights[id(value)] = known
        return known
