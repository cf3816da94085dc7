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
from contextlib import suppress
from functools import partial

from aiohttp import WSMsgType, web

from notifyws.devserver.context import Context, failure
from notifyws.devserver.history import Overtaken
from notifyws.devserver.hub import CUT, TOO_SLOW, Ending
from notifyws.devserver.messages import Hello, Refused, notification_fields, understand

__all__ = ["websocket"]

BATCH = 64
"""Frames written before others get their turn."""
MAX_FRAME = 16 * 1024 * 1024
"""Bytes of the largest frame that is read to its end, to be refused in words."""
HTTP_PATHS = ("/auth/", "/_dev/")
NO_CODE = 1005
GONE: Ending = (1006, "")
UNAUTHORIZED: Ending = (4401, "unauthorized")
TOO_LATE: Ending = (4401, "unauthorized: no token in time")


async def websocket(context: Context, request: web.Request) -> web.StreamResponse:
    """Serve one socket until either side ends it, or refuse the upgrade."""
    header = request.headers.get("Sec-WebSocket-Protocol", "")
    offered = [each.strip() for each in header.split(",") if each.strip()]
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
    await _Socket(context, request, socket).serve(user)
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


class _Socket:
    def __init__(
        self, context: Context, request: web.Request, socket: web.WebSocketResponse
    ) -> None:
        self._context = context
        self._request = request
        self._socket = socket
        self._transport = request.transport
        self._connection = context.hub.connect(partial(self._end_in, 0))
        self._patience = asyncio.timeout(None)
        self._heard = GONE

    async def serve(self, user: str | None) -> None:
        """Be a connection of ``user``, or of whom its first frame names."""
        connection = self._connection
        try:
            with suppress(TimeoutError):
                async with self._patience:
                    await self._talk(user)
            if self._patience.expired():
                connection.close(TOO_LATE)  # unless another ending was asked for
            if connection.ending is not None:
                await self._close(*connection.ending)
        finally:
            self._context.hub.leave(connection)
            code, reason = connection.ending or self._heard
            end = {"code": code, "reason": reason, "user": connection.user}
            self._context.closes.append(end)
            self._context.log(1, f"closed {code}: {connection.user or 'nobody yet'}")

    async def _talk(self, user: str | None) -> None:
        # It joins before it is accepted: nothing sent after the 101 can be missed.
        if user is not None:
            self._join(user)
        else:
            self._end_in(self._context.options.auth_timeout)
        await self._socket.prepare(self._request)
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(self._write())
            while self._connection.ending is None:
                frame = await self._receive()
                if frame is None:
                    break
                self._heed(frame)
            writing.cancel()

    def _end_in(self, seconds: float) -> None:
        if not self._patience.expired():
            now = asyncio.get_running_loop().time()
            self._patience.reschedule(now + seconds)

    def _join(self, user: str) -> None:
        context, connection = self._context, self._connection
        self._patience.reschedule(None)
        context.hub.join(connection, user, self._request.query.get("since"))
        context.stats["connections"] += 1
        context.log(1, f"connected: {user}")
        if context.options.flaky:
            spread = random.uniform(0.75, 1.25)  # noqa: S311 - nothing secret
            seconds = context.options.flaky * spread
            asyncio.get_running_loop().call_later(seconds, connection.close, CUT)

    async def _write(self) -> None:
        try:
            while await self._connection.wake.wait():
                for frame in self._connection.take(BATCH):
                    await self._socket.send_str(frame)
                await asyncio.sleep(0)
        except Overtaken:
            self._connection.close(TOO_SLOW)
        except ConnectionError:
            return  # the reader learns how it ended

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
        context, connection = self._context, self._connection
        said = understand(frame)
        if isinstance(said, Hello) or connection.user is None:
            user = context.user_of(said.token) if isinstance(said, Hello) else None
            if user is None or connection.user not in (None, user):
                connection.close(UNAUTHORIZED)
            elif connection.user is None:
                self._join(user)
        elif isinstance(said, Refused):
            context.stats["refusedMessages"] += 1
            connection.say(said.frame)
        else:
            context.stats["received"] += 1
            fields = notification_fields(said)
            context.hub.publish(connection.user, fields, connection.number)

    async def _close(self, code: int, reason: str) -> None:
        """Close; a client that does not answer in time is cut."""
        if code != CUT[0]:
            # A drain that was cancelled, as the writer's may be, fails for ever after.
            await self._socket.close(code=code, message=reason.encode(), drain=False)
        if self._transport and self._socket.close_code in (None, GONE[0]):
            self._transport.abort()
