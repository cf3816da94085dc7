"""The one line at the bottom of the live view: how the connection is, right now.

Pure: a status and a time give the parts of a line, never wider than asked for. What
does not fit is left out from the right, where the least important things stand.
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


class Part(NamedTuple):
    """A piece of the line and its SGR code."""

    text: str
    code: str = ""


def footer(status: Status, now: float, width: int) -> list[Part]:
    """Return the parts of the line, together at most ``width`` cells wide."""
    match status.state:
        case "connected":
            return _connected(status, now, width)
        case "connecting":
            again = f" (attempt {status.attempt})" if status.attempt else ""
            head = "Connecting to " if status.host else "Connecting"
            return _sentence("🟡", head, harmless(status.host) + again, width)
        case "reconnecting":
            head, why = _wait(status, now), harmless(status.error or status.reason)
            return _sentence("🟡", head, f": {why}" if why else "", width)
        case "disconnected":
            why = harmless(status.error or status.reason)
            return _sentence("🔴", "Disconnected", f": {why}" if why else "", width)


def paint_footer(parts: list[Part], look: Look) -> str:
    """Return the parts as one drawn text."""
    return "".join(look.paint(part.text, part.code) for part in parts)


def _sentence(mark: str, head: str, tail: str, width: int) -> list[Part]:
    """Return a mark and a sentence, its tail shortened before its head."""
    parts = [Part(f"{mark} "), Part(head, "1"), Part(tail)]
    kept, room = [], width
    for text, code in parts:
        short = clip(text, room)
        room -= cells(short)
        kept.append(Part(short, code))
    return [part for part in kept if part.text]


def _wait(status: Status, now: float) -> str:
    attempt = f" (attempt {status.attempt})" if status.attempt else ""
    left = math.ceil((status.retry_at or now) - now)
    return (
        f"Reconnecting in {left} s{attempt}" if left > 0 else f"Reconnecting{attempt}"
    )


def _connected(status: Status, now: float, width: int) -> list[Part]:
    facts = [fact for fact in _facts(status, now) if fact.text]
    fixed = cells("🟢 Connected  ")
    while facts and fixed + _breadth(facts) > width:
        facts.pop()
    if not facts:
        return _sentence("🟢", "Connected", "", width)
    line = [Part("🟢 "), Part("Connected", "1"), Part("  "), facts[0]]
    for fact in facts[1:]:
        line += [Part(" · ", "2"), fact]
    return line


def _breadth(facts: list[Part]) -> int:
    return sum(cells(fact.text) for fact in facts) + 3 * (len(facts) - 1)


def _facts(status: Status, now: float) -> list[Part]:
    """Return what there is to tell, the most important first."""
    user = "" if status.user_id is None else f"user {harmless(status.user_id)}"
    waiting = Part(f"{status.queued:,} waiting" if status.queued else "", "33")
    up = status.connected_since
    return [
        Part(harmless(status.host)),
        Part(user),
        Part(f"{status.received:,} received"),
        waiting,
        Part("" if up is None else f"up {elapsed(now - up)}"),
        _token(status.token_expires, now),
        Part("" if status.latency is None else _milliseconds(status.latency)),
    ]


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
