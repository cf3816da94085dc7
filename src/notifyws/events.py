"""What happens to a connection, as facts that people and scripts are told.

Each is frozen and knows the name it has in JSON Lines (``--events``); its time is
added where it is told, and is no part of what makes two equal. Views and handlers
draw from these and from nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from msgspec import Struct
from msgspec.structs import asdict, astuple, replace

FailureType = Literal[
    "authentication_failed", "network_error", "invalid_message", "server_error"
]


class _Happening(Struct, frozen=True, kw_only=True):
    """Something that happened ``at`` (RFC 3339 UTC); empty until it is told.

    ``server`` is which of several servers it concerns, by our own name for it;
    ``None`` where only one is listened to.
    """

    server: str | None = None
    at: str = ""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return False
        return astuple(replace(other, at=self.at)) == astuple(self)

    def __hash__(self) -> int:
        return hash(astuple(replace(self, at="")))


class Connecting(_Happening, frozen=True):
    """A socket is about to be opened; ``attempt`` is 0 for the first."""

    name: ClassVar[str] = "connecting"
    url: str
    attempt: int = 0


class Connected(_Happening, frozen=True):
    """The profile's handshake is done: the server knows who we are."""

    name: ClassVar[str] = "connected"
    url: str
    user_id: str | None = None


class Disconnected(_Happening, frozen=True):
    """An open socket ended; ``reason`` is the peer's words, or ours."""

    name: ClassVar[str] = "disconnected"
    code: int
    reason: str = ""


class Reconnecting(_Happening, frozen=True):
    """Attempt number ``attempt`` follows in ``delay`` seconds."""

    name: ClassVar[str] = "reconnecting"
    attempt: int
    delay: float
    reason: str = ""


class Failure(_Happening, frozen=True):
    """Something went wrong and was said; it need not end anything.

    Args:
        type: which of the four kinds.
        message: one sentence; may hold remote text.
    """

    name: ClassVar[str] = "error"
    type: FailureType
    message: str


class Gap(_Happening, frozen=True):
    """Notifications may have been missed from ``start`` to ``end`` (RFC 3339 UTC)."""

    name: ClassVar[str] = "gap"
    start: str
    end: str
    reason: str
    recovered: bool = False


class Grouped(_Happening, frozen=True):
    """This listener has a place in a group, or another one than before.

    Args:
        group: its name.
        role: ``leader`` (it holds the socket) or ``member``.
        leader: who leads, ``HOST:PID``; empty for nobody.
    """

    name: ClassVar[str] = "group"
    group: str
    role: str
    leader: str = ""


class Closed(_Happening, frozen=True):
    """The end: nothing follows."""

    name: ClassVar[str] = "closed"
    reason: str = ""


Event = (
    Connecting
    | Connected
    | Disconnected
    | Reconnecting
    | Failure
    | Gap
    | Grouped
    | Closed
)

SEVERAL = "several reasons, one after the other"
"""Of gaps that were told as one."""
READY = {"connected", "group"}
"""Names of what tells that notifications can come."""

_RENAMED = {"start": "from", "end": "to", "type": "kind", "user_id": "userId"}


def join_of(event: object) -> Callable[[Any, Any], Any] | None:
    """Return how two events of this kind are told as one; ``None`` for not at all."""
    return _joined if isinstance(event, Gap) else None


def _joined(one: Gap, later: Gap) -> Gap:
    return replace(
        later,
        server=one.server if one.server == later.server else None,
        start=min(one.start, later.start),
        end=max(one.end, later.end),
        reason=one.reason if one.reason == later.reason else SEVERAL,
        recovered=one.recovered and later.recovered,
    )


def as_json(event: Event) -> dict[str, Any]:
    """Return the event as its JSON line's object; when it happened stands last."""
    facts = {_RENAMED.get(k, k): v for k, v in asdict(event).items() if v is not None}
    at = facts.pop("at")
    return {"event": event.name, **facts, "at": at}
