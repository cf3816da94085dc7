"""A fresh token for a live connection, before the old one ends.

In place: a frame on the same socket. Make before break: a new socket first, then the
old one is closed; what both deliver is told once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from notifyws.errors import ConnectionLost, NetworkFailed, NotifyError, TokenRefused
from notifyws.held import Obtained
from notifyws.link import Link
from notifyws.protocol.profile import Renewal
from notifyws.protocol.rules import RenewalAnswer
from notifyws.tasks import first_of
from notifyws.values import frozen
from notifyws.world import World, elapse

__all__ = ["Renewer", "Schedule"]

AGAIN = 5.0
"""Seconds after which a renewal that failed is tried again, at most."""


@frozen
class Schedule:
    """When and how to renew.

    Args:
        renewal: of the profile.
        margin: share of the remaining life at whose end it is time.
    """

    renewal: Renewal
    margin: float = 0.2


class Renewer:
    """Renews the token of one link for as long as it lives.

    Args:
        schedule: when and how.
        link: the connection.
        another: gives another token than the one it is shown.
        reopen: opens a new link with a token, for make before break.
        world: clock and sleep.
        used: is told of the token that is used from now on.
    """

    def __init__(
        self,
        schedule: Schedule,
        link: Link,
        another: Callable[[str], Awaitable[Obtained]],
        reopen: Callable[[Obtained], Awaitable[None]],
        world: World,
        used: Callable[[Obtained], None],
    ) -> None:
        self._schedule = schedule
        self._link = link
        self._another = another
        self._reopen = reopen
        self._world = world
        self._used = used
        self._expired = asyncio.Event()
        self._answer: asyncio.Future[RenewalAnswer] | None = None

    def expired(self) -> None:
        """Take the server's word that the token has ended: renew at once."""
        self._expired.set()

    def answered(self, answer: RenewalAnswer) -> None:
        """Take the server's answer to a renewal."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)

    async def run(self, token: Obtained) -> None:
        """Renew ``token`` and its successors in time; ends with the link."""
        while True:
            await self._until_due(token)
            self._expired.clear()
            try:
                token = await self._another(token.value)
                self._used(token)
                if self._schedule.renewal.how == "reconnect":
                    return await self._reopen(token)
                await self._in_place(token)
            except NetworkFailed as error:
                if isinstance(error, (TokenRefused, ConnectionLost)):
                    return self._link.fail(error)
                await self._world.sleep(AGAIN)
                self._expired.set()
            except NotifyError as error:
                return self._link.fail(TokenRefused(error.message, error.hint))

    async def _until_due(self, token: Obtained) -> None:
        left = token.remaining * (1 - self._schedule.margin)
        await first_of(self._expired.wait(), elapse(self._world, max(left, 1.0)))

    async def _in_place(self, token: Obtained) -> None:
        renewal = self._schedule.renewal
        self._link.script.learn("access_token", token.value)
        frame = self._link.script.frame(renewal.frame)
        assert frame is not None
        self._answer = asyncio.get_running_loop().create_future()
        await self._link.send(frame)
        try:
            async with asyncio.timeout(renewal.timeout):
                answer = await self._answer
        except TimeoutError:
            waited = f"{renewal.timeout:g} s"
            message = f"no answer to the new token within {waited}"
            raise ConnectionLost(1006, message) from None
        if not answer.ok:
            said = f": {answer.message[:300]}" if answer.message else ""
            raise TokenRefused(f"the server does not accept the new token{said}")
