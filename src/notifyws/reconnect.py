"""The heart: when to connect, wait, renew the token or give up.

Facts go in, orders come out: ``Reconnector.handle(event, now)``. Nothing here
reads a clock, draws a die or knows a status code; ``now`` (monotonic seconds) and
the dice are handed in, and codes arrive as verdicts. Two small rules speak first,
*forgive if stable* and *lose patience*; then the table, which is the only place
where the state changes. What the table does not list cannot happen, and raises.

(Longer than a module should be: half of it is the vocabulary, and a machine reads
best when its words stand beside its table.)
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from notifyws.values import frozen

__all__ = [
    "TABLE",
    "Action",
    "Cause",
    "Connect",
    "Event",
    "Failed",
    "Left",
    "Lost",
    "Opened",
    "Policy",
    "Receive",
    "Reconnector",
    "Refused",
    "Renew",
    "Renewed",
    "Started",
    "State",
    "Stop",
    "Stopped",
    "Verdict",
    "Wait",
    "Woke",
    "diagram",
]


class State(Enum):
    """Where a connection stands."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RENEWING = "renewing"
    WAITING = "waiting"
    STOPPED = "stopped"


class Verdict(Enum):
    """What a failure means for the next step."""

    RETRY = "retry"
    """Wait by the table of delays, then connect again."""
    RETRY_NOW = "retry now"
    """Connect again at once, the first time; by the table when it repeats."""
    RENEW = "renew"
    """The token is not accepted: get another, connect at once."""
    RENEW_ONCE = "renew once"
    """The token may be the reason; a second time in a row, stop."""
    STRIKE = "strike"
    """Retry, but stop at the third in a row."""
    STOP = "stop"
    """Nothing gets better by trying again."""


class Cause(Enum):
    """Why it ended."""

    ASKED = "asked"
    AUTHENTICATION = "authentication"
    NETWORK = "network"


@frozen
class Started:
    """Somebody wants a connection."""


@frozen
class Opened:
    """The handshake is done."""


@frozen
class Lost:
    """An attempt or a connection came to nothing.

    Args:
        verdict: what that means.
        reason: a sentence for people.
        retry_after: seconds the server asked to wait, if it did.
    """

    verdict: Verdict
    reason: str
    retry_after: float | None = None


@frozen
class Left:
    """We left a server that can replay, and are ready to come back.

    Args:
        at: monotonic seconds when we left; the time since proves nothing.
    """

    at: float


@frozen
class Refused:
    """The server did not accept the token.

    Args:
        source: where that token came from: cache, refresh, login or static.
        reason: a sentence for people.
        certain: ``False`` where the token only may have been the reason.
    """

    source: str
    reason: str
    certain: bool = True


@frozen
class Renewed:
    """Another token is there."""


@frozen
class Woke:
    """The wait is over."""


@frozen
class Failed:
    """There is no point in going on."""

    reason: str
    cause: Cause = Cause.NETWORK


@frozen
class Stopped:
    """Somebody wants it to end."""


Event = Started | Opened | Lost | Left | Refused | Renewed | Woke | Failed | Stopped


@frozen
class Connect:
    """Open a connection; ``attempt`` is 0 the first time."""

    attempt: int


@frozen
class Receive:
    """Take what arrives until it ends."""


@frozen
class Wait:
    """Do nothing for ``seconds``, then attempt number ``attempt``."""

    seconds: float
    attempt: int
    reason: str


@frozen
class Renew:
    """Drop the refused token and get another.

    Args:
        reason: a sentence for people.
        only_login: the refused one came straight from a refresh.
    """

    reason: str
    only_login: bool = False


@frozen
class Stop:
    """It is over."""

    cause: Cause
    reason: str


Action = Connect | Receive | Wait | Renew | Stop


@frozen
class Policy:
    """How patient to be (SPEC section 7). Durations are seconds.

    Args:
        delays: before each reconnect, the last for ever.
        jitter: share of each delay drawn by lot; 0 gives the exact table.
        stable_after: how long a connection must last to be forgiven its past.
        max_retries: reconnects in a row before giving up; ``None`` for never.
        retry_after_max: the longest wait a server may ask for.
    """

    delays: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
    jitter: float = 0.5
    stable_after: float = 30.0
    max_retries: int | None = None
    retry_after_max: float = 300.0

    def delay(self, losses: int, draw: float, retry_after: float | None) -> float:
        """Return the seconds to wait after loss number ``losses`` (from 1).

        Args:
            draw: a number in [0, 1).
            retry_after: what the server asked for; it can only make it longer.
        """
        base = self.delays[min(losses, len(self.delays)) - 1]
        asked = min(max(retry_after or 0.0, 0.0), self.retry_after_max)
        return max(base * (1.0 - self.jitter * draw), asked)


STRIKES = 3
"""Losses of the kind "stop at the third in a row" that end it."""
REFUSALS = 4
"""Refused tokens in a row that end it, wherever they came from."""


class Reconnector:
    """The machine: one per connection, fed with events in their order.

    Args:
        policy: how patient to be.
        dice: draws a number in [0, 1).
    """

    def __init__(self, policy: Policy, dice: Callable[[], float]) -> None:
        self._policy = policy
        self._dice = dice
        self._opened_at: float | None = None
        self._unproven = False
        self._forget()
        self.state = State.DISCONNECTED

    def _forget(self) -> None:
        self._losses = self._strikes = self._refusals = self._doubts = 0

    def handle(self, event: Event, now: float) -> Action:
        """Take a fact and return the order that follows from it.

        Args:
            event: what happened.
            now: monotonic seconds.

        Raises:
            LookupError: this cannot happen in this state.
        """
        stable = self._forgive_if_stable(event.at if isinstance(event, Left) else now)
        event = self._lose_patience(event, stable)
        try:
            self.state, order = TABLE[self.state][type(event)]
        except KeyError:
            message = f"{type(event).__name__} cannot happen while {self.state.value}"
            raise LookupError(message) from None
        self._opened_at = now if self.state is State.CONNECTED else None
        return order(self, event)

    def _forgive_if_stable(self, now: float) -> bool:
        if self._opened_at is None:
            return False
        stable = now - self._opened_at >= self._policy.stable_after
        if stable:
            self._forget()
        return stable

    def _lose_patience(self, event: Event, stable: bool) -> Event:
        match event:
            case Lost():
                return self._count_loss(event)
            case Refused():
                return self._count_refusal(event, stable)
            case _:
                return event

    def _count_loss(self, event: Lost) -> Event:
        self._losses += 1
        self._doubts = 0
        self._strikes = self._strikes + 1 if event.verdict is Verdict.STRIKE else 0
        if event.verdict is Verdict.STOP or self._strikes >= STRIKES:
            return Failed(event.reason)
        return self._gave_up(event.reason) or event

    def _count_refusal(self, event: Refused, stable: bool) -> Event:
        self._refusals += 1
        self._strikes = 0
        self._doubts = 0 if event.certain else self._doubts + 1
        if self._doubts > 1:
            return Failed(event.reason)
        self._unproven = event.certain and not stable
        hopeless = self._unproven and event.source == "login"
        if hopeless or self._refusals >= REFUSALS:
            return Failed(event.reason, Cause.AUTHENTICATION)
        self._losses += self.state is State.CONNECTED
        return self._gave_up(event.reason) or event

    def _gave_up(self, reason: str) -> Failed | None:
        limit = self._policy.max_retries
        if limit is None or self._losses <= limit:
            return None
        tries = f" after {limit} reconnect{'s' * (limit != 1)}" if limit else ""
        return Failed(f"gave up{tries}: {reason}" if limit else reason)

    def _connect(self, event: Event) -> Action:
        return Connect(self._losses)

    def _receive(self, event: Event) -> Action:
        return Receive()

    def _wait(self, event: Event) -> Action:
        assert isinstance(event, Lost)
        if event.verdict is Verdict.RETRY_NOW and self._losses == 1:
            return Wait(0.0, self._losses, event.reason)
        seconds = self._policy.delay(self._losses, self._dice(), event.retry_after)
        return Wait(seconds, self._losses, event.reason)

    def _renew(self, event: Event) -> Action:
        assert isinstance(event, Refused)
        only_login = self._unproven and event.source == "refresh"
        return Renew(event.reason, only_login)

    def _fail(self, event: Event) -> Action:
        assert isinstance(event, Failed)
        return Stop(event.cause, event.reason)

    def _stop(self, event: Event) -> Action:
        return Stop(Cause.ASKED, "")


_Order = Callable[[Reconnector, "Event"], Action]

_FAIL: tuple[State, _Order] = (State.STOPPED, Reconnector._fail)
_STOP: tuple[State, _Order] = (State.STOPPED, Reconnector._stop)
_CONNECT: tuple[State, _Order] = (State.CONNECTING, Reconnector._connect)
_WAIT: tuple[State, _Order] = (State.WAITING, Reconnector._wait)
_RENEW: tuple[State, _Order] = (State.RENEWING, Reconnector._renew)
_RECEIVE: tuple[State, _Order] = (State.CONNECTED, Reconnector._receive)

TABLE: dict[State, dict[type[Event], tuple[State, _Order]]] = {
    State.DISCONNECTED: {Started: _CONNECT, Stopped: _STOP},
    State.CONNECTING: {
        Opened: _RECEIVE,
        Lost: _WAIT,
        Refused: _RENEW,
        Failed: _FAIL,
        Stopped: _STOP,
    },
    State.CONNECTED: {
        Lost: _WAIT,
        Left: _CONNECT,
        Refused: _RENEW,
        Failed: _FAIL,
        Stopped: _STOP,
    },
    State.RENEWING: {Renewed: _CONNECT, Lost: _WAIT, Failed: _FAIL, Stopped: _STOP},
    State.WAITING: {Woke: _CONNECT, Stopped: _STOP},
    State.STOPPED: {},
}
"""What follows from what: state -> event -> (next state, order)."""


def diagram() -> str:
    """Return the table as a Mermaid state diagram, for the README."""
    lines = ["stateDiagram-v2", "    [*] --> disconnected"]
    for state, row in TABLE.items():
        for event, (target, _) in row.items():
            name = event.__name__.lower()
            lines.append(f"    {state.value} --> {target.value}: {name}")
    return "\n".join([*lines, "    stopped --> [*]"])
