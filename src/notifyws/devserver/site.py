"""What all routes of the server share: its counters, its moods, its parts."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from json import JSONDecodeError
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from notifyws.devserver.hub import Hub
from notifyws.devserver.options import ServerOptions
from notifyws.devserver.tokens import Sessions

__all__ = ["Log", "Mode", "Site", "Stats", "failure", "read_object"]

Log = Callable[[int, str], None]
"""Told ``(level, line)``: 0 is important, 1 is each request and connection."""


@dataclass(slots=True)
class Stats:
    """What happened so far; names as ``GET /_dev/stats`` gives them."""

    logins: int = 0
    failedLogins: int = 0
    refreshes: int = 0
    failedRefreshes: int = 0
    logouts: int = 0
    connections: int = 0
    refusedUpgrades: int = 0
    received: int = 0
    refusedMessages: int = 0
    closes: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=100))

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        return {**asdict(self), "closes": list(self.closes)}


@dataclass(frozen=True, slots=True)
class Mode:
    """How the server misbehaves on request.

    Args:
        login_status, refresh_status, upgrade_status: answer with this instead.
        delay: seconds before each of these answers.
        retry_after: seconds for the ``Retry-After`` of such an answer.
    """

    login_status: int | None = None
    refresh_status: int | None = None
    upgrade_status: int | None = None
    delay: float = 0.0
    retry_after: float | None = None

    def answer(self, status: int) -> JSONResponse:
        """Return the answer that was asked for instead of the true one."""
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = f"{self.retry_after:g}"
        return failure(status, "mode", "answered so on request", headers)


@dataclass(slots=True)
class Site:
    """One running server, as its routes see it.

    Args:
        options, sessions, hub, log: its parts.
        cutter: gives, for a client's address, what cuts its TCP connection.
        stats, mode: its counters and how it misbehaves.
        guests: the patience left for each socket without a token yet.
        stopping: set when nobody is let in any more.
    """

    options: ServerOptions
    sessions: Sessions
    hub: Hub
    log: Log
    cutter: Callable[[tuple[str, int]], Callable[[], None]]
    stats: Stats = field(default_factory=Stats)
    mode: Mode = field(default_factory=Mode)
    guests: set[asyncio.Timeout] = field(default_factory=set)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def delay(self) -> None:
        """Return when the mode's delay is over, or the server stops."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), self.mode.delay)

    def user_of(self, token: str) -> str | None:
        """Return whose access token that is, if it is good now."""
        return self.sessions.whose(token, time.time())


def failure(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return an error answer."""
    error = {"error": {"code": code, "message": message}}
    return JSONResponse(error, status, headers)


async def read_object(request: Request) -> dict[str, Any] | None:
    """Return a request's JSON object; ``None`` when its body is anything else."""
    try:
        value = await request.json()
    except (JSONDecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
