"""The lock under which one process at a time shows an account's credentials.

Whoever holds it proves that before each credential is shown, and goes on proving it,
which gives it its full time again, for as long as the exchange takes: so no time
limit of an exchange is too long for it, and a holder that died costs no more than
the lock's own time. Marks live with it: texts that are in the cache before a
credential is shown, and stay there if the holder dies.

It knows neither tokens nor servers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from notifyws.auth.cache import TokenCache, text_in

__all__ = ["LockLost", "TokenLock"]

T = TypeVar("T")

LOCK_KEEP = 15.0
"""Seconds after which the lock of a holder that died is free again."""


class LockLost(Exception):
    """Somebody else may hold the lock: begin again."""


class TokenLock:
    """One holder's lock on an account; waits for nobody.

    Args:
        cache: shared with everybody else.
        account: id of the account.
        owner: an unguessable text, the proof.
    """

    def __init__(self, cache: TokenCache, account: str, owner: str) -> None:
        self._cache = cache
        self._account = account
        self._owner = owner
        self._kept = {"lock": (owner, LOCK_KEEP)}

    async def take(self) -> bool:
        """Return whether the lock was free, and is ours now."""
        return await self._cache.add(self._account, "lock", self._owner, LOCK_KEEP)

    async def hold(self, **marks: tuple[str, float]) -> None:
        """Prove that the lock is ours and give it its full time, marks in one step.

        Raises:
            LockLost: it is not ours any more; nothing was written.
        """
        kept = {**self._kept, **marks}
        proof = {"lock": self._owner}
        if not await self._cache.replace(self._account, kept, expect=proof):
            raise LockLost
        self._kept = kept

    async def during(self, exchange: Coroutine[Any, Any, T], grace: float = 0.0) -> T:
        """Return what an exchange comes to, and hold the lock meanwhile.

        Args:
            exchange: shows the credential.
            grace: seconds it has to end in after the caller was cancelled.
        """
        task = asyncio.ensure_future(exchange)
        try:
            while not (await asyncio.wait({task}, timeout=LOCK_KEEP / 3))[0]:
                with suppress(LockLost):  # what is under way cannot be called back
                    await self.hold()
            return task.result()
        except asyncio.CancelledError:
            await asyncio.wait({task}, timeout=grace)
            raise
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def look(self, name: str) -> str | None:
        """Return the text of a mark, ``None`` when it is not there."""
        return text_in(await self._cache.read(self._account, name), name)

    async def leave(self, name: str, entry: tuple[str, float] | None = None) -> None:
        """Put ``entry`` in the place of a mark of ours; needs no lock."""
        ours, _ = self._kept.pop(name)
        entries = {name: entry}
        await self._cache.replace(self._account, entries, expect={name: ours})

    async def release(self) -> None:
        """Let go of the lock if it is ours; safe when it never was."""
        proof = {"lock": self._owner}
        await self._cache.replace(self._account, {"lock": None}, expect=proof)
