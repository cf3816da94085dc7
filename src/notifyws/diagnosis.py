"""The answer to "why am I not getting anything": looked at layer by layer.

Puts the probes of the real parts in order and gathers one report, which has two
faces: for people and as JSON. Nothing in it is a secret.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from notifyws.checks import Check, Doubt, Probe, Skip, run_checks
from notifyws.errors import (
    ConnectionLost,
    NetworkFailed,
    NotifyError,
    UpgradeRefused,
)
from notifyws.heartbeat import Listener
from notifyws.held import Held, Obtained
from notifyws.load import Loaded
from notifyws.runtime import Runtime
from notifyws.tokens import ReadyMade
from notifyws.version import __version__

__all__ = ["Report", "diagnose"]

TOLERABLE_SKEW = 60.0
"""Seconds a clock may be off before tokens could suffer."""
EXPIRING = 14.0
"""Days before a certificate's end from which it is worth a word."""


@dataclass(frozen=True, slots=True)
class Report:
    """How things stand.

    Args:
        loaded: the settings and where each came from.
        url: the socket's URL; empty when there is none.
        origin: of the HTTP side.
        user_id: whose tokens are cached.
        cache: backend, url, ok, latencyMs.
        tokens: access and refresh: cached, expiresIn.
        checks: what was looked at.
        listeners: who listens.
    """

    loaded: Loaded
    url: str = ""
    origin: str = ""
    user_id: str | None = None
    cache: Mapping[str, Any] = field(default_factory=dict)
    tokens: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    listeners: tuple[Listener, ...] = ()

    @property
    def failure(self) -> Check | None:
        """The first check that failed."""
        return next((c for c in self.checks if c.status == "fail"), None)

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``status --json`` prints."""
        settings, sources = self.loaded.settings, self.loaded.sources
        named = "socket_url" if settings.socket_url else "url"
        return {
            "ok": self.failure is None,
            "version": __version__,
            "profile": settings.profile,
            "server": {
                "url": self.url or None,
                "httpOrigin": self.origin or None,
                "source": sources[named],
            },
            "user": {"id": self.user_id, "username": settings.username or None},
            "cache": dict(self.cache),
            "tokens": dict(self.tokens),
            "listeners": [each.as_json() for each in self.listeners],
            "checks": [check.as_json() for check in self.checks],
        }


async def diagnose(loaded: Loaded, runtime: Runtime, *, thorough: bool) -> Report:
    """Look at everything and return what was seen.

    Args:
        loaded: the settings and their sources.
        runtime: the real parts.
        thorough: speak to the server as well.
    """
    patient = _Patient(runtime)
    probes = patient.quick + (patient.thorough if thorough else [])
    try:
        checks = await run_checks(probes)
    finally:
        await patient.leave()
    held = patient.held
    return Report(
        loaded,
        patient.url,
        patient.origin,
        runtime.settings.user_id or held.user_id or patient.token_user,
        patient.cache,
        _tokens(held),
        tuple(checks),
        tuple(await _listeners(runtime)),
    )


async def _listeners(runtime: Runtime) -> list[Listener]:
    try:
        return await runtime.listeners()
    except NotifyError:
        return []  # the checks say what is wrong


def _tokens(held: Held) -> dict[str, Any]:
    access, refresh = held.access, held.refresh_remaining
    return {
        "access": _token(access.remaining if access else None),
        "refresh": _token(refresh),
    }


def _token(remaining: float | None) -> dict[str, Any]:
    left = None if remaining is None else int(remaining)
    return {"cached": remaining is not None, "expiresIn": left}


class _Patient:
    """What the probes have seen so far, and the probes themselves."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._token: Obtained | None = None
        self._link: Any = None
        self.url = self.origin = ""
        self.held = Held()
        self.cache: dict[str, Any] = dict.fromkeys(
            ("backend", "url", "ok", "latencyMs")
        )
        self.quick: list[tuple[str, Probe]] = [
            ("configuration", self._configuration),
            ("cache", self._cache),
        ]
        self.thorough: list[tuple[str, Probe]] = [
            ("dns", self._dns),
            ("tcp", self._tcp),
            ("tls", self._tls),
            ("clock", self._clock),
            ("token", self._get_token),
            ("websocket", self._websocket),
            ("ping", self._ping),
        ]

    @property
    def token_user(self) -> str | None:
        return self._token.user_id if self._token else None

    async def leave(self) -> None:
        if self._link is not None:
            await self._link.close()

    async def _configuration(self) -> str:
        self.url, self.origin = self._runtime.url, self._runtime.origin
        name = self._runtime.profile.name
        _ = self._runtime.tls
        return f"profile {name}, HTTP side {self.origin}"

    async def _cache(self) -> str:
        cache = self._runtime.cache
        self.cache |= {"backend": cache.backend, "url": cache.url}
        started = time.monotonic()
        await cache.ping()
        took = (time.monotonic() - started) * 1000
        self.cache |= {"ok": cache.healthy, "latencyMs": round(took, 1)}
        if not self._runtime.settings.token:
            self.held = await self._runtime.keeper.peek()
        if not cache.healthy:
            raise Doubt(
                f"{cache.backend} at {cache.url} does not answer; memory only",
                "start it, or check REDIS_URL",
            )
        return f"{cache.backend} at {cache.url}, {took:.1f} ms"

    def _target(self) -> Any:
        from notifyws.probe import proxy_for, target_of

        if proxy := proxy_for(self.url):
            raise Skip(f"through the proxy {proxy}")
        return target_of(self.url)

    async def _dns(self) -> str:
        from notifyws.probe import resolve

        target = self._target()
        return f"{target.host} is {', '.join((await resolve(target))[:4])}"

    async def _tcp(self) -> str:
        from notifyws.probe import reach

        target = self._target()
        took = await reach(target)
        return f"port {target.port} answers in {took * 1000:.0f} ms"

    async def _tls(self) -> str:
        from notifyws.probe import days_left

        target = self._target()
        if not target.secure or self._runtime.tls is None:
            raise Skip("plain ws://, nothing is encrypted")
        days = await days_left(target, self._runtime.tls)
        if days < EXPIRING:
            hint = "tell whoever runs the server"
            raise Doubt(f"the certificate ends in {days:.0f} days", hint)
        return f"trusted, {days:.0f} days left"

    async def _clock(self) -> str:
        from notifyws.probe import clock_skew

        skew = await clock_skew(self.origin, self._runtime.tls)
        if skew is None:
            raise Skip("the server does not tell its time")
        if abs(skew) > TOLERABLE_SKEW:
            way = "behind" if skew > 0 else "ahead of"
            said = f"this machine's clock is {abs(skew):.0f} s {way} the server's"
            raise Doubt(said, "set the clock: timedatectl set-ntp true")
        return (
            "agrees with the server's to the second"
            if abs(skew) < 1.5
            else (f"{abs(skew):.0f} s from the server's")
        )

    async def _get_token(self) -> str:
        tokens = self._runtime.tokens
        if not isinstance(tokens, ReadyMade):
            self._would_be_lost()
        self._token = await tokens.get()
        if not isinstance(tokens, ReadyMade):
            self.held = await self._runtime.keeper.peek()
        minutes = self._token.remaining / 60
        origin = {"cache": "cached", "static": "ready-made"}
        how = origin.get(self._token.source, f"new, by {self._token.source}")
        return f"{how}, {minutes:.0f} min left"

    def _would_be_lost(self) -> None:
        """Skip where a new token would be kept by nobody."""
        cache = self._runtime.cache
        kept = cache.healthy and cache.backend != "memory"
        if self.held.access is None and not kept:
            raise Skip("none is cached, and no cache would keep a new one")

    async def _websocket(self) -> str:
        from notifyws.link import Link

        if self._token is None:
            raise Skip("there is no token to connect with")
        runtime = self._runtime
        speech = runtime.speech
        opening = speech.opening(self._token.value, None)
        started = time.monotonic()
        try:
            self._link = await Link.open(
                runtime.dial, opening, runtime.keepalive, runtime.world
            )
        except UpgradeRefused as error:
            raise _about_the_token(error) if error.status == 401 else error from None
        took = (time.monotonic() - started) * 1000
        return f"connected in {took:.0f} ms"

    async def _ping(self) -> str:
        if self._link is None:
            raise Skip("there is no connection")
        pending = asyncio.create_task(self._link.run(lambda frame: None))
        try:
            latency = await self._link.ping()
        except ConnectionLost as lost:
            raise NetworkFailed(lost.message, "notifyws listen -v") from None
        finally:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)
        return f"{latency * 1000:.1f} ms there and back"


def _about_the_token(error: UpgradeRefused) -> NotifyError:
    from notifyws.errors import AuthenticationFailed

    return AuthenticationFailed(error.message, "notifyws token --refresh")
