"""One connection's life: dial, first frames, keepalive, receive, close.

A connection ends in exactly one way: ``run`` raises what ended it. It decides nothing
about what comes next; the session asks the machine.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from notifyws.clock import Clock, sleep
from notifyws.connection.endings import Problem, within, without_secrets
from notifyws.connection.ports import Ask, AtOnce, Dial, Keepalive, Transport
from notifyws.errors import ConnectionLost, NetworkFailed, NotifyError
from notifyws.protocol.handshake import HandshakeState
from notifyws.protocol.profile import AppPing
from notifyws.protocol.templates import TemplateContext
from notifyws.protocol.upgrade import UpgradeRequest
from notifyws.tasks import background, cancel, first_of

Take = Callable[[Sequence[str | bytes]], Awaitable[None] | None]


class Connection:
    """An open connection.

    Args:
        keepalive: when to ping, and how long to wait for the pong.
        known: variables of the templates of frames.
        secrets: gives what is masked in whatever ends it, as it may be spelled.

    Attributes:
        latency: seconds the last ping took there and back.
        heard_at: unix seconds; what the server sent until then was taken.
        is_behind: whether something may have come since that was not taken yet.
        ended: the end of the line, once it has come.
    """

    def __init__(
        self,
        transport: Transport,
        keepalive: Keepalive,
        clock: Clock,
        known: Mapping[str, Any],
        secrets: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self._transport, self._secrets = transport, secrets
        self._keepalive, self._clock = keepalive, clock
        self._failure: NetworkFailed | None = None
        self.ended: ConnectionLost | None = None
        self._pausing = self.is_behind = self._reading = False
        self._early: list[str | bytes] = []
        self._unread: deque[str | bytes] = deque()
        self._ponged, self._asking = asyncio.Event(), asyncio.Lock()
        self._framed_at = clock.now()
        self.context = TemplateContext(known, clock.wall, clock.secret)
        self.latency: float | None = None
        self.heard_at = clock.wall()

    @classmethod
    async def open(
        cls,
        dial: Dial,
        upgrade_request: UpgradeRequest,
        keepalive: Keepalive,
        clock: Clock,
        ask: Ask | None = None,
    ) -> Connection:
        """Dial, say what the opening says, and go through its handshake.

        Args:
            ask: makes the handshake's HTTP requests.

        Raises:
            NetworkFailed: it did not come to an open connection.
        """
        transport = await dial(upgrade_request)
        known, secrets = upgrade_request.known, upgrade_request.secrets
        connection = cls(transport, keepalive, clock, known, secrets)
        handshake = HandshakeState(
            upgrade_request.steps,
            connection.context,
            upgrade_request.read,
            upgrade_request.closes,
            upgrade_request.places,
        )
        try:
            for frame in upgrade_request.frames:
                await transport.send_all([frame])
            await connection._shake_hands(handshake, ask)
        except BaseException as error:
            transport.abort()
            if isinstance(error, ConnectionLost):
                error = handshake.closed(error)
            if isinstance(error, NotifyError):
                raise connection._told(error) from None
            raise
        return connection

    async def _shake_hands(self, handshake: HandshakeState, ask: Ask | None) -> None:
        """Go through the handshake; what it does not await is kept for later."""
        while True:
            for frame in handshake.proceed():
                await self._transport.send_all([frame])
            if handshake.done:
                return
            if (request := handshake.request) is not None:
                assert ask is not None
                handshake.answered(await ask(request.step, request.known))
                continue
            try:
                async with asyncio.timeout(handshake.timeout):
                    await self._await(handshake)
            except TimeoutError:
                raise handshake.gave_up() from None

    async def _await(self, handshake: HandshakeState) -> None:
        while handshake.waiting:
            later, after = handshake.hear(await self._next())
            self._early += later
            self._unread.extendleft(reversed(after))

    async def _next(self) -> str | bytes:
        if not self._unread:
            self._unread.extend(await self._transport.burst())
        return self._unread.popleft()

    async def run(self, take: Take, at_once: AtOnce = lambda _: 0) -> NoReturn:
        """Hand all frames to ``take`` until the connection ends.

        Args:
            take: takes a burst, and may return what to await before the next one;
                never for long, because a line that is not read hides its pongs.
            at_once: may be given a burst before, and takes what needs no waiting.

        Raises:
            NetworkFailed: how it ended.
        """

        def hear(frames: Sequence[str | bytes]) -> int:
            if (count := at_once(frames)) == len(frames):
                self._hear()
            return count

        pinging = background("the keepalive", self._keep_alive(), self.died)
        self._reading = True
        try:
            if early := [*self._early, *self._unread]:
                await self._hand_over(early, take)
            while True:
                await self._hand_over(await self._transport.burst(hear), take)
        except ConnectionLost as lost:  # what broke it first was the reason
            self.ended = self._told(lost)
            raise lost if lost.sent else self._failure or lost from None
        finally:
            self._reading = False
            await cancel(pinging)

    async def _hand_over(self, frames: Sequence[str | bytes], take: Take) -> None:
        """Let frames be taken; read nothing while there is something to await.

        Frames may have been on the line for as long when they are read then, so that
        they tell nothing of when we last heard; the next pong does.
        """
        self._hear()
        if (pause := take(frames)) is not None:
            self.is_behind = self._pausing = True
            await pause
            self._pausing = False

    def _hear(self) -> None:
        self._framed_at = self._clock.now()
        if not self.is_behind:
            self.heard_at = self._clock.wall()

    async def send_all(self, texts: Sequence[str]) -> None:
        """Send text frames in their order, many at once."""
        await self._transport.send_all(texts)

    @property
    def can_ping(self) -> bool:
        """Whether the server answers pings of any kind."""
        answer_within = self._keepalive.ping and self._keepalive.ping.answer_within
        return self._keepalive.websocket or answer_within is not None

    def ponged(self) -> None:
        """Take note of the answer to an application's ping."""
        self._ponged.set()

    def fail(self, error: NetworkFailed) -> None:
        """End the connection: ``run`` raises this, unless something ended it before."""
        self._failure = self._failure or self._told(error)
        self._transport.abort()

    def _told(self, error: Problem) -> Problem:
        return without_secrets(error, self._secrets())

    def died(self, said: str, error: Exception) -> None:
        """End the connection because what served it did: the next one has another."""
        self.fail(ConnectionLost(1006, said))

    async def ping(self) -> float:
        """Return the seconds a ping took there and back.

        Raises:
            ConnectionLost: no pong came in time, or the connection ended.
        """
        sent_at = self._clock.now()
        if self._keepalive.websocket:
            await within(self._keepalive.timeout, self._transport.ping(), "no pong")
        else:
            await self._application_ping()
        return self._answer_took(sent_at)

    async def _application_ping(self) -> None:
        """Ask and wait for the answer, one after the other: none says which it is."""
        if (ping := self._keepalive.ping) is None:
            return
        async with self._asking:
            self._ponged.clear()
            if ping.answer_within is None:
                await self._say(ping)
            else:
                answer = self._answer_to(ping)
                await within(ping.answer_within, answer, "no answer to a ping")

    async def _answer_to(self, ping: AppPing) -> None:
        await self._say(ping)  # which waits too, where the server reads nothing
        await self._ponged.wait()

    async def _say(self, ping: AppPing) -> None:
        if (frame := self.context.frame(ping.send)) is not None:
            await self._transport.send_all([frame])

    def _answer_took(self, sent_at: float) -> float:
        if not self._pausing:
            self.is_behind = False
            self.heard_at = self._clock.wall()
        self.latency = self._clock.now() - sent_at
        return self.latency

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye; never raises, and cuts the line when it is interrupted."""
        reading = background("the reading", self._read_on(), self.died)
        try:
            await self._transport.close(code, reason)
        except asyncio.CancelledError:
            self._transport.abort()
            raise
        finally:
            reading.cancel()

    async def _read_on(self) -> None:
        """Let go what comes: the answer to a goodbye stands behind it."""
        with suppress(ConnectionLost):
            while not self._reading:
                await self._transport.burst()

    async def _keep_alive(self) -> None:
        keepalive = self._keepalive
        checks = [self._ping_for_ever()] if keepalive.websocket else []
        if keepalive.ping is not None:
            checks.append(self._application_ping_for_ever(keepalive.ping))
        if keepalive.silence is not None:
            checks.append(self._watch_for_silence(keepalive.silence))
        try:
            if checks:
                await first_of(*checks)
        except ConnectionLost as lost:
            self.fail(lost)

    async def _ping_for_ever(self) -> None:
        while True:
            await self.ping()
            await sleep(self._clock, self._keepalive.interval)

    async def _application_ping_for_ever(self, ping: AppPing) -> None:
        while True:
            await sleep(self._clock, ping.every or self._keepalive.interval)
            sent_at = self._clock.now()
            await self._application_ping()
            if ping.answer_within is not None:
                self._answer_took(sent_at)

    def _alive_at(self) -> float:
        """Return when there was a sign of life: a frame of any kind, pings as well."""
        return max(self._framed_at, self._transport.heard_at)

    async def _watch_for_silence(self, longest: float) -> None:
        while (left := self._alive_at() + longest - self._clock.now()) > 0:
            await sleep(self._clock, left)
        raise ConnectionLost(1006, f"nothing was heard for {longest:g} s")
