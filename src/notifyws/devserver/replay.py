"""A server that plays a recording: every socket it tells of, one after the other.

It says what the recorded server said, when it said it, and fails as that one did. A
frame of the client is waited for where it stands in the recording, so that nothing is
answered before it was asked; what the client says instead is taken for it. Whatever
stood for a secret is accepted. It knows no profile, and serves loopback only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote

from aiohttp import web

from notifyws.devserver.app import refused
from notifyws.devserver.context import Log, failure
from notifyws.devserver.played_socket import PlayedSocket
from notifyws.devserver.server import HOST, listen_on, serve_on
from notifyws.models import strict_json
from notifyws.recording import Exchange, Recording, Refused, Unreached, Visit

AGAIN_AFTER = 5
"""Seconds after which whoever comes when all is over may ask again."""


class ReplayServer:
    """Plays a recording.

    Args:
        port: where to listen, on loopback; 0 takes a free one.
        speed: how many times as fast as it was; infinity waits for nothing.
        log: told ``(level, line)``; 0 is important, 1 is each request.
        patience: seconds to wait for a frame that the client sent when it was recorded.
        linger: seconds that it has to leave where it left then, at any speed.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        port: int,
        speed: float = 1.0,
        loop: bool = False,
        log: Log = lambda level, line: None,
        patience: float = 5.0,
        linger: float = 120.0,
    ) -> None:
        self._visits, self._exchanges = recording.visits, recording.exchanges
        self._speed, self._loop, self._log = speed, loop, log
        self._patience, self._linger = patience, linger
        self._next, self._asked = 0, Counter[str]()
        self._runner: web.AppRunner | None = None
        self._open: set[PlayedSocket] = set()
        self.port = port

    @property
    def url(self) -> str:
        """Where its sockets are."""
        return f"ws://{HOST}:{self.port}"

    async def __aenter__(self) -> ReplayServer:
        listener = listen_on(self.port)
        self.port = listener.getsockname()[1]
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = await serve_on(listener, app)
        count = len(self._visits)
        self._log(0, f"playing {count} connection{'s' * (count != 1)} on {self.url}")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        for each in self._open:
            each.end()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if (refusal := await refused(request)) is not None:
            return refusal
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return self._exchange(request)
        if (visit := self._visit()) is None:
            after = {"Retry-After": str(AGAIN_AFTER)}
            return failure(503, "over", "the recording is over", **after)
        return await self._play(visit, request)

    def _visit(self) -> Visit | None:
        """Return what the next opening meets; ``None`` when all was played."""
        if self._loop and self._next >= len(self._visits):
            self._next = 0
            self._asked.clear()
        if self._next >= len(self._visits):
            return None
        self._next += 1
        if self._next == len(self._visits) and not self._loop:
            self._log(0, "this is the last connection of the recording")
        return self._visits[self._next - 1]

    async def _play(self, visit: Visit, request: web.Request) -> web.StreamResponse:
        say: Callable[[str], None] = partial(self._log, 1)
        played = PlayedSocket(visit, self._speed, say, self._patience, self._linger)
        await played.wait(visit.after)
        match visit.ending:
            case Refused() as refused:
                say(f"socket {visit.number}: refused with {refused.status}")
                return _refusal(refused)
            case Unreached(reason=reason):
                say(f"socket {visit.number}: cut before an answer ({reason})")
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
        self._open.add(played)
        try:
            return await played.serve(request)
        finally:
            self._open.discard(played)

    def _exchange(self, request: web.Request) -> web.Response:
        """Return what was answered then: in its order, and the last again and again."""
        asked = f"{request.method} {request.path}"
        known = [e for e in self._exchanges if _is_same(e, request)]
        self._log(1, asked)
        if not known:
            hint = f"the recording holds no answer to {asked}; log in with a token"
            return failure(404, "not_recorded", f"{hint}: NOTIFYWS_TOKEN=replay")
        chosen = known[min(self._asked[asked], len(known) - 1)]
        self._asked[asked] += 1
        response = web.Response(
            text=chosen.answer,
            status=chosen.status,
            reason="",
            headers=chosen.headers,
        )
        response.content_type = "application/json"
        for name, value in chosen.cookies.items():
            response.headers.add("Set-Cookie", f"{name}={value}; Path=/")
        return response


def _is_same(exchange: Exchange, request: web.Request) -> bool:
    path = unquote(exchange.path)  # a base path of the server stands in front
    return exchange.method == request.method and path.endswith(request.path)


def _refusal(refused: Refused) -> web.Response:
    headers = {"Content-Type": "application/json"}
    if refused.retry_after is not None:
        headers["Retry-After"] = f"{refused.retry_after:g}"
    if refused.location:
        headers["Location"] = refused.location
    body = strict_json({"message": refused.words}) if refused.words else ""
    return web.Response(text=body, status=refused.status, headers=headers)
