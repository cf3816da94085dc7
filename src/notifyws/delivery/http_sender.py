"""Sends messages over HTTP, one a request: its answer says what became of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from notifyws.delivery.sender import SendResult
from notifyws.errors import HttpRefused, NetworkFailed, TokenRefused
from notifyws.models import Message
from notifyws.protocol.composer import of_message

if TYPE_CHECKING:
    from notifyws.connection.ports import Tokens

Post = Callable[[str, Mapping[str, Any]], Awaitable[None]]


class HttpSender:
    """Sends by HTTP, one message a request.

    Args:
        post: sends one message with an access token, given the templates' variables.
    """

    def __init__(self, tokens: Tokens, post: Post) -> None:
        self._tokens, self._post = tokens, post

    async def send(self, messages: Sequence[Message]) -> list[SendResult]:
        """Send messages in order; return what became of each, in the same order.

        Raises:
            NetworkFailed, AuthenticationFailed: there is no token to send with, or a
                second one was refused as well.
        """
        token = await self._tokens.get()
        sent: list[SendResult] = []
        for message in messages:
            known = of_message(message)
            try:
                try:
                    await self._post(token.value, known)
                except TokenRefused:
                    token = await self._tokens.renew(token.value)
                    await self._post(token.value, known)
            except TokenRefused as error:
                raise token.not_accepted(error.words) from None
            except HttpRefused as error:
                sent.append(SendResult.of(message, "rejected", error.message))
            except NetworkFailed as error:
                sent.append(SendResult.of(message, "unknown", error.message))
            else:
                sent.append(SendResult.of(message, "delivered"))
        return sent
