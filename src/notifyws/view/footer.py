"""The one line at the bottom of the live view: how the connection is, right now.

Pure: a status and a time give the parts of a line, never wider than asked for. What
does not fit is left out, the least important things first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

from notifyws.view.cells import cells, clip
from notifyws.view.clock import elapsed, remaining
from notifyws.view.look import Look
from notifyws.view.safe import harmless

__all__ = ["Part", "State", "Status", "footer", "paint_footer"]

_FILTER = 24
"""Cells of a filter that are shown."""
_ASIDE = 9
"""The rank of what somebody at the keyboard has to know."""

State = Literal["disconnected", "connecting", "connected", "reconnecting"]


@dataclass(frozen=True, slots=True)
class Status:
    """What the footer tells; all moments are of one monotonic clock, in seconds.

    Args:
        state: one of the four of a connection.
        host: whom we talk to.
        user_id: as whom, once the server has said so.
        received: notifications so far.
        connected_since: when the handshake was done.
        token_expires: when the access token ends; ``None`` when that is unknown.
        latency: seconds that the last ping took.
        attempt: number of the reconnect under way or waited for; 0 for none.
        retry_at: when that reconnect starts.
        reason: why there is no connection; remote text.
        queued: notifications that wait for a slow reader.
        error: what ended it all; stands instead of ``reason``.
        shown: notifications that passed the filters; ``None`` where there are none.
        paused: whether nothing is printed until the person says so.
        filter: what was typed at ``/``.
        hidden: notifications that it kept from being shown.
        notice: what a key has just done.
    """

    state: State
    host: str = ""
    user_id: str | None = None
    received: int = 0
    connected_since: float | None = None
    token_expires: float | None = None
    latency: float | None = None
    attempt: int = 0
    retry_at: float | None = None
    reason: str = ""
    queued: int = 0
    error: str = ""
    shown: int | None = None
    paused: bool = False
    filter: str = ""
    hidden: int = 0
    notice: str = ""


class Part(NamedTuple):
    """A piece of the line and its SGR code."""

    text: str
    code: str = ""


def footer(status: Status, now: float, width: int) -> list[Part]:
    """Return the parts of the line, together at most ``width`` cells wide."""
    why = harmless(status.error or status.reason)
    match status.state:
        case "connected":
            return _connected(status, now, width)
        case "connecting":
            again = f" (attempt {status.attempt})" if status.attempt else ""
            head = "Connecting to " if status.host else "Connecting"
            tail = Part(harmless(status.host) + again)
            return _sentence("🟡", head, [tail, *_after(status, "")], width)
        case "reconnecting":
            head = _wait(status, now)
            return _sentence("🟡", head, _after(status, why), width)
        case "disconnected":
            return _sentence("🔴", "Disconnected", _after(status, why), width)


def paint_footer(parts: list[Part], look: Look) -> str:
    """Return the parts as one drawn text."""
    return "".join(look.paint(part.text, part.code) for part in parts)


def _sentence(mark: str, head: str, tail: list[Part], width: int) -> list[Part]:
    """Return a mark and a sentence, its tail shortened before its head."""
    parts = [Part(f"{mark} "), Part(head, "1"), *tail]
    kept, room = [], width
    for text, code in parts:
        short = clip(text, room)
        room -= cells(short)
        kept.append(Part(short, code))
    return [part for part in kept if part.text]


def _after(status: Status, why: str) -> list[Part]:
    """Return what follows a state: what the person should know, then the reason."""
    asides = _asides(status)
    if not asides:
        return [Part(f": {why}" if why else "")]
    words = asides + ([Part(why)] if why else [])
    return [Part("  "), *_joined(words)]


def _joined(facts: list[Part]) -> list[Part]:
    line = facts[:1]
    for fact in facts[1:]:
        line += [Part(" · ", "2"), fact]
    return line


def _wait(status: Status, now: float) -> str:
    attempt = f" (attempt {status.attempt})" if status.attempt else ""
    left = math.ceil((status.retry_at or now) - now)
    return (
        f"Reconnecting in {left} s{attempt}" if left > 0 else f"Reconnecting{attempt}"
    )


def _connected(status: Status, now: float, width: int) -> list[Part]:
    ranked = [(part, _ASIDE) for part in _asides(status)] + _facts(status, now)
    ranked = [(part, rank) for part, rank in ranked if part.text]
    fixed = cells("🟢 Connected  ")
    while ranked and fixed + _breadth([part for part, _ in ranked]) > width:
        ranked.remove(min(reversed(ranked), key=lambda fact: fact[1]))
    if not ranked:
        asides = _joined(_asides(status))
        return _sentence("🟢", "Connected", asides and [Part("  "), *asides], width)
    facts = _joined([part for part, _ in ranked])
    return [Part("🟢 "), Part("Connected", "1"), Part("  "), *facts]


def _breadth(facts: list[Part]) -> int:
    return sum(cells(fact.text) for fact in facts) + 3 * (len(facts) - 1)


def _asides(status: Status) -> list[Part]:
    """Return what somebody at the keyboard has to know before anything else."""
    waiting = f"{status.queued:,} waiting" if status.queued else ""
    paused = ", ".join(filter(None, ("paused" * status.paused, waiting)))
    hidden = f" ({status.hidden:,} hidden)" if status.hidden else ""
    chosen = f"/{clip(harmless(status.filter), _FILTER)}" if status.filter else ""
    asides = [
        Part(harmless(status.notice), "36"),
        Part(paused, "33"),
        Part(f"{chosen}{hidden}", "36"),
    ]
    return [aside for aside in asides if aside.text]


def _facts(status: Status, now: float) -> list[tuple[Part, int]]:
    """Return what there is to tell; the higher its number, the longer it stays."""
    user = "" if status.user_id is None else f"user {harmless(status.user_id)}"
    up = status.connected_since
    return [
        (Part(harmless(status.host)), 4),
        (Part(user), 5),
        (Part(_received(status)), 6),
        (Part("" if up is None else f"up {elapsed(now - up)}"), 2),
        (_token(status.token_expires, now), 3),
        (Part("" if status.latency is None else _milliseconds(status.latency)), 1),
    ]


def _received(status: Status) -> str:
    if status.shown is None or status.shown == status.received:
        return f"{status.received:,} received"
    return f"{status.shown:,} of {status.received:,} received"


def _token(expires: float | None, now: float) -> Part:
    if expires is None:
        return Part("")
    if expires <= now:
        return Part("token expired", "33")
    return Part(f"token {remaining(expires - now)}")


def _milliseconds(latency: float) -> str:
    if latency < 0.001:
        return "<1 ms"
    return f"{latency * 1000:.0f} ms" if latency < 1 else f"{latency:.1f} s"
