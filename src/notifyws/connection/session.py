"""Drives the reconnect machine: does what it orders, reports what came of it.

The session holds the current connection and tells, in order, everything that happens.
What it needs of others is handed in; it knows no library and no code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from notifyws.auth.cached_tokens import AccessToken
from notifyws.clock import Clock, sleep
from notifyws.connection.connection import Connection
from notifyws.connection.counts import Reason
from notifyws.connection.outcome import Outcome, without_doubt
from notifyws.connection.ports import (
    Dial,
    Keepalive,
    QueueFull,
    Receiver,
    ServerProtocol,
    Tokens,
)
from notifyws.connection.reconnect import (
    Cause,
    Connect,
    Failed,
    Left,
    Loss,
    Lost,
    Opened,
    Receive,
    Reconnector,
    Renew,
    Renewed,
    Started,
    State,
    Stop,
    Stopped,
    Wait,
    Woke,
)
from notifyws.connection.reconnect import Event as Fact
from notifyws.connection.renewal import Renewals, Renewer, Responder
from notifyws.errors import ConnectionLost, NetworkFailed, NotifyError
from notifyws.events import (
    Closed,
    Connected,
    Connecting,
    Disconnected,
    Failure,
    FailureType,
    Reconnecting,
)
from notifyws.tasks import background, first_of

if TYPE_CHECKING:
    from notifyws.connection.verification import Verifier

OVERLAP = 5.0
"""Seconds after which a new connection has brought what the old one did as well."""
UNREPLAYABLE = "the server cannot replay what it sent"
DEAF = "it did not bring all that the server had for us; connecting anew"
TOO_SLOW = "whoever reads the notifications is too slow; resuming when it can"


class Deaf(Exception):
    """The connection is open, and does not bring all that the server has."""


class Session:
    """Keeps one connection, until told otherwise.

    Args:
        machine: decides.
        tokens: gives a token for every attempt.
        dial: opens sockets.
        server_protocol: how the server speaks.
        receiver: takes what arrives, and tells what happens.
        clock: clock and sleep.
        keepalive: how a dead line is noticed.
        verifier: how one is noticed that brings not all that the server has.

    Attributes:
        connection: the one that is open, if one is.
        counts: of connections that were lost, and tries that failed.
        token: the one that the server was shown last.
        renewals: of tokens on live connections.
    """

    def __init__(
        self,
        machine: Reconnector,
        tokens: Tokens,
        dial: Dial,
        server_protocol: ServerProtocol,
        receiver: Receiver,
        clock: Clock,
        keepalive: Keepalive,
        verifier: Verifier | None = None,
    ) -> None:
        self.verifier = verifier
        self._machine, self._tokens, self._dial = machine, tokens, dial
        self._server_protocol = server_protocol
        self._clock, self._keepalive = clock, keepalive
        self._stopping = asyncio.Event()
        self._next_token: AccessToken | None = None
        self._outcome = Outcome(server_protocol.classifier)
        self._tell = receiver.emitter.tell
        self.receiver = receiver
        self.counts = self._outcome.counts
        self.connection: Connection | None = None
        self.token: AccessToken | None = None
        self.renewals = Renewals()

    @property
    def state(self) -> State:
        """Where the connection stands."""
        return self._machine.state

    @property
    def was_answered(self) -> bool:
        """Whether the server was reached when it last failed: it said so itself."""
        return self._outcome.is_answer

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
                action = self._machine.handle(fact, self._clock.now())
                if isinstance(action, Stop):
                    return self._end(action)
                fact = await self._unless_stopped(self._do(action))
        finally:
            try:
                await self._leave()
            finally:
                self.receiver.close()

    async def _unless_stopped(self, doing: Coroutine[Any, Any, Fact]) -> Fact:
        """Return what ``doing`` gives, unless the end comes first."""
        task = asyncio.ensure_future(doing)
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return Stopped() if self._stopping.is_set() else task.result()
        finally:
            task.cancel()
            stopping.cancel()  # gather, unlike suppress, keeps our own cancellation
            await asyncio.gather(task, stopping, return_exceptions=True)

    async def _do(self, action: Connect | Receive | Wait | Renew) -> Fact:
        match action:
            case Connect(attempt):
                return await self._connect(attempt)
            case Receive():
                return await self._receive()
            case Wait():
                return await self._wait(action)
            case Renew(only_login=only_login):  # pragma: no branch - there is no other
                return await self._renew(only_login)

    async def _connect(self, attempt: int) -> Opened | Loss:
        url = self._server_protocol.url
        self._tell(Connecting(url, attempt))
        try:
            self.token = self._next_token or await self._tokens.get()
        except NotifyError as error:
            return self._outcome.without_token(error)
        self._next_token = None
        try:
            self.connection = await self._open(self.token)
        except NotifyError as error:
            return self._outcome.after_token(error, self.token)
        self._outcome.opened()
        self.receiver.gaps.opened()
        self._tell(Connected(url, self.token.user_id))
        return Opened()

    async def _open(self, token: AccessToken) -> Connection:
        protocol = self._server_protocol
        if protocol.verify is not None and not protocol.doubts:
            await protocol.verify(token.value)
        request = protocol.upgrade_request(token.value, self.receiver.cursor.place)
        how = request, self._keepalive, self._clock, protocol.ask
        return await without_doubt(protocol, token, Connection.open(self._dial, *how))

    async def _receive(self) -> Left | Loss:
        behind = True
        while True:
            assert self.connection is not None
            connection = self.connection
            try:
                if behind:
                    await self._catch_up()
                await self._live(connection)
            except QueueFull:
                left = await self._leave_for_now(TOO_SLOW, "slow_reader")
                await self.receiver.room()
                return left
            except Deaf:
                left = await self._leave_for_now(DEAF, "deaf")
                assert self.verifier is not None
                await self.verifier.recover()
                return left
            except NetworkFailed as lost:
                if self.connection is connection:
                    return self._lost(connection, lost)
                deduplicator = self.receiver.cursor.deduplicator
                deduplicator.expect_repeats(self._clock.now(), OVERLAP)
                behind = self.receiver.gaps.pending

    async def _catch_up(self) -> None:
        assert self.token is not None
        cursor, fetch = self.receiver.cursor, self._server_protocol.catch_up
        missing = "" if cursor.covers_everything else UNREPLAYABLE
        if fetch is not None and cursor.place is not None:
            try:
                if not await fetch(self.receiver, self.token.value):
                    missing = "more was missed than can be fetched"
            except NotifyError as error:
                self._tell(Failure("network_error", error.message))
                missing = f"what was missed could not be fetched: {error.message}"
        self.receiver.gaps.caught_up(missing)

    async def _live(self, connection: Connection) -> None:
        """Take what arrives and answer what is asked until the connection ends."""
        assert self.token is not None
        renewer = self._renewer(connection)
        responder = Responder(connection, renewer)
        tasks = [background("the replies", responder.run(), connection.died)]
        if self.verifier is not None:
            looks = self.verifier.watch(connection)
            tasks.append(background("the verification", looks, connection.died))
        if renewer is not None:
            renewal = renewer.run(self.token)
            tasks.append(background("the renewal", renewal, connection.died))
        self.receiver.on_control_frame = responder.hear
        try:
            await self._read(connection)
        except (NetworkFailed, QueueFull):
            if self.connection is not connection:  # let the swap end
                await asyncio.wait({tasks[-1]})
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, connection: Connection) -> None:
        reading = connection.run(self.receiver.take)
        if self.verifier is None:
            await reading
        else:
            await first_of(reading, self.verifier.deaf.wait())
            raise Deaf

    def _renewer(self, connection: Connection) -> Renewer | None:
        protocol, settings = self._server_protocol, self._machine.settings
        if protocol.renewal is None or (self.token and self.token.source == "static"):
            return None
        return Renewer(protocol, connection, self._tokens, self, settings, self._clock)

    async def replace(self, old: Connection, token: AccessToken) -> None:
        """Open a new connection, then leave the old one; what both bring is told once.

        Only a pong that comes now proves that the old one missed nothing.
        """
        new = await self._open(token)
        self.receiver.cursor.deduplicator.begin_overlap()
        self.connection, self.token = new, token
        sound = False
        try:
            with suppress(ConnectionLost):  # it is caught up with once it has ended
                await old.ping()
                sound = True
        finally:
            self.receiver.gaps.replaced(old.heard_at, sound=sound)
            await old.close(1000)

    def _lost(self, connection: Connection, lost: NetworkFailed) -> Loss:
        assert self.token is not None
        self.receiver.gaps.closed(connection.heard_at)
        code, reason = 1000, lost.message
        if isinstance(lost, ConnectionLost):
            code, reason = lost.code, lost.reason
        self._tell(Disconnected(code, reason))
        self.connection = None
        return self._outcome.after_token(lost, self.token)

    async def _leave_for_now(self, said: str, why: Reason) -> Left:
        assert self.connection is not None
        left = Left(self._clock.now())
        self.receiver.gaps.closed(self.connection.heard_at)
        self._tell(Disconnected(1000, said))
        self.counts.failed(why)
        await self._leave()
        return left

    async def _leave(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            await connection.close()

    async def _wait(self, wait: Wait) -> Woke:
        self._tell(Reconnecting(wait.attempt, wait.seconds, wait.reason))
        await sleep(self._clock, wait.seconds)
        return Woke()

    async def _renew(self, only_login: bool) -> Renewed | Lost | Failed:
        assert self.token is not None
        refused = self.token.value
        try:
            self._next_token = await self._tokens.renew(refused, only_login=only_login)
        except NotifyError as error:
            return self._outcome.without_token(error)
        return Renewed()

    def _end(self, stop: Stop) -> None:
        if stop.cause is Cause.ASKED:
            if self.connection is not None:
                self._tell(Disconnected(1000))
            return self._tell(Closed())
        error = self._outcome.error(stop)
        refused = stop.cause is Cause.AUTHENTICATION
        kind: FailureType = "authentication_failed" if refused else "network_error"
        self._tell(Failure(kind, error.message))
        self._tell(Closed(error.message))
        raise error
