"""The checks of ``status``: each looks at one real part and says what it saw.

They run in order and build on each other; what they see is kept for the report.
``probes`` does the looking, and what it means is decided in ``findings``: for TLS, say,
``_tls`` skips what is not encrypted or stands behind a proxy, ``probes.tls_days_left``
shakes hands and reads the certificate, and ``findings.of_certificate`` warns below
``EXPIRING`` days.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.cache.keys import KEEP
from notifyws.auth.cached_tokens import AccessToken, CachedTokens
from notifyws.auth.proxies import proxy_name
from notifyws.auth.token_manager import StaticTokenProvider
from notifyws.clock import span
from notifyws.config.settings import environment_name
from notifyws.config.sources import Loaded
from notifyws.config.tls import pair_of
from notifyws.diagnostics import probes
from notifyws.diagnostics.connection_probe import ConnectionProbe
from notifyws.diagnostics.findings import (
    CheckContext,
    Finding,
    advice,
    of_certificate,
    of_clock,
    of_complaint,
    of_our_certificate,
    skipped,
    warning,
)
from notifyws.errors import AuthenticationFailed, CacheFailed, NotifyError
from notifyws.fleet.heartbeat import find_listeners
from notifyws.fleet.listener_entry import Listener

Probe = Callable[[], Awaitable[str | Finding]]
"""Returns what it saw, or raises what is wrong."""
Advice = Callable[[str, NotifyError], str]


class HealthChecks:
    """What the probes have seen so far, and the probes themselves."""

    def __init__(self, loaded: Loaded, auth: Authenticator, thorough: bool) -> None:
        self._loaded = loaded
        self._auth = auth
        self._token: AccessToken | None = None
        self._probe: ConnectionProbe | None = None
        self._checked = thorough
        self._cache_answers = False
        self.url = self.origin = ""
        self.cached = CachedTokens()
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
    def context(self) -> CheckContext:
        """What findings stand on, once the configuration has been looked at."""
        settings, profile = self._auth.settings, self._auth.profile
        return CheckContext(
            self.url,
            self._loaded.sources["socket_url" if settings.socket_url else "url"],
            settings.profile,
            profile.socket.path and f"{self._auth.base_path}{profile.socket.path}",
            proxy_name(self.url) if self._checked else None,
            socket.gethostname(),
            self._checked,
            settings.user_id,
            tuple(self._auth.profile.needs),
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
        return told or self.cached.user_id

    def advice(self, layer: str, error: NotifyError) -> str:
        """Return what to try next after an error."""
        if layer == "configuration":
            return error.hint
        return advice(layer, error, self.context)

    async def leave(self) -> None:
        if self._probe is not None:
            await self._probe.close()

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
        _ = self._auth.tls, self._auth.variables, self.context  # whatever is wrong
        return f"profile {name}, HTTP side {self.origin}"

    async def _cache(self) -> str | Finding:
        cache = self._auth.cache
        self.cache |= {"backend": cache.backend, "url": cache.url, "ok": False}
        try:
            took = await self._try_cache()
        except CacheFailed as error:
            said = f"{error.message}; tokens are kept in memory only"
            return warning("cache", said, self._about_cache(error.hint))
        self.cache |= {"ok": True}
        if odd := self._auth.odd_values:
            hint = "if it comes back, see who else writes there"
            return warning("cache", "; ".join(odd), hint)
        return f"{cache.backend} at {cache.url}, {took:.1f} ms"

    async def _try_cache(self) -> float:
        """Return the milliseconds that the cache takes.

        It must do all that will be asked of it: a user of Redis may be allowed some of
        it only, and memory would take over without a word of it here.
        """
        cache, account = self._auth.cache, self._auth.account.id
        started = time.monotonic()
        await cache.primary.ping()
        took = (time.monotonic() - started) * 1000
        self._cache_answers = True
        self.cache |= {"latencyMs": round(took, 1)}
        for entry in (("1", KEEP["probe"]), None):
            await cache.primary.replace(account, {"probe": entry}, expect={})
            await cache.primary.read(account, "probe")
        if not self._auth.settings.token:
            self.cached = await self._auth.token_manager.peek()
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

    @property
    def _target(self) -> probes.Target:
        proxy = self.context.proxy
        return probes.proxy_target(proxy) if proxy else probes.target_of(self.url)

    async def _dns(self) -> str:
        target = self._target
        found = ", ".join((await probes.resolve(target))[:4])
        return f"{target.title}{target.host} is {found}"

    async def _tcp(self) -> str:
        target = self._target
        took = await probes.reach(target)
        who = target.name if target.title else f"port {target.port}"
        return f"{who} answers in {took * 1000:.0f} ms"

    async def _tls(self) -> str | Finding:
        target = self._target
        if self.context.proxy:
            return skipped(f"behind the proxy {self.context.proxy}")
        if not target.secure or self._auth.tls is None:
            return skipped("plain ws://, nothing is encrypted")
        days = await probes.tls_days_left(target, self._auth.tls)
        seen = f"trusted, {days:.0f} days left"
        found = of_certificate(days, self.context)
        if pair := pair_of(self._auth.settings):
            name, left = probes.own_certificate(pair)
            seen += f"; we show the certificate of {name}, {left:.0f} days left"
            found = found or of_our_certificate(name, left)
        return found or seen

    async def _clock(self) -> str | Finding:
        skew = await probes.clock_skew(self.origin, self._auth.tls)
        if skew is None:
            return skipped("the server does not tell its time")
        exact = "agrees with the server's to the second"
        rough = f"{abs(skew):.0f} s from the server's"
        return of_clock(skew) or (exact if abs(skew) < 1.5 else rough)

    async def _get_token(self) -> str | Finding:
        tokens = self._auth.tokens
        if not isinstance(tokens, StaticTokenProvider) and self._would_be_lost:
            return skipped("none is cached, and no cache would keep a new one")
        self._token = await tokens.get()
        if not isinstance(tokens, StaticTokenProvider):
            self.cached = await self._auth.token_manager.peek()
        if not self._token.value:
            shown = "none, but the username and password are sent"
            return shown if self._auth.basic else "none is needed"
        origin = {"cache": "cached", "static": "ready-made"}
        how = origin.get(self._token.source, f"new, by {self._token.source}")
        if not self._token.life_is_known:
            return f"{how}; how long it is good it does not say"
        return f"{how}, {self._token.remaining / 60:.0f} min left"

    @property
    def _would_be_lost(self) -> bool:
        """Whether a new token would be kept by nobody."""
        kept = self.cache["ok"] and self._auth.cache.backend != "memory"
        return self.cached.access is None and not kept

    async def _websocket(self) -> str | Finding:
        if self._token is None:
            return skipped("there is no token to connect with")
        started = time.monotonic()
        try:
            self._probe = ConnectionProbe(self._auth, self._token)
            await self._probe.verify()
            await self._probe.open()
        except AuthenticationFailed as error:
            if not (self._token.value and self._token.life_is_known):
                raise
            left = span(self._token.remaining)
            said = f"{error.message}, though it has {left} left by its own word"
            raise AuthenticationFailed(said, error.hint) from None
        took = (time.monotonic() - started) * 1000
        return f"connected to {self.context.host} in {took:.0f} ms"

    async def _ping(self) -> str | Finding:
        if self._probe is None:
            return skipped("there is no connection")
        latency = await self._probe.ping()
        if self._probe.complaint:
            return of_complaint(self._probe.complaint, self.context)
        if latency is None:
            return skipped("the server answers no pings")
        return f"{latency * 1000:.1f} ms there and back"


async def run_checks(
    probes: Sequence[tuple[str, Probe]], advice: Advice = lambda name, error: error.hint
) -> list[Finding]:
    """Run probes in order; ``advice`` says what to try after an error of one."""
    checks: list[Finding] = []
    failed: str | None = None
    for name, probe in probes:
        if failed is not None:
            why = f"not tried, because {failed} failed"
            checks.append(Finding(name, "skip", why, left_out=True))
            continue
        checks.append(await _run(name, probe, advice))
        if checks[-1].status == "fail":
            failed = name
    return checks


async def _run(name: str, probe: Probe, advice: Advice) -> Finding:
    try:
        seen = await probe()
    except NotifyError as error:
        hint = advice(name, error)
        return Finding(name, "fail", error.message, hint, error.exit_code)
    if isinstance(seen, str):
        return Finding(name, "pass", seen)
    return replace(seen, name=name)
