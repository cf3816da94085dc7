"""A token cache that lives and dies with the process.

It is ``memory://``, what takes over when another cache is down, and the fake of the
tests. Nothing here waits, so every call is one step for all tasks of a loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from notifyws.auth.cache import Changes, Entry, Texts, TokenCache


class MemoryCache(TokenCache):
    """Keeps texts in a dictionary.

    Args:
        now: a monotonic clock, in seconds.
    """

    backend = "memory"
    url = "memory://"

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: dict[tuple[str, str], tuple[str, float]] = {}

    async def read(self, account: str, *names: str) -> dict[str, Entry]:
        """Return those of ``names`` that are there."""
        now = self._forget_what_is_over()
        kept = {name: self._kept.get((account, name)) for name in names}
        return {name: Entry(at[0], at[1] - now) for name, at in kept.items() if at}

    async def replace(self, account: str, entries: Changes, *, expect: Texts) -> bool:
        """Write and delete in one step, if what is there is still as expected."""
        now = self._forget_what_is_over()
        for name, text in expect.items():
            if self._kept.get((account, name), (None,))[0] != text:
                return False
        for name, entry in entries.items():
            self._kept.pop((account, name), None)
            if entry is not None:
                self._kept[account, name] = (entry[0], now + entry[1])
        return True

    async def aclose(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def _forget_what_is_over(self) -> float:
        now = self._now()
        self._kept = {key: at for key, at in self._kept.items() if at[1] > now}
        return now
