"""Walks a profile against a real server, step by step, and says what came of each.

Nothing is cached and nothing is retried. Every request and frame is told with its
secrets masked, and what matched no rule is told as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.cached_tokens import AccessToken
from notifyws.clock import utc_text
from notifyws.errors import NotifyError
from notifyws.models import Notification, TokenPair, strict_json
from notifyws.protocol.masking import masked, queried, spellings
from notifyws.protocol.rules import Arrival, Many, NotUnderstood

if TYPE_CHECKING:
    from notifyws.connection.ports import Transport
    from notifyws.protocol.upgrade import UpgradeRequest

Outcome = Literal["pass", "fail", "skip"]
LONGEST = 400
"""Characters of a request, an answer or a frame that are told."""


class Stage(Struct, frozen=True):
    """What came of one step.

    Args:
        name: login, refresh, verify, socket, first frame or ping.
        outcome: whether it went well.
        detail: one sentence.
        trace: what was said and what came back, in order, without secrets.
        error: why it failed.
    """

    name: str
    outcome: Outcome
    detail: str
    trace: tuple[str, ...] = ()
    error: NotifyError | None = None


class _Recording:
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

    async def burst(self) -> Sequence[str | bytes]:
        frames = await self._transport.burst()
        for frame in frames:
            shown = repr(frame) if isinstance(frame, bytes) else frame
            self._tell.line(f"<-- {shown}")
        return frames

    async def send(self, text: str) -> None:
        self._tell.line(f"--> {text}")
        await self._transport.send(text)

    async def send_all(self, texts: Sequence[str]) -> None:
        for text in texts:
            await self.send(text)


class Trace:
    """Keeps what is told during a step, without secrets."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = spellings(*secrets)
        self._lines: list[str] = []

    def hide(self, *secrets: str) -> None:
        """Mask these from now on, too."""
        self._secrets += spellings(*secrets)

    def line(self, text: str) -> None:
        """Keep a line."""
        self._lines.append(masked(text, self._secrets)[:LONGEST])

    def taken(self) -> tuple[str, ...]:
        """Return what was told since the last time."""
        lines, self._lines = self._lines, []
        return tuple(lines)


async def walk(auth: Authenticator, patience: float) -> AsyncIterator[Stage]:
    """Yield what comes of each step; ends at the first that fails.

    Args:
        auth: the real parts; its cache is not used.
        patience: seconds to wait for a first frame.
    """
    said = auth.settings.password, auth.settings.token
    trace = Trace(*said, *queried(auth.url))
    auth.http.on_line = trace.line
    walker = _Walker(auth, trace, patience)
    try:
        for name, step in walker.steps:
            try:
                detail = await step()
            except NotifyError as error:
                yield Stage(name, "fail", error.message, trace.taken(), error)
                return
            outcome: Outcome = "pass" if detail else "skip"
            words = detail or "the profile has none"
            yield Stage(name, outcome, words, trace.taken())
    finally:
        await walker.leave()


class _Walker:
    def __init__(self, auth: Authenticator, trace: Trace, patience: float) -> None:
        self._auth = auth
        self._trace = trace
        self._patience = patience
        self._pair: TokenPair | None = None
        self._token: AccessToken | None = None
        self._connection: object = None
        self.steps = [
            ("login", self._login),
            ("refresh", self._refresh),
            ("verify", self._verify),
            ("socket", self._socket),
            ("first frame", self._first_frame),
            ("ping", self._ping),
        ]

    async def leave(self) -> None:
        from notifyws.connection.connection import Connection

        if isinstance(self._connection, Connection):
            await self._connection.close()

    async def _login(self) -> str:
        settings, profile = self._auth.settings, self._auth.profile
        if settings.token or profile.http.login is None:
            self._token = await self._auth.tokens.get()
            return "a ready-made token is used" if settings.token else ""
        self._keep(await self._auth.http.login(settings.username, settings.password))
        return self._lives()

    async def _refresh(self) -> str:
        if self._auth.profile.http.refresh is None or self._pair is None:
            return ""
        if self._pair.refresh is None:
            return "not tried: the login gave no refresh token"
        old = self._pair.refresh.value
        self._keep(await self._auth.http.refresh(old))
        new = self._pair.refresh
        rotated = new is not None and new.value != old
        kind = "and another refresh token" if rotated else "the refresh token stays"
        return f"{self._lives()}; {kind}"

    def _keep(self, pair: TokenPair) -> None:
        before = self._pair
        self._pair = pair
        if pair.refresh is None and before is not None:
            self._pair = TokenPair(pair.access, before.refresh, pair.user_id)
        access = pair.access
        self._token = AccessToken(access.value, "login", access.lifetime, pair.user_id)
        refresh = pair.refresh.value if pair.refresh else ""
        self._trace.hide(access.value, refresh)

    def _lives(self) -> str:
        assert self._pair is not None
        user = f", user {self._pair.user_id}" if self._pair.user_id else ""
        return f"an access token for {self._pair.access.lifetime:.0f} s{user}"

    async def _verify(self) -> str:
        from notifyws.connection.build import verify_token

        if self._auth.profile.http.verify is None:
            return ""
        assert self._token is not None
        await verify_token(self._auth, self._token)
        return "the server takes the token"

    async def _socket(self) -> str:
        from notifyws.connection.build import build_dial, open_connection

        dial = build_dial(self._auth)

        async def recorded(request: UpgradeRequest) -> _Recording:
            self._trace.line(f"--> GET {request.url}")
            return _Recording(await dial(request), self._trace)

        assert self._token is not None
        self._connection = await open_connection(self._auth, self._token, recorded)
        steps = len(self._auth.profile.handshake)
        return f"open, {steps} handshake step{'s' * (steps != 1)} done"

    async def _first_frame(self) -> str:
        receiver = _Meaning(self._auth)
        await self._listening(receiver.arrived.wait(), receiver)
        if receiver.seen is None:
            return f"nothing came within {self._patience:g} s"
        return receiver.seen

    async def _listening(self, until: Awaitable[object], take: _Meaning) -> None:
        from notifyws.connection.connection import Connection

        assert isinstance(self._connection, Connection)
        running = asyncio.ensure_future(self._connection.run(take))
        waiting = asyncio.ensure_future(until)
        try:
            await asyncio.wait(
                {running, waiting},
                timeout=self._patience,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if running.done():
                running.result()
        finally:
            running.cancel()
            waiting.cancel()
            await asyncio.gather(running, waiting, return_exceptions=True)

    async def _ping(self) -> str:
        from notifyws.connection.connection import Connection

        connection = self._connection
        assert isinstance(connection, Connection)
        if not connection.can_ping:
            return ""
        pinging = asyncio.ensure_future(connection.ping())
        await self._listening(asyncio.shield(pinging), _Meaning(self._auth, connection))
        if not pinging.done():
            pinging.cancel()
            return f"no answer within {self._patience:g} s"
        return f"{pinging.result() * 1000:.1f} ms there and back"


class _Meaning:
    """Takes frames and says what the rules make of the first."""

    def __init__(self, auth: Authenticator, connection: object = None) -> None:
        from notifyws.delivery.build import build_rules

        self._rules = build_rules(auth.profile)
        self._clock = auth.clock
        self._connection = connection
        self.arrived = asyncio.Event()
        self.seen: str | None = None

    def __call__(self, frames: Sequence[str | bytes]) -> None:
        from notifyws.connection.connection import Connection
        from notifyws.protocol.rules import Pong

        now = utc_text(self._clock.wall())
        for arrival in (self._rules.read(frame, now) for frame in frames):
            if isinstance(arrival, Pong) and isinstance(self._connection, Connection):
                self._connection.ponged()
            if self.seen is None:
                self.seen = meaning(arrival)
                self.arrived.set()


def meaning(arrival: Arrival) -> str:
    """Return what the rules make of a frame, in words."""
    match arrival:
        case Notification():
            return f"a notification: {strict_json(arrival.as_json())[:LONGEST]}"
        case Many(()):
            return "a rule fits, but it finds no notification in it"
        case Many(arrivals):
            return "; ".join(map(meaning, arrivals[:3]))
        case NotUnderstood(reason):
            return f"not understood: {reason}"
        case _:
            return f"no notification: {type(arrival).__name__}"
