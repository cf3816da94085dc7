"""The probes of ``status``: each looks at one real part and says what it saw.

They run in order and build on each other; what they see is kept for the report. What
it means is decided in ``troubles``.
"""

from __future__ import annotations

import asyncio
import socket
import time
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.cached_tokens import AccessToken, CachedTokens
from notifyws.auth.token_manager import StaticTokenProvider
from notifyws.config.sources import Loaded
from notifyws.config.validation import environment_name
from notifyws.connection.build import open_connection
from notifyws.diagnostics.checks import CheckSkipped, CheckWarning, Probe
from notifyws.diagnostics.findings import CheckContext, Finding, span
from notifyws.diagnostics.findings import network as way
from notifyws.errors import (
    AuthenticationFailed,
    CacheFailed,
    ConnectionLost,
    NetworkFailed,
    NotifyError,
    UpgradeRefused,
)
from notifyws.fleet.heartbeat import find_listeners
from notifyws.fleet.listener_entry import Listener

__all__ = ["HealthChecks"]

TRACE = 1.0
"""Seconds for which what is written to try the cache is kept."""


def _unless(trouble: Finding | None) -> None:
    """Raise what is not well, as the doubt of a probe."""
    if trouble is not None:
        raise CheckWarning(trouble.said, trouble.hint)


class HealthChecks:
    """What the probes have seen so far, and the probes themselves."""

    def __init__(self, loaded: Loaded, auth: Authenticator, thorough: bool) -> None:
        self._loaded = loaded
        self._auth = auth
        self._token: AccessToken | None = None
        self._link: Any = None
        self._checked = thorough
        self._cache_answers = False
        self.url = self.origin = ""
        self.held = CachedTokens()
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

    @cached_property
    def ground(self) -> CheckContext:
        """What findings stand on, once the configuration has been looked at."""
        from notifyws.diagnostics.probes import proxy_for

        settings, profile = self._auth.settings, self._auth.profile
        return CheckContext(
            self.url,
            self._loaded.sources["socket_url" if settings.socket_url else "url"],
            settings.profile,
            profile.socket.path,
            proxy_for(self.url) if self._checked else None,
            socket.gethostname(),
            self._checked,
            settings.user_id,
        )

    @property
    def fresh_life(self) -> float | None:
        """Seconds that a token lives which was got just now."""
        token = self._token
        fresh = token is not None and token.source in ("login", "refresh")
        return token.remaining if token and fresh else None

    @property
    def taken_for(self) -> str | None:
        """The user that the server takes us for, if it told."""
        told = self._token.user_id if self._token else None
        return told or self.held.user_id

    def advice(self, layer: str, error: NotifyError) -> str:
        """Return what to try next after an error."""
        if layer == "configuration":
            return error.hint
        return way.advice(layer, error, self.ground)

    async def leave(self) -> None:
        if self._link is not None:
            await self._link.close()

    async def listeners(self) -> list[Listener]:
        """Return who listens, as far as the cache can tell."""
        if not self._cache_answers:
            return []
        auth = self._auth
        try:
            return await find_listeners(auth.cache.primary, auth.account.id)
        except NotifyError:
            return []  # the checks say what is wrong

    async def _configuration(self) -> str:
        self.url, self.origin = self._auth.url, self._auth.origin
        name = self._auth.profile.name
        _ = self._auth.tls, self._auth.variables  # whatever is wrong with them
        return f"profile {name}, HTTP side {self.origin}"

    async def _cache(self) -> str:
        cache = self._auth.cache
        self.cache |= {"backend": cache.backend, "url": cache.url, "ok": False}
        try:
            took = await self._try_cache()
        except CacheFailed as error:
            said = f"{error.message}; tokens are kept in memory only"
            raise CheckWarning(said, self._about_cache(error.hint)) from None
        self.cache |= {"ok": True}
        if odd := self._auth.odd_values:
            raise CheckWarning(
                "; ".join(odd), "if it comes back, see who else writes there"
            )
        return f"{cache.backend} at {cache.url}, {took:.1f} ms"

    async def _try_cache(self) -> float:
        """Return the milliseconds that the cache takes; it must read and write."""
        cache = self._auth.cache
        started = time.monotonic()
        await cache.primary.ping()
        took = (time.monotonic() - started) * 1000
        self._cache_answers = True
        self.cache |= {"latencyMs": round(took, 1)}
        if not self._auth.settings.token:
            self.held = await self._auth.token_manager.peek()
        written = {"probe": ("1", TRACE)}
        await cache.primary.replace(self._auth.account.id, written, expect={})
        return took

    def _about_cache(self, hint: str) -> str:
        settings = self._auth.settings
        name = "cache_url" if settings.cache_url else "redis_url"
        source = self._loaded.sources[name]
        if source == "default":
            return hint or "set NOTIFYWS_CACHE_URL to another place"
        variable = environment_name(name)
        told = variable in source or source.startswith("--")
        where = source if told else f"{variable} in {source}"
        return f"{hint} ({where})"

    def _target(self) -> Any:
        from notifyws.diagnostics.probes import proxy_target, target_of

        proxy = self.ground.proxy
        return proxy_target(proxy) if proxy else target_of(self.url)

    async def _dns(self) -> str:
        from notifyws.diagnostics.probes import resolve

        target = self._target()
        found = ", ".join((await resolve(target))[:4])
        return f"{target.title}{target.host} is {found}"

    async def _tcp(self) -> str:
        from notifyws.diagnostics.probes import reach

        target = self._target()
        took = await reach(target)
        who = target.name if target.title else f"port {target.port}"
        return f"{who} answers in {took * 1000:.0f} ms"

    async def _tls(self) -> str:
        from notifyws.diagnostics.probes import days_left

        target = self._target()
        if self.ground.proxy:
            raise CheckSkipped(f"behind the proxy {self.ground.proxy}")
        if not target.secure or self._auth.tls is None:
            raise CheckSkipped("plain ws://, nothing is encrypted")
        days = await days_left(target, self._auth.tls)
        _unless(way.of_certificate(days, self.ground))
        return f"trusted, {days:.0f} days left"

    async def _clock(self) -> str:
        from notifyws.diagnostics.probes import clock_skew

        skew = await clock_skew(self.origin, self._auth.tls)
        if skew is None:
            raise CheckSkipped("the server does not tell its time")
        _unless(way.of_clock(skew))
        if abs(skew) < 1.5:
            return "agrees with the server's to the second"
        return f"{abs(skew):.0f} s from the server's"

    async def _get_token(self) -> str:
        tokens = self._auth.tokens
        if not isinstance(tokens, StaticTokenProvider):
            self._would_be_lost()
        self._token = await tokens.get()
        if not isinstance(tokens, StaticTokenProvider):
            self.held = await self._auth.token_manager.peek()
        if not self._token.value:
            return "none is needed"
        origin = {"cache": "cached", "static": "ready-made"}
        how = origin.get(self._token.source, f"new, by {self._token.source}")
        return f"{how}, {self._token.remaining / 60:.0f} min left"

    def _would_be_lost(self) -> None:
        """Skip where a new token would be kept by nobody."""
        kept = self.cache["ok"] and self._auth.cache.backend != "memory"
        if self.held.access is None and not kept:
            raise CheckSkipped("none is cached, and no cache would keep a new one")

    async def _websocket(self) -> str:
        if self._token is None:
            raise CheckSkipped("there is no token to connect with")
        started = time.monotonic()
        try:
            self._link = await open_connection(self._auth, self._token.value)
        except UpgradeRefused as error:
            raise self._about_token(error) if error.status == 401 else error from None
        took = (time.monotonic() - started) * 1000
        _unless(way.of_path(self.ground, urlsplit(self.url).path))
        return f"connected to {self.ground.host} in {took:.0f} ms"

    def _about_token(self, error: UpgradeRefused) -> NotifyError:
        assert self._token is not None
        left = f"the token has {span(self._token.remaining)} left by its own word"
        hint = "notifyws token --refresh"
        if self._token.source == "static":
            hint = "set another NOTIFYWS_TOKEN, or unset it and: notifyws auth login"
        return AuthenticationFailed(f"{error.message}, though {left}", hint)

    async def _ping(self) -> str:
        if self._link is None:
            raise CheckSkipped("there is no connection")
        pending = asyncio.create_task(self._link.run(lambda frame: None))
        try:
            latency = await self._link.ping()
        except ConnectionLost as lost:
            raise NetworkFailed(lost.message, "notifyws listen -v") from None
        finally:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)
        return f"{latency * 1000:.1f} ms there and back"
