"""A group as Redis keeps it: who lives, who leads, and what is known of all of it.

Every method is one command or script of one account's group. What goes wrong is a
``CacheFailed``; what can never work (a group of another version, with another
``--key``, in a Redis that is too old) is a ``ConfigurationError``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from notifyws.delivery.outbox_records import ListenerPosition
from notifyws.errors import CacheFailed, ConfigurationError
from notifyws.fleet.group import scripts, stream_scripts
from notifyws.fleet.group.entries import (
    Leading,
    Standing,
    position_of,
    standing_of,
    text_of,
)
from notifyws.fleet.group.keys import HOPELESS, PARTITIONS, step
from notifyws.fleet.group.stream import KEEP, GroupStream, as_ms

SOCKETS = 8
"""Members that may hold one at most."""
ALIVE = 1.5
"""Leases that a member lives on without a word."""
OLDEST = (6, 2)
"""The version of Redis that is needed at least."""
NOTHING = Leading()
"""What a member says that does not lead."""
NAMED = 1_000
"""Members that are named, of however many there are."""
LONGEST_KEY = 200
"""Characters that are shown of another's ``--key``."""


class GroupStore(GroupStream):
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
        leading: Leading = NOTHING,
        floor: int = 0,
        age: float = 0.0,
        late: float = 0.0,
        dealt_with: int = 0,
        answered: float = 0.0,
        agreed: float = 0.0,
    ) -> Standing:
        """Say that this member lives, and see how the group stands.

        Args:
            wants: whether to keep or take a lease; one that is held ends otherwise.
            leads: whether this member led until now.
            leading: what it says of that, its times by Redis' clock.
            floor: a new lease has a fencing number beyond this one.
            age: seconds since its server was heard.
            late: unix seconds by Redis' clock after which none is taken; 0 for never.
            dealt_with: the loss (``Standing.lost``) that this member dealt with.
            answered: when its latest beat was that was answered; unix seconds by Redis'
                clock, 0 for none.
            agreed: the same of the latest at which Redis knew what it appended last.

        Raises:
            ConfigurationError: the group is another version's, or has another key.
            CacheFailed: Redis does not answer.
        """
        heard_at = "" if leading.has_open_gaps else leading.heard_at
        answer = await self.run(
            scripts.BEAT,
            [self._members, self._meta, *self._leases, *self.streams],
            *(self.member, as_ms(ALIVE * self.lease), as_ms(self.lease), as_ms(KEEP)),
            *(int(wants), int(leads)),
            *(self._key, heard_at, len(self._leases), len(self.streams)),
            *(floor, as_ms(late), as_ms(leading.open_for)),
            as_ms(age) if leading.heard_at else "",
            *(leading.last_batch, leading.began, dealt_with, as_ms(answered)),
            as_ms(agreed),
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
    async def where(self, now: float) -> ListenerPosition:
        """Return where the group stands at the server.

        Args:
            now: unix seconds by Redis' clock; no moment lies later.
        """
        told = await self.ask("HMGET", self._meta, "position", "heard_at")
        position, heard_at = told
        return position_of(position, heard_at, now)

    @step
    async def own(
        self, most: int, among: Sequence[int] = range(PARTITIONS)
    ) -> list[int]:
        """Keep and take partitions, so many at most; return those that are held.

        Each stays a lease long with a member that says nothing.

        Args:
            most: how many are taken, with those that are held.
        """
        if not among:
            return []
        keys = [self._owners[n] for n in among]
        how = self.member, as_ms(self.lease), most
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
        lost = await self.run(stream_scripts.RELEASE, keys, self.member)
        return [text_of(each) for each in lost]

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


def wrong_version(name: str) -> ConfigurationError:
    """Return what is said of a group that another version made."""
    said = f"the group {name} was made by another version of notifyws"
    return ConfigurationError(said, "use that version, or another --group")
