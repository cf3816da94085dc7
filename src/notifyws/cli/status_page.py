"""A report as ``status`` tells it to people: which facts, in which order and words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from notifyws.clock import span
from notifyws.config.urls import shown_url
from notifyws.ui.rows import Fact, Part

if TYPE_CHECKING:
    from notifyws.diagnostics.report import Report
    from notifyws.fleet.group.standing import GroupStanding
    from notifyws.fleet.listener_entry import Listener


def verdict(report: Report) -> Fact:
    """Return the one sentence that comes first."""
    status, text = report.verdict
    return Fact("verdict", text, status=status)


def parts(report: Report, *, everything: bool) -> list[Part]:
    """Return what follows; if ``everything`` is wanted, every setting as well."""
    listeners = [_listener(each, report.now) for each in report.listeners]
    return [
        Part("Configured", list(_configured(report))),
        Part("Settings", list(_settings(report)) if everything else []),
        Part("Tokens", list(_tokens(report))),
        Part("Listeners", listeners or [Fact("none", "no listener runs now")]),
        Part("Groups", [group_fact(each) for each in report.groups]),
        Part("Checks", list(_checks(report))),
    ]


def _checks(report: Report) -> Iterator[Fact]:
    """Yield what was looked at; what was not, after a failure, is one line."""
    tried = [check for check in report.checks if not check.left_out]
    left_out = [check.name for check in report.checks if check.left_out]
    for check in tried:
        yield Fact(check.name, check.detail, "", check.status, check.hint)
    if left_out and report.failure is not None:
        why = f"because {report.failure.name} failed"
        yield Fact("not tried", f"{', '.join(left_out)}, {why}", status="skip")


def _configured(report: Report) -> Iterator[Fact]:
    settings, sources = report.loaded.settings, report.loaded.sources
    named = "socket_url" if settings.socket_url else "url"
    yield Fact("server", shown_url(report.url) or "not configured", sources[named])
    user = f"user {report.user_id}" if report.user_id else "user unknown yet"
    name = settings.username or "no username"
    yield Fact("account", f"{name}, {user}", sources["username"])
    yield Fact("profile", settings.profile, sources["profile"])
    if settings.client_cert:
        key = settings.client_key and f", its key {settings.client_key}"
        shown = f"{settings.client_cert}{key}"
        yield Fact("certificate", shown, sources["client_cert"])
    if report.cache.get("url"):
        named = "cache_url" if settings.cache_url else "redis_url"
        yield Fact("cache", str(report.cache["url"]), sources[named])


def _settings(report: Report) -> Iterator[Fact]:
    from notifyws.config.settings import FIELDS
    from notifyws.protocol.masking import without_named

    for name, source in report.loaded.sources.items():
        value = getattr(report.loaded.settings, name)
        secret = FIELDS[name].secret
        shown = ("set" if value else "not set") if secret else value
        if isinstance(shown, str) and "//" in shown:
            shown = shown_url(shown)
        if name == "variables":  # a profile may want a secret there
            shown = without_named(shown)
        yield Fact("", f"{name} = {shown}", source)


def _tokens(report: Report) -> Iterator[Fact]:
    for name in ("access", "refresh"):
        token = report.tokens.get(name) or {"cached": False}
        cached = token["cached"]
        yield Fact(name, f"{span(token['expiresIn'])} left" if cached else "not cached")


def _listener(one: Listener, now: float) -> Fact:
    return Fact(one.name or "unnamed", ", ".join(_of_listener(one, now)))


def _of_listener(one: Listener, now: float) -> Iterator[str]:
    from notifyws.diagnostics.account_findings import since

    state = "taking its share" if one.state == "member" else one.state
    yield f"{state} for {span(since(one.since, now))}"
    if one.userId:
        yield f"user {one.userId}"
    last = one.lastNotificationAt
    ago = f" (the last {span(since(last, now))} ago)" if last else ""
    yield f"{one.received} received{ago}" if one.received else "nothing received yet"
    if one.filtered:
        yield f"{one.filtered} of them filtered out"
    if one.repeats:
        yield f"{_many(one.repeats, 'repeat')} left out"
    if one.notUnderstood:
        yield f"{_many(one.notUnderstood, 'frame')} not understood"
    if one.verifyEvery:
        yield _verified(one, now)
    if one.reconnects:
        yield _many(one.reconnects, "reconnect")
    if one.waiting:
        yield f"{one.waiting} waiting to be handed on"
    if one.gaps:
        yield _gaps(one.gaps, one.lastGap)
    if one.group:
        yield f"{one.role} of the group {one.group}"
    yield f"pid {one.pid} on {one.host}"


def _verified(one: Listener, now: float) -> str:
    from notifyws.diagnostics.account_findings import since

    ago = span(since(one.verifiedAt or "", now))
    proved = f"nothing missed as of {ago} ago" if one.verifiedAt else "not verified yet"
    found = f", {_many(one.deaf, 'deaf socket')} renewed" if one.deaf else ""
    brought = f" and {one.recovered} recovered" if one.recovered else ""
    return f"{proved}{found}{brought}"


def group_fact(group: GroupStanding) -> Fact:
    """Return how a group stands, in one line."""
    return Fact(group.name, ", ".join(_of_group(group)))


def _of_group(group: GroupStanding) -> Iterator[str]:
    count = max(len(group.members), group.alive)
    yield f"{_many(count, 'member')}, {group.leader or 'nobody'} leads"
    yield f"{group.lag} not taken yet" if group.lag else "nothing behind"
    if group.pending:
        yield f"{group.pending} in hand"
    if group.oldest_pending is not None:
        yield f"the oldest for {span(group.oldest_pending)}"
    yield f"{group.kept} kept"
    if group.gaps:
        yield _gaps(group.gaps, group.last_gap)


def member_facts(group: GroupStanding) -> Iterator[Fact]:
    """Yield the members of a group."""
    for each in group.members:
        held = f"{each.pending} in hand" if each.pending else "nothing in hand"
        yield Fact(each.role, f"pid {each.pid} on {each.host}, {held}")


def _gaps(count: int, last: Mapping[str, Any] | None) -> str:
    gap = last or {}
    when = f"{gap.get('from')} to {gap.get('to')}: {gap.get('reason')}"
    return f"{_many(count, 'gap')} (the last {when})"


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
