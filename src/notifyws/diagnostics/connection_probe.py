"""One connection, opened for a look: what the server says on it, and what it refuses.

``status --check`` and ``profile check`` both go this way, which is a listener's own:
the whole handshake, with what the user gave for the profile's variables, and then
whatever the profile's rules make of what comes. Nothing is tried twice, and nobody is
shown a notification. What goes over it can be kept, without secrets.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.cached_tokens import AccessToken
from notifyws.auth.http_client import Request
from notifyws.auth.known_secrets import known_secrets
from notifyws.clock import utc_text
from notifyws.connection.build import (
    build_server_protocol,
    judged,
    open_connection,
    verify_token,
)
from notifyws.connection.connection import Connection
from notifyws.connection.endings import Problem, without_secrets
from notifyws.connection.ports import AtOnce, Dial, Transport
from notifyws.connection.renewal import Responder
from notifyws.delivery.build import build_rules
from notifyws.delivery.sender import GRACE
from notifyws.errors import NetworkFailed
from notifyws.models import as_text
from notifyws.protocol.arrivals import Arrival, ControlFrame, Many, One, ServerError
from notifyws.protocol.masking import masked, spellings, without_named
from notifyws.protocol.token_replies import Answer
from notifyws.tasks import cancel

Result = TypeVar("Result")
LONGEST = 400
"""Characters of a request, an answer or a frame that are kept."""
MOST = 100
"""Lines that are kept of a step, each way: a server may flood."""


class ConnectionProbe:
    """A connection, and what came over it so far.

    Args:
        tell: is told each thing that arrives, in its order.

    Attributes:
        first: what came first; ``None`` while nothing did.
        complaint: the server's last error frame, in its own words.
    """

    def __init__(
        self,
        auth: Authenticator,
        token: AccessToken,
        tell: Callable[[One], None] = lambda arrival: None,
    ) -> None:
        self._auth = auth
        self._token = token
        self._tell = tell
        self._rules = build_rules(auth.profile)
        self._heard = asyncio.Event()
        self._reading: asyncio.Future[None] | None = None
        self.connection: Connection | None = None
        self.first: Arrival | None = None
        self.complaint = ""

    async def verify(self) -> None:
        """Have the token verified, where a listener does so before it opens a socket.

        Raises:
            AuthenticationFailed: it is no good.
            NetworkFailed: no answer, or none that makes sense.
        """
        if not build_server_protocol(self._auth).doubts:
            await verify_token(self._auth, self._token)

    async def open(self, dial: Dial | None = None) -> None:
        """Open it, handshake and all, and begin to read.

        Args:
            dial: opens the socket, in place of the usual way.

        Raises:
            AuthenticationFailed: the server does not accept the token.
            NetworkFailed: it did not come to an open connection.
        """
        self.connection = await open_connection(self._auth, self._token, dial)
        self._reading = asyncio.ensure_future(self._read(self.connection))

    async def close(self) -> None:
        """Say goodbye, if it is open."""
        if self._reading is not None:
            await cancel(self._reading)
        if self.connection is not None:
            await self.connection.close()

    async def hear(self, seconds: float) -> bool:
        """Return whether anything came in time.

        Raises:
            AuthenticationFailed, NetworkFailed: the connection ended, and why; also
                where what came says so.
        """
        heard = bool(await self.meanwhile(self._heard.wait(), seconds))
        await self.meanwhile(asyncio.sleep(GRACE if heard else 0), None)
        return heard

    async def ping(self, seconds: float | None = None) -> float | None:
        """Return the seconds of a ping there and back, ``None`` without one.

        The server has then read all that it was sent: what it refuses is known a
        moment later.

        Args:
            seconds: to wait; ``None`` for as long as a listener would.

        Raises:
            AuthenticationFailed, NetworkFailed: the connection ended, and why.
        """
        assert self.connection is not None
        latency = await self.meanwhile(self.connection.ping(), seconds)
        await self.meanwhile(asyncio.sleep(GRACE), None)
        return latency if self.connection.can_ping else None

    async def meanwhile(
        self, doing: Awaitable[Result], seconds: float | None
    ) -> Result | None:
        """Return what comes of something on this connection; ``None`` if not in time.

        Raises:
            AuthenticationFailed, NetworkFailed: the connection ended, and why.
        """
        assert self._reading is not None
        task = asyncio.ensure_future(doing)
        ends: set[asyncio.Future[Any]] = {task, self._reading}
        try:
            await asyncio.wait(
                ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            broken = task.done() and task.exception() is not None
            if broken or self._reading.done():  # why it ended, the reader knows best
                await asyncio.wait({self._reading}, timeout=GRACE)
            if self._reading.done():
                self._reading.result()
            return task.result() if task.done() else None
        except NetworkFailed as error:
            raise judged(self._auth, error, self._token) from None
        finally:
            await cancel(task)

    async def _read(self, connection: Connection) -> None:
        """Take what comes, and answer the server's own pings, until it ends."""
        responder = Responder(connection, None)

        def take(frames: Sequence[str | bytes]) -> None:
            now = utc_text(self._auth.clock.wall())
            for frame in frames:
                self._take(self._rules.read(frame, now), responder)

        answering = asyncio.ensure_future(responder.run())
        try:
            await connection.run(take)
        finally:
            await cancel(answering)

    def _take(self, arrival: Arrival, responder: Responder) -> None:
        self.first = self.first or arrival
        self._heard.set()
        for each in arrival.arrivals if isinstance(arrival, Many) else (arrival,):
            self._tell(each)
            said = responder.hear(each) if isinstance(each, ControlFrame) else each
            if isinstance(said, ServerError):
                hidden = *spellings(self._token.value), *known_secrets(self._auth)
                self.complaint = masked(said.message[:LONGEST], hidden)
            elif isinstance(said, ControlFrame):
                responder.hear(said)


async def try_socket(auth: Authenticator, token: AccessToken) -> None:
    """Open a socket once, as listeners do.

    Raises:
        AuthenticationFailed, NetworkFailed: it does not open, or ends at once.
    """
    probe = ConnectionProbe(auth, token)
    try:
        await probe.verify()
        await probe.open()
        await probe.ping()
    finally:
        await probe.close()


class Recording:
    """A channel that tells what goes over it."""

    def __init__(self, transport: Transport, tell: Trace) -> None:
        self._transport = transport
        self._tell = tell
        self.ping = transport.ping
        self.close = transport.close
        self.abort = transport.abort

    @property
    def heard_at(self) -> float:
        return self._transport.heard_at

    async def burst(self, at_once: AtOnce | None = None) -> Sequence[str | bytes]:
        frames = await self._transport.burst()
        for frame in frames:
            shown = repr(frame) if isinstance(frame, bytes) else frame
            self._tell.line(f"<-- {shown}")
        return frames

    async def send_all(self, texts: Sequence[str]) -> None:
        for text in texts:
            self._tell.line(f"--> {text}")
        await self._transport.send_all(texts)


class Trace:
    """Keeps what is told during a step, without secrets: the first, and how many more.

    What we say has a count of its own, so that no flood hides it.
    """

    def __init__(self, *secrets: str) -> None:
        self._secrets = spellings(*secrets)
        self._lines: list[str] = []
        self._told = Counter[str]()

    def hide(self, *secrets: str) -> None:
        """Mask these from now on, too."""
        self._secrets += spellings(*secrets)

    def shown(self, text: str) -> str:
        """Return a text without them."""
        return masked(text, self._secrets)

    def without_secrets(self, error: Problem) -> Problem:
        """Return the same error, without them in any of its words."""
        return without_secrets(error, self._secrets)

    def line(self, text: str) -> None:
        """Keep a line."""
        way = text[:3]
        self._told[way] += 1
        if self._told[way] <= MOST:
            self._lines.append(self.shown(text)[:LONGEST])

    def exchange(
        self,
        request: Request,
        reply: Answer,
        found: Iterable[str],
        hidden: tuple[str, ...],
    ) -> None:
        """Keep an HTTP exchange without what is hidden, or called a secret in it."""
        url, body = masked(request.url, hidden), without_named(request.body, hidden)
        self.line(f"--> {request.method} {url} {body}".rstrip())
        said = without_named(as_text(reply.body), hidden)
        self.line(f"<-- {reply.status} {said}".rstrip())
        if names := ", ".join(found):
            self.line(f"    captured: {names}")

    def taken(self) -> tuple[str, ...]:
        """Return what was told since the last time."""
        lines, self._lines = self._lines, []
        told, self._told = self._told, Counter()
        left = {way: many - MOST for way, many in told.items() if many > MOST}
        return (*lines, *(f"{way} and {many} more" for way, many in left.items()))
