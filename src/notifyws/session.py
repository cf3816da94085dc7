"""Drives the reconnect machine: does what it orders, reports what came of it.

The session holds the current link and tells, in order, everything that happens.
What it needs of the world is handed in; it knows no library and no code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

from notifyws.errors import (
    AuthenticationFailed,
    ConnectionLost,
    NetworkFailed,
    NotifyError,
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
from notifyws.gaps import UNREPLAYABLE
from notifyws.held import Obtained
from notifyws.intake import Intake, NoRoom
from notifyws.link import Dial, Keepalive, Link
from notifyws.protocol.verdicts import Verdict
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
from notifyws.renewal import Renewer, Tokens
from notifyws.responder import Responder
from notifyws.speech import CatchUp, Speech
from notifyws.world import World, doze

__all__ = ["Session"]

Result = TypeVar("Result")

OVERLAP = 5.0
"""Seconds after which a new connection has brought what the old one did as well."""
REPEATS = 3
"""Times that a request for what was missed is repeated before that counts as a gap."""
UNREAD = 10.0
"""Seconds that an open socket may lie unread before each of them."""
TOO_SLOW = "whoever reads the notifications is too slow; resuming when it can"


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

    async def _connect(self, attempt: int) -> Opened | Left | Lost | Refused | Failed:
        self.intake.teller.tell(Connecting(self._speech.url, attempt))
        try:
            self.token = self._next_token or await self._tokens.get()
        except NotifyError as error:
            return self._hindered(error)
        self._next_token = None
        try:
            self.link = await self._open(self.token)
        except NotifyError as error:
            return self._failed(error)
        self.intake.gaps.opened()
        self.intake.teller.tell(Connected(self._speech.url, self.token.user_id))
        try:
            await self._catch_up(self.token)
        except NoRoom:
            return await self._make_room()
        return Opened()

    async def _open(self, token: Obtained) -> Link:
        if self._speech.verify is not None:
            await self._speech.verify(token.value)
        opening = self._speech.opening(token.value, self.intake.cursor.place)
        return await Link.open(self._dial, opening, self._keepalive, self._world)

    async def _catch_up(self, token: Obtained) -> None:
        cursor, fetch = self.intake.cursor, self._speech.catch_up
        missing = "" if cursor.covers_everything else UNREPLAYABLE
        if fetch is not None and cursor.place is not None:
            missing = await self._fetch_missed(fetch, token) or missing
        self.intake.gaps.caught_up(missing)

    async def _fetch_missed(self, fetch: CatchUp, token: Obtained) -> str:
        """Fetch what was missed, again by the table; return why that was not all."""
        policy, tries = self._machine.policy, 0
        while True:
            try:
                everything = await fetch(self.intake, token.value)
                return "" if everything else "more was missed than can be fetched"
            except NotifyError as error:
                tries += 1
                seconds = policy.delay(tries, self._world.dice(), error.retry_after)
                hopeless = self._speech.verdicts.of(error) is not Verdict.RETRY
                if hopeless or tries > REPEATS or seconds > UNREAD:
                    self.intake.teller.tell(Failure("network_error", error.message))
                    return f"what was missed could not be fetched: {error.message}"
            await doze(self._world, seconds)

    async def _receive(self) -> Left | Lost | Refused | Failed:
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
        renewer = self._renewer(link)
        responder = Responder(link, renewer)
        tasks = [asyncio.create_task(responder.run())]
        if renewer is not None:
            tasks.append(asyncio.create_task(renewer.run(self.token)))
        self.intake.on_word = responder.hear
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

    def _renewer(self, link: Link) -> Renewer | None:
        schedule = self._speech.renewal
        if schedule is None or self.token is None or self.token.source == "static":
            return None
        return Renewer(
            schedule,
            link,
            self._tokens,
            partial(self._replace, link),
            self._use,
            self._refuses,
            self._machine.policy,
            self._world,
        )

    def _use(self, token: Obtained) -> None:
        self.token = token

    def _refuses(self, error: NetworkFailed) -> bool:
        return self._speech.verdicts.of(error) is Verdict.RENEW

    async def _replace(self, old: Link, token: Obtained) -> None:
        """Open a new link, then leave the old one; what both bring is told once.

        A pong that comes now proves that the old one missed nothing; without one, the
        line may have been dead for a while.
        """
        new = await self._open(token)
        self.intake.cursor.overlapping()
        self.link, self.token = new, token
        missing = ""
        try:
            await old.ping()
        except ConnectionLost:
            missing = "" if self.intake.cursor.covers_everything else UNREPLAYABLE
        finally:
            self.intake.gaps.replaced(old.heard_at, missing)
            await old.close(1000)

    def _lost(self, link: Link, lost: NetworkFailed) -> Lost | Refused | Failed:
        self.intake.gaps.closed(link.heard_at)
        if isinstance(lost, ConnectionLost):
            self.intake.teller.tell(Disconnected(lost.code, lost.reason))
        else:
            self.intake.teller.tell(Disconnected(1000, lost.message))
        self.link = None
        return self._failed(lost)

    async def _make_room(self) -> Left:
        assert self.link is not None
        left_at = self._world.now()
        self.intake.gaps.closed(self.link.heard_at)
        self.intake.teller.tell(Disconnected(1000, TOO_SLOW))
        await self._leave(1000, "")
        await self.intake.room()
        return Left(left_at)

    async def _leave(self, code: int, reason: str) -> None:
        link, self.link = self.link, None
        if link is not None:
            await link.close(code, reason)

    async def _wait(self, seconds: float, attempt: int, reason: str) -> Woke:
        self.intake.teller.tell(Reconnecting(attempt, seconds, reason))
        await doze(self._world, seconds)
        return Woke()

    async def _renew(self, only_login: bool) -> Renewed | Lost | Failed:
        assert self.token is not None
        refused = self.token.value
        try:
            self._next_token = await self._tokens.renew(refused, only_login=only_login)
        except NotifyError as error:
            return self._hindered(error)
        return Renewed()

    def _failed(self, error: NotifyError) -> Lost | Refused | Failed:
        """Return what the end of an attempt or a connection means to the machine."""
        assert self.token is not None
        verdict = self._speech.verdicts.of(error)
        if verdict in (Verdict.RENEW, Verdict.RENEW_ONCE):
            self._problem = error
            certain = verdict is Verdict.RENEW
            return Refused(self.token.source, error.message, certain)
        return self._hindered(error)

    def _hindered(self, error: NotifyError) -> Lost | Failed:
        """Return what an error that refuses no token means to the machine."""
        self._problem = error
        if isinstance(error, AuthenticationFailed):
            return Failed(error.message, Cause.AUTHENTICATION)
        if not isinstance(error, NetworkFailed):
            return Failed(error.message)
        verdict = self._speech.verdicts.of(error)
        return Lost(verdict, error.message, error.retry_after)

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
        problem, check = self._problem, "notifyws status --check"
        assert problem is not None
        known = isinstance(problem, AuthenticationFailed)
        if stop.cause is Cause.AUTHENTICATION and not known:
            message = f"the server does not accept a fresh token: {stop.reason}"
            return AuthenticationFailed(message, check)
        if problem.message == stop.reason:
            return problem
        return NetworkFailed(stop.reason, problem.hint or check)
