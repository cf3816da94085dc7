"""What the footer tells, kept up to date from the very events of the connection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from notifyws.auth.cached_tokens import AccessToken
from notifyws.config.settings import Settings
from notifyws.delivery.filters import Selection
from notifyws.events import (
    Connected,
    Connecting,
    Disconnected,
    Event,
    Failure,
    Reconnecting,
)
from notifyws.service import NotificationService
from notifyws.ui.footer import Status
from notifyws.ui.lines import host_of

__all__ = ["StatusTracker"]


@dataclass(slots=True)
class _Seen:
    host: str = ""
    user_id: str | None = None
    connected_since: float | None = None
    token: AccessToken | None = None
    token_expires: float | None = None
    attempt: int = 0
    retry_at: float | None = None
    reason: str = ""
    error: str = ""


class StatusTracker:
    """Sees every event and can say, at any moment, how things stand.

    Args:
        service: gives what changes without events: counts and latency.
        settings: whose user it is, where the server does not say.
        selection: which notifications are shown.
        now: monotonic seconds.
    """

    def __init__(
        self,
        service: NotificationService,
        settings: Settings,
        selection: Selection,
        now: Callable[[], float],
    ) -> None:
        self._service = service
        self._selection = selection
        self._user_id = settings.user_id or None
        self._now = now
        self._seen = _Seen(host=host_of(settings.connect_url))

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        seen = self._seen
        match event:
            case Connecting(url, attempt):
                seen.host, seen.attempt, seen.retry_at = host_of(url), attempt, None
            case Connected(_, user_id):
                self._connected(user_id)
            case Disconnected(reason=reason):
                seen.connected_since, seen.reason = None, reason
            case Reconnecting(attempt, delay, reason):
                seen.attempt, seen.reason = attempt, reason
                seen.retry_at = self._now() + delay
            case Failure(type, message):
                if type in ("authentication_failed", "network_error"):
                    seen.error = message

    def _connected(self, user_id: str | None) -> None:
        seen = self._seen
        seen.user_id = self._user_id or user_id
        seen.connected_since, seen.attempt, seen.retry_at = self._now(), 0, None

    def _look_at_the_token(self) -> None:
        """See when it ends; one that was renewed meanwhile is another object."""
        seen, token = self._seen, self._service.token
        if token is not seen.token:
            seen.token = token
            seen.token_expires = self._now() + token.remaining if token else None

    @property
    def _handing_on(self) -> int:
        return sum(each.count for each in self._service.backlog.values())

    def status(self) -> Status:
        """Return how things stand now."""
        self._look_at_the_token()
        seen = self._seen
        return Status(
            state=self._service.connection_state,  # type: ignore[arg-type]
            host=seen.host,
            user_id=seen.user_id,
            received=self._service.received,
            connected_since=seen.connected_since,
            token_expires=seen.token_expires,
            latency=self._service.latency,
            attempt=seen.attempt,
            retry_at=seen.retry_at,
            reason=seen.reason,
            queued=self._service.waiting + self._handing_on,
            error=seen.error,
            shown=None if self._selection.admits_all else self._selection.admitted,
        )
