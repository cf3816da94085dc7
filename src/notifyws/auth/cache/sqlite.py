"""The embedded token cache for an event loop: a thread around ``sqlite_store``.

One thread of its own serves the calls in turn, so the loop never waits for a disk
and no call is older than its second: one still waiting for its turn is withdrawn.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from notifyws.auth.cache import Changes, Entry, Texts, TokenCache
from notifyws.auth.cache.limit import call_limit
from notifyws.auth.cache.sqlite_store import SqliteStore
from notifyws.errors import CacheFailed

__all__ = ["SqliteCache"]

T = TypeVar("T")


class SqliteCache(TokenCache):
    """Keeps texts in a file.

    Args:
        path: the file; it and its folder are made when first needed.
        now: wall time in seconds, because entries outlive the process.
    """

    backend = "sqlite"

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self.url = path.absolute().as_uri().replace("file:", "sqlite:", 1)
        self._store = SqliteStore(path, now)
        self._thread = ThreadPoolExecutor(1, "token-cache")

    async def read(self, account: str, *names: str) -> dict[str, Entry]:
        """Return those of ``names`` that are there."""
        return await self._run(partial(self._store.read, account, *names))

    async def replace(self, account: str, entries: Changes, *, expect: Texts) -> bool:
        """Write and delete in one step, if what is there is still as expected."""
        return await self._run(
            partial(self._store.replace, account, entries, expect=expect)
        )

    async def aclose(self) -> None:
        """Let go of the file; safe to call twice."""
        await self._run(self._store.close)

    async def _run(self, call: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with call_limit():
                return await loop.run_in_executor(self._thread, call)
        except TimeoutError as error:
            raise CacheFailed(
                f"token cache {self._store.path} did not answer in time",
                "look for a hung disk, or choose another with NOTIFYWS_CACHE_URL",
            ) from error
