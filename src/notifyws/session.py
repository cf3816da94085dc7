"""Drives the reconnect machine: does what it orders, reports what came of it.

The session holds the current link and tells, in order, everything that happens.
What it needs of the world is handed in; it knows no library and no code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from notifyws.errors import (
    AuthenticationFailed,
    ConnectionLost,
    HttpRefused,
    NetworkFailed,
    NotifyError,
    TokenRefused,
    UpgradeRefused,
)
from notifyws.events import (
    Closed,
    Connected,
    Connecting,
    Disconnected,
    Failure,
    FailureType,
    Reconnecting,
)
from notifyws.held import Obtained
from notifyws.intake import Intake, NoRoom
from notifyws.link import Dial, Keepalive, Link
from notifyws.protocol.opening import Opening
from notifyws.protocol.rules import (
    Asked,
    AuthFailed,
    Expired,
    Pong,
    RenewalAnswer,
    Word,
)
from notifyws.protocol.verdicts import Verdict, Verdicts
from notifyws.reconnect import (
    Action,
    Cause,
    Connect,
    Failed,
    Left,
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
    Wait,
    Woke,
)
from notifyws.reconnect import Event as Fact
from notifyws.renewal import Renewer, Schedule
from notifyws.telling import Since
from notifyws.values import frozen
from notifyws.world import World, doze

__all__ = ["Opener", "Session", "Speech", "Tokens"]

Result = TypeVar("Result")

REPLAY = 30.0
"""Seconds after which a server has sent what it replays."""
OVERLAP = 5.0
"""Seconds after which a new connection has brought what the old one did as well."""
UNREPLAYABLE = "the server cannot replay what it sent"


class Tokens(Protocol):
    """What is needed of whoever keeps the tokens."""

    async def get(self) -> Obtained: ...
    async def renew(self, refused: str, *, only_login: bool = False) -> Obtained: ...


Opener = Callable[[str, "str | int | datetime | None"], Opening]
"""Says how to open a socket, given the token and where to go on."""


CatchUp = Callable[["Intake", str], Awaitable[bool]]
"""Hands what was missed to the intake, given the token; tells whether that was all."""


@frozen
class Speech:
    """How the server speaks, as far as a session needs to know.

    Args:
        url: the socket's, for people.
        opening: says how to open a socket.
        verdicts: what a failure means.
        renewal: when and how to renew the token of a live connection.
        verify: asks, before the socket is opened, whether a token is good.
        catch_up: fetches what was missed, where the socket does not bring it.
    """

    url: str
    opening: Opener
    verdicts: Verdicts
    renewal: Schedule | None = None
    verify: Callable[[str], Awaitable[None]] | None = None
    catch_up: CatchUp | None = None


class Session:
    """Keeps one connection, until told otherwise.

    Args:
        machine: decides.
        tokens: gives a token for every attempt.
        dial: opens sockets.
        speech: how the server speaks.
        intake: takes what arrives, and tells what happens.
        world: clock and sleep.
        keepalive: how a dead line is noticed.
    """

    def __init__(
        self,
        machine: Reconnector,
        tokens: Tokens,
        dial: Dial,
        speech: Speech,
        intake: Intake,
        world: World,
        keepalive: Keepalive,
    ) -> None:
        self._machine = machine
        self._tokens = tokens
        self._dial = dial
        self._speech = speech
        self._world = world
        self._keepalive = keepalive
        self._stopping = asyncio.Event()
        self._next_token: Obtained | None = None
        self._problem: NotifyError | None = None
        self._down_since: Since | None = None
        self._opened_at = 0.0
        self.intake = intake
        self.link: Link | None = None
        self.token: Obtained | None = None

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
        self._down_since = self.intake.interrupted_at
        try:
            while True:
                action = self._machine.handle(fact, self._world.now())
                if isinstance(action, Stop):
                    return self._end(action)
                fact = await self._unless_stopped(self._do(action)) or Stopped()
        finally:
            try:
                await self._leave(1000, "")
            finally:
                self.intake.close()

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
            task.cancel()
            stopping.cancel()  # gather, unlike suppress, keeps our own cancellation
            await asyncio.gather(task, stopping, return_exceptions=True)

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
        self.intake.teller.tell(Connecting(self._speech.url, attempt))
        try:
            self.token = self._next_token or await self._tokens.get()
            self._next_token = None
            if self._speech.verify is not None:
                await self._speech.verify(self.token.value)
            self.link = await self._open(self.token)
        except NotifyError as error:
            return self._failed(error)
        self._opened_at = self._world.now()
        self.intake.cursor.reconnected(self._opened_at + REPLAY)
        self.intake.teller.tell(Connected(self._speech.url, self.token.user_id))
        try:
            await self._catch_up(self.token)
        except NoRoom:
            return await self._make_room()
        return Opened()

    async def _open(self, token: Obtained) -> Link:
        opening = self._speech.opening(token.value, self.intake.cursor.place)
        return await Link.open(self._dial, opening, self._keepalive, self._world)

    async def _catch_up(self, token: Obtained) -> None:
        start, self._down_since = self._down_since, None
        everything = self.intake.cursor.covers_everything
        if self._speech.catch_up is not None and self.intake.cursor.place is not None:
            try:
                everything &= await self._speech.catch_up(self.intake, token.value)
            except NotifyError as error:
                self.intake.teller.tell(Failure("network_error", error.message))
                everything = False
        if start is not None and not everything:
            self.intake.teller.gap(start, UNREPLAYABLE)

    async def _receive(self) -> Fact:
        while True:
            assert self.link is not None
            link = self.link
            try:
                await self._live(link)
            except NoRoom:
                return await self._make_room()
            except NetworkFailed as lost:
                if self.link is link:
                    return self._lost(link, lost)
                self.intake.cursor.expect_repeats(self._world.now() + OVERLAP)

    async def _live(self, link: Link) -> None:
        """Take what arrives and answer what is asked until the link ends."""
        assert self.token is not None
        replies: asyncio.Queue[str] = asyncio.Queue()
        tasks = [asyncio.create_task(self._reply(link, replies))]
        renewer = self._renewer(link)
        if renewer is not None:
            tasks.append(asyncio.create_task(renewer.run(self.token)))
        self.intake.on_word = partial(self._hear, link, renewer, replies)
        try:
            await link.run(self.intake.take)
        except asyncio.CancelledError:
            tasks[-1].cancel()  # also while it swaps: the end waits for no dead line
            raise
        finally:
            swapping = self.link is not link
            for task in tasks:
                if not (swapping and task is tasks[-1]):
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _reply(self, link: Link, replies: asyncio.Queue[str]) -> None:
        with suppress(NetworkFailed):
            while True:
                await link.send(await replies.get())

    def _renewer(self, link: Link) -> Renewer | None:
        schedule = self._speech.renewal
        if schedule is None or self.token is None or self.token.source == "static":
            return None
        return Renewer(
            schedule,
            link,
            self._tokens.renew,
            partial(self._replace, link),
            self._world,
            self._use,
        )

    def _use(self, token: Obtained) -> None:
        self.token = token

    async def _replace(self, old: Link, token: Obtained) -> None:
        """Open a new link, then leave the old one; what both bring is told once."""
        new = await self._open(token)
        self.intake.cursor.overlapping()
        self.link = new
        try:
            await self._account_for(old)
        finally:
            await old.close(1000)

    async def _account_for(self, old: Link) -> None:
        """Say what a link may have missed before another was opened beside it.

        A pong that comes now proves that it missed nothing; without one, the line may
        have been dead for a while.
        """
        try:
            await old.ping()
        except ConnectionLost:
            if not self.intake.cursor.covers_everything:
                teller = self.intake.teller
                teller.gap(teller.since(old.heard_at), UNREPLAYABLE)
        self._note_interruption(old)
        self._opened_at = self._world.now()

    def _hear(
        self,
        link: Link,
        renewer: Renewer | None,
        replies: asyncio.Queue[str],
        word: Word,
    ) -> None:
        match word:
            case Asked(reply) if (frame := link.script.frame(reply)) is not None:
                replies.put_nowait(frame)
            case Pong():
                link.ponged()
            case RenewalAnswer() if renewer is not None:
                renewer.answered(word)
            case Expired() if renewer is not None:
                renewer.expired()
            case Expired(message) | AuthFailed(message):
                said = f": {message[:300]}" if message else ""
                link.fail(TokenRefused(f"the server does not accept the token{said}"))

    def _lost(self, link: Link, lost: NetworkFailed) -> Fact:
        self._down_since = self.intake.teller.since(link.heard_at)
        self._note_interruption(link)
        if isinstance(lost, ConnectionLost):
            self.intake.teller.tell(Disconnected(lost.code, lost.reason))
        else:
            self.intake.teller.tell(Disconnected(1000, lost.message))
        self.link = None
        return self._failed(lost)

    async def _make_room(self) -> Fact:
        assert self.link is not None
        reason = "whoever reads the notifications is too slow; resuming when it can"
        left_at = self._world.now()
        self._down_since = self.intake.teller.since(self.link.heard_at)
        self._note_interruption(self.link)
        self.intake.teller.tell(Disconnected(1000, reason))
        await self._leave(1000, "")
        await self.intake.room()
        return Left(left_at)

    def _note_interruption(self, link: Link) -> None:
        """Remember since when something may be missing, should the server say so.

        A short connection may have ended within a replay: what that was to bring
        is missing as well, so that the interruption before it still counts.
        """
        brief = self._world.now() - self._opened_at < REPLAY
        if self.intake.interrupted_at is None or not brief:
            self.intake.interrupted_at = self.intake.teller.since(link.heard_at)

    async def _leave(self, code: int, reason: str) -> None:
        link, self.link = self.link, None
        if link is not None:
            await link.close(code, reason)

    async def _wait(self, seconds: float, attempt: int, reason: str) -> Fact:
        self.intake.teller.tell(Reconnecting(attempt, seconds, reason))
        await doze(self._world, seconds)
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
        asked = None
        if isinstance(error, UpgradeRefused | HttpRefused):
            asked = error.retry_after
        return Lost(verdict, error.message, asked)

    def _end(self, stop: Stop) -> None:
        if stop.cause is Cause.ASKED:
            if self.link is not None:
                self.intake.teller.tell(Disconnected(1000))
            self.intake.teller.tell(Closed())
            return
        error = self._final_error(stop)
        kind: FailureType = (
            "authentication_failed"
            if stop.cause is Cause.AUTHENTICATION
            else "network_error"
        )
        self.intake.teller.tell(Failure(kind, error.message))
        self.intake.teller.tell(Closed(error.message))
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
