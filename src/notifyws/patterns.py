"""Regular expressions that are compiled when they are first used.

Most are for what seldom happens: an escape sequence in a title, a secret in an answer.
To compile them all took a start 10 ms.
"""

from __future__ import annotations

import re
from typing import Any, cast

__all__ = ["pattern"]


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """Return what is used as a compiled pattern, and is none before it is used."""
    return cast("re.Pattern[str]", _Later(text, flags))


class _Later:
    """Has a compiled pattern's methods from when each is asked for first."""

    def __init__(self, text: str, flags: int) -> None:
        self._made_of = text, flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # as copy asks, of one that is not made yet
            raise AttributeError(name)
        found = getattr(re.compile(*self._made_of), name)
        setattr(self, name, found)
        return found
