"""What is wrong with listeners, by what they say of themselves; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from notifyws.clock import span
from notifyws.diagnostics.findings import (
    CheckContext,
    Finding,
    warning,
)
from notifyws.fleet.group.standing import GroupStanding
from notifyws.fleet.listener_entry import Listener

BRIEF = 30.0
"""Seconds for which a connection is a young one."""
QUIET = 60.0
"""Seconds without a notification after which other signs count; without one of them
they are no trouble, for nothing may have been sent."""
BEHIND = 60.0
"""Seconds that a notification may wait for the members of a group."""
PROOFS = 3
"""Proofs in a row that may fail before that is said."""
RESTLESS = 3
"""Connections of seconds, in a row, after which a listener comes and goes."""
CHECK = "notifyws status --check"


def of_listeners(
    listeners: Sequence[Listener], now: float, context: CheckContext
) -> list[Finding]:
    """Judge what listeners say of themselves.

    Args:
        listeners: all that run.
        now: unix seconds.
        context: what they should be connected to.
    """
    each = (each for one in listeners for each in _of_listener(one, now, context))
    return [*each, *_of_names(listeners, now)]


def _of_names(listeners: Sequence[Listener], now: float) -> Iterator[Finding]:
    """Judge listeners of one name on several hosts; a lock lets one be on each.

    One that was killed is seen beside its successor, for as long as that is young.
    """
    hosts: dict[str, set[str]] = {}
    for one in listeners:
        if one.name and one.state == "connected" and since(one.since, now) > BRIEF:
            hosts.setdefault(one.name, set()).add(one.host)
    for name, places in hosts.items():
        if len(places) > 1:
            said = f"{len(places)} listeners named {name} run at once"
            where = ", ".join(sorted(places))
            why = f"{said} ({where}): each hands on every notification"
            yield warning(
                "listener", why, "stop all but one, or share the work: --group"
            )


def _of_listener(one: Listener, now: float, context: CheckContext) -> Iterator[Finding]:
    found = (
        _of_state(one, now, context),
        _of_frames(one, context),
        _of_filter(one),
        _of_silence(one, now, context),
        _of_proofs(one, now),
    )
    yield from (each for each in found if each is not None)


def of_group(group: GroupStanding) -> Iterator[Finding]:
    """Judge how a group stands."""
    name = group.name
    if group.leader is None:
        said = f"nobody of the group {name} holds the socket"
        yield warning("group", said, f"start a member: notifyws listen --group {name}")
    if (waits := group.oldest_pending or 0.0) > BEHIND:
        said = f"the group {name} is behind: the oldest waits for {span(waits)}"
        yield warning("group", said, "start more members, or look at their hooks")


def _who(one: Listener) -> str:
    return f"listener {one.name}" if one.name else f"listener {one.pid} on {one.host}"


def since(text: str, now: float) -> float:
    """Return the seconds since a moment that a listener told; 0 if it is none."""
    try:
        return max(0.0, now - datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return 0.0


def _of_state(one: Listener, now: float, context: CheckContext) -> Finding | None:
    passed = span(since(one.since, now))
    why = f": {one.lastFailure.get('message')}" if one.lastFailure else ""
    if one.state == "reconnecting":
        tries = f", {one.attempts} tries so far" if one.attempts > 1 else ""
        said = f"{_who(one)} has been reconnecting for {passed}{tries}{why}"
        return warning("listener", said, _where(one, context))
    young = since(one.since, now) < BRIEF
    if one.state == "connected" and one.shortLived >= RESTLESS and young:
        said = f"{_who(one)} comes and goes: connected {passed} ago, after "
        said += f"{one.shortLived} connections that lasted for seconds only{why}"
        return warning("listener", said, "see each end and its reason: notifyws listen")
    return None


def _where(one: Listener, context: CheckContext) -> str:
    """Return the command to try, and where, for one that does not get through."""
    if one.host != context.here:
        return f"on {one.host}: {CHECK}"
    return "notifyws listen -v" if context.checked else CHECK


def _of_frames(one: Listener, context: CheckContext) -> Finding | None:
    if not one.notUnderstood:
        return None
    frames = "1 frame" if one.notUnderstood == 1 else f"{one.notUnderstood} frames"
    last = f", the last: {one.lastNotUnderstood}" if one.lastNotUnderstood else ""
    said = f"{_who(one)} has not understood {frames}{last}"
    check = f"notifyws profile check {context.profile}"
    hint = f"notifyws listen --raw, then: {check}, or: notifyws profile new"
    return warning("listener", said, hint)


def _of_proofs(one: Listener, now: float) -> Finding | None:
    """Judge one that should prove that it is not deaf, and does not get to it."""
    every = one.verifyEvery or 0.0
    waits = since(one.verifiedAt or one.since, now)
    if not every or one.state != "connected" or waits < PROOFS * every + QUIET:
        return None
    said = f"{_who(one)} has not been proved to miss nothing for {span(waits)}"
    said += f", though it tries every {span(every)}"
    return warning("listener", said, "see why: notifyws listen --verify-every 10s")


def _of_filter(one: Listener) -> Finding | None:
    if not one.received or one.filtered < one.received:
        return None
    said = f"{_who(one)} has received {one.received}, and its --filter or --type let "
    said += "none of them through"
    return warning("listener", said, "see what it gets without them: notifyws listen")


def _of_silence(one: Listener, now: float, context: CheckContext) -> Finding | None:
    """Judge one that gets nothing and has another sign that something is wrong."""
    silent = one.state == "connected" and not (one.received or one.notUnderstood)
    if not silent or since(one.since, now) < QUIET:
        return None
    start = f"{_who(one)} has been connected for {span(since(one.since, now))}"
    if one.userId is not None and context.user not in ("", one.userId):
        said = f"{start} as user {one.userId}, not {context.user}, and got nothing"
        hint = "correct NOTIFYWS_USER_ID, or: notifyws auth login"
        return warning("listener", said, hint)
    last = one.lastFailure or {}
    if last.get("kind") != "server_error":
        return None
    user = f" as user {one.userId}" if one.userId else ""
    said = f"{start}{user} and got nothing; the server said: {last.get('message')}"
    hint = "is it the right user? notifyws auth whoami; see every frame: "
    return warning("listener", said, f"{hint}notifyws listen --raw")
