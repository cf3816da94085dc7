"""A refresh token is used sparingly: a reply that was not heard may have spent it.

A server that rotates ends the token before its reply arrives, and may take its next
use for a theft. So each use is marked in the cache before it is made, for everybody
and for a minute, and the mark goes when an answer was heard. A token that may be
spent is used once more, if there is no password to log in with, and not a third time.
What never reached the server spends nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from notifyws.auth.token_lock import TokenLock
from notifyws.errors import AuthenticationFailed, HttpRefused, NetworkFailed, ReplyLost

__all__ = ["use_refresh_token"]

T = TypeVar("T")

LOST_KEEP = 60.0
"""Seconds a use is remembered whose reply was not heard."""
USES = 2
"""Uses of a refresh token whose replies are not heard."""
GRACE = 1.25
"""Seconds in which a refresh may end, and be kept, though its caller was cancelled."""


async def use_refresh_token(
    lock: TokenLock,
    token: str,
    exchange: Callable[[], Awaitable[T]],
    find_password: Callable[[], Awaitable[str]],
) -> T:
    """Return what the exchange that shows a refresh token comes to.

    Args:
        lock: of the token's account, held by us.
        token: the refresh token.
        exchange: shows it to the server and keeps what that answers.
        find_password: returns what a login can be made with, or nothing.

    Raises:
        AuthenticationFailed: the token is no good.
        NetworkFailed: the server cannot be asked, or the token has to rest.
        LockLost: the lock was lost before the token was shown.
    """
    mark = f"lost:{hashlib.sha256(token.encode()).hexdigest()[:32]}"
    problem: NetworkFailed | None = None
    while True:
        text = await lock.look(mark)
        losses = {None: 0, "1": 1}.get(text, USES)
        if losses >= USES or (losses and await find_password()):
            raise problem or NetworkFailed(
                "the reply to a refresh was lost, so the token may be spent",
                "try again in a minute, or: notifyws auth login",
            )
        await lock.hold(**{mark: (str(losses + 1), LOST_KEEP)})
        try:
            return await lock.during(_heard(lock, mark, exchange), GRACE)
        except NetworkFailed as error:
            if not may_be_spent(error):
                await lock.leave(mark, (text, LOST_KEEP) if text else None)
                raise
            problem = error


async def _heard(lock: TokenLock, mark: str, exchange: Callable[[], Awaitable[T]]) -> T:
    try:
        got = await exchange()
    except AuthenticationFailed:
        await lock.leave(mark)
        raise
    await lock.leave(mark)
    return got


def may_be_spent(error: NetworkFailed) -> bool:
    """Return whether a server may have done what such an error answered.

    A gateway that says 502 or 504 has lost the reply of the server behind it.
    """
    gateway = isinstance(error, HttpRefused) and error.status in (502, 504)
    return gateway or isinstance(error, ReplyLost)
