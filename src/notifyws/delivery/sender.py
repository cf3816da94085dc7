"""Sends messages, and finds out what became of each: delivered, rejected, unknown.

Most sockets acknowledge nothing: there a WebSocket ping sent after the message and
answered shows that the server has read that far; an error frame or a close within a
tenth of a second after it shows that it did not like what it read. Success is claimed
only then. Where messages go over HTTP, each is a request, and its answer says so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

from notifyws.auth.network_errors import may_be_done
from notifyws.delivery.acknowledgements import Acknowledgements, Answer
from notifyws.errors import (
    HttpRefused,
    MessageRejected,
    MessageUnconfirmed,
    NetworkFailed,
    TokenRefused,
    UsageError,
)
from notifyws.models import Message
from notifyws.protocol.arrivals import Acknowledged, ServerError
from notifyws.protocol.composer import Composed, of_message
from notifyws.protocol.profile import Ack

if TYPE_CHECKING:
    from notifyws.connection.connection import Connection
    from notifyws.connection.ports import Tokens
    from notifyws.protocol.templates import TemplateContext

LATE = 2000
"""Messages that an error may still name which comes too late."""
GRACE = 0.1
"""Seconds after the pong in which an error frame may still come."""
Status = Literal["delivered", "rejected", "unknown"]


class SendResult(Struct, frozen=True):
    """What became of one message.

    Args:
        status: delivered, rejected, or unknown when nothing shows it.
        detail: the server's words, or why it is unknown.
    """

    status: Status
    type: str
    id: str | None = None
    detail: str | None = None

    @classmethod
    def of(
        cls, message: Message, status: Status, detail: str | None = None
    ) -> SendResult:
        """Return what became of this message."""
        return cls(status, message.type, message.id, detail)

    def demand_delivered(self, hint: str = "") -> SendResult:
        """Return this; raise, with a better hint if one is given, unless it was taken.

        Raises:
            MessageRejected: the server answered with an error.
            MessageUnconfirmed: nothing shows whether it was taken.
        """
        if self.status == "rejected":
            said = f"the server rejected the message: {self.detail}"
            usual = "correct it by what the server says, and send it again"
            raise MessageRejected(said, hint or usual)
        if self.status == "unknown":
            said = f"nothing shows that the message was taken: {self.detail}"
            usual = "look at the other side before sending it again"
            raise MessageUnconfirmed(said, hint or usual)
        return self

    def as_json(self) -> dict[str, Any]:
        """Return ``{"status", "type", "id"?, "detail"?}``."""
        more = {"id": self.id, "detail": self.detail}.items()
        known = {key: value for key, value in more if value is not None}
        return {"status": self.status, "type": self.type, **known}


class _Batch(Struct, eq=False):
    count: int
    names: frozenset[str | None]
    rejected: dict[str, str] = field(default_factory=dict)
    doubt: str | None = None
    doubted: Status = "unknown"

    def blame(self, error: ServerError) -> bool:
        """Take an error that names one of these messages; return whether it did."""
        if error.id is None or error.id not in self.names:
            return False
        self.rejected[error.id] = error.message
        return True

    def outcome(self, message: Message) -> SendResult:
        """Return what became of a message, as far as it is known by now."""
        if message.id is not None and message.id in self.rejected:
            return SendResult.of(message, "rejected", self.rejected[message.id])
        status = "delivered" if self.doubt is None else self.doubted
        return SendResult.of(message, status, self.doubt)


class SocketSender:
    """Sends over a socket, whichever is open.

    Args:
        connection: returns the one that is open, ``None`` where none is.
        compose: writes a message as a frame, with a socket's context.
        ack: how the server acknowledges messages, if it does.
    """

    def __init__(
        self,
        connection: Callable[[], Connection | None],
        compose: Callable[[Message, TemplateContext], Composed],
        sleep: Callable[[float], Awaitable[None]],
        ack: Ack | None = None,
    ) -> None:
        self._connection, self._compose = connection, compose
        self._sleep, self.ack = sleep, ack
        self._acknowledgements = Acknowledgements()
        self._open: dict[_Batch, None] = {}
        self._past = deque[str | None](maxlen=LATE)
        self._writing = asyncio.Lock()

    def server_error(self, error: ServerError) -> None:
        """Take note of an error frame while messages are on their way.

        One that names a message's id is that message's, even if it comes too late.
        One that names none, or what was never sent (a server may spell ids in a way
        of its own), is the only message's on its way, or puts all of them in doubt.
        """
        if any(batch.blame(error) for batch in self._open) or error.id in self._past:
            return
        alone = sum(batch.count for batch in self._open) == 1
        for batch in self._open:
            means_it = alone and (error.id is None or None in batch.names)
            batch.doubt = error.message
            batch.doubted = "rejected" if means_it else "unknown"

    def acknowledged(self, answer: Acknowledged) -> bool:
        """Take the server's word on a message; return whether one waited for it."""
        return self._acknowledgements.take(answer)

    async def send(self, messages: Sequence[Message]) -> list[SendResult]:
        """Send messages in order; return what became of each, in the same order.

        Several calls may be under way at once: they write one after the other, and
        each has a ping of its own. Of many, one that cannot be written as a frame is
        rejected, and the others go.

        Raises:
            NetworkFailed: no connection is open.
            UsageError: the only one cannot be written as a frame.
        """
        if (connection := self._connection()) is None:
            raise NetworkFailed("not connected", "connect first")
        composed: list[Composed] = []
        refused: dict[int, SendResult] = {}
        for place, message in enumerate(messages):
            try:
                composed.append(self._compose(message, connection.context))
            except UsageError as error:
                if len(messages) == 1:
                    raise
                refused[place] = SendResult.of(message, "rejected", error.message)
        good = [each for n, each in enumerate(messages) if n not in refused]
        sent = iter(await self._send(connection, composed, good))
        return [refused.get(n) or next(sent) for n in range(len(messages))]

    async def _send(
        self,
        connection: Connection,
        composed: Sequence[Composed],
        messages: Sequence[Message],
    ) -> list[SendResult]:
        if self.ack is not None:
            return await self._acknowledge(connection, composed, messages, self.ack)
        batch = _Batch(len(messages), frozenset([message.id for message in messages]))
        try:
            async with self._writing:  # no error can mean it before that
                self._open[batch] = None
                await connection.send_all([each.frame for each in composed])
            if connection.can_ping:
                await connection.ping()
                await self._sleep(GRACE)
                batch.doubt = batch.doubt or _doubt(connection)
            else:
                batch.doubt = "the server confirms nothing, not even a ping"
        except NetworkFailed as error:
            batch.doubt, batch.doubted = f"no answer: {error.message}", "unknown"
        finally:
            self._open.pop(batch, None)
            self._past += batch.names - {None}
        return [batch.outcome(each) for each in messages]

    async def _acknowledge(
        self,
        connection: Connection,
        composed: Sequence[Composed],
        messages: Sequence[Message],
        ack: Ack,
    ) -> list[SendResult]:
        keys = [each.key for each in composed]
        awaited = self._acknowledgements.expect(keys, connection)
        answers = [answer for _, answer in awaited]
        try:
            with suppress(TimeoutError, NetworkFailed):  # what has no answer is unknown
                async with self._writing:
                    await connection.send_all([each.frame for each in composed])
                async with asyncio.timeout(ack.timeout):
                    await asyncio.gather(*answers)
        finally:
            self._acknowledgements.give_up(awaited)
        return [*map(_judged, messages, answers)]


def _doubt(connection: Connection) -> str | None:
    """Return why a message may not have been taken although a ping was answered.

    A server's library answers pings, also for a handler that refuses what it reads by
    closing; a goodbye (1000) refuses nothing.
    """
    if (lost := connection.ended) is None or lost.sent or lost.code == 1000:
        return None
    return f"after the ping's answer: {lost.message}"


def _judged(message: Message, future: Answer) -> SendResult:
    if not future.done() or future.cancelled():
        detail = "the server did not acknowledge it in time"
        return SendResult.of(message, "unknown", detail)
    if (answer := future.result()).ok:
        return SendResult.of(message, "delivered")
    return SendResult.of(message, "rejected", answer.message or "no reason given")


async def send_over_http(
    tokens: Tokens,
    post: Callable[[str, Mapping[str, Any]], Awaitable[None]],
    messages: Sequence[Message],
) -> list[SendResult]:
    """Send messages in order; return what became of each, in the same order.

    ``post`` sends one with an access token, given the variables of its templates.

    Raises:
        NetworkFailed, AuthenticationFailed: there is no token to send with, or a
            second one was refused as well.
    """
    token = await tokens.get()
    sent: list[SendResult] = []
    for message in messages:
        known = of_message(message)
        try:
            try:
                await post(token.value, known)
            except TokenRefused:
                token = await tokens.renew(token.value)
                await post(token.value, known)
        except TokenRefused as error:
            raise token.not_accepted(error.words) from None
        except NetworkFailed as error:
            certain = isinstance(error, HttpRefused) and not may_be_done(error)
            status: Status = "rejected" if certain else "unknown"
            sent.append(SendResult.of(message, status, error.message))
        else:
            sent.append(SendResult.of(message, "delivered"))
    return sent
