"""Walks a profile against a real server, step by step, and says what came of each.

Nothing is cached and nothing is retried. Every request and frame is told with its
secrets masked, and what matched no rule is told as well.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.cached_tokens import AccessToken
from notifyws.connection.build import (
    build_dial,
    build_server_protocol,
    judged,
    verify_token,
)
from notifyws.delivery.build import build_receiver, build_socket_sender
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Item
from notifyws.diagnostics.connection_probe import ConnectionProbe, Recording, Trace
from notifyws.diagnostics.findings import Finding, Ids, Status, meaning
from notifyws.errors import NetworkFailed, NotifyError
from notifyws.models import Message, Notification, TokenPair
from notifyws.protocol.arrivals import Acknowledged, One, ServerError
from notifyws.protocol.composer import of_message
from notifyws.protocol.since import can_begin

if TYPE_CHECKING:
    from notifyws.delivery.sender import SocketSender
    from notifyws.protocol.upgrade import UpgradeRequest

LATELY = timedelta(hours=1)
"""How far back is asked for what was missed, where that can be asked by time."""


async def walk(
    auth: Authenticator,
    patience: float,
    *,
    send: Message | None = None,
    everything: bool = False,
) -> AsyncIterator[Finding]:
    """Yield what comes of each step; ends at the first that fails.

    The steps are login, refresh, verify, socket, first frame, ping, send, catch-up,
    ids and logout.

    Args:
        auth: the real parts; its cache is not used.
        patience: seconds to wait for a first frame.
        send: a message to send; ``None`` to send nothing.
        everything: also fetch what was missed, and log out in the end.
    """
    trace = Trace(*auth.given_secrets)
    auth.http.steps.on_exchange = trace.exchange
    walker = _Walker(auth, trace, patience, send)
    try:
        for name, step in walker.steps(everything=everything):
            try:
                detail = await step()
            except NotifyError as caught:
                error = trace.without_secrets(walker.judged(caught))
                said = trace.taken()
                yield Finding(name, "fail", error.message, trace=said, error=error)
                return
            kind: Status = "warn" if isinstance(detail, Doubt) else "pass"
            words = trace.shown(detail) or "the profile has none"
            yield Finding(name, kind if detail else "skip", words, trace=trace.taken())
    finally:
        await walker.leave()


class Doubt(str):
    """What came of a step that did not fail, and is not well either."""


class _Walker:
    def __init__(
        self,
        auth: Authenticator,
        trace: Trace,
        patience: float,
        message: Message | None,
    ) -> None:
        self._auth = auth
        self._trace = trace
        self._patience = patience
        self._message = message
        self._pair: TokenPair | None = None
        self._token: AccessToken | None = None
        self._probe: ConnectionProbe | None = None
        self._sender: SocketSender | None = None
        self._ids = Ids()

    def steps(
        self, *, everything: bool
    ) -> Iterator[tuple[str, Callable[[], Awaitable[str]]]]:
        """Yield the names of the steps that were asked for, and how each is gone."""
        yield from (
            ("login", self._login),
            ("refresh", self._refresh),
            ("verify", self._verify),
            ("socket", self._socket),
            ("first frame", self._first_frame),
            ("ping", self._ping),
        )
        if self._message is not None:
            yield "send", partial(self._send, self._message)
        if everything:
            yield "catch-up", self._catch_up
        yield "ids", self._judge_ids
        if everything:
            yield "logout", self._logout

    def judged(self, error: NotifyError) -> NotifyError:
        """Return what an error means, which may refuse the token."""
        return judged(self._auth, error, self._token) if self._token else error

    async def leave(self) -> None:
        if self._probe is not None:
            await self._probe.close()

    async def _login(self) -> str:
        settings, profile = self._auth.settings, self._auth.profile
        if settings.token or profile.http.login is None:
            self._token = await self._auth.tokens.get()
            how = "cached" if profile.http.device else ""  # somebody approved it
            return "a ready-made token is used" if settings.token else how
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
        if self._auth.profile.http.verify is None:
            return ""
        assert self._token is not None
        try:
            await verify_token(self._auth, self._token)
        except NetworkFailed as error:
            if not build_server_protocol(self._auth).doubts:
                raise
            return Doubt(f"{error.message}; in doubt nothing could be said")
        return "the server takes the token"

    async def _socket(self) -> str:
        dial = build_dial(self._auth)

        async def recorded(request: UpgradeRequest) -> Recording:
            self._trace.line(f"--> GET {request.url}")
            return Recording(await dial(request), self._trace)

        assert self._token is not None
        self._probe = ConnectionProbe(self._auth, self._token, self._take)
        await self._probe.open(recorded)
        steps = len(self._auth.profile.handshake)
        return f"open, {steps} handshake step{'s' * (steps != 1)} done"

    def _take(self, arrival: One) -> None:
        match arrival:
            case Notification():
                self._ids.note(arrival)
            case ServerError() if self._sender is not None:
                self._sender.server_error(arrival)
            case Acknowledged() if self._sender is not None:
                self._sender.acknowledged(arrival)

    async def _first_frame(self) -> str:
        assert self._probe is not None
        await self._probe.hear(self._patience)
        first = self._probe.first
        return meaning(first) if first else f"nothing came within {self._patience:g} s"

    async def _ping(self) -> str:
        assert self._probe is not None
        assert self._probe.connection is not None
        latency = await self._probe.ping(self._patience)
        if self._probe.complaint:
            return Doubt(f"the server says: {self._probe.complaint}")
        if not self._probe.connection.can_ping:
            return ""
        if latency is None:
            return f"no answer within {self._patience:g} s"
        return f"{latency * 1000:.1f} ms there and back"

    async def _send(self, message: Message) -> str:
        profile, probe = self._auth.profile, self._probe
        if profile.send is None:
            return ""
        assert self._token is not None
        assert probe is not None
        if profile.send.http is not None:
            await self._auth.http.send(self._token.value, of_message(message))
            return "the server took the message"
        self._sender = build_socket_sender(self._auth, lambda: probe.connection)
        sent = await probe.meanwhile(self._sender.send([message]), None)
        assert sent is not None
        sent[0].demand_delivered("correct [send] of the profile")
        return "the server took the message"

    async def _catch_up(self) -> str:
        """Fetch as a listener does that comes back: by the last id, or by time."""
        auth, catch_up = self._auth, build_server_protocol(self._auth).catch_up
        if catch_up is None:
            return ""
        assert self._token is not None
        since: str | int | datetime | None = self._ids.last
        if since is None and can_begin(auth.profile):
            since = datetime.fromtimestamp(auth.clock.wall(), UTC) - LATELY
        queue: DeliveryQueue[Item] = DeliveryQueue(sys.maxsize, sys.maxsize)
        receiver = build_receiver(auth, queue, since=since, frames=False)
        whole = await catch_up(receiver, self._token.value)
        queue.close()
        found = [each for each in await queue.get() if isinstance(each, Notification)]
        for each in found:
            self._ids.note(each)
        return f"{len(found)} notifications{'' if whole else ', and there are more'}"

    async def _judge_ids(self) -> str:
        if not self._ids.twice:
            return self._ids.words or "no notification came that could have one"
        hint = "name another field as id, or set unique_ids = false"
        return Doubt(f"{self._ids.words}; {hint}")

    async def _logout(self) -> str:
        if self._auth.profile.http.logout is None or self._pair is None:
            return ""
        refresh = self._pair.refresh.value if self._pair.refresh else ""
        await self._auth.http.logout(self._pair.access.value, refresh)
        return "the server ended the session"
