"""The public face: one object that connects, keeps connected, receives and sends.

    async with NotificationService(load_settings()) as service:
        @service.on("message")
        async def show(notification): ...
        await service.connect_with_retry()
        await service.send({"type": "custom_event", "payload": {"tripId": "123"}})
        async for notification in service: ...

Thin: it puts together what the rooms build, and passes on what the session tells.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from notifyws.auth.authenticator import Authenticator
from notifyws.config.settings import Settings, TypeStyle
from notifyws.connection.build import build_session
from notifyws.connection.reconnect import State
from notifyws.connection.session import Session
from notifyws.delivery.build import (
    build_outbox,
    build_receiver,
    build_shared_cursor,
    checked_name,
    sends_by_http,
)
from notifyws.delivery.dispatcher import Dispatcher, Handlers
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Item
from notifyws.errors import (
    MessageRejected,
    MessageUnconfirmed,
    NetworkFailed,
    UsageError,
)
from notifyws.events import Event
from notifyws.fleet.heartbeat import build_heartbeat
from notifyws.fleet.listener_entry import Counts
from notifyws.models import DeliveryTargets, Message, Notification
from notifyws.protocol.masking import spellings, without_tokens
from notifyws.tasks import restarted

if TYPE_CHECKING:
    from notifyws.auth.cached_tokens import AccessToken
    from notifyws.delivery.durable_listener import DurableListener
    from notifyws.delivery.outbox_records import Backlog
    from notifyws.delivery.receiver import Receiver, Selection
    from notifyws.delivery.sender import SendResult, SocketSender
    from notifyws.protocol.rules import Acknowledged, ServerError

__all__ = ["NotificationService"]

Handler = TypeVar("Handler", bound=Callable[..., Any])

_PUBLIC_STATE = {
    State.DISCONNECTED: "connecting",  # it is about to
    State.CONNECTING: "connecting",
    State.CONNECTED: "reconnecting",  # its link was lost a moment ago
    State.RENEWING: "reconnecting",
    State.WAITING: "reconnecting",
    State.STOPPED: "disconnected",
}

FAREWELL = 1.0
"""Seconds that handlers have for what had arrived before the end."""
LONGEST_FRAME = 200
"""Characters of a frame that was not understood that others see."""
LAST_HANDING = 0.5
"""Seconds that sinks have at the end; what is left then is kept."""

_log = logging.getLogger("notifyws")


class NotificationService:
    """One connection to one server, for as long as the ``async with`` lasts.

    Args:
        settings: where to, as whom, and how patiently.
        since: id of the last notification known, or a time to begin at (local where
            it names no zone); ``None`` starts from now.
        listed: whether ``status`` lists it among the running listeners.
        frames: also hand over frames that are no notifications (:meth:`arrivals`).
        warn: is told what works less well than it should; logged when not given.
        name: makes the listener durable: it resumes where one of this name stopped.
        deliver: to whom notifications are handed on besides.
        selection: which notifications are wanted; all of them when not given.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        since: str | int | datetime | None = None,
        listed: bool = True,
        frames: bool = False,
        warn: Callable[[str], None] | None = None,
        name: str | None = None,
        deliver: DeliveryTargets | None = None,
        selection: Selection | None = None,
    ) -> None:
        self.name = None if name is None else checked_name(name)
        self._hand_on = deliver or DeliveryTargets()
        self._selection = selection
        self._durable: DurableListener | None = None
        self.settings = settings
        self._warn = warn or _log.warning
        self._auth = Authenticator(settings, self._warn)
        self._since = since
        self._listed = listed
        self._frames = frames
        self._handlers = Handlers()
        self._observers: list[Callable[[Event], None]] = []
        self._queue: DeliveryQueue[Item] = DeliveryQueue(
            settings.queue_count, settings.queue_bytes
        )
        self._session: Session | None = None
        self._receiver: Receiver | None = None
        self._running: asyncio.Task[None] | None = None
        self._dispatcher = Dispatcher(self._handlers)

    async def __aenter__(self) -> NotificationService:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.disconnect()
        await self._dispatcher.stop(FAREWELL)
        if self._durable is not None:
            await self._durable.aclose(LAST_HANDING)
        await self._auth.aclose()

    def on(self, event: str) -> Callable[[Handler], Handler]:
        """Register a handler; it may be a plain or an async function.

        Args:
            event: ``connected()``, ``disconnected(code, reason)``, ``error(error)``,
                ``message(notification)`` or ``reconnecting(attempt, delay)``.

        Raises:
            UsageError: there is no such event.
        """
        return self._handlers.on(event)

    def observe(self, observer: Callable[[Event], None]) -> None:
        """Call ``observer`` with every event at once, however slow the readers are."""
        self._observers.append(observer)

    @property
    def is_connected(self) -> bool:
        """Whether the server knows us and listens, now."""
        return self._session is not None and self._session.connection is not None

    @property
    def connection_state(self) -> str:
        """``disconnected``, ``connecting``, ``connected`` or ``reconnecting``."""
        if self._session is None or self._running is None or self._running.done():
            return "disconnected"
        return "connected" if self.is_connected else _PUBLIC_STATE[self._session.state]

    @property
    def received(self) -> int:
        """How many notifications were handed over since :meth:`connect`."""
        return self._receiver.received if self._receiver else 0

    @property
    def waiting(self) -> int:
        """How many wait for a slow reader."""
        return len(self._queue)

    @property
    def backlog(self) -> Mapping[str, Backlog]:
        """How much waits for each sink."""
        return self._durable.waiting if self._durable else {}

    async def delivered(self) -> None:
        """Return when nothing waits for any sink."""
        if self._durable is not None:
            await self._durable.outbox.drained()

    @property
    def latency(self) -> float | None:
        """Seconds the last ping took there and back; ``None`` before the first."""
        link = self._session.connection if self._session else None
        return link.latency if link else None

    @property
    def token(self) -> AccessToken | None:
        """The access token in use, with its remaining life when it was obtained."""
        return self._session.token if self._session else None

    @property
    def styles(self) -> Mapping[str, TypeStyle]:
        """How each type looks: as the settings say, else as the profile does."""
        return self._auth.styles

    @property
    def sends_without_connection(self) -> bool:
        """Whether messages go over HTTP, so that they need no :meth:`connect`."""
        return sends_by_http(self._auth.profile)

    async def connect(self) -> None:
        """Connect: one try, and no other when the connection is lost.

        Raises:
            AuthenticationFailed: the server does not accept who we are.
            NetworkFailed: no connection.
            ConfigurationError: a setting is missing or wrong.
        """
        await self._start(retries=0)

    async def connect_with_retry(self) -> None:
        """Return once connected; the service keeps it so from then on.

        Raises:
            AuthenticationFailed: the server does not accept who we are.
            NetworkFailed: there is no point in trying, or ``max_retries`` is over.
            ConfigurationError: a setting is missing or wrong.
        """
        await self._start(retries=self.settings.max_retries)

    async def disconnect(self) -> None:
        """Say goodbye (1000) and stop; what has arrived can still be read."""
        if self._running is not None and self._session is not None:
            self._session.stop()
            await asyncio.wait({self._running})

    async def closed(self) -> None:
        """Return when the connection has ended for good.

        Raises:
            AuthenticationFailed, NetworkFailed: why it ended, unless it was asked to.
        """
        if self._running is not None:
            await asyncio.shield(self._running)

    async def authenticate(self) -> str:
        """Return a fresh access token: cached, refreshed, or logged in for.

        Raises:
            AuthenticationFailed: no way to one is left.
            NetworkFailed: the server cannot be asked.
        """
        return (await self._auth.tokens.get()).value

    async def get_access_token(self) -> str:
        """Return a fresh access token; the same as :meth:`authenticate`."""
        return await self.authenticate()

    async def get_user_id(self) -> str | None:
        """Return whose token it is; ``None`` when neither server nor token tell."""
        token = await self._auth.tokens.get()
        return self.settings.user_id or token.user_id

    async def send(self, message: Message | Mapping[str, Any]) -> SendResult:
        """Send one message and return the proof that it was taken.

        Args:
            message: a :class:`Message`, or ``{"type": ..., "payload": {...}}``.

        Raises:
            MessageRejected: the server answered with an error.
            MessageUnconfirmed: nothing shows whether it was taken.
            NetworkFailed: there is no connection.
            UsageError: it is no message.
        """
        from notifyws.delivery.message_input import as_message

        sent = (await self.send_all([as_message(message)]))[0]
        if sent.status == "rejected":
            raise MessageRejected(f"the server rejected the message: {sent.detail}")
        if sent.status == "unknown":
            raise MessageUnconfirmed(
                f"nothing shows whether the message was taken: {sent.detail}",
                "look at the other side before sending it again",
            )
        return sent

    async def send_all(self, messages: Sequence[Message]) -> list[SendResult]:
        """Send messages in order; return what became of each, in the same order.

        Raises:
            NetworkFailed: there is no connection.
            UsageError: the only one cannot be sent; of many, it is rejected.
        """
        if self.sends_without_connection:
            from notifyws.delivery.http_sender import HttpSender

            return await HttpSender(self._auth).send(messages)
        return await self._sender.send(messages)

    async def __aiter__(self) -> AsyncIterator[Notification]:
        """Yield notifications as they arrive, until the connection ends for good."""
        feed = self._handlers.feed()
        try:
            while (notification := await feed.get()) is not None:
                yield notification
        finally:
            self._handlers.leave(feed)
        await self.closed()

    async def arrivals(self) -> AsyncIterator[list[Item]]:
        """Yield whole bursts of notifications and events, in their order.

        For those who draw or write many at once, after :meth:`start`; handlers and
        ``async for`` see nothing of what is taken here.
        """
        await self._dispatcher.stop()
        while burst := await self._queue.get():
            yield burst

    def hold(self) -> None:
        """Let what :meth:`arrivals` yields count as not shown until :meth:`release`.

        It takes up room in the queue meanwhile, and a named listener's place stays
        before it.
        """
        self._queue.hold()

    def release(self) -> None:
        """What was yielded since :meth:`hold` is shown by now."""
        self._queue.release()

    def start(self, *, retries: int | None = None) -> None:
        """Begin to connect, without waiting for it.

        Args:
            retries: reconnects in a row before giving up; ``None`` for never.

        Raises:
            ConfigurationError: a setting is missing or wrong.
        """
        if self._running is not None and not self._running.done():
            raise UsageError("already connected", "disconnect first")
        numbered = self._queue.put_in_all
        s = self.settings
        self._queue = DeliveryQueue(s.queue_count, s.queue_bytes, numbered)
        if self._durable is None and (self.name or self._hand_on.anybody):
            self._durable = self._make_durable(self._queue)
        receiver = build_receiver(
            self._auth,
            self._queue,
            since=self._since,
            frames=self._frames,
            selection=self._selection,
            outbox=self._durable.outbox if self._durable else None,
        )
        receiver.emitter.observers.extend(self._observers)
        receiver.on_server_error = self._server_error
        receiver.on_acknowledged = self._acknowledged
        session = build_session(self._auth, receiver, retries=retries)
        self._session, self._receiver = session, receiver
        self._running = asyncio.create_task(self._live(session))
        self._running.add_done_callback(_look_at)

    def _make_durable(self, queue: DeliveryQueue[Item]) -> DurableListener:
        from notifyws.delivery.durable_listener import DurableListener

        shared = None
        if self.name is not None and self._since is None:
            shared = build_shared_cursor(self._auth, self.name)
        outbox = build_outbox(self._auth, self.name, self._hand_on)
        return DurableListener(outbox, shared, queue)

    @cached_property
    def _sender(self) -> SocketSender:
        from notifyws.delivery.http_sender import build_sender

        return build_sender(
            self._auth, lambda: self._session.connection if self._session else None
        )

    def _server_error(self, error: ServerError) -> None:
        self._sender.server_error(error)

    def _acknowledged(self, answer: Acknowledged) -> None:
        self._sender.acknowledged(answer)

    async def _live(self, session: Session) -> None:
        """Run a session; whoever waits for its words is let go in any case."""
        try:
            if self._durable is not None:
                await self._durable.begin(session, self._queue)
            await self._run(session)
        finally:
            session.receiver.close()

    async def _run(self, session: Session) -> None:
        """Run a session, and give signs of life meanwhile."""
        heart = None
        if self._listed:
            told = self._counts, self._secrets
            heart = build_heartbeat(self._auth, self.name, *told)
        if heart is None:
            return await session.run()
        session.receiver.emitter.observers.append(heart.observe)
        beating = restarted("the heartbeat", heart.run, self._warn, asyncio.sleep)
        try:
            await session.run()
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    def _counts(self) -> Counts:
        receiver = self._receiver
        assert receiver is not None
        delivery_policy = sum(each.count for each in self.backlog.values())
        frame = receiver.last_not_understood
        if frame is not None:
            frame = without_tokens(frame, self._secrets())
        return Counts(
            receiver.received,
            self.waiting + delivery_policy,
            receiver.filtered,
            receiver.not_understood,
            None if frame is None else frame[:LONGEST_FRAME],
        )

    def _secrets(self) -> tuple[str, ...]:
        """Return what nobody else may see, as it may be spelled."""
        known = self.token.value if self.token else ""
        return spellings(known, self.settings.password, self.settings.token)

    async def _start(self, *, retries: int | None) -> None:
        self.start(retries=retries)
        assert self._session is not None
        assert self._running is not None
        opened = asyncio.get_running_loop().create_future()
        self._session.receiver.emitter.observers.append(
            lambda event: _resolve(opened) if event.name == "connected" else None
        )
        self._dispatcher.start(self._queue)
        try:
            await asyncio.wait(
                {opened, self._running}, return_when=asyncio.FIRST_COMPLETED
            )
        except asyncio.CancelledError:
            await self.disconnect()
            raise
        if self._running.done():
            await self._running
            if not opened.done():
                raise NetworkFailed("disconnected while connecting", "connect again")


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _look_at(task: asyncio.Task[None]) -> None:
    """Take note of an ended session's error, which nobody may ask for."""
    if not task.cancelled():
        task.exception()
