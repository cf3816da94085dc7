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
from collections.abc import Callable
from functools import partial

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketState

from notifyws.devserver.history import Overtaken
from notifyws.devserver.hub import (
    CUT,
    RESTART,
    TOO_SLOW,
    Connection,
    Ending,
)
from notifyws.devserver.messages import (
    Hello,
    Refused,
    notification_fields,
    understand,
)
from notifyws.devserver.site import Site, failure
from notifyws.devserver.wire import heard_ending, is_over

__all__ = ["socket_route"]

BATCH = 64
"""Frames written before others get their turn."""
HTTP_PATHS = ("/auth/", "/_dev/")
UNAUTHORIZED: Ending = (4401, "unauthorized")
TOO_LATE: Ending = (4401, "unauthorized: no token in time")


def socket_route(site: Site) -> WebSocketRoute:
    """Return the route that is a socket everywhere but on the HTTP paths."""
    return WebSocketRoute("/{path:path}", partial(_serve, site))


async def _serve(site: Site, websocket: WebSocket) -> None:
    token, subprotocol = _offered(websocket)
    user = site.user_of(token) if token else None
    await site.delay()
    refusal = _refusal(site, websocket, token, user)
    if refusal is not None:
        site.stats.refusedUpgrades += 1
        site.log(1, f"upgrade refused: {refusal.status_code}")
        await websocket.receive()
        await websocket.send_denial_response(refusal)
    elif user is not None:
        await _Socket(site, websocket, subprotocol).live(user)
    else:
        await _Socket(site, websocket, subprotocol).greet()


def _offered(websocket: WebSocket) -> tuple[str | None, str | None]:
    """Return the token of a handshake and the subprotocol to accept, if any."""
    offered = websocket.scope["subprotocols"]
    subprotocol = offered[0] if offered else None
    header = websocket.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        return (token.strip() if scheme.lower() == "bearer" else "?"), subprotocol
    for name in ("token", "access_token"):
        if name in websocket.query_params:
            return websocket.query_params[name] or "?", subprotocol
    return (offered[1] if len(offered) == 2 else None), subprotocol


def _refusal(
    site: Site, websocket: WebSocket, token: str | None, user: str | None
) -> Response | None:
    if site.mode.upgrade_status is not None:
        return site.mode.answer(site.mode.upgrade_status)
    if site.stopping.is_set():
        return failure(503, "stopping", "the server is stopping")
    if websocket.url.path.startswith(HTTP_PATHS):
        return failure(404, "not_found", "no socket is here")
    if token and user is None:
        sentence = "the access token is expired, revoked or unknown"
        return failure(401, "invalid_token", sentence)
    return None


class _Socket:
    def __init__(
        self, site: Site, websocket: WebSocket, subprotocol: str | None
    ) -> None:
        self._site = site
        self._websocket = websocket
        self._subprotocol = subprotocol
        self._cut = site.cutter(websocket.scope["client"])
        self._heard: Callable[[], Ending] = lambda: CUT

    async def greet(self) -> None:
        """Accept without a token and wait for it in the first frame."""
        await self._accept()
        try:
            frame = await self._first_frame()
        except TimeoutError:
            await self._part(RESTART if self._site.stopping.is_set() else TOO_LATE)
            return
        said = understand(frame) if frame is not None else None
        user = self._site.user_of(said.token) if isinstance(said, Hello) else None
        if user is not None:
            await self.live(user)
        elif frame is not None:
            await self._part(UNAUTHORIZED)

    async def live(self, user: str) -> None:
        """Be a connection of ``user`` until either side ends it."""
        since = self._websocket.query_params.get("since")
        # It joins before it is accepted: nothing sent after the 101 can be missed.
        connection = self._site.hub.join(user, since, self._cut)
        self._site.stats.connections += 1
        self._site.log(1, f"connected: {user}")
        if self._site.options.flaky:
            spread = random.uniform(0.75, 1.25)  # noqa: S311 - nothing secret
            connection.cut_after(self._site.options.flaky * spread)
        try:
            await self._accept()
            await self._talk(connection)
        finally:
            self._site.hub.leave(connection)
            self._note_end(connection.ending or self._heard(), user)

    async def _accept(self) -> None:
        if self._websocket.application_state is WebSocketState.CONNECTING:
            await self._websocket.accept(self._subprotocol)
            if is_over(self._websocket.scope):
                raise ClientDisconnect
            self._heard = heard_ending(self._websocket.scope)

    async def _first_frame(self) -> str | bytes | None:
        async with asyncio.timeout(self._site.options.auth_timeout) as patience:
            self._site.guests.add(patience)
            try:
                return await self._receive()
            finally:
                self._site.guests.discard(patience)

    async def _talk(self, connection: Connection) -> None:
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write(connection))
            while (frame := await self._receive()) is not None:
                if connection.ending is None:
                    self._heed(connection, frame)
            writer.cancel()

    async def _write(self, connection: Connection) -> None:
        try:
            while connection.ending is None:
                connection.wake.clear()
                for frame in connection.take(BATCH):
                    await self._websocket.send_text(frame)
                if connection.waiting:
                    await asyncio.sleep(0)
                else:
                    await connection.wake.wait()
        except Overtaken:
            connection.close(TOO_SLOW)
        code, reason = connection.ending or CUT
        if code != CUT[0]:
            await self._websocket.close(code, reason)

    async def _receive(self) -> str | bytes | None:
        """Return the next frame, ``None`` when the socket has ended."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        return message["bytes"] if text is None else text

    def _heed(self, connection: Connection, frame: str | bytes) -> None:
        said = understand(frame)
        if isinstance(said, Hello):
            if self._site.user_of(said.token) != connection.user:
                connection.close(UNAUTHORIZED)
        elif isinstance(said, Refused):
            self._site.stats.refusedMessages += 1
            connection.say(said.frame())
        else:
            self._site.stats.received += 1
            fields = notification_fields(said)
            self._site.hub.publish(connection.user, fields, connection.number)

    async def _part(self, ending: Ending) -> None:
        """Close, and give the client time to answer before the TCP connection goes."""
        self._note_end(ending, None)
        await self._websocket.close(*ending)
        try:
            async with asyncio.timeout(self._site.options.closing_grace):
                while await self._receive() is not None:
                    pass
        except TimeoutError:
            self._cut()

    def _note_end(self, ending: Ending, user: str | None) -> None:
        code, reason = ending
        self._site.stats.closes.append({"code": code, "reason": reason, "user": user})
        self._site.log(1, f"closed {code}: {user or 'nobody yet'}")
