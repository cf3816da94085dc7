"""The line at the bottom of the live view: how the connection is, right now.

Pure: a status and a time give a line of text, never wider than asked for. What
does not fit is left out, the least important things first. Of several servers each has
a line of its own, as long as there is room for that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace
from rich.text import Text

from notifyws.ui.lines import elapsed, remaining
from notifyws.ui.rows import clip
from notifyws.ui.sanitize import harmless

_FILTER = 24
"""Cells of a filter that are shown."""
_ASIDE = 9
"""The rank of what somebody at the keyboard has to know."""

Part = tuple[str, str]
"""Words and their style."""
State = Literal["disconnected", "connecting", "connected", "reconnecting"]


class Status(Struct, frozen=True):
    """What the footer tells; all moments are of one monotonic clock, in seconds.

    Args:
        state: one of the four of a connection.
        user_id: as whom, once the server has said so.
        connected_since: when the handshake was done.
        token_expires: when the access token ends; ``None`` when that is unknown.
        latency: seconds that the last ping took.
        attempt: number of the reconnect under way or waited for; 0 for none.
        retry_at: when that reconnect starts.
        reason: why there is no connection; remote text.
        queued: notifications that wait for a slow reader.
        error: what ended it all; stands instead of ``reason``.
        shown: notifications that passed the filters; ``None`` where there are none.
        filter: what was typed at ``/``.
        hidden: notifications that it kept from being shown.
        notice: what a key has just done.
        role: ``leader`` or ``member`` of it; empty without one.
        leader: who holds the socket where this one does not.
        lag: notifications that no member of the group has taken yet; ``None`` while
            its Redis is away.
        pending: those that one has taken and is not done with.
        server: which of several servers it is, and its colour; empty for one alone.
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
    group: str = ""
    role: str = ""
    leader: str = ""
    lag: int | None = 0
    pending: int = 0
    server: Part = ("", "")


def footers(
    statuses: Sequence[Status], now: float, width: int, most: int
) -> list[Text]:
    """Return the lines of several servers, so many at most.

    Those that are well share the last one where there are more.

    Args:
        now: of the clock that the statuses are of.
        width: cells that a line may have.
        most: lines that there may be, one at least.
    """
    if len(statuses) <= most:
        return [footer(status, now, width) for status in statuses]
    troubled = sorted(statuses, key=lambda s: s.state == "connected" and not _asides(s))
    shown, rest = troubled[: most - 1], troubled[most - 1 :]
    return [*(footer(each, now, width) for each in shown), _summary(rest, width)]


def _summary(statuses: Sequence[Status], width: int) -> Text:
    up = sum(status.state == "connected" for status in statuses)
    well = up == len(statuses)
    head = f"{up} connected" if well else f"{up} of {len(statuses)} connected"
    asides = [part for status in statuses for part in _asides(status)]
    received = sum(status.received for status in statuses)
    facts = [*asides, (f"{received:,} received", "")]
    return _fitted(_line("🟢" if well else "🟡", head, _joined(facts)), width)


def footer(status: Status, now: float, width: int) -> Text:
    """Return the line, at most ``width`` cells wide."""
    why = harmless(status.error or status.reason)
    match status.state:
        case "connected":
            return _connected(status, now, width)
        case "connecting":
            again = f" (attempt {status.attempt})" if status.attempt else ""
            head = "Connecting to " if status.host else "Connecting"
            tail = [(harmless(status.host) + again, ""), *_after(status, "")]
            return _fitted(_line("🟡", head, tail, status.server), width)
        case "reconnecting" if status.role == "member":
            who = f"nobody leads {status.group}"
            why = "its Redis is away" if status.lag is None else harmless(who)
            tail = _after(status, why)
            return _fitted(_line("🟡", "Waiting", tail, status.server), width)
        case "reconnecting":
            return _reconnecting(status, now, width)
        case "disconnected":
            tail = _after(status, why)
            return _fitted(_line("🔴", "Disconnected", tail, status.server), width)


def _reconnecting(status: Status, now: float, width: int) -> Text:
    """Return when it is tried again, and why it has to be: that stays the longest."""
    why = harmless(status.error or status.reason)
    brief = why.removeprefix(f"{harmless(status.host)} ")
    for attempt, reason in ((status.attempt, why), (status.attempt, brief), (0, brief)):
        head = _wait(replace(status, attempt=attempt), now)
        line = _line("🟡", head, _after(status, reason), status.server)
        if line.cell_len <= width:
            break
    return _fitted(line, width)


def _line(mark: str, head: str, tail: list[Part], server: Part = ("", "")) -> Text:
    name: list[str | Part] = [server, "  "] if server[0] else []
    return Text.assemble(f"{mark} ", *name, (head, "bold"), *tail)


def _fitted(line: Text, width: int) -> Text:
    line.truncate(max(width, 1), overflow="ellipsis")
    return line if width > 0 else Text()


def _after(status: Status, why: str) -> list[Part]:
    """Return what follows a state: what the person should know, then the reason."""
    asides = _asides(status)
    if not asides:
        return [(f": {why}" if why else "", "")]
    return _joined([*asides, (why, "")] if why else asides)


def _joined(facts: list[Part]) -> list[Part]:
    """Return facts with something between them, and before them."""
    between = [("  ", ""), *[(" · ", "dim")] * len(facts)]
    return [part for pair in zip(between, facts, strict=False) for part in pair]


def _wait(status: Status, now: float) -> str:
    attempt = f" (attempt {status.attempt})" if status.attempt else ""
    left = math.ceil((status.retry_at or now) - now)
    return f"Reconnecting{f' in {left} s' if left > 0 else ''}{attempt}"


def _connected(status: Status, now: float, width: int) -> Text:
    """Return all that fits, at least what somebody at the keyboard has to know."""
    asides = _asides(status)
    facts = [*((part, _ASIDE) for part in asides), *_facts(status, now)]
    head = "Member" if status.role == "member" else "Connected"
    while facts:
        tail = _joined([part for part, _ in facts])
        line = _line("🟢", head, tail, status.server)
        if line.cell_len <= width:
            return line
        facts.remove(min(reversed(facts), key=lambda fact: fact[1]))
    return _fitted(_line("🟢", head, _joined(asides), status.server), width)


def _asides(status: Status) -> list[Part]:
    """Return what somebody at the keyboard has to know before anything else."""
    waiting = f"{status.queued:,} waiting" if status.queued else ""
    paused = ", ".join(filter(None, ("paused" * status.paused, waiting)))
    hidden = f" ({status.hidden:,} hidden)" if status.hidden else ""
    chosen = clip(harmless(status.filter), _FILTER)
    asides = [
        (harmless(status.notice), "cyan"),
        (paused, "yellow"),
        (f"/{chosen}{hidden}" if chosen else "", "cyan"),
    ]
    return [aside for aside in asides if aside[0]]


def _facts(status: Status, now: float) -> list[tuple[Part, int]]:
    """Return what there is to tell; the higher its number, the longer it stays."""
    user, up, ping = status.user_id, status.connected_since, status.latency
    left = None if status.token_expires is None else status.token_expires - now
    facts = [
        ((_place(status), ""), 4),
        ((_behind(status), ""), 4),
        (("" if user is None else f"user {harmless(user)}", ""), 5),
        ((_received(status), ""), 6),
        (("" if up is None else f"up {elapsed(now - up)}", ""), 2),
        (("", "") if left is None else _token(left), 3),
        (("" if ping is None else _milliseconds(ping), ""), 1),
    ]
    return [fact for fact in facts if fact[0][0]]


def _place(status: Status) -> str:
    """Return where the socket is, and whose it is in a group."""
    if status.role == "member":
        leads = f"{status.leader} leads" if status.leader else "nobody leads"
        return harmless(f"of {status.group}, {leads}")
    leading = f", leading {status.group}" if status.role else ""
    return harmless(f"{status.host}{leading}")


def _behind(status: Status) -> str:
    if not status.role:
        return ""
    if status.lag is None:
        return "Redis is away"
    return f"lag {status.lag:,}, {status.pending:,} pending"


def _received(status: Status) -> str:
    if status.shown is None or status.shown == status.received:
        return f"{status.received:,} received"
    return f"{status.shown:,} of {status.received:,} received"


def _token(left: float) -> Part:
    return (f"token {remaining(left)}", "") if left > 0 else ("token expired", "yellow")


def _milliseconds(latency: float) -> str:
    if latency < 0.001:
        return "<1 ms"
    return f"{latency * 1000:.0f} ms" if latency < 1 else f"{latency:.1f} s"
