"""The WebSocket side: who may come in, what is read, what is written.

A token is looked for in ``Authorization: Bearer``, in ``?token=`` or
``?access_token=``, and as the second of two offered subprotocols (the first is
accepted); a bad one is refused with HTTP 401. With a token in none of these places
the first frame must be ``{"type": "auth", "token": ...}``; a bad one is closed with
4401, a good one is not answered.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from contextlib import suppress

from aiohttp import WSMsgType, web

from notifyws.devserver.context import Context, failure, offered_subprotocols
from notifyws.devserver.messages import Hello, Refused, notification_fields, understand
from notifyws.devserver.state import Entry, History, Overtaken
from notifyws.models import strict_json

Ending = tuple[int, str]

BATCH = 64
"""Frames written before others get their turn."""
MAX_FRAME = 16 * 1024 * 1024
"""Bytes of the largest frame that is read to its end, to be refused in words."""
ASIDE_LIMIT = 1_000
"""Frames that may wait for one connection alone, such as answers to its errors."""
HTTP_PATHS = ("/auth/", "/_dev/")
NO_CODE = 1005
GONE: Ending = (1006, "")
CUT: Ending = (1006, "cut by the server")
RESTART: Ending = (1012, "service restart")
TOO_SLOW: Ending = (1013, "too slow: the outbox is full")
UNAUTHORIZED: Ending = (4401, "unauthorized")
TOO_LATE: Ending = (4401, "unauthorized: no token in time")


async def websocket(context: Context, request: web.Request) -> web.StreamResponse:
    """Serve one socket until either side ends it, or refuse the upgrade."""
    offered = offered_subprotocols(request)
    token = _token(request, offered)
    user = context.user_of(token) if token else None
    socket = web.WebSocketResponse(
        protocols=offered[:1],
        compress=False,
        max_msg_size=MAX_FRAME,
        timeout=context.options.closing_grace,
    )
    refusal = await context.instead("upgrade")
    if refusal is None and context.stopping.is_set():
        refusal = failure(503, "stopping", "the server is stopping")
    elif refusal is None and request.path.startswith(HTTP_PATHS):
        refusal = failure(404, "not_found", "no socket is here")
    elif refusal is None and token and user is None:
        sentence = "the access token is expired, revoked or unknown"
        refusal = failure(401, "invalid_token", sentence)
    elif refusal is None and not socket.can_prepare(request):
        refusal = failure(400, "malformed", "that is no WebSocket handshake")
    if refusal is not None:
        context.stats["refusedUpgrades"] += 1
        context.log(1, f"upgrade refused: {refusal.status}")
        return refusal
    await Connection(context, request, socket).serve(user)
    return socket


def _token(request: web.Request, offered: list[str]) -> str | None:
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        return token.strip() if scheme.lower() == "bearer" else "?"
    for name in ("token", "access_token"):
        if name in request.query:
            return request.query[name] or "?"
    return offered[1] if len(offered) == 2 else None


class Connection:
    """One socket: what it says, what it is sent, and how it ends.

    A slow one holds nothing but the last id it has seen: when what follows is no
    longer kept, it has been overtaken.

    Attributes:
        user: whose it is; nobody's until a token was shown.
        number: tells it from all others; never 0.
        since: when it was opened, in seconds since 1970.
        wake: set while there may be something to write.
    """

    def __init__(
        self, context: Context, request: web.Request, socket: web.WebSocketResponse
    ) -> None:
        self.user: str | None = None
        self.number = next(context.numbers)
        self.agent = request.headers.get("User-Agent", "")
        self.since = context.clock()
        self.sent = 0
        self.wake = asyncio.Event()
        self._context = context
        self._request = request
        self._socket = socket
        self._transport = request.transport
        self._time_limit = asyncio.timeout(None)
        self._ending: Ending | None = None
        self._heard = GONE
        self._history = History(0, 1)
        self._seen = 0
        self._aside: deque[tuple[int, str]] = deque()

    def close(self, ending: Ending) -> None:
        """Ask for it to be closed, or cut; the first ending asked for stands."""
        if self._ending is None:
            self._ending = ending
            self._end_in(0)

    def say(self, frame: str) -> None:
        """Send a frame to this connection alone, after all published before it."""
        if len(self._aside) >= ASIDE_LIMIT:
            self.close(TOO_SLOW)
        self._aside.append((self._history.newest, frame))
        self.wake.set()

    async def serve(self, user: str | None) -> None:
        """Be a connection of ``user``, or of whom its first frame names."""
        context = self._context
        context.connections.add(self)
        context.empty.clear()
        try:
            with suppress(TimeoutError):
                async with self._time_limit:
                    await self._talk(user)
            if self._time_limit.expired():
                self.close(TOO_LATE)  # unless another ending was asked for
            if self._ending is not None:
                await self._close(*self._ending)
        finally:
            context.connections.discard(self)
            if not context.connections:
                context.empty.set()
            self._ending = code, reason = self._ending or self._heard
            context.closes.append({"code": code, "reason": reason, "user": self.user})
            context.log(1, f"closed {code}: {self.user or 'nobody yet'}")

    async def _talk(self, user: str | None) -> None:
        # It joins before it is accepted: nothing sent after the 101 can be missed.
        if user is not None:
            self._join(user)
        else:
            self._end_in(self._context.options.auth_timeout)
        await self._socket.prepare(self._request)
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(self._write())
            while self._ending is None:
                frame = await self._receive()
                if frame is None:
                    break
                self._heed(frame)
            writing.cancel()

    def _end_in(self, seconds: float) -> None:
        if not self._time_limit.expired():
            now = asyncio.get_running_loop().time()
            self._time_limit.reschedule(now + seconds)

    def _join(self, user: str) -> None:
        context = self._context
        self._time_limit.reschedule(None)
        self.user, self._history = user, context.state.history(user)
        self._seen, gap = self._history.resume(self._request.query.get("since"))
        if gap is not None:
            self._aside.append((self._seen, strict_json(gap)))
        self.wake.set()
        context.stats["connections"] += 1
        context.log(1, f"connected: {user}")
        if context.options.flaky:
            spread = random.uniform(0.75, 1.25)  # noqa: S311 - nothing secret
            seconds = context.options.flaky * spread
            asyncio.get_running_loop().call_later(seconds, self.close, CUT)

    async def _write(self) -> None:
        try:
            while await self.wake.wait():
                pace = self._context.mode.get("pace", 0)
                await asyncio.sleep(pace)
                for entry in self._next_entries(1 if pace else BATCH):
                    await self._socket.send_str(entry.frame)
                    self._note_sent(entry)
        except Overtaken:
            self.close(TOO_SLOW)
        except ConnectionError:
            return  # the reader learns how it ended

    def _note_sent(self, entry: Entry) -> None:
        if entry.id:
            self.sent += 1
            for watcher in self._context.watchers:
                watcher.sent(entry.id, self.number)

    def _next_entries(self, most: int) -> list[Entry]:
        """Return what is next, so much at most; it sleeps if nothing is left.

        What is said to this connection alone has no id: 0.
        """
        if self._aside and self._aside[0][0] <= self._seen:
            return [Entry(0, self._aside.popleft()[1])]
        entries = self._history.after(self._seen, most)
        if self._aside:
            entries = [one for one in entries if one.id <= self._aside[0][0]]
        if entries:
            self._seen = entries[-1].id
        else:
            self.wake.clear()
        return [entry for entry in entries if entry.origin != self.number]

    async def _receive(self) -> str | bytes | None:
        """Return the next frame, ``None`` when the socket has ended."""
        try:
            message = await self._socket.receive()
        except ConnectionError:
            return None  # a ping could not be answered
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            return message.data  # type: ignore[no-any-return]
        if message.type is WSMsgType.CLOSE:
            self._heard = (message.data or NO_CODE, message.extra or "")
        elif self._socket.close_code is not None:
            self._heard = (self._socket.close_code, "")
        return None

    def _heed(self, frame: str | bytes) -> None:
        context, said = self._context, understand(frame)
        if isinstance(said, Hello) or self.user is None:
            user = context.user_of(said.token) if isinstance(said, Hello) else None
            if user is None or self.user not in (None, user):
                self.close(UNAUTHORIZED)
            elif self.user is None:
                self._join(user)
        elif isinstance(said, Refused):
            context.stats["refusedMessages"] += 1
            self.say(said.frame)
        else:
            context.stats["received"] += 1
            context.publish(self.user, notification_fields(said), self.number)

    async def _close(self, code: int, reason: str) -> None:
        """Close; a client that does not answer in time is cut."""
        if code != CUT[0]:
            # A drain that was cancelled, as the writer's may be, fails for ever after.
            await self._socket.close(code=code, message=reason.encode(), drain=False)
        if self._transport and self._socket.close_code in (None, GONE[0]):
            self._transport.abort()
