"""The stream of a group as Redis keeps it: appended, read, claimed, trimmed, read back.

Every method is one command or script; what each asks of Redis is in ``stream_scripts``.
What goes wrong is a ``CacheFailed``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from math import inf
from typing import Any

from notifyws.errors import CacheFailed
from notifyws.fleet.group import stream_scripts
from notifyws.fleet.group.entries import (
    LARGEST_STEP,
    Batch,
    Entry,
    Place,
    line_of,
    position_text,
    text_of,
)
from notifyws.fleet.group.keys import GroupKeys, step

PAGE, FIRST_PAGE = 500, 8
"""Entries that are read back at once, at most and at first."""
SLOWEST = 1 << 18
"""Characters a second that a way to Redis carries: what is large has longer."""
LONGEST = 1.0 + LARGEST_STEP / SLOWEST
"""Seconds that what is carried in one step may take."""
MANY = 8
"""Entries that came at once: more may be there, and are read at less cost then."""
KEEP = 30 * 86400.0
"""Seconds that a group is kept after its last member left."""


class BatchForgotten(CacheFailed):
    """Redis does not know what was appended last: that goes first, and then this."""


class GroupStream(GroupKeys):
    """The streams of one group; the arguments are those of :class:`GroupKeys`."""

    _many = False

    def __init__(self, *keys: Any, **more: Any) -> None:
        super().__init__(*keys, **more)
        self._read_until = ["0"] * len(self.streams)

    @step
    async def append(
        self,
        slot: int,
        proof: str,
        batch: Batch,
        *,
        again: bool = False,
        after: str = "",
    ) -> list[Place] | None:
        """Append a batch, unless it was; return where, ``None`` when refused.

        Nothing is returned of a batch that had been appended already.

        Args:
            again: whether that may have been done already.
            after: the name of the batch that was appended last; empty where that is
                not known.

        Raises:
            BatchForgotten: Redis does not know of that one any more.
        """
        count = len(self.streams)  # a spool may be of a time when there were more
        lines = [(n % count, line, tell) for n, line, tell in batch.lines]
        words: list[str | int] = [1]
        if self.is_shared or len(self.streams) > 1:
            words = [3]
            for n, line, tell in lines:
                words += (line, n + 1, tell)
        else:
            words += (line for _, line, _ in lines)
        answer = await self.run(
            stream_scripts.APPEND,
            [self._leases[slot], self._meta, self._ids, *self.streams],
            *(proof, self.name_of(batch), int(again), position_text(batch.position)),
            *(self._distinct, words[0], after, *words[1:]),
            within=1.0 + sum(len(line) for _, line, _ in lines) / SLOWEST,
        )
        if answer[0] == 0:
            return None
        if answer[0] == 2:
            return []
        if answer[0] == 3:
            said = "Redis does not know what was appended last"
            raise BatchForgotten(said, "what it lost is appended again")
        if self.is_shared:  # some were there, and it does not matter which
            return [(n, f"{answer[2]}-") for n, _, _ in lines]
        ids = text_of(answer[1]).split()
        return [(n, id_) for (n, _, _), id_ in zip(lines, ids, strict=True)]

    def name_of(self, batch: Batch) -> str:
        """Return what tells a batch of this member's from all others."""
        return f"{self.member}/{batch.began} {batch.number}"

    @step
    async def present(self, places: Sequence[Place]) -> tuple[str, list[bool]]:
        """Return who took a lease last, and which entries are there.

        Where several append, what was appended before is not appended again: then
        none needs to be looked for.
        """
        missing = [False] * len(places) if self.is_shared else []
        places = [] if self.is_shared else places
        words = [word for n, id_ in places for word in (n + 1, id_)]
        answer = await self.run(
            stream_scripts.PRESENT, [self._meta, *self.streams], *words
        )
        leader, *found = answer
        if len(found) != len(places):
            raise ValueError("it tells of other entries")
        return text_of(leader or b""), [*missing, *(n == 1 for n in found)]

    @step
    async def trim(
        self, count: int, age: float, most: int = 2000
    ) -> tuple[int, float, float, bool]:
        """Let go of the oldest; return what nobody had read, and if there is more.

        Args:
            count: entries to keep in each stream.
            age: seconds to keep them; 0 for ever.
            most: entries to let go at once.

        Returns:
            How many were unread, from when to when (unix seconds), whether to go on.
        """
        how = count, as_ms(age), most
        answer = await self.run(stream_scripts.TRIM, self.streams, *how)
        lost, first, last, more = map(int, answer)
        return lost, first / 1000, last / 1000, bool(more)

    @step
    async def forget_marks(self, *, since: float = 0.0, until: float = inf) -> None:
        """Tell nothing any more from what was appended then (unix seconds).

        What has the same mark would be taken for it, and it is not there.
        """
        end = "+inf" if until == inf else f"({as_ms(until)}"
        await self.ask("ZREMRANGEBYSCORE", self._ids, as_ms(since), end)

    async def latest(self, count: float = inf) -> AsyncIterator[Entry]:
        """Yield what was appended last, of each stream as much, the newest first."""
        share = -(-count // len(self.streams))
        for number in range(len(self.streams)):
            left = share
            async for entry in self._backwards_in(number):
                yield entry
                if (left := left - 1) == 0:
                    break

    async def _backwards_in(self, number: int) -> AsyncIterator[Entry]:
        before, count = "+", FIRST_PAGE
        while entries := await self._page(number, before, count):
            before, count = f"({entries[-1].id}", PAGE
            for entry in entries:
                yield entry

    @step
    async def _page(self, number: int, before: str, count: int) -> list[Entry]:
        words = before, count, LARGEST_STEP
        stream = self.streams[number]
        found = await self.run(
            stream_scripts.BACK, [stream], *words, within=2 * LONGEST
        )
        return [Entry(number, text_of(i), line_of(fields)) for i, fields in found]

    @step
    async def read(
        self, streams: Sequence[int], count: int, wait: float
    ) -> list[Entry]:
        """Return new entries for this member, as soon as there are any.

        Args:
            count: entries of each at most.
            wait: seconds to wait for the first.
        """
        names = [self.streams[n] for n in streams]
        if self._many:
            words = self._consumers, self.member, count
            how_long = wait + 2.0
            packed = await self.run(stream_scripts.READ, names, *words, within=how_long)
            found = [Entry(streams[n], i, line) for n, i, line in unpacked(packed)]
            self._many = len(found) >= MANY
            if found:
                return self._noted(found)
        who = "XREADGROUP", "GROUP", self._consumers, self.member
        how: list[str | int] = ["COUNT", count, "BLOCK", as_ms(wait), "STREAMS", *names]
        new = ">" * len(names)
        answer = await self.ask(*who, *how, *new, within=wait + 2.0)
        found = self._entries(answer)
        self._many = len(found) >= MANY
        return self._noted(found)

    @step
    async def held(self, stream: int, after: str, count: int) -> list[Entry]:
        """Return what this member was given and did not acknowledge, after an id."""
        answer = await self.ask(
            *("XREADGROUP", "GROUP", self._consumers, self.member, "COUNT", count),
            *("STREAMS", self.streams[stream], after),
            within=LONGEST,
        )
        return self._entries(answer)

    @step
    async def acknowledge(self, stream: int, ids: Sequence[str]) -> None:
        """Let entries count as dealt with."""
        name = self.streams[stream]
        await self.ask("XACK", name, self._consumers, *ids)

    @step
    async def claim(
        self, stream: int, idle: float, most: int, *, own: bool = False
    ) -> list[Entry]:
        """Take over what dead members held; return it, and behind it what is lost.

        Args:
            idle: seconds that nobody may have touched it.
            own: whether all that others hold there is to be taken.
        """
        answer = await self.run(
            stream_scripts.CLAIM,
            [self.streams[stream], self._members],
            *(self.member, as_ms(idle), most, int(own)),
            within=LONGEST,
        )
        claimed, lost = answer
        entries = [Entry(stream, text_of(i), line_of(fields)) for i, fields in claimed]
        return entries + [Entry(stream, text_of(each), None) for each in lost]

    @step
    async def begin_at(self, entry_id: str) -> None:
        """Make a consumer group of its own that begins after an entry."""
        how = self._consumers, entry_id, as_ms(KEEP)
        await self.run(stream_scripts.BEGIN, self.streams, *how)
        self._read_until = [entry_id] * len(self.streams)

    @step
    async def begin_again(self) -> tuple[bool, bool]:
        """Make it anew where it is gone; tell whether it was, and a stream with it."""
        how: list[str | int] = [self._consumers, as_ms(KEEP), *self._read_until]
        gone, lost = await self.run(stream_scripts.BEGIN_AGAIN, self.streams, *how)
        return gone == 1, lost == 1

    @step
    async def end(self) -> None:
        """Take that consumer group away."""
        for stream in self.streams:
            await self.ask("XGROUP", "DESTROY", stream, self._consumers)

    def _noted(self, found: list[Entry]) -> list[Entry]:
        for entry in found:
            self._read_until[entry.stream] = entry.id
        return found

    def _entries(self, answer: Any) -> list[Entry]:
        found: list[Entry] = []
        pairs = answer.items() if isinstance(answer, dict) else answer or ()
        for stream, entries in pairs:
            number = self._numbers[text_of(stream)]
            found += (
                Entry(number, text_of(i), line_of(fields)) for i, fields in entries
            )
        return found


def unpacked(packed: bytes) -> Iterator[tuple[int, str, str]]:
    """Yield what is told of entries as one text: stream, id and line of each.

    Raises:
        ValueError: it is no such text.
    """
    at = 0
    while at < len(packed):
        head = packed.index(b"\n", at)
        stream, entry_id, size = packed[at:head].split()
        at = head + 1 + int(size)
        if not head < at <= len(packed):
            raise ValueError("a line is not as long as it is told to be")
        yield int(stream), entry_id.decode(), text_of(packed[head + 1 : at])


def as_ms(seconds: float) -> int:
    """Return whole milliseconds, as Redis reckons."""
    return round(1000 * seconds)
