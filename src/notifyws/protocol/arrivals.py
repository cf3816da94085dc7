"""What may arrive in a frame: notifications, and what else a server says to us.

Values only; which frame is which is decided in ``rules``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from notifyws.models import Notification


class ServerError(Struct, frozen=True):
    """The server says that something sent was wrong.

    Args:
        message: its words; remote text.
        id: the id of the message it speaks of, if it names one.
    """

    message: str
    id: str | None = None


class ServerGap(Struct, frozen=True):
    """The server says that it no longer has what was asked for."""

    start: str = ""
    end: str = ""


class Ignored(Struct, frozen=True):
    """A frame of no interest to people."""


class NotUnderstood(Struct, frozen=True):
    """What is no strict JSON, or what no rule makes sense of.

    Args:
        reason: why.
        count: values of the frame of which this is true, or something like it.
    """

    reason: str
    count: int = 1


class ServerPing(Struct, frozen=True):
    """The server's own ping; ``reply`` is the answer's template, if it wants one."""

    reply: Any = None


class Pong(Struct, frozen=True):
    """The server's answer to our ping."""


class Acknowledged(Struct, frozen=True):
    """What became of a message: its number or id, whether it was taken, why not."""

    id: str
    ok: bool
    message: str = ""


class Expired(Struct, frozen=True):
    """The token has come to its end; the connection still lives."""

    message: str = ""


class SessionEnded(Struct, frozen=True):
    """The server's word that it brings nothing more: the connection is of no use.

    Args:
        means: a verdict's name: what to do next.
        message: the server's words; remote text.
        what: a sentence about what ended.
    """

    means: str
    message: str = ""
    what: str = "the server ended the session"


class RenewalAnswer(Struct, frozen=True):
    """Whether the server took the new token, and if not, what that means.

    Args:
        otherwise: what a refusal is where no answer is waited for.
    """

    ok: bool
    message: str = ""
    means: str = "expired"
    otherwise: ServerError | Expired | SessionEnded | None = None


ControlFrame = ServerPing | Pong | Acknowledged | Expired | SessionEnded | RenewalAnswer
"""What is said to us, the client, and not to people."""
One = Notification | ServerError | ServerGap | Ignored | NotUnderstood | ControlFrame


class Many(Struct, frozen=True):
    """A frame that holds several things, or none."""

    arrivals: tuple[One, ...]


Arrival = One | Many


def notifications(arrival: Arrival) -> list[Notification]:
    """Return the notifications of what arrived."""
    found = arrival.arrivals if isinstance(arrival, Many) else (arrival,)
    return [each for each in found if isinstance(each, Notification)]


def others_of(arrival: Arrival) -> list[One]:
    """Return what else arrived."""
    found = arrival.arrivals if isinstance(arrival, Many) else (arrival,)
    return [each for each in found if not isinstance(each, Notification)]


def tells_gap(arrival: Arrival) -> bool:
    """Return whether the server says that notifications are missing."""
    return any(isinstance(each, ServerGap) for each in others_of(arrival))


def many(arrivals: Iterable[Arrival]) -> Arrival:
    """Return several arrivals as one, flat.

    What is not understood is there once, and counted: a frame can hold a hundred
    thousand values that nobody should be told of one by one. So is a gap.
    """
    flat: list[One] = []
    place, count, gap = -1, 0, False
    for arrival in arrivals:
        for one in arrival.arrivals if isinstance(arrival, Many) else (arrival,):
            if isinstance(one, NotUnderstood):
                count += one.count
                if place >= 0:
                    continue
                place = len(flat)
            elif isinstance(one, ServerGap):
                if gap:
                    continue
                gap = True
            flat.append(one)
    if place >= 0:
        first = flat[place]
        assert isinstance(first, NotUnderstood)
        flat[place] = NotUnderstood(first.reason, count)
    return flat[0] if len(flat) == 1 else Many(tuple(flat))
