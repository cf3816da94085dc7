"""Where tokens are kept between processes: one contract, three keepers.

A cache stores opaque text under short names of one account and forgets each by
itself when its time is over. It knows nothing of tokens, servers or refreshing;
``tokens`` decides all of that. Of a text beyond 64 KiB, which is none of ours, an empty
one is read. Every call ends within a second or raises
:class:`~notifyws.errors.CacheFailed`; nothing else is ever raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from notifyws.values import frozen

__all__ = ["Entry", "TokenCache"]

CALL_TIMEOUT = 1.0
"""Seconds that a call to a cache may take, connecting included (SPEC section 5)."""


@frozen
class Entry:
    """A stored text and the seconds until it is forgotten."""

    text: str
    remaining: float


class TokenCache(Protocol):
    """What every cache can do. ``account`` is 16 hex digits; times are seconds.

    All calls raise :class:`~notifyws.errors.CacheFailed` when the cache is down,
    slow, full, read-only, or holds rubbish.
    """

    @property
    def backend(self) -> str:
        """``redis``, ``sqlite`` or ``memory``."""

    @property
    def url(self) -> str:
        """Where it is, fit for showing: any password masked."""

    async def read(self, account: str, *names: str) -> dict[str, Entry]:
        """Return those of ``names`` that are there, in one round trip."""

    async def replace(
        self,
        account: str,
        entries: Mapping[str, tuple[str, float] | None],
        *,
        expect: Mapping[str, str | None],
    ) -> bool:
        """Write and delete in one step, if what is there is still as expected.

        Args:
            entries: name -> (text, seconds to keep), or ``None`` to delete it.
            expect: name -> the text it must hold now, ``None`` for "not there".

        Returns:
            Whether it was done; ``False`` when an expectation did not hold.
        """

    async def add(self, account: str, name: str, text: str, keep: float) -> bool:
        """Store ``text`` for ``keep`` seconds unless ``name`` is there already."""

    async def ping(self) -> None:
        """Return when the cache answered."""

    async def aclose(self) -> None:
        """Let go of connections and files; safe to call twice."""
