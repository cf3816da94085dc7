"""How the end of a connection is told: in time, and never with a secret in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

from notifyws.errors import ConnectionLost, NotifyError
from notifyws.protocol.masking import masked

Result = TypeVar("Result")
Problem = TypeVar("Problem", bound=NotifyError)
WORDS = ("message", "reason", "words", "location")
"""What an error may hold of a server's words."""
LONGEST = 4096
"""Characters of them that are looked at, and told."""


async def within(seconds: float, waiting: Awaitable[Result], missing: str) -> Result:
    """Return what a live connection brings in time.

    Raises:
        ConnectionLost: it did not, and what was ``missing``.
    """
    try:
        async with asyncio.timeout(seconds):
            return await waiting
    except TimeoutError:
        message = f"{missing} within {seconds:g} s"
        raise ConnectionLost(1006, message) from None


def without_secrets(error: Problem, secrets: Iterable[str]) -> Problem:
    """Return the same error, its words and facts without the secrets, and not endless.

    Whoever refuses a token may repeat it, in an answer, a frame or a close.
    """
    hidden = tuple(secrets)
    for name in WORDS:
        if said := getattr(error, name, None):
            setattr(error, name, masked(said[:LONGEST], hidden))
    error.args = (error.message,)
    return error
