"""The answer to "why am I not getting anything", as one report.

Runs the probes, and has everything that they and the listeners tell judged by
``troubles``. Nothing in the report is a secret.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.cache.keys import decoded
from notifyws.auth.cached_tokens import CachedTokens
from notifyws.config.sources import Loaded
from notifyws.diagnostics.checks import Check, run_checks
from notifyws.diagnostics.findings import Finding, tokens
from notifyws.diagnostics.findings import listeners as listening
from notifyws.diagnostics.findings.tokens import Life
from notifyws.diagnostics.health_checks import HealthChecks
from notifyws.diagnostics.report import Report

__all__ = ["diagnose"]


async def diagnose(
    loaded: Loaded,
    auth: Authenticator,
    *,
    thorough: bool,
    wall: Callable[[], float] = time.time,
) -> Report:
    """Look at everything and return what was seen.

    Args:
        loaded: the settings and their sources.
        auth: the real parts.
        thorough: speak to the server as well.
        wall: unix seconds.
    """
    patient = HealthChecks(loaded, auth, thorough)
    probes = patient.quick + (patient.thorough if thorough else [])
    try:
        checks = await run_checks(probes, patient.advice)
    finally:
        await patient.leave()
    listeners, now = await patient.listeners(), wall()
    found = [*_of_tokens(loaded, auth, patient)]
    if listeners:
        found += listening.of_listeners(listeners, now, patient.ground)
    checks += [Check(one.about, "warn", one.said, one.hint) for one in found]
    return Report(
        loaded,
        patient.url,
        patient.origin,
        patient.taken_for or auth.settings.user_id or None,
        patient.cache,
        _told(patient.held),
        tuple(checks),
        tuple(listeners),
        thorough,
        now,
    )


def _told(held: CachedTokens) -> dict[str, Any]:
    access, refresh = held.access, held.refresh_remaining
    return {
        "access": _token(access.remaining if access else None),
        "refresh": _token(refresh),
    }


def _token(remaining: float | None) -> dict[str, Any]:
    left = None if remaining is None else int(remaining)
    return {"cached": remaining is not None, "expiresIn": left}


def _of_tokens(
    loaded: Loaded, auth: Authenticator, patient: HealthChecks
) -> Iterator[Finding]:
    """Yield what is not well with tokens and their user."""
    settings, held = loaded.settings, patient.held
    access = _life(loaded, "access", held.access_text, patient.fresh_life)
    refresh = _life(loaded, "refresh", held.refresh_text, None)
    found = [tokens.of_user(patient.taken_for, settings.user_id)]
    if access is not None:
        found.append(tokens.of_access(access))
    if refresh is not None:
        found.append(tokens.of_refresh(refresh, access))
    if held.access is not None:
        can_renew = bool(held.refresh) or auth.may_log_in
        found.append(tokens.of_renewal(held.access.remaining, can_renew))
    yield from (each for each in found if each is not None)


def _life(
    loaded: Loaded, kind: str, text: str | None, fresh: float | None
) -> Life | None:
    """Return how long tokens of a kind live, as a cached or a fresh one shows."""
    margin = float(getattr(loaded.settings, f"{kind}_margin"))
    packed = decoded(kind, text)
    lives = float(packed["margin"]) / margin if packed and margin else fresh
    by_hand = loaded.sources[f"{kind}_ttl"] != "default"
    configured = getattr(loaded.settings, f"{kind}_ttl") if by_hand else None
    return Life(lives, margin, configured) if lives else None
