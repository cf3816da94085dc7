"""A listener that reads a group's stream in place of a socket.

What members and those who read a stream again have in common: a share, its sinks, and
an end at which what is not done with is left to others. Who reads it again is a group
of its own and no member: it begins after an id or at a time, and goes on with what is
appended later. It never leads, and what it takes is taken from nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from notifyws.auth.authenticator import Authenticator
from notifyws.clock import sleep
from notifyws.connection.build import want_verifiable
from notifyws.connection.event_emitter import EventEmitter
from notifyws.delivery.outbox_records import notification_of
from notifyws.errors import CacheFailed, ConfigurationError, NetworkFailed, UsageError
from notifyws.events import Closed, Gap, Grouped
from notifyws.fleet.active_listener import LAST_DELIVERY, ActiveListener
from notifyws.fleet.group.build import (
    GroupOptions,
    build_client,
    build_member,
    build_store,
)
from notifyws.fleet.group.keys import RedisFailures
from notifyws.fleet.group.scripts import REPLAY, VERSION
from notifyws.fleet.group.store import wrong_version
from notifyws.tasks import first_of

if TYPE_CHECKING:
    from notifyws.delivery.outbox_records import Backlog, DeliveryCounts
    from notifyws.fleet.group.member import GroupMember

LOOK = 3.0
"""Seconds between two looks whether the place of who reads again is still there."""

GONE = (
    "the place of this reader was gone from the group's Redis: it goes on after what "
    "it had, but for what is gone with it"
)


class StreamListener(ActiveListener):
    """Reads a group's stream.

    Args:
        consumers: the consumer group to read with; empty for the members'.
        more: as for :class:`ActiveListener`.

    Raises:
        UsageError: the name is none.
        ConfigurationError: there is no Redis that hosts share.
    """

    def __init__(
        self,
        auth: Authenticator,
        options: GroupOptions,
        *,
        consumers: str = "",
        **more: Any,
    ) -> None:
        super().__init__(auth, **more)
        self._options = options
        self._client = build_client(auth)
        self._store = build_store(auth, options, self._client, consumers)
        self._emitter = EventEmitter(self.queue.announce, auth.clock, auth.label)
        self._member: GroupMember | None = None
        self._retries: int | None = None
        self._stopping, self._broken = asyncio.Event(), asyncio.Event()
        self._refused: CacheFailed | None = None
        self._store.on_refused = self._refuse
        self._store.failures = RedisFailures(
            auth.clock, auth.warn, auth.settings.group_lease, lambda: self.is_away
        )

    def start(self, *, retries: int | None = None) -> None:
        """Begin, without waiting for it.

        Raises:
            ConfigurationError: a setting is wrong, or a sink cannot be.
            UsageError: it began before.
        """
        if self.running is not None:
            raise UsageError("a member of a group begins once", "make another one")
        want_verifiable(self.auth)
        self._retries = retries
        told = self._deliver, self._selection, self.tell_gap
        self._member = build_member(self.auth, self._store, self.queue, *told)
        self._emitter.observers.extend(self.observers)
        self.running = self._run_in_background(self._run(self._member))

    def keep(self, member: GroupMember) -> Coroutine[Any, Any, None]:
        """Do what there is to do until cancelled.

        Raises:
            NotifyError: why it cannot go on.
        """
        raise NotImplementedError

    @property
    def is_away(self) -> bool:
        """Whether it is known, and was said, that Redis is away."""
        return False

    async def end(self) -> None:
        """Leave what only :meth:`keep` needed; what was taken can still be read."""

    async def leave(self) -> None:
        """Leave the group.

        Raises:
            CacheFailed: Redis does not answer.
        """
        raise NotImplementedError

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
                await self.leave()
        await self._client.aclose()

    @property
    def _counted(self) -> GroupMember | None:
        return self._member

    @property
    def backlog(self) -> Mapping[str, Backlog]:
        return self._member.backlog() if self._member else {}

    @property
    def perishable(self) -> Mapping[str, Backlog]:
        """Nothing: what was not acknowledged is for the other members."""
        return {}

    @property
    def delivery_counts(self) -> Mapping[str, DeliveryCounts]:
        """What came of what was taken for each sink."""
        return self._member.workers.counts if self._member else {}

    async def delivered(self) -> None:
        if self._member is not None:
            await self._member.workers.drained()

    def _counts(self) -> dict[str, Any]:
        return {**super()._counts(), "filtered": self.filtered}

    def _refuse(self, error: CacheFailed) -> None:
        self._refused = error
        self._broken.set()

    async def _run(self, member: GroupMember) -> None:
        reason = ""
        try:
            async with self._beating(self._emitter):
                member.start()
                ends = self._stopping.wait(), self._broken.wait()
                await first_of(self.keep(member), *ends)
            if self._refused is not None:
                error = self._refused
                raise ConfigurationError(error.message, error.hint)
        except Exception as error:
            reason = str(error)
            raise
        finally:
            await member.stop_reading()
            await self.end()
            self._emitter.tell(Closed(reason))
            self.queue.close()


class GroupReplay(StreamListener):
    """Reads what a group's stream still holds.

    Args:
        since: id of the last notification known, or the time to begin at.
        more: as for :class:`ActiveListener`.
    """

    def __init__(
        self,
        auth: Authenticator,
        options: GroupOptions,
        *,
        since: str | int | datetime,
        **more: Any,
    ) -> None:
        consumers = f"{REPLAY}{auth.clock.secret()[:12]}"
        super().__init__(auth, options, consumers=consumers, **more)
        self._from, self._sure_until = since, ""
        self._began = False

    @property
    def state(self) -> str:
        """``disconnected``, ``connecting`` or ``connected``."""
        if self.running is None or self.running.done():
            return "disconnected"
        return "connected" if self._began else "connecting"

    async def keep(self, member: GroupMember) -> None:
        """Read until cancelled.

        Raises:
            NetworkFailed: Redis does not answer.
            UsageError: the stream does not hold what is asked for.
        """
        try:
            facts = await self._store.describe()
            if facts.get("v") not in (VERSION, False, None):
                raise wrong_version(self._store.name)
            self._store.use_key(str(facts.get("key") or ""))
            await self._store.begin_at(await self._place())
        except CacheFailed as error:
            raise NetworkFailed(error.message, error.hint) from None
        self._began = True
        self._sure_until = self._emitter.now()
        self._emitter.tell(Grouped(self._store.name, "replay"))
        member.read_from(range(len(self._store.streams)))
        while True:
            await sleep(self.auth.clock, LOOK)
            with suppress(CacheFailed):
                await self._look_for_its_place()

    async def _look_for_its_place(self) -> None:
        """Go on where this one stood, if its place in Redis is gone."""
        since = self._emitter.now()
        gone, lost = await self._store.begin_again()
        if lost:
            self.tell_gap(self._sure_until, "Redis lost what waited for this reader")
        elif gone:
            self.auth.warn(GONE)
        self._sure_until = since

    async def leave(self) -> None:
        """Take the consumer group away.

        Raises:
            CacheFailed: Redis does not answer.
        """
        if self._began:
            await self._store.end()

    async def _place(self) -> str:
        """Return the id after which to begin."""
        if isinstance(self._from, datetime):
            return f"{max(int(1000 * self._from.timestamp()) - 1, 0)}-0"
        async for entry in self._store.latest():
            try:
                found = notification_of(entry.line or "").id
            except ValueError:
                continue
            if str(found) == str(self._from):
                return entry.id
        said = f"the group {self._store.name} keeps no notification {self._from}"
        raise UsageError(f"--since: {said}", "give a time, as in --since 10m")
