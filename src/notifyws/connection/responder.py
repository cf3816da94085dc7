"""Answers what a server asks on one connection: its pings, its words about the token.

It knows frames that speak to us, and no notification.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from notifyws.connection.connection import Connection
from notifyws.connection.renewal import Renewer
from notifyws.errors import NetworkFailed
from notifyws.protocol.failures import refusal
from notifyws.protocol.rules import (
    ControlFrame,
    Expired,
    Pong,
    RenewalAnswer,
    ServerPing,
    SessionEnded,
)


class Responder:
    """Answers on one connection.

    Args:
        connection: the connection.
        renewer: renews its token; ``None`` where nobody does.
    """

    def __init__(self, connection: Connection, renewer: Renewer | None) -> None:
        self._connection = connection
        self._renewer = renewer
        self._replies: asyncio.Queue[str] = asyncio.Queue()

    async def run(self) -> None:
        """Send replies in their order, until the connection ends."""
        with suppress(NetworkFailed):
            while True:
                await self._connection.send(await self._replies.get())

    def hear(self, word: ControlFrame) -> None:
        """Take what the server says to us."""
        connection, renewer = self._connection, self._renewer
        match word:
            case ServerPing(reply) if (
                frame := connection.context.frame(reply)
            ) is not None:
                self._replies.put_nowait(frame)
            case Pong():
                connection.ponged()
            case RenewalAnswer() if renewer is not None:
                renewer.answered(word)
            case Expired() if renewer is not None:
                renewer.expired()
            case Expired(message):
                connection.fail(refusal("", "expired", message))
            case SessionEnded(means, message, what):
                connection.fail(refusal(what, means, message))
