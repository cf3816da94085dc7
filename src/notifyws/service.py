"""The public face: one object that connects, keeps connected, receives and sends.

    async with NotificationService(load_settings()) as service:
        @service.on("message")
        async def show(notification): ...
        await service.connect_with_retry()
        await service.send({"type": "custom_event", "payload": {"tripId": "123"}})
        async for notification in service: ...

Thin: it puts together what the rooms build, and passes on what the listener tells.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from notifyws.auth.authenticator import Authenticator
from notifyws.config.settings import Settings, TypeStyle
from notifyws.delivery.build import build_socket_sender
from notifyws.delivery.dispatcher import Dispatcher, Handlers, Iteration
from notifyws.delivery.receiver import Item
from notifyws.delivery.targets import DeliveryTargets
from notifyws.errors import AuthenticationFailed, NetworkFailed
from notifyws.events import READY, Event
from notifyws.fleet.build import build_listener
from notifyws.models import Message, Notification
from notifyws.tasks import first_of

if TYPE_CHECKING:
    from notifyws.auth.cached_tokens import AccessToken
    from notifyws.auth.device_login import DeviceCode
    from notifyws.connection.connection import Connection
    from notifyws.delivery.filters import Filter
    from notifyws.delivery.receiver import Receiver
    from notifyws.delivery.sender import SendResult, SocketSender
    from notifyws.fleet.group.build import GroupOptions

Handler = TypeVar("Handler", bound=Callable[..., Any])

FAREWELL = 1.0
"""Seconds that handlers have for what had arrived before the end."""
_log = logging.getLogger("notifyws")


class NotificationService:
    """One connection to one server, for as long as the ``async with`` lasts.

    Args:
        settings: where to, as whom, and how patiently.
        since: id of the last notification known, or a time to begin at (local where
            it names no zone); ``None`` starts from now.
        listed: whether ``status`` lists it among the running listeners.
        frames: also hand over frames that are no notifications (:meth:`arrivals`);
            one that is a notification is its ``frame``.
        warn: is told what works less well than it should; logged when not given.
        name: makes the listener durable: it resumes where one of this name stopped.
        group: shares the work with all listeners of that group, over Redis.
        deliver: to whom notifications are handed on besides.
        selection: which notifications are wanted; all of them when not given.
        label: your name for the server, where several are listened to: notifications
            and events carry it as ``server``.

    Attributes:
        settings, label: as given.
        listener: as it stands, for those who draw or count.
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
        group: str | GroupOptions | None = None,
        deliver: DeliveryTargets | None = None,
        selection: Filter | None = None,
        label: str = "",
    ) -> None:
        self.settings, self.label = settings, label
        self._auth = Authenticator(settings, warn or _log.warning, label)
        how = {"since": since, "listed": listed, "frames": frames, "name": name}
        whom = {"deliver": deliver, "selection": selection}
        self.listener = build_listener(self._auth, group, **how, **whom)
        self.listener.on_receiver = self._hear
        self._handlers = Handlers(patient=(name, group) != (None, None))
        self._dispatcher = Dispatcher(self._handlers)

    async def __aenter__(self) -> NotificationService:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.disconnect()
        await self._dispatcher.stop(FAREWELL)
        await self.listener.aclose()
        await self._auth.aclose()

    def on(self, event: str) -> Callable[[Handler], Handler]:
        """Register a handler, plain or async; an unknown event is a ``UsageError``.

        Args:
            event: ``connected()``, ``disconnected(code, reason)``, ``error(error)``,
                ``message(notification)`` or ``reconnecting(attempt, delay)``.
        """
        return self._handlers.on(event)

    @property
    def _connection(self) -> Connection | None:
        session = self.listener.session
        return session.connection if session else None

    @property
    def is_connected(self) -> bool:
        """Whether the server knows us and listens, now."""
        return self.connection_state == "connected"

    @property
    def connection_state(self) -> str:
        """``disconnected``, ``connecting``, ``connected`` or ``reconnecting``."""
        return self.listener.state

    @property
    def latency(self) -> float | None:
        """Seconds the last ping took there and back; ``None`` before the first."""
        return self._connection.latency if self._connection else None

    @property
    def token(self) -> AccessToken | None:
        """The access token in use, with its remaining life when it was obtained."""
        return self.listener.session.token if self.listener.session else None

    @property
    def styles(self) -> Mapping[str, TypeStyle]:
        """How each type looks: as the settings say, else as the profile does."""
        return self._auth.styles

    @property
    def sends_without_connection(self) -> bool:
        """Whether messages go over HTTP, so that they need no :meth:`connect`."""
        send = self._auth.profile.send
        return send is not None and send.http is not None

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
        await self.listener.stop()

    async def closed(self) -> None:
        """Return when the connection has ended for good.

        Raises:
            AuthenticationFailed, NetworkFailed: why it ended, unless it was asked to.
        """
        if self.listener.running is not None:
            await asyncio.shield(self.listener.running)

    async def authenticate(
        self, show: Callable[[DeviceCode], None] | None = None
    ) -> str:
        """Return a fresh access token: cached, refreshed, or logged in for.

        Args:
            show: is given what a person needs who approves a login in a browser, where
                the profile has one and nothing else is left; it is waited for.

        Raises:
            AuthenticationFailed: no way to one is left.
            NetworkFailed: the server cannot be asked.
        """
        try:
            return (await self._auth.tokens.get()).value
        except AuthenticationFailed:
            if show is None or not self._auth.by_device:
                raise
        from notifyws.auth.device_login import log_in_by_device

        return (await log_in_by_device(self._auth, show))[0].value

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
            NetworkFailed, AuthenticationFailed: it was not sent.
            UsageError: it is no message.
        """
        from notifyws.delivery.message_input import as_message

        return (await self.send_all([as_message(message)]))[0].demand_delivered()

    async def send_all(self, messages: Sequence[Message]) -> list[SendResult]:
        """Send messages in order; return what became of each, in the same order.

        Raises:
            NetworkFailed, AuthenticationFailed: they were not sent.
            UsageError: the only one cannot be sent; of many, it is rejected.
        """
        if not self.sends_without_connection:
            return await self._sender.send(messages)
        from notifyws.delivery.sender import send_over_http

        return await send_over_http(self._auth.tokens, self._auth.http.send, messages)

    def __aiter__(self) -> AsyncIterator[Notification]:
        """Yield notifications as they arrive, until the connection ends for good.

        With a name or a group, what an iteration was given counts as dealt with when it
        asks for the next one: what a process did not come to comes again.
        """
        return Iteration(self._handlers, self.closed)

    async def arrivals(self) -> AsyncIterator[list[Item]]:
        """Yield whole bursts of notifications and events, in their order.

        For those who draw or write many at once, after :meth:`start`; handlers and
        ``async for`` see nothing of what is taken here.
        """
        await self._dispatcher.stop()
        while burst := await self.listener.queue.get():
            yield burst

    def start(self, *, retries: int | None = None) -> None:
        """Begin to connect, without waiting for it.

        Args:
            retries: reconnects in a row before giving up; ``None`` for never.

        Raises:
            ConfigurationError: a setting is missing or wrong.
        """
        self.listener.start(retries=retries)

    def _hear(self, receiver: Receiver) -> None:
        """Have the sender told; it is built when there is first something to tell."""
        receiver.on_server_error = lambda e: self._sender.server_error(e)  # noqa: PLW0108
        receiver.on_acknowledged = lambda e: self._sender.acknowledged(e)  # noqa: PLW0108

    @cached_property
    def _sender(self) -> SocketSender:
        return build_socket_sender(self._auth, lambda: self._connection)

    async def _start(self, *, retries: int | None) -> None:
        opened = asyncio.Event()

        def look(event: Event) -> None:
            if event.name in READY:
                opened.set()

        self.listener.observers.append(look)
        self.start(retries=retries)
        self._dispatcher.start(self.listener.queue)
        try:
            await first_of(opened.wait(), self.closed())
        except asyncio.CancelledError:
            await self.disconnect()
            raise
        finally:
            self.listener.observers.remove(look)
        if not opened.is_set():
            raise NetworkFailed("disconnected while connecting", "connect again")
