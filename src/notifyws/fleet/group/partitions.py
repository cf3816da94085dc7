"""Which streams a member of a group with ``--key`` reads: each is read by one alone.

The law: *who reads a partition holds its lease.* A member takes as many as fall to it,
and lets go of what it has too much: it reads no more of that, is done with what it has
of it, and only then another one may have it. What a new owner finds there unfinished,
of one that died, comes first. So what has the same key stays in order.
"""

from __future__ import annotations

from notifyws.fleet.group.keys import PARTITIONS
from notifyws.fleet.group.member import GroupMember
from notifyws.fleet.group.store import GroupStore


def share_of(members: int) -> int:
    """Return how many partitions a member may have, where so many live."""
    return -(-PARTITIONS // max(members, 1))


class Partitions:
    """The partitions of one member.

    Args:
        store: the group.
        member: reads them.
    """

    def __init__(self, store: GroupStore, member: GroupMember) -> None:
        self._store, self._member = store, member
        self._owned: set[int] = set()
        self._leaving: set[int] = set()

    async def settle(self, members: int, *, only_own: bool = False) -> None:
        """Have what falls to this member, where so many live.

        Args:
            members: how many.
            only_own: take nothing that this member did not have: Redis was away, and
                the others come back for theirs.

        Raises:
            CacheFailed: Redis does not answer.
        """
        share = PARTITIONS if only_own else share_of(members)
        among = sorted(self._owned) if only_own else range(PARTITIONS)
        held = set(await self._store.own(share, among))
        self._owned &= held
        self._leaving &= held
        surplus = len(held) - share
        stay = sorted(held - self._leaving, reverse=True)
        self._leaving.update(stay[: max(surplus - len(self._leaving), 0)])
        self._read()
        for partition in sorted(held - self._owned - self._leaving):
            if await self._member.inherit(partition):
                self._owned.add(partition)
        self._read()
        for partition in sorted(self._leaving):
            if await self._member.is_done_with(partition):
                self._leaving.discard(partition)
                self._owned.discard(partition)
                await self._store.disown(partition)

    async def leave(self) -> None:
        """Let go of all of them."""
        for partition in sorted(self._owned | self._leaving):
            await self._store.disown(partition)

    def _read(self) -> None:
        self._member.read_from(sorted(self._owned - self._leaving))
