"""A refresh token is used sparingly: the reply that got lost may have spent it.

A server that rotates has ended the token by then, and may take its next use for a
theft. So a loss is remembered in the cache, for everybody and for a minute: one more
use is allowed, a third one is not. What never reached the server spends nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Protocol

from notifyws.errors import HttpRefused, NetworkFailed, ReplyLost
from notifyws.models import TokenPair

__all__ = ["Refresher", "may_be_spent"]

LOST_KEEP = 60.0
"""Seconds a lost reply is remembered."""
USES = 2
"""Uses of a refresh token whose replies get lost."""


class Memory(Protocol):
    """What is needed of a token cache."""

    async def read(self, account: str, *names: str) -> Mapping[str, Any]: ...
    async def replace(
        self,
        account: str,
        entries: Mapping[str, tuple[str, float] | None],
        *,
        expect: Mapping[str, str | None],
    ) -> bool: ...


class Server(Protocol):
    """What is needed of a server's HTTP side."""

    async def refresh(self, refresh_token: str) -> TokenPair: ...


class Refresher:
    """Refreshes for one account; to be asked by whoever holds its lock.

    Args:
        account: its id.
        cache: shared with everybody else.
        server: the HTTP side.
    """

    def __init__(self, account: str, cache: Memory, server: Server) -> None:
        self._account = account
        self._cache = cache
        self._server = server

    async def refresh(self, token: str) -> TokenPair:
        """Return new tokens for a refresh token.

        Raises:
            AuthenticationFailed: the token is no good.
            NetworkFailed: the server cannot be asked, or the token has to rest.
        """
        name = f"lost:{hashlib.sha256(token.encode()).hexdigest()[:32]}"
        losses = await self._losses(name)
        if losses >= USES:
            raise NetworkFailed(
                "two replies to a refresh were lost, so the token may be spent",
                "try again in a minute, or: notifyws auth login",
            )
        try:
            return await self._server.refresh(token)
        except NetworkFailed as error:
            if may_be_spent(error):
                lost = {name: (str(losses + 1), LOST_KEEP)}
                await self._cache.replace(self._account, lost, expect={})
            raise

    async def _losses(self, name: str) -> int:
        entry = (await self._cache.read(self._account, name)).get(name)
        return {"": 0, "1": 1}.get(entry.text if entry else "", USES)


def may_be_spent(error: NetworkFailed) -> bool:
    """Return whether a server may have done what such an error answered.

    A gateway that says 502 or 504 has lost the reply of the server behind it.
    """
    gateway = isinstance(error, HttpRefused) and error.status in (502, 504)
    return gateway or isinstance(error, ReplyLost)
