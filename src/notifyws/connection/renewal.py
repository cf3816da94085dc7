"""What a live connection owes its server: answers, and a fresh token in time.

A token is renewed in place, by a frame on the same socket, or make before break: a new
socket first, then the old one is closed; what both deliver is told once.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from math import inf
from typing import TYPE_CHECKING

from msgspec import Struct

from notifyws.auth.cached_tokens import AccessToken
from notifyws.clock import Clock, sleep, sleep_through_suspend
from notifyws.config.settings import Settings
from notifyws.connection.connection import Connection
from notifyws.connection.endings import within
from notifyws.connection.ports import ServerProtocol, Tokens
from notifyws.connection.reconnect import REFUSALS, delay
from notifyws.errors import (
    AuthenticationFailed,
    ConnectionLost,
    NetworkFailed,
    NotifyError,
    TokenRefused,
)
from notifyws.protocol.arrivals import (
    Arrival,
    ControlFrame,
    Expired,
    Pong,
    RenewalAnswer,
    ServerPing,
    SessionEnded,
)
from notifyws.protocol.failures import Verdict, refusal
from notifyws.tasks import first_of

if TYPE_CHECKING:
    from notifyws.connection.session import Session

FRESH_EXPIRED = "the server calls every new token expired"
MOST_REPLIES = 1_000
"""Answers to pings that may wait to be sent."""
OUR_RULE = 'correct the profile\'s rule "token expired", or see that clocks are right'


class Renewals(Struct):
    """How often, in a row, a token was called expired soon after it was renewed.

    Args:
        at: monotonic seconds when one was last shown to the server.
        in_vain: how often.
    """

    at: float = -inf
    in_vain: int = 0


class Renewer:
    """Renews the token of one connection for as long as it lives.

    Args:
        protocol: when and how, and what a failure means.
        tokens: gives another token than the one it is shown.
        holder: holds the connection, the token in use and the count of renewals; opens
            a new connection with a token, for make before break.
        settings: how long to wait before each further try.
    """

    def __init__(
        self,
        protocol: ServerProtocol,
        connection: Connection,
        tokens: Tokens,
        holder: Session,
        settings: Settings,
        clock: Clock,
    ) -> None:
        assert protocol.renewal is not None
        self._renewal, self._margin = protocol.renewal, protocol.renewal_margin
        self._classifier = protocol.classifier
        self._connection = connection
        self._tokens = tokens
        self._holder = holder
        self._settings = settings
        self._clock = clock
        self._failures = 0
        self._expired = asyncio.Event()
        self._words, self._called_at = "", -inf
        self._answer: asyncio.Future[RenewalAnswer] | None = None

    def expired(self, words: str = "") -> None:
        """Take the server's word that the token has ended: renew at once."""
        self._words, self._called_at = words, self._clock.now()
        self._expired.set()

    def answered(self, answer: RenewalAnswer) -> bool:
        """Take the server's answer to a renewal; tell whether one was waited for."""
        if self._answer is None or self._answer.done():
            return False
        self._answer.set_result(answer)
        return True

    async def run(self, token: AccessToken) -> None:
        """Renew ``token`` and its successors in time; ends with the connection."""
        try:
            while True:
                await self._until_due(token)
                await self._unless_in_vain()
                token = await self._another(token)
                if self._renewal.how == "reconnect":
                    return await self._move(token)
                self._holder.token = token
                await self._in_place(token)
        except NetworkFailed as error:
            self._connection.fail(error)
        except NotifyError as error:
            self._connection.fail(TokenRefused(error.message, error.hint))

    async def _another(
        self, token: AccessToken, *, only_login: bool = False
    ) -> AccessToken:
        """Return another token; while nobody can be asked, ask again by the table."""
        while True:
            try:
                return await self._tokens.renew(token.value, only_login=only_login)
            except NetworkFailed as error:
                await self._rest(error.retry_after)
            except AuthenticationFailed as error:
                if self._classifier.of(error, worked=True) is not Verdict.RETRY:
                    raise
                await self._rest()

    async def _move(self, token: AccessToken) -> None:
        """Take a token to a new connection; until one is open, the old one stays.

        A token that is refused there is dropped, once, for another; one that came
        fresh from a login is the last, and the old one lives for as long as it may.
        """
        while True:
            try:
                self._holder.renewals.at = self._clock.now()
                return await self._holder.replace(self._connection, token)
            except NetworkFailed as error:
                await self._rest(error.retry_after)
                if self._classifier.of(error) is not Verdict.RENEW:
                    continue
                if token.source == "login":
                    await self._expired.wait()
                    raise
                only_login = token.source == "refresh"
                token = await self._another(token, only_login=only_login)

    async def _unless_in_vain(self) -> None:
        """Wait by the table where a renewal did not help, and in the end give up."""
        renewals, called = self._holder.renewals, self._expired.is_set()
        age = self._called_at - renewals.at
        self._failures = 0
        if called and age < self._settings.stable_after:
            self._failures = renewals.in_vain
            renewals.in_vain += 1
            if renewals.in_vain >= REFUSALS:
                error = refusal(FRESH_EXPIRED, "denied", self._words)
                error.hint = OUR_RULE
                raise error
            await self._rest()
        else:
            renewals.in_vain = 0
        self._expired.clear()

    async def _rest(self, asked: float | None = None) -> None:
        self._failures += 1
        draw = self._clock.dice()
        seconds = delay(self._settings, self._failures, draw, asked)
        await sleep(self._clock, seconds)

    async def _until_due(self, token: AccessToken) -> None:
        left = token.remaining * (1 - self._margin)
        await first_of(
            self._expired.wait(), sleep_through_suspend(self._clock, max(left, 1.0))
        )

    async def _in_place(self, token: AccessToken) -> None:
        renewal = self._renewal
        self._connection.context.learn("access_token", token.value)
        frame = self._connection.context.frame(renewal.frame)
        assert frame is not None
        self._holder.renewals.at = self._clock.now()
        self._expired.clear()  # what came before was about the old one
        self._answer = asyncio.get_running_loop().create_future()
        await self._connection.send_all([frame])
        if renewal.ok is None:  # then silence is consent
            await asyncio.wait({self._answer}, timeout=renewal.timeout)
            if not self._answer.done():
                self._answer = None
                return
        missing = "no answer to the new token"
        answer = await within(renewal.timeout, self._answer, missing)
        if not answer.ok:
            what = "the server does not take the new token"
            raise refusal(what, answer.means, answer.message)


class Responder:
    """Answers on one connection.

    Args:
        renewer: renews its token; ``None`` where nobody does.
    """

    def __init__(self, connection: Connection, renewer: Renewer | None) -> None:
        self._connection = connection
        self._renewer = renewer
        self._replies: asyncio.Queue[str] = asyncio.Queue(MOST_REPLIES)

    async def run(self) -> None:
        """Send replies in their order, until the connection ends."""
        with suppress(NetworkFailed):
            while True:
                await self._connection.send_all([await self._replies.get()])

    def hear(self, word: ControlFrame) -> Arrival | None:
        """Take what the server says to us; return what it is if it is not for us."""
        connection, renewer = self._connection, self._renewer
        match word:
            case ServerPing(reply) if (
                frame := connection.context.frame(reply)
            ) is not None:
                self._reply(frame)
            case Pong():
                connection.ponged()
            case RenewalAnswer() if renewer is None or not renewer.answered(word):
                return word.otherwise
            case Expired(message) if renewer is not None:
                renewer.expired(message)
            case Expired(message):
                connection.fail(refusal("", "expired", message))
            case SessionEnded(means, message, what):
                connection.fail(refusal(what, means, message))
        return None

    def _reply(self, frame: str) -> None:
        try:
            self._replies.put_nowait(frame)
        except asyncio.QueueFull:
            said = f"the server pings, and {MOST_REPLIES:,} answers wait to be sent"
            self._connection.fail(ConnectionLost(1006, said))
