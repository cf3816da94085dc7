"""One member of a group, from joining to leaving: it takes its share, and may lead.

What a beat tells means something for the socket and for the share, and that is decided
here; how they work is known by ``leader`` and ``member``.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from notifyws.auth.authenticator import Authenticator
from notifyws.clock import sleep
from notifyws.errors import CacheFailed
from notifyws.events import Connected, Event, Gap, Grouped
from notifyws.fleet.group.build import GroupOptions, build_spool
from notifyws.fleet.group.entries import Leading, Line, moment, moment_text
from notifyws.fleet.group.leader import LOST, GroupLeader, partition_of
from notifyws.fleet.group.membership import Membership, Partitions
from notifyws.fleet.group.several_sockets import Marks
from notifyws.fleet.group.stream_listener import StreamListener
from notifyws.models import Notification, as_text
from notifyws.protocol.expressions import UNFIT, of_option
from notifyws.tasks import background, first_of

if TYPE_CHECKING:
    from notifyws.fleet.group.entries import Standing
    from notifyws.fleet.group.member import GroupMember

TRIM = 10.0
"""Seconds between two looks at how much the stream keeps."""
TRIMS = 50
"""Steps of trimming at one time."""
OUT_OF_REACH = "the server cannot be reached from here"
EXAMPLE = "as in: --key data.tripId"


class GroupListener(StreamListener):
    """A member of a group.

    Args:
        more: as for :class:`ActiveListener`.

    Attributes:
        membership: how the group stands, and this member in it.

    Raises:
        UsageError: the name is none, or the key cannot be read.
        ConfigurationError: there is no Redis that hosts share.
    """

    def __init__(self, auth: Authenticator, options: GroupOptions, **more: Any) -> None:
        key = options.key
        self._search = of_option(key, "--key", EXAMPLE) if key else None
        super().__init__(auth, options, **more)
        self.membership = Membership(
            self._store, auth.clock, auth.warn, self._leading_says
        )
        self.group = self.membership
        self._partitions: Partitions | None = None
        self._marks = Marks(auth.warn)
        self._leader: GroupLeader | None = None
        self._leading: asyncio.Task[None] | None = None
        self._told: tuple[str, str] = ("", "")
        self._counting: set[asyncio.Task[None]] = set()
        self._trimmed_at = float("-inf")
        self._soon = asyncio.Event()

    @property
    def state(self) -> str:
        if self.running is None or self.running.done():
            return "disconnected"
        if self._leader is not None:
            return self._state_of(self._leader.session)
        if not self.membership.joined:
            return "connecting"
        return "connected" if self.membership.has_leader else "reconnecting"

    @property
    def is_away(self) -> bool:
        return self.membership.away

    async def keep(self, member: GroupMember) -> None:
        """Beat, and do what follows, until cancelled.

        Raises:
            ConfigurationError: this member can never have a place in the group.
            NotifyError: why the connection of the leader ended for good.
        """
        if self._search is not None:
            self._partitions = Partitions(self._store, member)
        self._emitter.observers.append(self._note)
        while True:
            self._soon.clear()
            if await self.membership.beat(leads=self._leader is not None):
                with suppress(CacheFailed):
                    await self._follow(self.membership.standing, member)
            if self._leader is not None:
                self._leader.gaps.look()
            if self._leading is not None and self._leading.done():
                await self.end()
            pause = self.membership.pause(leads=self._leader is not None)
            await first_of(self._soon.wait(), sleep(self.auth.clock, pause))

    async def end(self) -> None:
        """Lead no more.

        Raises:
            NotifyError: why the connection ended for good.
        """
        leader, leading = self._leader, self._leading
        if leader is None or leading is None:
            return
        leader.stop()
        await asyncio.wait({leading})
        self._leader = self._leading = self.session = self.receiver = None
        await leader.appender.aclose()
        standing = self.membership.standing
        with suppress(CacheFailed):
            if standing.slot >= 0:
                await self._store.let_go(standing.slot, standing.proof)
        with suppress(CacheFailed):
            leading.result()

    async def leave(self) -> None:
        """Give back what was not finished, and the name.

        Raises:
            CacheFailed: Redis does not answer; then it is taken later.
        """
        if self._counting:  # or it would ask a client that was closed
            await asyncio.wait(self._counting)
        lost = await self._store.leave()
        if lost:
            told = {
                "from": moment_text(min(map(moment, lost))),
                "to": self._emitter.now(),
            }
            why = f"{len(lost)} were trimmed before this member was done with them"
            self.auth.warn(f"a gap since {told['from']}: {why}")
            await self._store.note_gap({**told, "reason": why})
        if self._partitions is not None:
            await self._partitions.leave()

    async def _follow(self, standing: Standing, member: GroupMember) -> None:
        """Do what follows from how the group stands."""
        leader = self._leader
        if leader is not None:
            leader.handled_until = self.membership.handled_until
            if standing.slot < 0 or not leader.renewed(standing):
                leader.depose(standing)
                await self.end()
            elif leader.cut_for >= self.membership.patience and standing.members > 1:
                self.auth.warn(f"{OUT_OF_REACH}; another member of the group tries")
                self.membership.stand_back()
                await self.end()
                return
        if standing.slot >= 0:
            await self._look_for_lost(standing)
        if standing.slot >= 0 and self._leader is None:
            self._begin_to_lead(standing)
        self._tell_role(standing)
        if standing.own > len(member.in_hand):
            member.doubt(range(len(self._store.streams)))
        if self._partitions is not None:
            only_own = not self.membership.is_settled
            await self._partitions.settle(standing.members, only_own=only_own)
        else:
            member.read_from([0])
            if standing.pending > standing.own and self.membership.is_settled:
                await member.claim(self._options.claim_after)
        if standing.slot >= 0:
            await self._trim()

    async def _look_for_lost(self, standing: Standing) -> None:
        """Have what Redis lost appended again, or say that it is gone.

        Who only begins to lead asks the server for what Redis does not know of; what a
        leader noticed that died before it could deal with it, is a gap. Where Redis
        does not answer, it is asked again with the next beat.
        """
        since, leader = self.membership.waited_since, self._leader
        is_new = standing.lost not in (0, self.membership.dealt_with)
        if is_new and self._store.is_shared:
            await self._store.forget_marks(since=since)
        if leader is not None:
            if is_new or standing.back_to is not None:
                leader.appender.look_for_lost(since)
        elif is_new or standing.back_to is not None:
            self._tell_lost(since if is_new else standing.back_to or since)
        self.membership.dealt_with = standing.lost

    def _tell_lost(self, since: float) -> None:
        start = moment_text(since) if since else self._emitter.now()
        self._emitter.tell(Gap(start, self._emitter.now(), LOST))

    def _tell_role(self, standing: Standing) -> None:
        leads = standing.slot >= 0
        role = "leader" if leads else "member"
        leader = (self._store.member if leads else standing.leader).rpartition(":")[0]
        if self._told != (role, leader):
            self._told = role, leader
            self._emitter.tell(Grouped(self._store.name, role, leader))

    def _begin_to_lead(self, standing: Standing) -> None:
        self._leader = leader = GroupLeader(
            self.auth,
            self._store,
            build_spool(self.auth, self._store.name),
            standing,
            line_of=self._line_of,
            remember=self._marks.remember,
            waited_since=lambda: self.membership.waited_since,
            tell_gap=self._tell_lost,
            announce=self.queue.announce,
            observe=self._observe,
            in_doubt=self._soon.set,
            covers=self.membership.covers,
            handled_until=self.membership.handled_until,
            ahead=self.membership.ahead,
        )
        running = leader.run(self._retries, self._hook)
        self._leading = self._run_in_background(running)
        self._leading.add_done_callback(lambda task: self._soon.set())

    async def _trim(self) -> None:
        now, s = self.auth.clock.now(), self.auth.settings
        if now - self._trimmed_at < TRIM:
            return
        self._trimmed_at = now
        for _ in range(TRIMS):
            lost, first, last, more = await self._store.trim(s.group_count, s.group_age)
            if lost:
                said = f"{lost} were trimmed unread: the group is too slow"
                self._emitter.tell(Gap(moment_text(first), moment_text(last), said))
            if not more:
                return

    def _line_of(self, notification: Notification) -> Line:
        stream, tell = 0, ""
        if self._search is not None:
            try:
                key = as_text(self._search(notification.as_json()))
            except UNFIT:
                key = ""
            stream = partition_of(key, len(self._store.streams))
        if self._store.is_shared:
            tell = self._marks.mark(notification)
        # What this host calls the server is no concern of the other members.
        return stream, replace(notification, server="").line(), tell

    def _leading_says(self) -> Leading:
        return Leading() if self._leader is None else self._leader.leading

    def _observe(self, event: Event) -> None:
        """Tell what happens to the leader's connection."""
        if self._leader is not None:
            self.session, self.receiver = self._leader.session, self._leader.receiver
        if isinstance(event, Connected):
            self.membership.reached()
            self._soon.set()  # so that it is known since when the server is heard
        for observer in self._emitter.observers:
            observer(event)

    def _note(self, event: Event) -> None:
        """Have a gap counted for the group; who cannot be told now is not."""
        if not isinstance(event, Gap) or event.recovered:
            return
        gap = {"from": event.start, "to": event.end, "reason": event.reason}

        async def note() -> None:
            with suppress(CacheFailed):
                await self._store.note_gap(gap)

        warn = self.auth.warn
        counting = background("the count of gaps", note(), lambda said, _: warn(said))
        self._counting.add(counting)
        counting.add_done_callback(self._counting.discard)
