"""Drives the reconnect machine: does what it orders, reports what came of it.

The session holds the current link and tells, in order, everything that happens.
What it needs of the world is handed in; it knows no library and no code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from notifyws.delivery import Inbox
from notifyws.errors import (
    AuthenticationFailed,
    ConnectionLost,
    NetworkFailed,
    NotifyError,
    UpgradeRefused,
)
from notifyws.events import (
    Closed,
    Connected,
    Connecting,
    Disconnected,
    Event,
    Failure,
    FailureType,
    Gap,
    Reconnecting,
)
from notifyws.link import Dial, Keepalive, Link
from notifyws.models import Notification
from notifyws.protocol.opening import Opening
from notifyws.protocol.resume import Cursor
from notifyws.protocol.rules import (
    Arrival,
    NotUnderstood,
    Rules,
    ServerError,
    ServerGap,
)
from notifyws.protocol.verdicts import Verdicts
from notifyws.reconnect import (
    Action,
    Cause,
    Connect,
    Failed,
    Lost,
    Opened,
    Receive,
    Reconnector,
    Refused,
    Renew,
    Renewed,
    Started,
    State,
    Stop,
    Stopped,
    Verdict,
    Wait,
    Woke,
)
from notifyws.reconnect import Event as Fact
from notifyws.tokens import Obtained
from notifyws.world import World, utc_text

__all__ = ["Frame", "Item", "Opener", "Session", "Speech", "Tokens"]

Result = TypeVar("Result")


class Tokens(Protocol):
    """What is needed of whoever keeps the tokens."""

    async def get(self) -> Obtained: ...
    async def renew(self, refused: str, *, only_login: bool = False) -> Obtained: ...


Opener = Callable[[str, "str | int | None"], Opening]
"""Says how to open a socket, given the token and the last id."""


@dataclass(frozen=True, slots=True)
class Speech:
    """How the server speaks, as far as a session needs to know."""

    url: str
    opening: Opener
    rules: Rules
    verdicts: Verdicts


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that is no notification, for those who asked for frames as they are."""

    text: str


Item = Notification | Event | Frame


class _NoRoom(Exception):
    """The queue is full, and the server can replay."""


class _Drops:
    """Counts what had no room at a server that cannot replay, until it is said."""

    def __init__(self) -> None:
        self._count = 0
        self._since = ""

    def one_more(self, now: str) -> None:
        self._since = self._since or now
        self._count += 1

    def gap(self, now: str) -> Gap | None:
        if not self._count:
            return None
        reason = f"{self._count} dropped: whoever reads them is too slow"
        gap = Gap(self._since, now, reason)
        self._count, self._since = 0, ""
        return gap


class Session:
    """Keeps one connection, until told otherwise.

    Args:
        machine: decides.
        tokens: gives a token for every attempt.
        dial: opens sockets.
        speech: how the server speaks.
        inbox: takes what arrives, for whoever shows it.
        cursor: where this listener stands.
        world: clock, sleep and dice.
        keepalive: how a dead line is noticed.
        frames: hand over frames that are no notifications, too.
    """

    def __init__(
        self,
        machine: Reconnector,
        tokens: Tokens,
        dial: Dial,
        speech: Speech,
        inbox: Inbox[Item],
        cursor: Cursor,
        world: World,
        *,
        keepalive: Keepalive,
        frames: bool = False,
    ) -> None:
        self._machine = machine
        self._tokens = tokens
        self._dial = dial
        self._speech = speech
        self._inbox = inbox
        self._cursor = cursor
        self._world = world
        self._keepalive = keepalive
        self._frames = frames
        self._stopping = asyncio.Event()
        self._next_token: Obtained | None = None
        self._problem: NotifyError | None = None
        self._down_since: str | None = None
        self._interrupted_at: str | None = None
        self._drops = _Drops()
        self._until_room: asyncio.Task[None] | None = None
        self.observers: list[Callable[[Event], None]] = []
        self.on_server_error: Callable[[ServerError], None] | None = None
        self.link: Link | None = None
        self.token: Obtained | None = None
        self.received = 0

    @property
    def state(self) -> State:
        """Where the connection stands."""
        return self._machine.state

    def stop(self) -> None:
        """End: say goodbye, then let ``run`` return."""
        self._stopping.set()

    async def run(self) -> None:
        """Keep the connection until told to stop.

        Raises:
            AuthenticationFailed: the server does not accept who we are.
            NetworkFailed: there is no point in trying on.
        """
        fact: Fact = Started()
        try:
            while True:
                action = self._machine.handle(fact, self._world.now())
                if isinstance(action, Stop):
                    return self._end(action)
                fact = await self._unless_stopped(self._do(action)) or Stopped()
        finally:
            await self._leave(1000, "")
            if self._until_room is not None:
                self._until_room.cancel()
            self._say_what_was_dropped()
            self._inbox.close()

    async def _unless_stopped(
        self, doing: Coroutine[Any, Any, Result]
    ) -> Result | None:
        """Return what ``doing`` gives, or ``None`` when the end came first."""
        task = asyncio.ensure_future(doing)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return None if self._stopping.is_set() else task.result()
        finally:
            for each in (task, stopping):
                each.cancel()
                with suppress(asyncio.CancelledError, NotifyError):
                    await each

    async def _do(self, action: Action) -> Fact:
        match action:
            case Connect(attempt):
                return await self._connect(attempt)
            case Receive():
                return await self._receive()
            case Wait(seconds, attempt, reason):
                return await self._wait(seconds, attempt, reason)
            case Renew(only_login=only_login):
                return await self._renew(only_login)
            case Stop():  # pragma: no cover - run() ends on it
                raise AssertionError(action)

    async def _connect(self, attempt: int) -> Fact:
        self._tell(Connecting(self._speech.url, attempt))
        try:
            self.token = self._next_token or await self._tokens.get()
            self._next_token = None
            opening = self._speech.opening(self.token.value, self._cursor.last_id)
            self.link = await Link.open(
                self._dial, opening, self._keepalive, self._world
            )
        except NotifyError as error:
            return self._failed(error)
        self._tell(Connected(self._speech.url, self.token.user_id))
        self._say_what_was_missed()
        return Opened()

    def _say_what_was_missed(self) -> None:
        start, self._down_since = self._down_since, None
        if start is not None and not self._cursor.can_resume:
            now = self._now_text()
            self._tell(Gap(start, now, "the server cannot replay what it sent"))

    async def _receive(self) -> Fact:
        assert self.link is not None
        try:
            await self.link.run(self._take)
        except _NoRoom:
            return await self._make_room()
        except ConnectionLost as lost:
            self._down_since = utc_text(self.link.heard_at)
            self._interrupted_at = self._down_since
            self._tell(Disconnected(lost.code, lost.reason))
            self.link = None
            return self._failed(lost)

    async def _make_room(self) -> Fact:
        reason = "whoever reads the notifications is too slow; resuming when it can"
        await self._leave(1000, "")
        self._tell(Disconnected(1000, reason))
        await self._inbox.room()
        return Lost(Verdict.RETRY_NOW, reason)

    async def _leave(self, code: int, reason: str) -> None:
        link, self.link = self.link, None
        if link is not None:
            await link.close(code, reason)

    async def _wait(self, seconds: float, attempt: int, reason: str) -> Fact:
        self._tell(Reconnecting(attempt, seconds, reason))
        await self._world.sleep(seconds)
        return Woke()

    async def _renew(self, only_login: bool) -> Fact:
        assert self.token is not None
        try:
            self._next_token = await self._tokens.renew(
                self.token.value, only_login=only_login
            )
        except NotifyError as error:
            return self._failed(error)
        return Renewed()

    def _failed(self, error: NotifyError) -> Fact:
        """Return what an error means to the machine, and remember it for the end."""
        self._problem = error
        if isinstance(error, AuthenticationFailed):
            return Failed(error.message, Cause.AUTHENTICATION)
        if not isinstance(error, NetworkFailed):
            return Failed(error.message)
        verdict = self._speech.verdicts.of(error)
        if verdict in (Verdict.RENEW, Verdict.RENEW_ONCE) and self.token is not None:
            certain = verdict is Verdict.RENEW
            return Refused(self.token.source, error.message, certain)
        asked = error.retry_after if isinstance(error, UpgradeRefused) else None
        return Lost(verdict, error.message, asked)

    def _end(self, stop: Stop) -> None:
        if stop.cause is Cause.ASKED:
            self._tell(Closed())
            return
        error = self._final_error(stop)
        kind: FailureType = (
            "authentication_failed"
            if stop.cause is Cause.AUTHENTICATION
            else "network_error"
        )
        self._tell(Failure(kind, error.message))
        self._tell(Closed(error.message))
        raise error

    def _final_error(self, stop: Stop) -> NotifyError:
        problem = self._problem
        hint = problem.hint if problem is not None else ""
        if stop.cause is Cause.AUTHENTICATION:
            if isinstance(problem, AuthenticationFailed):
                return problem
            message = f"the server does not accept a fresh token: {stop.reason}"
            return AuthenticationFailed(message, "notifyws status --check")
        if problem is not None and not isinstance(problem, NetworkFailed):
            return problem
        if problem is not None and problem.message == stop.reason:
            return problem
        return NetworkFailed(stop.reason, hint or "notifyws status --check")

    def _take(self, frame: str | bytes) -> None:
        arrival = self._speech.rules.read(frame, self._now_text())
        if isinstance(arrival, Notification):
            self._hand_over(arrival, len(frame))
        else:
            self._other(arrival, frame)

    def _now_text(self) -> str:
        return utc_text(self._world.wall())

    def _hand_over(self, notification: Notification, size: int) -> None:
        ident = notification.id
        if not self._cursor.is_new(ident):
            return
        if not self._inbox.fits(size):
            if self._cursor.can_resume and ident is not None:
                raise _NoRoom
            self._drop()
            return
        self._say_what_was_dropped()
        self._inbox.put(notification, size)
        self._cursor.advance(ident)
        self.received += 1

    def _drop(self) -> None:
        self._drops.one_more(self._now_text())
        if self._until_room is None or self._until_room.done():
            self._until_room = asyncio.create_task(self._say_once_there_is_room())

    async def _say_once_there_is_room(self) -> None:
        await self._inbox.room()
        self._say_what_was_dropped()

    def _say_what_was_dropped(self) -> None:
        if gap := self._drops.gap(self._now_text()):
            self._tell(gap)

    def _other(self, arrival: Arrival, frame: str | bytes) -> None:
        match arrival:
            case ServerError():
                self._tell(Failure("server_error", arrival.message))
                if self.on_server_error is not None:
                    self.on_server_error(arrival)
            case ServerGap():
                now = self._now_text()
                reason = "the server no longer keeps all of what was missed"
                self._tell(Gap(self._interrupted_at or now, now, reason))
            case NotUnderstood():
                self._tell(Failure("invalid_message", arrival.reason))
        if self._frames:
            text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
            self._inbox.announce(Frame(text))

    def _tell(self, event: Event) -> None:
        for observer in self.observers:
            observer(event)
        self._inbox.announce(event)
