"""One member of a group, from joining to leaving: it takes its share, and may lead.

What a beat tells means something for the socket and for the share, and that is decided
here; how they work is known by ``leader`` and ``member``.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec import Struct

from notifyws.auth.authenticator import Authenticator
from notifyws.clock import sleep, utc_text
from notifyws.config.files import user_folder
from notifyws.connection.event_emitter import EventEmitter
from notifyws.delivery.build import build_sinks, checked_name
from notifyws.delivery.dead_letters import DeadLetters
from notifyws.errors import CacheFailed, ConfigurationError, UsageError
from notifyws.events import Closed, Event, Gap, Grouped
from notifyws.fleet.active_listener import LAST_DELIVERY, ActiveListener
from notifyws.fleet.group.leader import GroupLeader, partition_of
from notifyws.fleet.group.member import GroupMember
from notifyws.fleet.group.membership import Membership
from notifyws.fleet.group.spool import Spool
from notifyws.fleet.group.store import GroupStore
from notifyws.fleet.group.window import Line
from notifyws.models import Notification, as_text
from notifyws.protocol.expressions import of_option
from notifyws.tasks import background, first_of

if TYPE_CHECKING:
    from notifyws.auth.cache.redis_client import RedisClient
    from notifyws.delivery.outbox_records import Backlog
    from notifyws.fleet.group.store import Standing

TRIM = 10.0
"""Seconds between two looks at how much the stream keeps."""
EXAMPLE = "as in: --key data.tripId"


class GroupOptions(Struct, frozen=True):
    """What a member is told of its group.

    Args:
        name: of the group.
        key: JMESPath; notifications of which it finds the same stay in order.
        claim_after: seconds after which what a dead member held is taken over.
        sockets: how many members may hold one.
    """

    name: str
    key: str = ""
    claim_after: float = 60.0
    sockets: int = 1


class GroupListener(ActiveListener):
    """A member of a group.

    Args:
        auth: who we are, and where.
        group: which group, and how.
        more: as for :class:`ActiveListener`.

    Attributes:
        membership: how the group stands, and this member in it.

    Raises:
        UsageError: the name is none, or the key cannot be read.
        ConfigurationError: there is no Redis that hosts share.
    """

    def __init__(self, auth: Authenticator, group: GroupOptions, **more: Any) -> None:
        super().__init__(auth, **more)
        self._options = group
        self._search = of_option(group.key, "--key", EXAMPLE) if group.key else None
        self.group_name = checked_name(group.name, "group")
        self._client = build_client(auth)
        host = f"{socket.gethostname()}:{os.getpid()}"
        self._store = GroupStore(
            self._client,
            auth.account.id,
            self.group_name,
            member=f"{host}:{auth.clock.secret()[:6]}",
            key=group.key,
            sockets=group.sockets,
            lease=auth.settings.group_lease,
        )
        self.membership = Membership(
            self._store, auth.clock, auth.warn, self._server_heard_at
        )
        self._emitter = EventEmitter(self._announce, auth.clock)
        self._member: GroupMember | None = None
        self._leader: GroupLeader | None = None
        self._leading: asyncio.Task[None] | None = None
        self._retries: int | None = None
        self._told: tuple[str, str] = ("", "")
        self._trimmed_at = 0.0
        self._soon, self._stopping = asyncio.Event(), asyncio.Event()

    def start(self, *, retries: int | None = None) -> None:
        """Begin to join, without waiting for it."""
        if self.running is not None:
            raise UsageError("a member of a group connects once", "make another one")
        self._retries = retries
        auth = self._auth
        s, warn = auth.settings, auth.warn
        stem = f"{auth.account.id}-group-{quote(self.group_name, safe='')}"
        letters = DeadLetters(
            user_folder("state") / "dead-letters" / f"{stem}.jsonl", warn
        )
        self._member = GroupMember(
            self._store,
            self.queue,
            build_sinks(s, self._deliver, auth.clock, warn),
            s,
            auth.clock,
            write_dead_letter=letters.write_dead_letter,
            warn=warn,
            selection=self._selection,
            lost=self.tell_gap,
        )
        self._emitter.observers.extend([*self.observers, self._note])
        self.running = self._run_in_background(self._keep())

    @property
    def state(self) -> str:
        """``disconnected``, ``connecting``, ``connected`` or ``reconnecting``."""
        if self.running is None or self.running.done():
            return "disconnected"
        if self._leader is not None:
            return self._state_of(self._leader.session)
        if not self.membership.joined:
            return "connecting"
        has_leader = self.membership.standing.leader and not self.membership.away
        return "connected" if has_leader else "reconnecting"

    def tell_gap(self, since: str, reason: str) -> None:
        """Tell that something since a moment (RFC 3339) was lost on its way."""
        self._emitter.tell(Gap(since, self._emitter.now(), reason))

    async def stop(self) -> None:
        """Say goodbye and take no more; what has been taken can still be read."""
        if self.running is not None:
            self._stopping.set()
            await asyncio.wait({self.running})

    async def aclose(self) -> None:
        """Leave; what sinks did not take in time is for the other members."""
        if self._member is not None:
            await self._member.aclose(LAST_DELIVERY)
            with suppress(CacheFailed):
                await self._store.leave()
        await self._client.aclose()

    @property
    def received(self) -> int:
        """How many notifications fell to this member."""
        return self._member.received if self._member else 0

    @property
    def backlog(self) -> Mapping[str, Backlog]:
        """How much waits for each sink."""
        return self._member.backlog() if self._member else {}

    async def delivered(self) -> None:
        """Return when nothing waits for any sink."""
        if self._member is not None:
            await self._member.drained()

    async def _keep(self) -> None:
        assert self._member is not None
        reason = ""
        try:
            async with self._beating(self._emitter):
                self._member.start()
                await first_of(self._keep_place(), self._stopping.wait())
        except Exception as error:
            reason = str(error)
            raise
        finally:
            await self._member.stop_reading()
            await self._end_leading()
            self._emitter.tell(Closed(reason))
            self.queue.close()

    async def _keep_place(self) -> None:
        while True:
            self._soon.clear()
            if await self.membership.beat(leads=self._leader is not None):
                await self._stands(self.membership.standing)
            if self._leading is not None and self._leading.done():
                await self._end_leading()
            pause = self.membership.pause(leads=self._leader is not None)
            await first_of(self._soon.wait(), sleep(self._auth.clock, pause))

    async def _stands(self, standing: Standing) -> None:
        """Do what follows from how the group stands."""
        assert self._member is not None
        leader = self._leader
        if leader is not None:
            leader.handled_until = self.membership.handled_until
            if standing.slot < 0 or (
                standing.previous is not None and not leader.renewed(standing)
            ):
                leader.depose()
                await self._end_leading()
        if standing.slot >= 0 and self._leader is None:
            self._begin_to_lead(standing)
        self._tell_role(standing)
        with suppress(CacheFailed):
            self._member.read_from([0])
            if standing.pending > len(self._member.in_hand):
                await self._member.claim(self._options.claim_after)
            if standing.slot >= 0:
                await self._trim()

    def _tell_role(self, standing: Standing) -> None:
        role = "leader" if standing.slot >= 0 else "member"
        told = role, _host(standing.leader)
        if told != self._told:
            self._told = told
            self._emitter.tell(Grouped(self.group_name, *told))

    def _begin_to_lead(self, standing: Standing) -> None:
        auth = self._auth
        stem = f"{auth.account.id}-{quote(self.group_name, safe='')}"
        folder, limit = user_folder("state") / "groups", auth.settings.queue_disk
        self._leader = leader = GroupLeader(
            auth,
            self._store,
            Spool(folder, stem, limit, auth.warn),
            standing,
            line_of=self._line_of,
            announce=self._announce,
            observe=self._observe,
            in_doubt=self._soon.set,
            handled_until=self.membership.handled_until,
        )
        running = leader.run(self._retries, self._hook)
        self._leading = self._run_in_background(running)
        self._leading.add_done_callback(lambda task: self._soon.set())

    async def _end_leading(self) -> None:
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
        await leader.aclose()
        with suppress(CacheFailed):
            standing = self.membership.standing
            if standing.slot >= 0:
                await self._store.let_go(standing.slot, standing.proof)
        with suppress(CacheFailed):
            leading.result()

    async def _trim(self) -> None:
        now, s = self._auth.clock.now(), self._auth.settings
        if now - self._trimmed_at < TRIM:
            return
        self._trimmed_at, more = now, True
        while more:
            lost, first, last, more = await self._store.trim(s.group_count, s.group_age)
            if lost:
                said = f"{lost} were trimmed unread: the group is too slow"
                self._emitter.tell(Gap(utc_text(first), utc_text(last), said))

    def _line_of(self, notification: Notification) -> Line:
        stream, tell = 0, ""
        if self._search is not None:
            key = as_text(self._search(notification.as_json()))
            stream = partition_of(key, len(self._store.streams))
        if self._store.is_shared:
            tell = as_text(notification.fields)
        return stream, notification.line(), tell

    def _server_heard_at(self) -> str:
        return self._leader.heard_at if self._leader else ""

    def _announce(self, item: Event, *, vital: bool = False) -> None:
        self.queue.announce(item, vital=vital)

    def _observe(self, event: Event) -> None:
        if self._leader is not None:
            self.session, self.receiver = self._leader.session, self._leader.receiver
        for observer in self._emitter.observers:
            observer(event)

    def _note(self, event: Event) -> None:
        """Have a gap counted for the group; who cannot be told now is not."""
        if isinstance(event, Gap) and not event.recovered:
            gap = {"from": event.start, "to": event.end, "reason": event.reason}

            async def note() -> None:
                with suppress(CacheFailed):
                    await self._store.note_gap(gap)

            background(
                "the count of gaps", note(), lambda said, _: self._auth.warn(said)
            )


def build_client(auth: Authenticator) -> RedisClient:
    """Return what asks the Redis that hosts share.

    Raises:
        ConfigurationError: there is none.
    """
    from notifyws.auth.cache.redis_client import RedisClient

    url = auth.cache_url
    if not url.lower().startswith(("redis", "unix:")):
        raise ConfigurationError(
            "--group needs a Redis that its members share",
            "set REDIS_URL, as in REDIS_URL=redis://host:6379",
        )
    return RedisClient(url, "the group's Redis")


def _host(member: str) -> str:
    """Return a member as people are told: ``HOST:PID``."""
    return member.rpartition(":")[0]
