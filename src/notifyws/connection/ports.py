"""What a session is given: a receiver, a transport, tokens, and how a server speaks.

These are the room's ports: what they stand for is built elsewhere, and handed in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from notifyws.auth.cached_tokens import AccessToken
from notifyws.connection.event_emitter import EventEmitter, GapStart
from notifyws.models import Notification
from notifyws.protocol.arrivals import Arrival, ControlFrame
from notifyws.protocol.cursor import Cursor
from notifyws.protocol.failures import FailureClassifier
from notifyws.protocol.profile import AppPing, Renewal, Step
from notifyws.protocol.upgrade import UpgradeRequest

AtOnce = Callable[[Sequence[str | bytes]], int]
"""Takes what a burst of frames begins with, and returns how many; never raises."""


class QueueFull(Exception):
    """There is no room for what arrived, and the server can replay it later."""


class Gaps(Protocol):
    """Decides what was missed, given when connections begin and end."""

    @property
    def pending(self) -> bool: ...
    def begin(self, heard_at: GapStart) -> None: ...
    def opened(self) -> None: ...
    def closed(self, heard_at: float) -> None: ...
    def caught_up(self, missing: str) -> None: ...
    def replaced(self, heard_at: float, *, sound: bool) -> None: ...


class Receiver(Protocol):
    """Takes what arrives, and tells what happens.

    ``take`` and ``catch_up`` raise :class:`QueueFull`: leave the server, and come back
    when ``room`` returns.

    Attributes:
        received: how many were handed over.
        on_control_frame: is told what the server says to us, rather than to a reader;
            returns what it is where the connection does not wait for it.
    """

    cursor: Cursor
    received: int
    emitter: EventEmitter
    on_control_frame: Callable[[ControlFrame], Arrival | None]

    async def room(self) -> None: ...
    @property
    def gaps(self) -> Gaps: ...
    def take(self, frames: Sequence[str | bytes]) -> Awaitable[None] | None: ...
    def take_at_once(self, frames: Sequence[str | bytes]) -> int: ...
    def meaning_of(self, values: Sequence[Any]) -> Arrival: ...
    def hear_fetched(self, arrival: Arrival, body: Any) -> None: ...
    def meaning(self, frame: str | bytes) -> Arrival: ...
    async def catch_up(self, notifications: list[Notification]) -> None: ...
    def close(self) -> None: ...


class Transport(Protocol):
    """An open WebSocket. What ends it is raised as ``ConnectionLost``."""

    @property
    def heard_at(self) -> float:
        """When anything came, a ping or a pong too; monotonic seconds."""

    async def burst(self, at_once: AtOnce | None = None) -> Sequence[str | bytes]:
        """Return all whole frames that came, at least one; bytes when binary.

        Args:
            at_once: may be given what comes while this waits, before anything else
                happens; what it takes is not returned.
        """

    async def send_all(self, texts: Sequence[str]) -> None:
        """Send text frames in their order, many at once."""

    async def ping(self) -> None:
        """Send a ping; return when its pong is there."""

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye and wait a little for the answer; never raises."""

    def abort(self) -> None:
        """Cut the line."""


class Keepalive(Struct, frozen=True):
    """How a dead line is noticed; seconds.

    Args:
        interval: between two pings.
        timeout: to wait for a pong.
        websocket: whether to send WebSocket pings at all.
        ping: the application's own ping, if it has one.
        silence: without a sign of life, after which the line counts as dead.
    """

    interval: float = 20.0
    timeout: float = 10.0
    websocket: bool = True
    ping: AppPing | None = None
    silence: float | None = None


Dial = Callable[[UpgradeRequest], Awaitable[Transport]]


Ask = Callable[[Step, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Makes an HTTP request, given what its templates know; returns what it captures."""


class Tokens(Protocol):
    """Gives access tokens that are good for now."""

    async def get(self) -> AccessToken: ...
    async def renew(self, refused: str, *, only_login: bool = False) -> AccessToken: ...


class ServerProtocol(Struct, frozen=True):
    """How one server speaks, as far as keeping a connection to it needs to know.

    Args:
        url: the socket's, for people.
        upgrade_request: says how to open a socket, given the token and where to go on.
        renewal: how to renew the token of a live connection.
        renewal_margin: share of the token's remaining life at whose end it is time.
        verify: asks, before the socket is opened, whether a token is good.
        doubts: ask that only where a handshake ended as if it were not.
        catch_up: fetches what was missed where the socket does not bring it, given
            the token; returns whether that was all.
        ask: makes the HTTP requests of a handshake.
        unconfirmed: whether the server does not say from when on it brings anything.
    """

    url: str
    upgrade_request: Callable[[str, str | int | datetime | None], UpgradeRequest]
    classifier: FailureClassifier
    renewal: Renewal | None = None
    renewal_margin: float = 0.2
    verify: Callable[[str], Awaitable[None]] | None = None
    catch_up: Callable[[Receiver, str], Awaitable[bool]] | None = None
    ask: Ask | None = None
    doubts: bool = False
    unconfirmed: bool = False


Place = str | int | datetime


class Found(Struct, frozen=True):
    """What a server had after a place.

    Args:
        notifications: oldest first.
        complete: whether nothing is known to be lacking.
        guessed: whether nothing but silence told that this was all.
        reached: whether nothing among it is from before the place.
    """

    notifications: Sequence[Notification]
    complete: bool = True
    guessed: bool = False
    reached: bool = True
