"""What is wrong with an account's tokens, and with its listeners; pure.

It is judged by what the server says of the ones, and the others of themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from notifyws.clock import span
from notifyws.diagnostics.findings import CheckContext, Finding, warning
from notifyws.errors import command
from notifyws.fleet.group.standing import GroupStanding
from notifyws.fleet.listener_entry import Listener

BRIEF = 30.0
"""Seconds; a token that is cached for less is fetched all the time."""
YOUNG = 30.0
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


class TokenLife(Struct, frozen=True):
    """How long tokens live.

    Args:
        seconds: as the server says, or where it does not, as the settings do.
        margin: share of it at whose end a token is not used any more.
        configured: seconds that the user set; ``None`` where nobody did.
    """

    seconds: float
    margin: float
    configured: float | None = None

    @property
    def kept(self) -> float:
        """Seconds for which a token is cached."""
        return round(self.seconds * (1 - self.margin), 3)


def of_user(taken_for: str | None, configured: str) -> Finding | None:
    """Judge whom the server takes us for, against who we said we are."""
    if taken_for is None or configured in ("", taken_for):
        return None
    said = f"the server takes us for user {taken_for}, not {configured}"
    return warning("user", said, "correct NOTIFYWS_USER_ID, or: notifyws auth login")


def of_access(life: TokenLife) -> Finding | None:
    """Judge how long access tokens live and are cached."""
    said = f"access tokens live {span(life.seconds)} and are cached for {_kept(life)}"
    if life.kept < BRIEF <= life.seconds / 2:
        return warning(
            "lifetimes",
            f"{said}: the margin leaves hardly anything",
            f"lower NOTIFYWS_ACCESS_MARGIN: it is {life.margin:g}, by default 0.2",
        )
    if life.kept < BRIEF:
        what = f"{said}, so that nearly every command fetches a new one"
        return warning("lifetimes", what, "have the server give tokens of some minutes")
    return _of_configured(life, "access", "NOTIFYWS_ACCESS_TTL")


def of_refresh(life: TokenLife, access: TokenLife | None) -> Finding | None:
    """Judge how long refresh tokens are cached, against access tokens."""
    if access is not None and life.kept <= access.seconds:
        said = f"refresh tokens are cached for {_kept(life)}, no longer than access "
        said += f"tokens live ({span(access.seconds)}): each renewal is a login"
        hint = f"lower NOTIFYWS_REFRESH_MARGIN: it is {life.margin:.2g}"
        if life.seconds <= access.seconds:
            hint = "have the server give refresh tokens that live longer"
        return warning("lifetimes", said, hint)
    return _of_configured(life, "refresh", "NOTIFYWS_REFRESH_TTL")


def _kept(life: TokenLife) -> str:
    return span(life.kept) if life.kept >= 1 else "less than 1 s"


def _of_configured(life: TokenLife, kind: str, variable: str) -> Finding | None:
    """Judge a lifetime that somebody configured and the server does not go by."""
    if not life.configured or 0.5 <= life.seconds / life.configured <= 2:
        return None
    said = f"{kind} tokens live {span(life.seconds)} by the server's own word, "
    said += f"not {span(life.configured)} as configured"
    hint = f"unset {variable}, which is only for servers that do not say"
    return warning("lifetimes", said, hint)


def of_mistyped(name: str, where: str, near: str) -> Finding:
    """Say that a variable is no setting, and which one it looks like."""
    return warning("variables", f"{name} in {where} is no setting", f"is it {near}?")


def of_login(origin: str) -> Finding:
    """Say that there is no token for a server, and nothing left to have one with."""
    said = f"not logged in to {origin}: no token is cached, and no password configured"
    return warning("login", said, "notifyws auth login")


def of_renewal(left: float, can_renew: bool) -> Finding | None:
    """Judge whether the cached access token, with seconds ``left``, can be renewed."""
    if can_renew:
        return None
    said = f"the access token ends in {span(left)} and nothing can renew it: "
    said += "no refresh token is cached, and no password is configured"
    hint = "set WEBSOCKET_PASSWORD, or when it has ended: notifyws auth login"
    return warning("lifetimes", said, hint)


def of_listeners(
    listeners: Sequence[Listener], now: float, context: CheckContext
) -> list[Finding]:
    """Judge what all listeners that run say of themselves; ``now`` is unix seconds."""
    each = (each for one in listeners for each in _of_listener(one, now, context))
    return [*each, *_of_names(listeners, now)]


def _of_names(listeners: Sequence[Listener], now: float) -> Iterator[Finding]:
    """Judge listeners of one name on several hosts; a lock lets one be on each.

    One that was killed is seen beside its successor, for as long as that is young.
    """
    hosts: dict[str, set[str]] = {}
    for one in listeners:
        if one.name and one.state == "connected" and since(one.since, now) > YOUNG:
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
        start = command("listen", "--group", name)
        yield warning("group", said, f"start a member: {start}")
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
    young = since(one.since, now) < YOUNG
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
    check = command("profile", "check", context.profile)
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
