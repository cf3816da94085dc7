"""What all routes of the server share: its parts, counters, mode, and connections.

A notification is made into text once and put at the end of its user's history; every
connection reads on there. Nothing here does I/O.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from math import ceil, inf
from typing import TYPE_CHECKING, Any

from aiohttp import web

from notifyws.devserver.messages import published
from notifyws.devserver.state import Entry, State
from notifyws.devserver.tokens import Sessions
from notifyws.models import strict_json

if TYPE_CHECKING:
    from notifyws.devserver.event_stream import Watcher
    from notifyws.devserver.server import ServerOptions
    from notifyws.devserver.websocket import Connection

Log = Callable[[int, str], None]
"""Told ``(level, line)``: 0 is important, 1 is each request and connection."""

LOGGED_IN = ("logins", "failedLogins", "refreshes", "failedRefreshes", "logouts")
CONNECTED = ("connections", "refusedUpgrades", "received", "refusedMessages")
COUNTED = dict.fromkeys((*LOGGED_IN, *CONNECTED), 0)

LASTING = ("delay", "pace")
"""What a mode's ``seconds`` do not end."""
Mode = dict[str, Any]
"""How answers differ from the truth until it is reset; ``app`` tells its keys."""


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


def offered_subprotocols(request: web.Request) -> list[str]:
    """Return what a client offers to speak over its socket."""
    header = request.headers.get("Sec-WebSocket-Protocol", "")
    return [each.strip() for each in header.split(",") if each.strip()]


class Context:
    """One running server, as its routes see it.

    Args:
        clock: seconds since 1970.

    Attributes:
        empty: set while nobody is connected.
    """

    def __init__(
        self,
        options: ServerOptions,
        state: State,
        log: Log,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.options = options
        self.state = state
        self.clock = clock
        self.sessions = Sessions(state, options)
        self.watchers: set[Watcher] = set()
        self.stats = Counter(COUNTED)
        self.closes: deque[dict[str, Any]] = deque(maxlen=100)
        self.stopping = asyncio.Event()
        self.connections: set[Connection] = set()
        self.numbers = count(1)
        self.empty = asyncio.Event()
        self.empty.set()
        self._log = log
        self._mode: Mode = {}
        self._mode_ends = inf
        newest = (history.newest for history in state.histories.values())
        self._last = max(newest, default=state.born)

    @property
    def mode(self) -> Mode:
        """What is in force now; its ``seconds`` are those that are left, rounded up."""
        left = self._mode_ends - asyncio.get_running_loop().time()
        if left == inf:
            return self._mode
        if left > 0:
            return {**self._mode, "seconds": ceil(left)}
        self.mode = {k: v for k, v in self._mode.items() if k in LASTING}
        return self._mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        seconds = mode.get("seconds", inf)
        self._mode, self._mode_ends = mode, asyncio.get_running_loop().time() + seconds

    def log(self, level: int, line: str) -> None:
        """Say what happened, in words."""
        self._log(level, line)
        self.note("said", {"text": line})

    def note(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Note for whoever watches that something happened."""
        for watcher in self.watchers:
            watcher.note(self.clock(), kind, facts)

    async def instead(self, what: str) -> web.Response | None:
        """Wait as the mode says; return what it answers instead of the truth, if so."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), self.mode.get("delay", 0))
        mode = self.mode
        status = mode.get(f"{what}_status")
        if status is None:
            return None
        after = mode.get("retry_after")
        headers = {} if after is None else {"Retry-After": f"{after:g}"}
        return failure(status, "mode", "answered so on request", **headers)

    def user_of(self, token: str) -> str | None:
        """Return whose access token that is, if it is good now."""
        return self.sessions.whose(token, self.clock())

    def live(self, user: str | None = None) -> list[Connection]:
        """Return the connections of ``user``, or everybody's; none without a token."""
        wanted = {user} if user else {one.user for one in self.connections} - {None}
        return [one for one in self.connections if one.user in wanted]

    def publish(self, user: str, fields: Mapping[str, Any], origin: int = 0) -> str:
        """Publish to all connections of ``user`` but number ``origin``; return the id.

        Raises:
            ValueError: the fields hold what JSON cannot say.
        """
        now = self.clock()
        ident = max(self._last + 1, int(now * 1_000_000))
        moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        frame = published(fields, ident, moment.replace("+00:00", "Z"))
        self._last = ident
        self.state.publish(user, Entry(ident, frame, origin))
        if self.watchers:
            about = {"id": str(ident), "user": user, "origin": origin}
            self.note("published", {**fields, **about})
        for connection in self.live(user):
            connection.wake.set()
        return str(ident)


CONTEXT = web.AppKey("context", Context)
