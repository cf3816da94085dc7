"""Answers what a server asks on one link: its pings, its words about the token.

It knows frames that speak to us, and no notification.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from notifyws.connection.connection import Connection
from notifyws.connection.renewal import Renewer
from notifyws.errors import NetworkFailed, TokenRefused
from notifyws.protocol.rules import (
    Asked,
    AuthFailed,
    Expired,
    Pong,
    RenewalAnswer,
    Word,
)

__all__ = ["Responder"]


class Responder:
    """Answers on one link.

    Args:
        link: the connection.
        renewer: renews its token; ``None`` where nobody does.
    """

    def __init__(self, link: Connection, renewer: Renewer | None) -> None:
        self._link = link
        self._renewer = renewer
        self._replies: asyncio.Queue[str] = asyncio.Queue()

    async def run(self) -> None:
        """Send replies in their order, until the link ends."""
        with suppress(NetworkFailed):
            while True:
                await self._link.send(await self._replies.get())

    def hear(self, word: Word) -> None:
        """Take what the server says to us."""
        link, renewer = self._link, self._renewer
        match word:
            case Asked(reply) if (frame := link.context.frame(reply)) is not None:
                self._replies.put_nowait(frame)
            case Pong():
                link.ponged()
            case RenewalAnswer() if renewer is not None:
                renewer.answered(word)
            case Expired() if renewer is not None:
                renewer.expired()
            case Expired(message) | AuthFailed(message):
                said = f": {message[:300]}" if message else ""
                link.fail(TokenRefused(f"the server does not accept the token{said}"))
