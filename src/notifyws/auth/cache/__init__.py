"""Where tokens are cached between processes: one contract, three places.

A cache stores opaque text under short names of one account and forgets each by
itself when its time is over. It knows nothing of tokens, servers or refreshing; what
lies under which name is told by ``keys``. Of a text beyond 64 KiB, which is none of
ours, an empty one is read. Every call ends within a second or raises
:class:`~notifyws.errors.CacheFailed`; nothing else is ever raised.

This is the port: whoever needs a cache takes a :class:`TokenCache`, and what is one
inherits from it. Below it stands what more than one of them needs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple, Protocol

CALL_TIMEOUT = 1.0
"""Seconds that a call to a cache may take, connecting included."""
TICKS = 16
"""In how many parts that second is counted."""
LARGEST = 64 * 1024
"""Bytes of a text beyond which it is none of ours, and reads as an empty one."""


class Entry(NamedTuple):
    """A text and the seconds until it is forgotten; any such pair can be written."""

    text: str
    remaining: float


Changes = Mapping[str, tuple[str, float] | None]
"""Name -> (text, seconds to keep), or ``None`` to delete it."""
Texts = Mapping[str, str | None]
"""Name -> the text it holds, ``None`` for "not there"."""


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


@asynccontextmanager
async def call_limit(seconds: float = CALL_TIMEOUT) -> AsyncIterator[None]:
    """Limit what is done inside to its second, counted while this process runs.

    Where hundreds start together, a process waits seconds for its turn at the
    processor; that says nothing about the cache, and must not make it look as if it
    were down. So ticks are counted: one that comes late is one all the same.

    Args:
        seconds: of a part of a call, where that is to end before the whole.

    Raises:
        TimeoutError: the time is over.
    """
    import asyncio  # whoever reads a file without a loop does without it

    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        ticking = loop.call_later(seconds / TICKS, lambda: tick(TICKS - 1))

        def tick(left: int) -> None:
            nonlocal ticking
            if left:
                ticking = loop.call_later(seconds / TICKS, tick, left - 1)
            else:
                limit.reschedule(loop.time())

        try:
            yield
        finally:
            ticking.cancel()


def bytes_of(text: str) -> bytes:
    """Return the bytes that :func:`text_of` read, or a cache keeps of a text."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def text_of(data: bytes) -> str:
    """Return a text for what a cache keeps: any bytes are some text.

    Others write to a shared cache as well, and whoever reads it has to be able to
    name what lies there, if only to take it away.
    """
    if len(data) > LARGEST:
        return ""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "surrogateescape")
