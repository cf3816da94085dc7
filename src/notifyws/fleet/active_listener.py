"""A listener at work: its queue, its outbox, its connection and its heartbeat.

It puts together what the rooms below build, runs it, and can say at any moment how it
does. It knows nothing of handlers, commands or terminals.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.known_secrets import known_secrets
from notifyws.connection.build import build_session
from notifyws.connection.event_emitter import EventEmitter, GapStart
from notifyws.connection.reconnect import State
from notifyws.connection.session import Session
from notifyws.delivery.build import (
    build_outbox,
    build_receiver,
    build_shared_cursor,
    checked_name,
)
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Item
from notifyws.delivery.targets import DeliveryTargets
from notifyws.errors import UsageError
from notifyws.events import Event
from notifyws.fleet.heartbeat import build_heartbeat
from notifyws.tasks import meanwhile

if TYPE_CHECKING:
    from notifyws.delivery.durable_listener import DurableListener
    from notifyws.delivery.filters import Filter
    from notifyws.delivery.outbox_records import Backlog, DeliveryCounts
    from notifyws.delivery.receiver import Receiver
    from notifyws.fleet.group.member import GroupMember
    from notifyws.fleet.group.membership import Membership

_PUBLIC_STATE = {
    State.DISCONNECTED: "connecting",  # it is about to
    State.CONNECTING: "connecting",
    State.STOPPED: "disconnected",
}
LAST_DELIVERY = 0.5
"""Seconds that sinks have at the end; what is left then is kept."""


class ActiveListener:
    """One listener, from its first connection to its end.

    Args:
        since: id of the last notification known, or a time to begin at; ``None``
            starts from now.
        listed: whether it keeps an entry that ``status`` lists.
        frames: also hand over frames that are no notifications.
        name: makes it durable: it resumes where one of this name stopped.
        deliver: to whom notifications are delivered besides.
        selection: which notifications are wanted; all of them when not given.

    Attributes:
        auth: who we are, and where.
        group: the group that it shares its work with; ``None`` without one.
        observers: are told every event at once.
        on_receiver: is given what will take frames in, before it does.
        queue: what waits for whoever reads.
        session: keeps the connection; ``None`` before :meth:`start`.
        receiver: takes what arrives.
        running: the task that runs it.
    """

    group: Membership | None = None

    def __init__(
        self,
        auth: Authenticator,
        *,
        since: str | int | datetime | None = None,
        listed: bool = True,
        frames: bool = False,
        name: str | None = None,
        deliver: DeliveryTargets | None = None,
        selection: Filter | None = None,
    ) -> None:
        self.name = None if name is None else checked_name(name)
        self.auth = auth
        self._since, self._listed, self._frames = since, listed, frames
        self._deliver = deliver or DeliveryTargets()
        self._selection = selection
        self._durable: DurableListener | None = None
        self.observers: list[Callable[[Event], None]] = []
        self.on_receiver: Callable[[Receiver], None] = lambda receiver: None
        self.queue = self._empty_queue(0)
        self.session: Session | None = None
        self.receiver: Receiver | None = None
        self.running: asyncio.Task[None] | None = None

    def _empty_queue(self, numbered_from: int) -> DeliveryQueue[Item]:
        s = self.auth.settings
        return DeliveryQueue(s.queue_count, s.queue_bytes, numbered_from)

    def start(self, *, retries: int | None = None) -> None:
        """Begin to connect, without waiting for it.

        Args:
            retries: reconnects in a row before giving up; ``None`` for never.

        Raises:
            ConfigurationError: a setting is missing or wrong.
            UsageError: it runs already.
        """
        if self.running is not None and not self.running.done():
            raise UsageError("already connected", "disconnect first")
        self.queue = self._empty_queue(self.queue.put_in_all)
        if self._durable is None and (self.name or self._deliver.anybody):
            self._durable = self._make_durable()
        outbox = self._durable.outbox if self._durable else None
        receiver = build_receiver(
            self.auth,
            self.queue,
            since=self._since,
            frames=self._frames,
            selection=self._selection,
            outbox=outbox,
            past=outbox,
        )
        receiver.emitter.observers.extend(self.observers)
        self.receiver = receiver
        self._hook(receiver)
        self.session = build_session(self.auth, receiver, retries=retries)
        self.running = self._run_in_background(self._live(self.session, receiver))

    def _run_in_background(self, body: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        running = asyncio.create_task(body)
        running.add_done_callback(_look_at)
        return running

    def _hook(self, receiver: Receiver) -> None:
        receiver.secrets = partial(known_secrets, self.auth)
        self.on_receiver(receiver)

    def _make_durable(self) -> DurableListener:
        from notifyws.delivery.durable_listener import DurableListener

        shared = None
        if self.name is not None and self._since is None:
            shared = build_shared_cursor(self.auth, self.name)
        outbox = build_outbox(self.auth, self.name, self._deliver)
        return DurableListener(outbox, shared, self.queue)

    async def _live(self, session: Session, receiver: Receiver) -> None:
        """Run a session; whoever waits for its words is let go in any case."""
        try:
            if self._durable is not None:
                await self._durable.begin(session, self.queue)
            async with self._beating(receiver.emitter):
                await session.run()
        finally:
            receiver.close()

    @asynccontextmanager
    async def _beating(self, emitter: EventEmitter) -> AsyncIterator[None]:
        """Keep the listener's entry meanwhile."""
        heartbeat = None
        if self._listed:
            told = self._counts, partial(known_secrets, self.auth)
            heartbeat = build_heartbeat(self.auth, self.name, *told)
        if heartbeat is None:
            yield
            return
        emitter.observers.append(heartbeat.observe)
        async with meanwhile("the heartbeat", heartbeat.run, self.auth.warn):
            yield

    def tell_gap(self, since: str, reason: str) -> None:
        """Tell that something since a moment (RFC 3339) was lost on its way out."""
        if self.receiver is not None:
            self.receiver.emitter.gap(GapStart(since), reason)

    async def stop(self) -> None:
        """Say goodbye (1000) and stop; what has arrived can still be read."""
        if self.running is not None and self.session is not None:
            self.session.stop()
            await asyncio.wait({self.running})

    async def aclose(self) -> None:
        """Let go of the outbox; what sinks did not take in time stays in it."""
        if self._durable is not None:
            await self._durable.aclose(LAST_DELIVERY)

    @property
    def state(self) -> str:
        """``disconnected``, ``connecting``, ``connected`` or ``reconnecting``."""
        if self.running is None or self.running.done():
            return "disconnected"
        return self._state_of(self.session)

    @staticmethod
    def _state_of(session: Session | None) -> str:
        if session is None:
            return "connecting"
        other = _PUBLIC_STATE.get(session.state, "reconnecting")
        return "connected" if session.connection is not None else other

    @property
    def _counted(self) -> Receiver | GroupMember | None:
        """Who counts what comes here."""
        return self.receiver

    @property
    def received(self) -> int:
        """How many notifications were handed over since :meth:`start`."""
        return self._counted.received if self._counted else 0

    @property
    def filtered(self) -> int:
        """How many of them nobody wanted."""
        return self._counted.filtered if self._counted else 0

    @property
    def waiting(self) -> int:
        """How many wait for whoever reads, and for the sinks."""
        return len(self.queue) + sum(each.count for each in self.backlog.values())

    @property
    def backlog(self) -> Mapping[str, Backlog]:
        """How much waits for each sink."""
        return dict(self._durable.outbox.waiting) if self._durable else {}

    @property
    def perishable(self) -> Mapping[str, Backlog]:
        """How much of that is in memory only, and ends with this process."""
        outlives = self._durable is not None and self._durable.outbox.outlives
        return {} if outlives else self.backlog

    @property
    def delivery_counts(self) -> Mapping[str, DeliveryCounts]:
        """What came of what was kept for each sink."""
        return dict(self._durable.outbox.counts) if self._durable else {}

    async def delivered(self) -> None:
        """Return when nothing waits for any sink."""
        if self._durable is not None:
            await self._durable.outbox.drained()

    def _counts(self) -> dict[str, Any]:
        """Return what a heartbeat tells, by the names of ``Listener``."""
        told = {"received": self.received, "waiting": self.waiting}
        if (receiver := self.receiver) is None:
            return told
        return {
            **told,
            **_proofs(self.session),
            "filtered": receiver.filtered,
            "repeats": receiver.repeats,
            "notUnderstood": receiver.not_understood,
            "lastNotUnderstood": receiver.last_not_understood,
        }


def _proofs(session: Session | None) -> dict[str, Any]:
    if session is None or session.verifier is None:
        return {}
    proofs = session.verifier.proofs
    return {
        "verifyEvery": proofs.every,
        "verifiedAt": proofs.proved_at,
        "deaf": proofs.deaf,
        "recovered": proofs.recovered,
    }


def _look_at(task: asyncio.Task[None]) -> None:
    """Take note of an ended session's error, which nobody may ask for."""
    if not task.cancelled():
        task.exception()
