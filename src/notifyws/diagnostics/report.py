"""What ``diagnosis`` found, as one value with two faces; nothing in it is a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field

from notifyws.config.sources import Loaded
from notifyws.config.urls import shown_url
from notifyws.diagnostics.checks import Check
from notifyws.diagnostics.findings import span
from notifyws.fleet.listener_entry import Listener
from notifyws.version import __version__

__all__ = ["Report"]


class Report(Struct, frozen=True):
    """How things stand.

    Args:
        loaded: the settings and where each came from.
        url: the socket's URL; empty when there is none.
        origin: of the HTTP side.
        user_id: whom the server takes us for.
        cache: backend, url, ok, latencyMs.
        tokens: access and refresh: cached, expiresIn.
        checks: what was looked at, layer by layer, then what else is not well.
        listeners: who listens.
        thorough: whether the server was asked.
        now: unix seconds.
    """

    loaded: Loaded
    url: str = ""
    origin: str = ""
    user_id: str | None = None
    cache: Mapping[str, Any] = field(default_factory=dict)
    tokens: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    listeners: tuple[Listener, ...] = ()
    thorough: bool = False
    now: float = 0.0

    @property
    def failure(self) -> Check | None:
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
            "checks": [check.as_json() for check in self.checks],
        }
