"""The heart: when to connect, wait, renew the token or give up.

Facts go in, orders come out: ``Reconnector.handle(event, now)``. Nothing here
reads a clock, draws a die or knows a status code; ``now`` (monotonic seconds) and
the dice are handed in, and codes arrive as verdicts. Two small rules speak first,
*forgive if stable* and *lose patience*; then the table, which is the only place
where the state changes. What the table does not list cannot happen, and raises.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from math import inf

from msgspec import Struct

from notifyws.config.settings import Settings
from notifyws.protocol.failures import Verdict


class State(Enum):
    """Where a connection stands."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RENEWING = "renewing"
    WAITING = "waiting"
    STOPPED = "stopped"


class Cause(Enum):
    """Why it ended."""

    ASKED = "asked"
    AUTHENTICATION = "authentication"
    NETWORK = "network"


class Started(Struct, frozen=True):
    """Somebody wants a connection."""


class Opened(Struct, frozen=True):
    """The handshake is done."""


class Lost(Struct, frozen=True):
    """An attempt or a connection came to nothing.

    Args:
        verdict: what that means.
        reason: a sentence for people.
        retry_after: seconds the server asked to wait, if it did.
    """

    verdict: Verdict
    reason: str
    retry_after: float | None = None


class Left(Struct, frozen=True):
    """We left a server that can replay, and are ready to come back.

    Args:
        at: monotonic seconds when we left; the time since proves nothing.
    """

    at: float


class Refused(Struct, frozen=True):
    """The server did not accept the token.

    Args:
        source: where that token came from: cache, refresh, login or static.
        reason: a sentence for people.
        certain: ``False`` where the token only may have been the reason.
        cause: what it is the end by, when that happens twice in a row.
    """

    source: str
    reason: str
    certain: bool = True
    cause: Cause = Cause.AUTHENTICATION


class Renewed(Struct, frozen=True):
    """Another token is there."""


class Woke(Struct, frozen=True):
    """The wait is over."""


class Failed(Struct, frozen=True):
    """There is no point in going on."""

    reason: str
    cause: Cause = Cause.NETWORK


class Stopped(Struct, frozen=True):
    """Somebody wants it to end."""


Loss = Lost | Refused | Failed
"""How an attempt or a connection can end."""
Event = Started | Opened | Lost | Left | Refused | Renewed | Woke | Failed | Stopped


class Connect(Struct, frozen=True):
    """Open a connection; ``attempt`` is 0 the first time."""

    attempt: int


class Receive(Struct, frozen=True):
    """Take what arrives until it ends."""


class Wait(Struct, frozen=True):
    """Do nothing for ``seconds``, then attempt number ``attempt``."""

    seconds: float
    attempt: int
    reason: str


class Renew(Struct, frozen=True):
    """Drop the refused token and get another.

    Args:
        only_login: the refused one came straight from a refresh.
    """

    only_login: bool = False


class Stop(Struct, frozen=True):
    """It is over."""

    cause: Cause
    reason: str


Order = Connect | Receive | Wait | Renew
Action = Order | Stop


STRIKES = 3
"""Losses of the kind "stop at the third in a row" that end it."""
REFUSALS = 4
"""Refused tokens in a row that end it, wherever they came from."""


def delay(settings: Settings, losses: int, draw: float, asked: float | None) -> float:
    """Return the seconds to wait after loss number ``losses`` (from 1).

    One table for all that a connection tries again: itself, the renewal of its token,
    the request for what was missed.

    Args:
        settings: ``retry_delays``, ``jitter`` and ``retry_after_max``.
        losses: in a row.
        draw: a number in [0, 1).
        asked: seconds that the server asked to wait; they can only make it longer.
    """
    delays = settings.retry_delays
    base = delays[min(losses, len(delays)) - 1] * (1.0 - settings.jitter * draw)
    return max(base, min(asked or 0.0, settings.retry_after_max))


class Reconnector:
    """The machine: one per connection, fed with events in their order.

    All delays of one outage are drawn by one throw. The sums of many throws are much
    alike, so that of a fleet an eighth would come back in one second, as ``make fleet``
    shows; a single one spreads them evenly.

    Args:
        settings: how patient to be.
        dice: draws a number in [0, 1).
    """

    def __init__(self, settings: Settings, dice: Callable[[], float]) -> None:
        self.settings = settings
        self._dice = dice
        self._opened_at = inf
        self._unproven = False
        self._forgive()
        self.state = State.DISCONNECTED

    def _forgive(self) -> None:
        self.losses = self._strikes = self._refusals = self._doubts = 0
        self._draw: float | None = None

    def handle(self, event: Event, now: float) -> Action:
        """Take a fact and return the order that follows from it.

        Args:
            event: what happened.
            now: monotonic seconds.

        Raises:
            LookupError: this cannot happen in this state.
        """
        until = event.at if isinstance(event, Left) else now
        stable = until - self._opened_at >= self.settings.stable_after
        if stable:
            self._forgive()
        event = self._lose_patience(event, stable)
        row = TABLE[self.state]
        if type(event) not in row:
            name = type(event).__name__
            raise LookupError(f"{name} cannot happen while {self.state.value}")
        self.state, order = row[type(event)]
        self._opened_at = now if self.state is State.CONNECTED else inf
        return order(self, event)

    def _lose_patience(self, event: Event, stable: bool) -> Event:
        if isinstance(event, Lost):
            return self._count_loss(event)
        return self._count_refusal(event, stable) if type(event) is Refused else event

    def _count_loss(self, event: Lost) -> Event:
        self.losses += 1
        self._doubts = 0
        self._strikes = self._strikes + 1 if event.verdict is Verdict.STRIKE else 0
        if event.verdict is Verdict.DENIED:
            return Failed(event.reason, Cause.AUTHENTICATION)
        if event.verdict is Verdict.STOP or self._strikes >= STRIKES:
            return Failed(event.reason)
        return self._gave_up(event.reason) or event

    def _count_refusal(self, event: Refused, stable: bool) -> Event:
        self._refusals += 1
        self._strikes = 0
        self._doubts = 0 if event.certain else self._doubts + 1
        if self._doubts > 1:
            return Failed(event.reason, event.cause)
        self._unproven = event.certain and not stable
        hopeless = self._unproven and event.source == "login"
        if hopeless or self._refusals >= REFUSALS:
            return Failed(event.reason, Cause.AUTHENTICATION)
        self.losses += self.state is State.CONNECTED
        return self._gave_up(event.reason) or event

    def _gave_up(self, reason: str) -> Failed | None:
        limit = self.settings.max_retries
        if limit is None or self.losses <= limit:
            return None
        tries = f" after {limit} reconnect{'s' * (limit != 1)}" if limit else ""
        return Failed(f"gave up{tries}: {reason}" if limit else reason)

    def _wait(self, event: Event) -> Action:
        assert isinstance(event, Lost)
        if event.verdict is Verdict.RETRY_NOW and self.losses == 1:
            return Wait(0.0, self.losses, event.reason)
        if self._draw is None:
            self._draw = self._dice()
        seconds = delay(self.settings, self.losses, self._draw, event.retry_after)
        return Wait(seconds, self.losses, event.reason)

    def _renew(self, event: Event) -> Action:
        assert isinstance(event, Refused)
        return Renew(self._unproven and event.source == "refresh")

    def _fail(self, event: Event) -> Action:
        assert isinstance(event, Failed)
        return Stop(event.cause, event.reason)


_Next = tuple[State, Callable[[Reconnector, Event], Action]]
_Row = dict[type[Event], _Next]

_CONNECT: _Next = (State.CONNECTING, lambda machine, event: Connect(machine.losses))
_STOP: _Row = {Stopped: (State.STOPPED, lambda *_: Stop(Cause.ASKED, ""))}
_END: _Row = {
    Lost: (State.WAITING, Reconnector._wait),
    Failed: (State.STOPPED, Reconnector._fail),
    **_STOP,
}
_LOSE: _Row = {Refused: (State.RENEWING, Reconnector._renew), **_END}

TABLE: dict[State, _Row] = {
    State.DISCONNECTED: {Started: _CONNECT, **_STOP},
    State.CONNECTING: {Opened: (State.CONNECTED, lambda *_: Receive()), **_LOSE},
    State.CONNECTED: {Left: _CONNECT, **_LOSE},
    State.RENEWING: {Renewed: _CONNECT, **_END},
    State.WAITING: {Woke: _CONNECT, **_STOP},
    State.STOPPED: {},
}
"""What follows from what: state -> event -> (next state, order)."""
