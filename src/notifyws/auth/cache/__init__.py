"""Where tokens are kept between processes: one contract, three places.

A cache stores opaque text under short names of one account and forgets each by
itself when its time is over. It knows nothing of tokens, servers or refreshing;
``tokens`` decides all of that. Of a text beyond 64 KiB, which is none of ours, an empty
one is read. Every call ends within a second or raises
:class:`~notifyws.errors.CacheFailed`; nothing else is ever raised.

This is the port: whoever needs a cache takes a :class:`TokenCache`, and what is one
inherits from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

__all__ = ["CALL_TIMEOUT", "Changes", "Entry", "Texts", "TokenCache", "text_in"]

CALL_TIMEOUT = 1.0
"""Seconds that a call to a cache may take, connecting included (SPEC section 5)."""
Changes = Mapping[str, tuple[str, float] | None]
"""Name -> (text, seconds to keep), or ``None`` to delete it."""
Texts = Mapping[str, str | None]
"""Name -> the text it holds, ``None`` for "not there"."""


class Entry(Struct, frozen=True):
    """A stored text and the seconds until it is forgotten."""

    text: str
    remaining: float


def text_in(entries: Mapping[str, Entry], name: str) -> str | None:
    """Return the text under ``name``, ``None`` when it is not there."""
    entry = entries.get(name)
    return entry.text if entry else None


class TokenCache(Protocol):
    """What every cache can do. ``account`` is 16 hex digits; times are seconds.

    All calls raise :class:`~notifyws.errors.CacheFailed` when the cache is down,
    slow, full, read-only, or holds rubbish.

    Attributes:
        backend: ``redis``, ``sqlite`` or ``memory``.
        url: where it is, fit for showing: any password masked.
    """

    backend: str
    url: str

    async def read(self, account: str, *names: str) -> dict[str, Entry]:
        """Return those of ``names`` that are there, in one round trip."""

    async def replace(self, account: str, entries: Changes, *, expect: Texts) -> bool:
        """Write and delete in one step, if what is there is still as expected.

        Args:
            account: whose.
            entries: what to write and to delete.
            expect: what must be there now.

        Returns:
            Whether it was done; ``False`` when an expectation did not hold.
        """

    async def add(self, account: str, name: str, text: str, keep: float) -> bool:
        """Store ``text`` for ``keep`` seconds unless ``name`` is there already."""
        return await self.replace(account, {name: (text, keep)}, expect={name: None})

    async def ping(self) -> None:
        """Return when the cache answered, as one that can be written to."""
        await self.replace("", {}, expect={})

    async def aclose(self) -> None:
        """Let go of connections and files; safe to call twice."""
