"""The lock under which one process at a time shows an account's credentials.

Whoever holds it proves that before each credential is shown, and goes on proving it,
which gives it its full time again, for as long as the exchange takes: so no time
limit of an exchange is too long for it, and a holder that died costs no more than
the lock's own time.

A refresh token is used sparingly, for a reply that was not heard may have spent it: a
server that rotates ends the token before its reply arrives, and may take its next use
for a theft. So each use is marked in the cache before it is made, for everybody and
for a minute, and the mark goes when an answer was heard. A token that may be spent is
used once more, if there is no password to log in with, and not a third time. What
never reached the server spends nothing.

It knows neither tokens nor servers.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from notifyws.auth.cache import TokenCache, text_in
from notifyws.auth.cache.keys import KEEP
from notifyws.auth.network_errors import may_be_done
from notifyws.errors import AuthenticationFailed, NetworkFailed
from notifyws.tasks import cancel

T = TypeVar("T")

USES = 2
"""Uses of a refresh token whose replies are not heard."""
GRACE = 1.25
"""Seconds in which a refresh may end, and be kept, though its caller was cancelled."""


class LockLost(Exception):
    """Somebody else may hold the lock: begin again."""


class TokenLock:
    """One holder's lock on an account; waits for nobody.

    Args:
        owner: an unguessable text, the proof.
    """

    def __init__(self, cache: TokenCache, account: str, owner: str) -> None:
        self._cache, self._account, self._owner = cache, account, owner
        self._kept = {"lock": (owner, KEEP["lock"])}

    async def take(self) -> bool:
        """Return whether the lock was free, and is ours now."""
        return await self._cache.add(self._account, "lock", *self._kept["lock"])

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
            grace: seconds it has to end in after the caller was cancelled.
        """
        task = asyncio.ensure_future(exchange)
        try:
            while not (await asyncio.wait({task}, timeout=KEEP["lock"] / 3))[0]:
                with suppress(LockLost):  # what is under way cannot be called back
                    await self.hold()
            return task.result()
        except asyncio.CancelledError:
            await asyncio.wait({task}, timeout=grace)
            raise
        finally:
            await cancel(task)

    async def use(
        self,
        refresh_token: str,
        exchange: Callable[[], Awaitable[T]],
        find_password: Callable[[], Awaitable[str]],
    ) -> T:
        """Return what the exchange that shows a refresh token comes to.

        Args:
            refresh_token: of the account; the lock is held by us.
            exchange: shows it to the server and keeps what that answers.
            find_password: returns what a login can be made with, or nothing.

        Raises:
            AuthenticationFailed: the token is no good.
            NetworkFailed: the server cannot be asked, or the token has to rest.
            LockLost: the lock was lost before the token was shown.
        """
        mark = f"lost:{hashlib.sha256(refresh_token.encode()).hexdigest()[:32]}"
        problem: NetworkFailed | None = None
        while True:
            before = text_in(await self._cache.read(self._account, mark), mark)
            losses = {None: 0, "1": 1}.get(before, USES)
            if losses >= USES or (losses and await find_password()):
                raise problem or NetworkFailed(
                    "the reply to a refresh was lost, so the token may be spent",
                    "try again in a minute, or: notifyws auth login",
                )
            await self.hold(**{mark: (str(losses + 1), KEEP["lost"])})
            try:
                return await self.during(self._heard(mark, exchange), GRACE)
            except NetworkFailed as error:
                if not may_be_done(error):
                    await self._unmark(mark, before)
                    raise
                problem = error

    async def release(self) -> None:
        """Let go of the lock if it is ours; safe when it never was."""
        proof = {"lock": self._owner}
        await self._cache.replace(self._account, {"lock": None}, expect=proof)

    async def _heard(self, mark: str, exchange: Callable[[], Awaitable[T]]) -> T:
        try:
            answer = await exchange()
        except AuthenticationFailed:
            await self._unmark(mark)
            raise
        await self._unmark(mark)
        return answer

    async def _unmark(self, mark: str, before: str | None = None) -> None:
        """Put what was there before in the place of our mark; needs no lock."""
        ours, keep = self._kept.pop(mark)
        entries = {mark: (before, keep) if before else None}
        await self._cache.replace(self._account, entries, expect={mark: ours})
