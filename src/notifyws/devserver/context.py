"""What all routes of the server share: its parts, its counters, its mode."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiohttp import web

from notifyws.devserver.hub import Hub
from notifyws.devserver.options import ServerOptions
from notifyws.devserver.state import State
from notifyws.devserver.tokens import Sessions
from notifyws.models import strict_json

__all__ = ["CONTEXT", "Context", "Log", "answer", "failure"]

Log = Callable[[int, str], None]
"""Told ``(level, line)``: 0 is important, 1 is each request and connection."""

LOGGED_IN = ("logins", "failedLogins", "refreshes", "failedRefreshes", "logouts")
CONNECTED = ("connections", "refusedUpgrades", "received", "refusedMessages")
COUNTED = dict.fromkeys((*LOGGED_IN, *CONNECTED), 0)


def answer(value: object, status: int = 200, **headers: str) -> web.Response:
    """Return an answer of JSON, which nobody stores."""
    headers = {"Cache-Control": "no-store", **headers}
    # No reason phrase: clients quote the status line, and the body says it better.
    return web.json_response(
        value, status=status, reason="", headers=headers, dumps=strict_json
    )


def failure(status: int, code: str, message: str, **headers: str) -> web.Response:
    """Return an error answer."""
    return answer({"error": {"code": code, "message": message}}, status, **headers)


class Context:
    """One running server, as its routes see it.

    Args:
        options: how it behaves when nobody says otherwise.
        state: what it remembers.
        log: where it says what happens.
    """

    def __init__(self, options: ServerOptions, state: State, log: Log) -> None:
        self.options = options
        self.log = log
        self.sessions = Sessions(state, options)
        self.hub = Hub(state)
        self.mode: dict[str, Any] = {}
        self.stats = Counter(COUNTED)
        self.closes: deque[dict[str, Any]] = deque(maxlen=100)
        self.stopping = asyncio.Event()

    async def instead(self, what: str) -> web.Response | None:
        """Wait as the mode says; return what it answers instead of the truth, if so."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), self.mode.get("delay", 0))
        status = self.mode.get(f"{what}_status")
        if status is None:
            return None
        after = self.mode.get("retry_after")
        headers = {} if after is None else {"Retry-After": f"{after:g}"}
        return failure(status, "mode", "answered so on request", **headers)

    def user_of(self, token: str) -> str | None:
        """Return whose access token that is, if it is good now."""
        return self.sessions.whose(token, time.time())


CONTEXT = web.AppKey("context", Context)
