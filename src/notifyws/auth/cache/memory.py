"""Token caches in memory: one that is alone, and one that never fails.

:class:`MemoryCache` lives and dies with the process. It is ``memory://``, and the fake
of the tests. Nothing in it waits, so every call is one step for all tasks of a loop.

:class:`FallbackCache` lets memory take over when the real cache, the primary, is
down. While that answers, it alone is the truth, and memory mirrors what was seen of
it. When it fails this is said once, and for some seconds at a time it is left in
peace and memory serves. What happens when it is back:

*What was changed here during the outage is carried back in one step, account by
account, before anything else is asked of the account. That is done only if, at the
primary, every name changed and the* ``generation`` *are still as they were known
before the outage, or gone, or as ours already (an answer was lost). Otherwise somebody
else was there: the primary wins and ours is forgotten.*

So a token refreshed during the outage is not lost, a newer one is not overwritten,
and a logout done elsewhere, which changes the ``generation``, stands.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from notifyws.auth.cache import Changes, Entry, Texts, TokenCache, text_in
from notifyws.errors import CacheFailed, NetworkFailed

T = TypeVar("T")

LEFT_IN_PEACE = 5.0
"""Seconds for which a failed primary is not asked again."""


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
        now = self._forget_what_is_over()
        kept = {name: self._kept.get((account, name)) for name in names}
        return {name: Entry(at[0], at[1] - now) for name, at in kept.items() if at}

    async def replace(self, account: str, entries: Changes, *, expect: Texts) -> bool:
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


class FallbackCache(TokenCache):
    """Serves from ``primary``, and from memory while that is down.

    Args:
        primary: the real cache, for what need not outlive an outage of it as well;
            closed with this one.
        warn: told one sentence when memory takes over, and one when that ends.
        now: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        primary: TokenCache,
        warn: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.backend, self.url = primary.backend, primary.url
        self.primary = primary
        self._memory = MemoryCache(now)
        self._warn, self._now = warn, now
        self._ask_again: float | None = None
        self._before: dict[str, dict[str, str | None]] = {}

    @property
    def healthy(self) -> bool:
        """Whether the primary answered when it was asked last."""
        return self._ask_again is None

    def want_emptied(self) -> None:
        """Demand that the primary was just emptied, and not only memory.

        Raises:
            NetworkFailed: it did not answer, so the tokens are still in it.
        """
        if not self.healthy:
            message = f"the tokens are still in {self.url}: it did not answer"
            raise NetworkFailed(message, "start it, and run this command again")

    async def read(self, account: str, *names: str) -> dict[str, Entry]:
        found = await self._ask(account, lambda cache: cache.read(account, *names))
        if found is None:
            return await self._memory.read(account, *names)
        await self._mirror(account, {name: found.get(name) for name in names})
        return found

    async def replace(self, account: str, entries: Changes, *, expect: Texts) -> bool:
        def step(cache: TokenCache) -> Awaitable[bool]:
            return cache.replace(account, entries, expect=expect)

        done = await self._ask(account, step)
        if done is None:
            await self._note(account, *entries)
            return await step(self._memory)
        if done:
            await self._mirror(account, entries)
        return done

    async def aclose(self) -> None:
        """Close the primary; safe to call twice."""
        with suppress(CacheFailed):
            await self.primary.aclose()

    async def _ask(
        self, account: str, step: Callable[[TokenCache], Awaitable[T]]
    ) -> T | None:
        """Return the primary's answer, ``None`` when memory has to give it."""
        if self._ask_again is not None:
            if self._now() < self._ask_again:
                return None
            self._ask_again = self._now() + LEFT_IN_PEACE  # one probe is enough
        try:
            await self._carry_back(account)
            answer = await step(self.primary)
        except CacheFailed as error:
            self.fell(error)
            return None
        self.rose()
        return answer

    def fell(self, error: CacheFailed) -> None:
        """Take note that the primary failed whoever asked it; the first time say so."""
        if self._ask_again is None:
            hint = f" ({error.hint})" if error.hint else ""
            self._warn(f"{error.message}{hint}; using memory only")
        self._ask_again = self._now() + LEFT_IN_PEACE

    def rose(self) -> None:
        """Take note that the primary answered; say so when it had failed."""
        if self._ask_again is not None:
            self._ask_again = None
            self._warn("token cache is back")

    async def _mirror(self, account: str, entries: Changes) -> None:
        await self._memory.replace(account, entries, expect={})

    async def _note(self, account: str, *names: str) -> None:
        """Remember what was known of ``names`` before they change here."""
        before = self._before.setdefault(account, {})
        known = await self._memory.read(account, *names, "generation")
        for name in (*names, "generation"):
            before.setdefault(name, text_in(known, name))

    async def _carry_back(self, account: str) -> None:
        before = self._before.pop(account, {})
        if not before:
            return
        try:
            carried = await self._carry(account, before)
        except BaseException:  # not now, then the next time
            self._before[account] = self._before.get(account, {}) | before
            raise
        if not carried:
            await self._mirror(account, dict.fromkeys(before))

    async def _carry(self, account: str, before: Texts) -> bool:
        ours = await self._memory.read(account, *before)
        changed = [name for name, was in before.items() if text_in(ours, name) != was]
        watched = {*changed, "generation"}
        held = await self.primary.read(account, *watched)
        for name in watched:
            if text_in(held, name) not in {None, before[name], text_in(ours, name)}:
                return False
        return await self.primary.replace(
            account,
            {name: ours.get(name) for name in changed},
            expect={name: text_in(held, name) for name in watched},
        )
