"""A group as Redis keeps it: who lives, who leads, the stream, and who holds what.

Every method is one command or script of one account's group. What goes wrong is a
``CacheFailed``; what can never work (a group of another version, with another
``--key``, in a Redis that is too old) is a ``ConfigurationError``.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from notifyws.delivery.outbox_records import ListenerPosition
from notifyws.errors import CacheFailed, ConfigurationError
from notifyws.fleet.group import scripts, stream_scripts
from notifyws.fleet.group.entries import (
    Batch,
    Entry,
    Place,
    Standing,
    line_of,
    position_of,
    position_text,
    standing_of,
    text_of,
)
from notifyws.fleet.group.keys import HOPELESS, PARTITIONS, GroupKeys, step

SOCKETS = 8
"""Members that may hold one at most."""
PAGE, FIRST_PAGE, PAGE_BYTES = 500, 8, 4 << 20
"""Entries that are read back at once, at first and at most, and characters of them."""
KEEP = 30 * 86400.0
"""Seconds that a group is kept after its last member left."""
ALIVE = 1.5
"""Leases that a member lives on without a word."""
OLDEST = (6, 2)
"""The version of Redis that is needed at least."""
NAMED = 1_000
"""Members that are named, of however many there are."""
LONGEST_KEY = 200
"""Characters that are shown of another's ``--key``."""


class GroupStore(GroupKeys):
    """One group of one account; the arguments are those of :class:`GroupKeys`."""

    async def check_version(self) -> None:
        """Demand a Redis that has what is needed; one that does not say is believed.

        Raises:
            ConfigurationError: it is too old.
            CacheFailed: it does not answer.
        """
        try:
            told = await self.client.command("INFO", "server")
        except CacheFailed as error:
            if error.code in HOPELESS:
                return
            raise
        version = told.get("redis_version", "") if isinstance(told, dict) else ""
        found = re.match(r"(\d+)\.(\d+)", str(version))
        if found and (int(found[1]), int(found[2])) < OLDEST:
            said = f"--group needs Redis 6.2 or newer: {self.client.url} is {found[0]}"
            raise ConfigurationError(said, "use a newer one, or Valkey")

    @step
    async def beat(
        self,
        *,
        wants: bool,
        leads: bool = False,
        heard_at: str = "",
        floor: int = 0,
        connection: int = 0,
        age: float = 0.0,
        late: float = 0.0,
    ) -> Standing:
        """Say that this member lives, and see how the group stands.

        Args:
            wants: whether to keep or take a lease; one that is held ends otherwise.
            leads: whether this member led until now.
            heard_at: RFC 3339 UTC; what the server sent until then was received.
            floor: a new lease has a fencing number beyond this one.
            connection: how many times the server was connected to.
            age: seconds since ``heard_at``.
            late: unix seconds by Redis' clock after which none is taken; 0 for never.

        Raises:
            ConfigurationError: the group is another version's, or has another key.
            CacheFailed: Redis does not answer.
        """
        answer = await self.run(
            scripts.BEAT,
            [self._members, self._meta, *self._leases, *self.streams],
            *(self.member, _ms(ALIVE * self.lease), _ms(self.lease), _ms(KEEP)),
            *(int(wants), int(leads)),
            *(self._key, heard_at, len(self._leases), len(self.streams)),
            *(floor, connection, _ms(late), _ms(age)),
        )
        if answer[0] == scripts.WRONG_VERSION and len(answer) == 2:
            raise wrong_version(self.name)
        if answer[0] == scripts.WRONG_KEY and len(answer) == 2:
            theirs = text_of(answer[1])
            has = f"--key {theirs[:LONGEST_KEY]!r}" if theirs else "no --key"
            raise ConfigurationError(
                f"the group {self.name} has {has}", "give all its members the same"
            )
        if answer[0] == scripts.WRONG_SOCKETS and len(answer) == 2:
            raise ConfigurationError(
                f"members of the group {self.name} run with --sockets {int(answer[1])}",
                "give all its members the same",
            )
        return standing_of(answer)

    @step
    async def append(
        self, slot: int, proof: str, batch: Batch, *, again: bool = False
    ) -> list[Place] | None:
        """Append a batch, unless it was; return where, ``None`` when refused.

        Nothing is returned of a batch that had been appended already.

        Args:
            slot: number of the lease.
            proof: that it is held.
            batch: what is appended.
            again: whether that may have been done already.
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
            *(proof, f"{self.member} {batch.number}", int(again)),
            position_text(batch.position),
            *(self._distinct, *words),
        )
        if answer[0] == 0:
            return None
        if answer[0] == 2:
            return []
        if self.is_shared:  # some were there, and it does not matter which
            return [(n, "") for n, _, _ in lines]
        ids = map(text_of, answer[1:])
        return [(n, id_) for (n, _, _), id_ in zip(lines, ids, strict=True)]

    @step
    async def present(self, places: Sequence[Place]) -> tuple[str, list[bool]]:
        """Return who took a lease last, and which entries are there.

        Where several append, what was appended before is not appended again: then
        none needs to be looked for.
        """
        if self.is_shared or not places:
            places, missing = [], [False] * len(places)
        else:
            missing = []
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
        how = count, _ms(age), most
        answer = await self.run(stream_scripts.TRIM, self.streams, *how)
        lost, first, last, more = map(int, answer)
        return lost, first / 1000, last / 1000, bool(more)

    @step
    async def where(self, now: float) -> tuple[ListenerPosition, str]:
        """Return where the group stands at the server, and who led last.

        Args:
            now: unix seconds by Redis' clock; no moment lies later.
        """
        position, heard_at, leader = await self.ask(
            "HMGET", self._meta, "position", "heard_at", "leader"
        )
        return position_of(position, heard_at, now), text_of(leader or b"")

    async def latest(self, count: int) -> AsyncIterator[Entry]:
        """Yield what was appended last, of each stream as much, the newest first."""
        share = -(-count // len(self.streams))
        for number in range(len(self.streams)):
            left = share
            async for entry in self._backwards_in(number):
                yield entry
                if (left := left - 1) == 0:
                    break

    async def backwards(self) -> AsyncIterator[Entry]:
        """Yield entries, of each stream the newest first."""
        for number in range(len(self.streams)):
            async for entry in self._backwards_in(number):
                yield entry

    async def _backwards_in(self, number: int) -> AsyncIterator[Entry]:
        before, count = "+", FIRST_PAGE
        while entries := await self._page(number, before, count):
            before = f"({entries[-1].id}"
            largest = max(len(entry.line or "") for entry in entries)
            count = max(min(2 * count, PAGE, PAGE_BYTES // (largest or 1)), 1)
            for entry in entries:
                yield entry

    @step
    async def _page(self, number: int, before: str, count: int) -> list[Entry]:
        words = "XREVRANGE", self.streams[number], before, "-", "COUNT", count
        found = await self.ask(*words)
        return [Entry(number, text_of(i), line_of(fields)) for i, fields in found]

    @step
    async def read(
        self, streams: Sequence[int], count: int, wait: float
    ) -> list[Entry]:
        """Return new entries for this member, as soon as there are any.

        Args:
            streams: numbers of the streams to read.
            count: entries of each at most.
            wait: seconds to wait for the first.
        """
        names = [self.streams[n] for n in streams]
        who = "XREADGROUP", "GROUP", self._consumers, self.member
        how: list[str | int] = ["COUNT", count, "BLOCK", _ms(wait), "STREAMS", *names]
        new = ">" * len(names)
        answer = await self.ask(*who, *how, *new, within=wait + 2.0)
        return self._entries(answer)

    @step
    async def held(self, stream: int, after: str, count: int) -> list[Entry]:
        """Return what this member was given and did not acknowledge, after an id."""
        answer = await self.ask(
            *("XREADGROUP", "GROUP", self._consumers, self.member, "COUNT", count),
            *("STREAMS", self.streams[stream], after),
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
    ) -> tuple[list[Entry], list[str]]:
        """Take over what dead members held; return it, and ids that are lost.

        Args:
            stream: its number.
            idle: seconds that nobody may have touched it.
            most: entries at most.
            own: whether all that others hold there is to be taken.
        """
        answer = await self.run(
            stream_scripts.CLAIM,
            [self.streams[stream], self._members],
            *(self.member, _ms(idle), most, int(own)),
        )
        claimed, lost = answer
        entries = [Entry(stream, text_of(i), line_of(fields)) for i, fields in claimed]
        return entries, [text_of(each) for each in lost]

    @step
    async def own(
        self, most: int, among: Sequence[int] = range(PARTITIONS)
    ) -> list[int]:
        """Keep and take partitions, so many at most; return those that are held.

        Each stays a lease long with a member that says nothing.

        Args:
            most: how many are taken, with those that are held.
            among: which may be.
        """
        if not among:
            return []
        keys = [self._owners[n] for n in among]
        how = self.member, _ms(self.lease), most
        return [among[n] for n in await self.run(scripts.OWN, keys, *how)]

    @step
    async def disown(self, partition: int) -> None:
        """Let another member have a partition."""
        await self.run(scripts.LET_GO, [self._owners[partition]], self.member)

    @step
    async def let_go(self, slot: int, proof: str) -> None:
        """End a lease."""
        await self.run(scripts.LET_GO, [self._leases[slot]], proof)

    @step
    async def leave(self) -> list[str]:
        """Give back what this member holds, and its name; return ids that are lost."""
        keys = [*self.streams, self._members]
        lost = await self.run(scripts.RELEASE, keys, self.member)
        return [text_of(each) for each in lost]

    @step
    async def begin_at(self, entry_id: str) -> None:
        """Make a consumer group of its own that begins after an entry."""
        how = self._consumers, entry_id, _ms(KEEP)
        await self.run(stream_scripts.BEGIN, self.streams, *how)

    @step
    async def end(self) -> None:
        """Take that consumer group away."""
        for stream in self.streams:
            await self.ask("XGROUP", "DESTROY", stream, self._consumers)

    @step
    async def describe(self) -> dict[str, Any]:
        """Return how the group stands, as ``DESCRIBE`` tells it."""
        leases = [f"{self.base}:lease:{n}" for n in range(SOCKETS)]
        keys = [self._meta, self._members, *leases, *self.all_streams]
        told = await self.run(scripts.DESCRIBE, keys, NAMED, len(leases))
        return dict(json.loads(text_of(told)))

    @step
    async def note_gap(self, gap: Mapping[str, str]) -> None:
        """Count a gap, and keep it as the latest."""
        await self.ask("HINCRBY", self._meta, "gaps", 1)
        await self.ask("HSET", self._meta, "gap", json.dumps(gap))

    def _entries(self, answer: Any) -> list[Entry]:
        found: list[Entry] = []
        pairs = answer.items() if isinstance(answer, dict) else answer or ()
        for stream, entries in pairs:
            number = self._numbers[text_of(stream)]
            found += (
                Entry(number, text_of(i), line_of(fields)) for i, fields in entries
            )
        return found


def wrong_version(name: str) -> ConfigurationError:
    """Return what is said of a group that another version made."""
    said = f"the group {name} was made by another version of notifyws"
    return ConfigurationError(said, "use that version, or another --group")


def _ms(seconds: float) -> int:
    return round(1000 * seconds)
