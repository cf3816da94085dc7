"""A member's beat: it says that it lives, and sees whether it leads.

The law: *who leads is what Redis answered last.* Each beat asks for the lease (the
script ``BEAT`` in ``scripts`` gives it to whoever asks first once it has expired, and
keeps it for who has it); ``listener`` opens or leaves the socket by what is seen here.
While Redis does not answer, who led goes on leading (nobody can know better), and who
did not waits; after Redis was away, who led before comes first. Who cannot reach the
server lets another lead, for ever longer. With ``--key`` it sees which streams are its:

The law: *who reads a partition holds its lease.* A member takes as many as fall to it,
and lets go of what it has too much: it reads no more of that, is done with what it has
of it, and only then another one may have it. What a new owner finds there unfinished,
of one that died, comes first. So what has the same key stays in order.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from notifyws.clock import Clock
from notifyws.errors import CacheFailed
from notifyws.fleet.group.entries import Leading, Standing, moment_text, shifted
from notifyws.fleet.group.keys import PARTITIONS
from notifyws.fleet.group.member import GroupMember
from notifyws.fleet.group.store import GroupStore

EVERY = 0.3
"""Of a lease lies between two beats, at most: it lasts more than three of them."""
SOON = 0.05
"""Of a lease lies between two beats while it is in doubt."""
GRACE = 0.6
"""Of a lease passes, after Redis was away, in which who led before comes first."""
LATE = 2.0
"""Seconds after which a beat that was not answered must take no lease any more."""
SAME = 1.0
"""Seconds by which two clocks that are told over a network may differ and be right."""
APART = 0.05
"""Seconds by which a moment that two members tell, each by its words, may differ."""
PATIENCE = 300.0
"""Seconds that a leader tries to reach the server at most, where others could try."""


class Membership:
    """Keeps a member's place in its group.

    Args:
        warn: is told when Redis is away, and when it is back.
        leading: returns what this member says of its leadership.

    Attributes:
        ahead: seconds that Redis' clock is ahead of ours; 0 for next to nothing.
        standing: how the group stood at the latest beat that was answered.
        away: whether Redis did not answer the latest.
        joined: whether it ever did.
        handled_until: RFC 3339; what arrived until then was handled by somebody; empty
            until that was known.
        waited_since: unix seconds by Redis' clock; what was appended earlier was
            handled at the beat before the latest, or Redis has not lost it since.
        dealt_with: which loss (``Standing.lost``) this member has dealt with.
        patience: seconds that the server may be out of a leader's reach; then another
            member is to try, if there is one.
    """

    def __init__(
        self,
        store: GroupStore,
        clock: Clock,
        warn: Callable[[str], None],
        leading: Callable[[], Leading],
    ) -> None:
        self._store, self._clock, self._warn = store, clock, warn
        self._leading = leading
        self._soon, self._every = SOON * store.lease, EVERY * store.lease
        self._grace = GRACE * store.lease
        self._well_since: float | None = float("-inf")
        self.patience = self._grace
        self._fence, self._answered_at = 0, 0.0
        self._steadily_answered_at = 0.0
        self._agreed_at, self._checked = 0.0, False
        self.standing, self.ahead = Standing(), 0.0
        self.away = self.joined = False
        self.handled_until = ""
        self.waited_since, self.dealt_with = 0.0, 0

    @property
    def name(self) -> str:
        """What the group is called."""
        return self._store.name

    @property
    def leading(self) -> bool:
        """Whether this member leads it."""
        return self.standing.slot >= 0

    @property
    def has_leader(self) -> bool:
        """Whether any member does, as far as this one can know."""
        return self.leading or (bool(self.standing.leader) and not self.away)

    @property
    def lag(self) -> int | None:
        """How many notifications no member was given yet; ``None`` if unknown."""
        return None if self.away or not self.joined else self.standing.lag

    @property
    def pending(self) -> int:
        """How many were given to a member that is not done with them."""
        return self.standing.pending

    async def beat(self, *, leads: bool) -> bool:
        """Say that this member lives; return whether Redis answered.

        Args:
            leads: whether this member led until now.

        Raises:
            ConfigurationError: this can never work; says why.
        """
        try:
            if not self._checked:
                await self._store.check_version()
                self._checked = True
            leading = self._leading()
            heard_at = leading.heard_at
            standing = await self._store.beat(
                wants=leads or self.is_settled,
                leads=leads,
                leading=replace(leading, heard_at=shifted(heard_at, self.ahead)),
                floor=self._fence,
                age=self._age(heard_at),
                late=self._late(),
                dealt_with=self.dealt_with,
                answered=self.standing.at,
                agreed=self._agreed_at,
            )
        except CacheFailed as error:
            self._fell(error)
            return False
        self._answered_at = self._clock.wall()
        ahead = standing.at - self._answered_at if standing.at else 0.0
        self.ahead = ahead if abs(ahead) >= SAME else 0.0
        self._fence = max(self._fence, standing.fence)
        if standing.heard_at:
            self.handled_until = shifted(_handled_until(standing), -self.ahead)
        self.waited_since = self._handled_by(standing)
        if standing.slot < 0:
            self._agreed_at = 0.0
        elif standing.back_to is None and (leading.last_batch or not self._agreed_at):
            self._agreed_at = standing.at
        self.standing, self._steadily_answered_at = standing, self._clock.now()
        self._rose()
        return True

    def _handled_by(self, standing: Standing) -> float:
        """Return what was appended before is handled, or was not lost since."""
        before, back_to = self.standing, standing.back_to
        handled = before.at if before.oldest is None else before.oldest
        if back_to is None:
            return handled
        # Where a batch is missing, a beat may have come behind the loss.
        return back_to if back_to == self._agreed_at else max(handled, back_to)

    def covers(self, start: float, end: float) -> bool | None:
        """Return whether another member's socket was open from a moment to another.

        Args:
            start, end: unix seconds, by our clock.

        Returns:
            ``None`` where it may have been, and a later beat will tell.
        """
        if self.away or self._answered_at < end:
            return None
        ahead = self.standing.at - self._answered_at
        latest = start + ahead + APART
        heard = [each for since, each in self.standing.others if since <= latest]
        if any(each >= end + ahead for each in heard):
            return True
        return None if heard else False

    def pause(self, *, leads: bool) -> float:
        """Return the seconds until the next beat; members do not beat all at once."""
        if self.away:
            return self._soon + (0 if leads else self._every * self._clock.dice())
        ends = self.standing.next_lease
        wait = self._every * (1 - 0.2 * self._clock.dice())
        if leads or ends is None:
            return wait
        return min(wait, ends + self._soon * self._clock.dice())

    @property
    def is_settled(self) -> bool:
        """Whether members have had time to say that they live since Redis was away."""
        since = self._well_since
        return since is not None and self._clock.now() - since >= self._grace

    def reached(self) -> None:
        """The server was reached from here."""
        self.patience = self._grace

    def stand_back(self) -> None:
        """Let others lead first; if none reaches the server, be patient longer."""
        self._well_since = self._clock.now()
        self.patience = min(2 * self.patience, PATIENCE)

    def _age(self, heard_at: str) -> float:
        if not heard_at:
            return 0.0
        heard = datetime.fromisoformat(heard_at).timestamp()
        return max(self._clock.wall() - heard, 0.0)

    def _late(self) -> float:
        """Return when, by Redis' clock, a beat of now is too late to take a lease."""
        if not self.standing.at:
            return 0.0
        return self.standing.at + self._clock.now() - self._steadily_answered_at + LATE

    def _fell(self, error: CacheFailed) -> None:
        if not self.away:
            self.away = True
            hint = f" ({error.hint})" if error.hint else ""
            self._warn(f"{error.message}{hint}; the group waits for it")
        self._well_since = None

    def _rose(self) -> None:
        if self.away:
            self.away = False
            self._warn("the group's Redis is back")
        if self._well_since is None:
            self._well_since = self._clock.now()
        self.joined = True


def _handled_until(standing: Standing) -> str:
    """Return until when what arrived is in the stream and no member has it in hand.

    By Redis' clock, like all that is kept there.
    """
    if standing.oldest is None:
        return standing.heard_at
    return min(standing.heard_at, moment_text(standing.oldest))


def share_of(members: int) -> int:
    """Return how many partitions a member may have, where so many live."""
    return -(-PARTITIONS // max(members, 1))


class Partitions:
    """The partitions of one member."""

    def __init__(self, store: GroupStore, member: GroupMember) -> None:
        self._store, self._member = store, member
        self._owned: set[int] = set()
        self._leaving: set[int] = set()

    async def settle(self, members: int, *, only_own: bool = False) -> None:
        """Have what falls to this member, where so many live.

        Args:
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
