"""Listen to WebSocket notification servers that want a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from notifyws.config.settings import Settings
    from notifyws.config.sources import load_settings
    from notifyws.delivery.route_file import load_routes
    from notifyws.delivery.targets import DeliveryTargets
    from notifyws.errors import (
        AuthenticationFailed,
        ConfigurationError,
        MessageRejected,
        MessageUnconfirmed,
        NetworkFailed,
        NotifyError,
    )
    from notifyws.models import Message, Notification
    from notifyws.service import NotificationService

_HOMES = {
    "AuthenticationFailed": "errors",
    "ConfigurationError": "errors",
    "DeliveryTargets": "delivery.targets",
    "Message": "models",
    "MessageRejected": "errors",
    "MessageUnconfirmed": "errors",
    "NetworkFailed": "errors",
    "Notification": "models",
    "NotificationService": "service",
    "NotifyError": "errors",
    "Settings": "config.settings",
    "load_routes": "delivery.route_file",
    "load_settings": "config.sources",
}

__all__ = [
    "AuthenticationFailed",
    "ConfigurationError",
    "DeliveryTargets",
    "Message",
    "MessageRejected",
    "MessageUnconfirmed",
    "NetworkFailed",
    "Notification",
    "NotificationService",
    "NotifyError",
    "Settings",
    "load_routes",
    "load_settings",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: a command needs few of them."""
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
