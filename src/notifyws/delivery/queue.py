"""The queue between what arrived and who is told.

The reader of the socket puts, and never waits; whoever shows things gets whole
bursts. What was taken counts against the limits until the taker comes back for more,
so that a taker that hangs holds no more than the limits say, of events as well.
Nothing leaves here in silence: whoever puts asks first whether there is room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")

EASY = 200
"""Items that may wait before whoever puts should let the taker have a turn."""
A_FEW = 50
"""Items that come while the taker rests and for which it is waited."""
ANNOUNCEMENTS = 10_000
"""Events that may wait or be in a taker's hands; they are also told at once, so later
ones are let go, or told as one."""


class DeliveryQueue(Generic[Item]):
    """A bounded queue of bursts.

    Args:
        max_count: items that may wait or be in a taker's hands.
        max_bytes: their sizes together.
        numbered_from: items that an earlier queue was given.

    Attributes:
        put_in_all: items put since the beginning, so the number of the last one.
        on_settled: told the number of the last item that was dealt with.
    """

    def __init__(self, max_count: int, max_bytes: int, numbered_from: int = 0) -> None:
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._items: list[Item] = []
        self._count = self._bytes = self._announced = 0
        self._taken = (0, 0, 0)
        self._late: Item | None = None
        self.put_in_all = self._settled_in_all = numbered_from
        self.on_settled: Callable[[int], None] = lambda count: None
        self._filled = asyncio.Event()
        self._roomy = asyncio.Event()
        self._roomy.set()
        self._taking = asyncio.Event()
        self._settling = asyncio.Event()
        self._takes = True
        self._closed = self._held = self._rests = False

    def __len__(self) -> int:
        return len(self._items)

    def fits(self, size: int) -> bool:
        """Return whether there is room for an item of ``size`` bytes.

        An empty queue takes an item of any size, or it would wait for ever.
        """
        full = self._count >= self._max_count or self._bytes + size > self._max_bytes
        if full and self._count:
            self._roomy.clear()
            return False
        return True

    def fit(self, count: int, size: int) -> bool:
        """Return whether there is room for items of ``size`` bytes together."""
        counted = self._count + count <= self._max_count
        return counted and self._bytes + size <= self._max_bytes

    def put(self, item: Item, size: int) -> None:
        """Add an item of ``size`` bytes; ask :meth:`fits` first."""
        self.put_all((item,), size)

    def put_all(self, items: Sequence[Item], size: int) -> None:
        """Add items of ``size`` bytes together; ask :meth:`fit` first."""
        self.put_in_all += len(items)
        self._count += len(items)
        self._bytes += size
        if not self._items:
            self._filled.set()
        self._items += items

    def announce(
        self, item: Item, *, join: Callable[[Item, Item], Item] | None = None
    ) -> None:
        """Add an item that takes no room.

        Args:
            item: when far too many wait it is let go, unless it can be joined.
            join: tells two such items as one; that comes once there are fewer.
        """
        if self._announced < ANNOUNCEMENTS:
            self._announced += 1
            self._items.append(item)
            self._filled.set()
        elif join is not None:
            self._late = item if self._late is None else join(self._late, item)

    @property
    def is_settled(self) -> bool:
        """Whether all that was put in is dealt with."""
        return self._settled_in_all >= self.put_in_all

    async def settled(self) -> None:
        """Return when all that was put in is dealt with."""
        while not self.is_settled:
            self._settling.clear()
            await self._settling.wait()

    def settle_one(self) -> None:
        """The oldest of what was taken and put in, no event, is dealt with already."""
        count, size, announced = self._taken
        if count:
            self._taken = count - 1, size, announced
            self._count -= 1
            self._count_settled(1)

    def hold(self) -> None:
        """Let all that is taken from now on count as not dealt with."""
        self._held = True

    def release(self) -> None:
        """What was taken since :meth:`hold` is dealt with."""
        self._held = False
        self._settle()

    def drained(self) -> list[Item]:
        """Let everything go and return it; whoever waits for room goes on."""
        items = self._take()
        self._settle()
        return items

    def close(self) -> None:
        """Nothing more will come."""
        self._closed = True
        self._announce_late()
        self._filled.set()

    async def get(self) -> list[Item]:
        """Return all that waits, at least one item; empty once closed and empty.

        Coming back also says that what was taken before is dealt with, unless it is
        held.
        """
        if not self._held:
            self._settle()
        if not self._items and not self._closed:
            self._filled.clear()
            await self._filled.wait()
        return self._take()

    def _take(self) -> list[Item]:
        items, self._items = self._items, []
        self._taken = (self._count, self._bytes, self._announced)
        self._takes = True
        self._taking.set()
        return items

    def _settle(self) -> None:
        count, size, announced = self._taken
        self._taken = (0, 0, 0)
        self._count -= count
        self._bytes -= size
        self._announced -= announced
        self._announce_late()
        if count:
            self._count_settled(count)
        if self._count * 2 <= self._max_count and self._bytes * 2 <= self._max_bytes:
            self._roomy.set()

    def _announce_late(self) -> None:
        late, self._late = self._late, None
        if late is not None:
            self._announced += 1
            self._items.append(late)
            self._filled.set()

    def _count_settled(self, count: int) -> None:
        self._settled_in_all += count
        self._settling.set()
        self.on_settled(self._settled_in_all)

    async def rest(self, seconds: float) -> None:
        """Let the taker take nothing for so long, and whoever puts not hurry."""
        self._rests = True
        try:
            await asyncio.sleep(seconds)
        finally:
            self._rests = False

    @property
    def is_filling(self) -> bool:
        """Whether the taker, if it comes, should come first.

        So much waits; or so little, while it rests, that there is no hurry.
        """
        waiting = len(self._items)
        return self._takes and (0 < waiting < A_FEW if self._rests else waiting > EASY)

    async def taken(self, within: float) -> None:
        """Return when what waits is taken, or is not within so many seconds.

        A taker that did not come then is waited for no more until it does.
        """
        self._taking.clear()
        try:
            async with asyncio.timeout(within):
                await self._taking.wait()
        except TimeoutError:
            self._takes = False

    async def room(self) -> None:
        """Return when at least half of the room is free."""
        await self._roomy.wait()
