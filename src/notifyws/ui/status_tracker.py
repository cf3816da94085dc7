"""How a connection is, at any moment: what its events tell, and what only it knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from notifyws.delivery.filters import Selection
from notifyws.events import (
    Connected,
    Connecting,
    Disconnected,
    Event,
    Failure,
    Grouped,
    Reconnecting,
)
from notifyws.ui.footer import Part, State, Status
from notifyws.ui.lines import host_of

if TYPE_CHECKING:
    from notifyws.auth.cached_tokens import AccessToken
    from notifyws.service import NotificationService


class StatusTracker:
    """Sees every event and can say, at any moment, how things stand.

    Args:
        service: gives what changes without events: counts and latency; its settings
            say whose user it is, where the server does not.
        now: monotonic seconds.
        server: which of several servers it is, as its name is to be shown, and its
            colour.
    """

    def __init__(
        self,
        service: NotificationService,
        selection: Selection,
        now: Callable[[], float],
        server: Part = ("", ""),
    ) -> None:
        self._service = service
        self._selection = selection
        self._user_id = service.settings.user_id or None
        self._now = now
        self._token: AccessToken | None = None
        host = host_of(service.settings.connect_url)
        self._seen = Status("disconnected", host, server=server)

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case Connecting(url, attempt):
                self._note(host=host_of(url), attempt=attempt, retry_at=None)
            case Connected(_, user_id):
                user_id, now = self._user_id or user_id, self._now()
                self._note(
                    user_id=user_id, connected_since=now, attempt=0, retry_at=None
                )
            case Disconnected(reason=reason):
                self._note(connected_since=None, reason=reason)
            case Reconnecting(attempt, delay, reason):
                retry_at = self._now() + delay
                self._note(attempt=attempt, reason=reason, retry_at=retry_at)
            case Grouped(group, role, leader):
                self._note(group=group, role=role, leader=leader)
            case Failure("authentication_failed" | "network_error", message):
                self._note(error=message)

    def _note(self, **facts: object) -> None:
        self._seen = replace(self._seen, **facts)

    def status(self) -> Status:
        """Return how things stand now."""
        service, selection = self._service, self._selection
        if service.token is not self._token:  # one that was renewed is another object
            self._token = token = service.token
            known = token is not None and token.life_is_known
            ends = self._now() + token.remaining if token and known else None
            self._note(token_expires=ends)
        listener = service.listener
        group, received = listener.group, listener.received
        return replace(
            self._seen,
            state=cast("State", service.connection_state),
            received=received,
            latency=service.latency,
            queued=listener.waiting,
            lag=group.lag if group else 0,
            pending=group.pending if group else 0,
            shown=None if selection.admits_all else received - listener.filtered,
        )
