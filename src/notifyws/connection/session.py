"""Drives the reconnect machine: does what it orders, reports what came of it.

The session holds the current connection and tells, in order, everything that happens.
What it needs of others is handed in; it knows no library and no code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from notifyws import events
from notifyws.auth.cached_tokens import AccessToken
from notifyws.clock import Clock, sleep
from notifyws.connection import reconnect
from notifyws.connection.connection import Connection
from notifyws.connection.outcome import Outcome, Reason, opened
from notifyws.connection.ports import (
    Dial,
    Keepalive,
    QueueFull,
    Receiver,
    ServerProtocol,
    Tokens,
)
from notifyws.connection.reconnect import Event as Fact
from notifyws.connection.reconnect import Order, Reconnector, State, Stop
from notifyws.connection.renewal import Renewals, Renewer, Responder
from notifyws.errors import ConnectionLost, NetworkFailed, NotifyError
from notifyws.tasks import background, first_of, unless_cut, unless_set

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
        outcome: of the latest of them.
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
        self._machine, self._tokens, self._dial = machine, tokens, dial
        self._server_protocol, self.verifier = server_protocol, verifier
        self._clock, self._keepalive = clock, keepalive
        self._stopping, self.renewals = asyncio.Event(), Renewals()
        self._next_token: AccessToken | None = None
        self.outcome = Outcome(server_protocol.classifier)
        self._tell = receiver.emitter.tell
        self.receiver, self.counts = receiver, self.outcome.counts
        self.connection: Connection | None = None
        self.token: AccessToken | None = None

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
        fact: Fact = reconnect.Started()
        try:
            while True:
                action = self._machine.handle(fact, self._clock.now())
                if isinstance(action, Stop):
                    return self._end(action)
                fact = (
                    await unless_set(self._stopping, self._do(action))
                    or reconnect.Stopped()
                )
        finally:
            try:
                await self._leave()
            finally:
                self.receiver.close()

    async def _do(self, order: Order) -> Fact:
        match order:
            case reconnect.Connect(attempt):
                return await self._connect(attempt)
            case reconnect.Receive():
                return await self._receive()
            case reconnect.Wait():
                return await self._wait(order)
            case reconnect.Renew(only_login):  # pragma: no branch - there is no other
                return await self._renew(only_login)

    async def _connect(self, attempt: int) -> reconnect.Opened | reconnect.Loss:
        url = self._server_protocol.url
        self._tell(events.Connecting(url, attempt))
        try:
            self.token = self._next_token or await self._tokens.get()
        except NotifyError as error:
            return self.outcome.without_token(error)
        self._next_token = None
        try:
            self.connection = await self._open(self.token)
        except NotifyError as error:
            return self.outcome.after_token(error, self.token)
        self.outcome.opened()
        self.receiver.gaps.opened()
        self._tell(events.Connected(url, self.token.user_id))
        return reconnect.Opened()

    async def _open(self, token: AccessToken) -> Connection:
        protocol = self._server_protocol
        if protocol.verify is not None and not protocol.doubts:
            await protocol.verify(token.value)
        place, how = self.receiver.cursor.place, (self._keepalive, self._clock)
        return await opened(protocol, token, place, self._dial, *how)

    async def _receive(self) -> reconnect.Left | reconnect.Loss:
        behind = True
        while True:
            assert self.connection is not None
            connection = self.connection
            try:
                if behind:
                    await self._catch_up()
                await self._live(connection)
            except QueueFull:
                room = self.receiver.room
                return await self._leave_until(room, TOO_SLOW, "slow_reader")
            except Deaf:
                assert self.verifier is not None
                return await self._leave_until(self.verifier.recover, DEAF, "deaf")
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
                self._tell(events.Failure("network_error", error.message))
                missing = f"what was missed could not be fetched: {error.message}"
        self.receiver.gaps.caught_up(missing)

    async def _live(self, connection: Connection) -> None:
        """Take what arrives and answer what is asked until the connection ends."""
        assert self.token is not None
        renewer = self._renewer(connection)
        responder = Responder(connection, renewer)
        bodies = {"the replies": responder.run()}
        if self.verifier is not None:
            bodies["the verification"] = self.verifier.watch(connection)
        if renewer is not None:
            bodies["the renewal"] = renewer.run(self.token)
        tasks = [background(n, body, connection.died) for n, body in bodies.items()]
        self.receiver.on_control_frame = responder.hear
        try:
            reading = connection.run(self.receiver.take, self.receiver.take_at_once)
            if self.verifier is None:
                await reading
            else:
                await first_of(reading, self.verifier.deaf.wait())
                raise Deaf
        except (NetworkFailed, QueueFull):
            if self.connection is not connection:  # let the swap end
                await asyncio.wait({tasks[-1]})
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

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
        if self._server_protocol.unconfirmed:
            await unless_cut(sleep(self._clock, OVERLAP), new.close)
        self.connection, self.token = new, token
        sound = False
        try:
            with suppress(ConnectionLost):  # it is caught up with once it has ended
                await old.ping()
                sound = True
        finally:
            self.receiver.gaps.replaced(old.heard_at, sound=sound)
            await old.close(1000)

    def _lost(self, connection: Connection, lost: NetworkFailed) -> reconnect.Loss:
        assert self.token is not None
        self.receiver.gaps.closed(connection.heard_at)
        code, reason = 1000, lost.message
        if isinstance(lost, ConnectionLost):
            code, reason = lost.code, lost.reason
        self._tell(events.Disconnected(code, reason))
        self.connection = None
        return self.outcome.after_token(lost, self.token)

    async def _leave_until(
        self, better: Callable[[], Awaitable[None]], said: str, why: Reason
    ) -> reconnect.Left:
        assert self.connection is not None
        left = reconnect.Left(self._clock.now())
        self.receiver.gaps.closed(self.connection.heard_at)
        self._tell(events.Disconnected(1000, said))
        self.counts.failed(why)
        await self._leave()
        await better()
        return left

    async def _leave(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            await connection.close()

    async def _wait(self, wait: reconnect.Wait) -> reconnect.Woke:
        self._tell(events.Reconnecting(wait.attempt, wait.seconds, wait.reason))
        await sleep(self._clock, wait.seconds)
        return reconnect.Woke()

    async def _renew(
        self, only_login: bool
    ) -> reconnect.Renewed | reconnect.Lost | reconnect.Failed:
        assert self.token is not None
        refused = self.token.value
        try:
            self._next_token = await self._tokens.renew(refused, only_login=only_login)
        except NotifyError as error:
            return self.outcome.without_token(error)
        return reconnect.Renewed()

    def _end(self, stop: Stop) -> None:
        if stop.cause is reconnect.Cause.ASKED:
            if self.connection is not None:
                self._tell(events.Disconnected(1000))
            return self._tell(events.Closed())
        error = self.outcome.error(stop)
        kind: events.FailureType = "network_error"
        if stop.cause is reconnect.Cause.AUTHENTICATION:
            kind = "authentication_failed"
        self._tell(events.Failure(kind, error.message))
        self._tell(events.Closed(error.message))
        raise error
