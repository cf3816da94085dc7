"""The answer to "why am I not getting anything", as one value with two faces.

Runs the checks, and has what they and the listeners tell judged by ``findings``.
Nothing in the report is a secret.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Literal

from msgspec import Struct, field

from notifyws import __version__
from notifyws.auth.authenticator import Authenticator
from notifyws.auth.cache.keys import decoded
from notifyws.auth.cached_tokens import CachedTokens
from notifyws.clock import span
from notifyws.config.sources import Loaded
from notifyws.config.urls import shown_url
from notifyws.diagnostics.account_findings import (
    TokenLife,
    of_access,
    of_group,
    of_listeners,
    of_login,
    of_mistyped,
    of_refresh,
    of_renewal,
    of_user,
)
from notifyws.diagnostics.findings import Finding
from notifyws.diagnostics.health_checks import HealthChecks, run_checks
from notifyws.errors import NotifyError
from notifyws.fleet.group.standing import GroupStanding, find_groups
from notifyws.fleet.listener_entry import Listener


class Report(Struct, frozen=True):
    """How things stand.

    Args:
        url: the socket's URL; empty when there is none.
        origin: of the HTTP side.
        user_id: whom the server takes us for.
        cache: backend, url, ok, latencyMs.
        tokens: access and refresh: cached, expiresIn.
        checks: what was looked at, layer by layer, then what else is not well.
        now: unix seconds.
    """

    loaded: Loaded
    url: str = ""
    origin: str = ""
    user_id: str | None = None
    cache: Mapping[str, Any] = field(default_factory=dict)
    tokens: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Finding, ...] = ()
    listeners: tuple[Listener, ...] = ()
    groups: tuple[GroupStanding, ...] = ()
    thorough: bool = False
    now: float = 0.0

    @property
    def failure(self) -> Finding | None:
        """The first check that failed."""
        return next((c for c in self.checks if c.status == "fail"), None)

    @property
    def verdict(self) -> tuple[Literal["pass", "warn", "fail"], str]:
        """How things stand, in one sentence."""
        if self.failure is not None:
            return "fail", f"Not well: {self.failure.detail}"
        doubts = [check.detail for check in self.checks if check.status == "warn"]
        if doubts:
            more = f" (and {len(doubts) - 1} more below)" if doubts[1:] else ""
            return "warn", f"Not quite well: {doubts[0]}{more}"
        return "pass", self._praise()

    def _praise(self) -> str:
        found = {check.name: check for check in self.checks if check.status == "pass"}
        said = []
        count = sum(each.state == "connected" for each in self.listeners)
        if count:
            said.append(f"{count} listener{' is' if count == 1 else 's are'} connected")
        if "websocket" in found:
            user = f" as user {self.user_id}" if self.user_id else ""
            said.append(f"{found['websocket'].detail}{user}")
        if not said and not self.thorough:
            hint = "to ask the server: notifyws status --check"
            return f"All is well with the configuration and the cache; {hint}"
        left = self.tokens.get("access", {}).get("expiresIn")
        if left is not None:
            said.append(f"token good for {span(left)}")
        return f"All is well: {', '.join(said or ['what was tried answers'])}"

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``status --json`` prints."""
        settings, sources = self.loaded.settings, self.loaded.sources
        return {
            "ok": self.failure is None,
            "version": __version__,
            "profile": settings.profile,
            "server": {
                "url": shown_url(self.url) or None,
                "httpOrigin": self.origin or None,
                "source": sources["socket_url" if settings.socket_url else "url"],
            },
            "user": {"id": self.user_id, "username": settings.username or None},
            "cache": dict(self.cache),
            "tokens": dict(self.tokens),
            "listeners": [each.as_json() for each in self.listeners],
            "groups": [each.as_json() for each in self.groups],
            "checks": [check.as_json() for check in self.checks],
        }


async def diagnose(
    loaded: Loaded,
    auth: Authenticator,
    *,
    thorough: bool,
    wall: Callable[[], float] = time.time,
) -> Report:
    """Look at everything, the server too if ``thorough``; return what was seen."""
    checks = HealthChecks(loaded, auth, thorough)
    probes = checks.quick + (checks.thorough if thorough else [])
    try:
        found = await run_checks(probes, checks.advice)
    finally:
        await checks.leave()
    listeners, now = await checks.listeners(), wall()
    found += _of_tokens(loaded, auth, checks)
    found += [of_mistyped(*each) for each in loaded.mistyped]
    if listeners:
        found += of_listeners(listeners, now, checks.context)
    groups = await _groups(auth, listeners)
    found += [each for one in groups for each in of_group(one)]
    return Report(
        loaded,
        checks.url,
        checks.origin,
        checks.taken_for or auth.settings.user_id or None,
        checks.cache,
        _told(checks.cached),
        tuple(found),
        tuple(listeners),
        groups,
        thorough,
        now,
    )


async def _groups(
    auth: Authenticator, listeners: Iterable[Listener]
) -> tuple[GroupStanding, ...]:
    names = {each.group for each in listeners if each.group}
    with suppress(NotifyError):  # that the cache is ill is said elsewhere
        return await find_groups(auth, names) if names else ()
    return ()


def _told(cached: CachedTokens) -> dict[str, Any]:
    access = cached.access.remaining if cached.access else None
    lives = {"access": access, "refresh": cached.refresh_remaining}
    return {
        kind: {
            "cached": left is not None,
            "expiresIn": left if left is None else int(left),
        }
        for kind, left in lives.items()
    }


def _of_tokens(
    loaded: Loaded, auth: Authenticator, checks: HealthChecks
) -> Iterator[Finding]:
    """Yield what is not well with tokens and their user."""
    settings, cached = loaded.settings, checks.cached
    access = _life(loaded, "access", cached.access_text, checks.fresh_life)
    refresh = _life(loaded, "refresh", cached.refresh_text, None)
    found = [of_user(checks.taken_for, settings.user_id)]
    if access is not None:
        found.append(of_access(access))
    if refresh is not None:
        found.append(of_refresh(refresh, access))
    has_none = checks.cache.get("ok") and not (cached.access or cached.refresh)
    if checks.url and has_none and auth.keeps_tokens and not auth.may_log_in:
        found.append(of_login(checks.origin))
    if cached.access is not None:
        can_renew = bool(cached.refresh) or auth.may_log_in
        found.append(of_renewal(cached.access.remaining, can_renew))
    yield from (each for each in found if each is not None)


def _life(
    loaded: Loaded, kind: str, text: str | None, fresh: float | None
) -> TokenLife | None:
    """Return how long tokens of a kind live, as a cached or a fresh one shows."""
    margin = float(getattr(loaded.settings, f"{kind}_margin"))
    packed = decoded(kind, text)
    lives = float(packed["margin"]) / margin if packed and margin else fresh
    by_hand = loaded.sources[f"{kind}_ttl"] != "default"
    configured = getattr(loaded.settings, f"{kind}_ttl") if by_hand else None
    return TokenLife(lives, margin, configured) if lives else None
