"""Sends messages where a profile does so by HTTP, or shows how they would be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import cached_property

from notifyws.auth.authenticator import Authenticator
from notifyws.delivery.sender import Connection, SendResult, SocketSender
from notifyws.errors import (
    ConfigurationError,
    HttpRefused,
    NetworkFailed,
    TokenRefused,
)
from notifyws.models import Message, strict_json
from notifyws.protocol.frames import Composed, Composer, of_message
from notifyws.protocol.profile import Send
from notifyws.protocol.templates import UNSET, TemplateContext, fill

__all__ = ["HttpSender", "build_sender", "frame_of"]


def build_sender(
    auth: Authenticator, connection: Callable[[], Connection | None]
) -> SocketSender:
    """Return what sends over a socket; it says so if the profile cannot.

    Args:
        auth: knows the profile.
        connection: returns the socket that is open, ``None`` where none is.
    """
    ack = auth.profile.send.ack if auth.profile.send else None
    compose = _SocketComposer(auth).compose
    return SocketSender(connection, compose, asyncio.sleep, ack)


class _SocketComposer:
    """Makes frames of messages; what it needs is made for the first one."""

    def __init__(self, auth: Authenticator) -> None:
        self._auth = auth

    @cached_property
    def _composer(self) -> Composer:
        return Composer(_send(self._auth))

    def compose(self, message: Message, context: TemplateContext) -> Composed:
        return self._composer.compose(message, context)


def _send(auth: Authenticator) -> Send:
    if auth.profile.send is None:
        name = auth.profile.name
        raise ConfigurationError(f"profile {name} does not say how to send")
    return auth.profile.send


def frame_of(auth: Authenticator, message: Message) -> str:
    """Return a message as it would be sent first on a socket, or by HTTP.

    Raises:
        ConfigurationError: the profile does not say how to send.
        UsageError: the payload holds what JSON cannot say.
    """
    context = TemplateContext(auth.variables, auth.clock.wall, auth.clock.secret)
    steps = _send(auth).http
    if steps is None:
        return Composer(_send(auth)).compose(message, context).frame
    last = steps[-1] if isinstance(steps, tuple) else steps
    known = context.variables(**of_message(message))
    body = fill(last.body if last.form is None else last.form, known)
    request = {"method": last.method, "path": last.path}
    return strict_json({**request, "body": None if body is UNSET else body})


class HttpSender:
    """Sends messages one by one over the HTTP side.

    Args:
        auth: gives tokens, and makes the requests.
    """

    def __init__(self, auth: Authenticator) -> None:
        self._auth = auth

    async def send(self, messages: Sequence[Message]) -> list[SendResult]:
        """Send messages in order; return what became of each.

        Raises:
            NetworkFailed, AuthenticationFailed: there is no token to send with.
        """
        tokens, post = self._auth.tokens, self._auth.http.send
        token = (await tokens.get()).value
        results: list[SendResult] = []
        for message in messages:
            known = of_message(message)
            try:
                try:
                    await post(token, known)
                except TokenRefused:
                    token = (await tokens.renew(token)).value
                    await post(token, known)
            except (HttpRefused, TokenRefused) as error:
                results.append(SendResult.of(message, "rejected", error.message))
            except NetworkFailed as error:
                results.append(SendResult.of(message, "unknown", error.message))
            else:
                results.append(SendResult.of(message, "delivered"))
        return results
