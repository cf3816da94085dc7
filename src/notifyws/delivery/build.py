"""Puts together what hands notifications on: sinks, their queue, the dead letters.

The second half of ``runtime``: that one builds what connects, this one what follows.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from notifyws.config.settings import Settings
from notifyws.errors import ConfigurationError, UsageError
from notifyws.models import DeliveryTargets

if TYPE_CHECKING:
    import httpx

    from notifyws.clock import Clock
    from notifyws.delivery.dead_letters import DeadLetters
    from notifyws.delivery.outbox import Outbox
    from notifyws.delivery.worker import DeliveryPolicy, Sink

__all__ = [
    "build_outbox",
    "build_sinks",
    "checked_name",
    "delivery_policy",
]

LONGEST_NAME = 64


def checked_name(name: str) -> str:
    """Return a listener's name.

    Raises:
        UsageError: it is none.
    """
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        message = f"a listener's name has 1 to {LONGEST_NAME} printable characters"
        raise UsageError(message, "as in --name desk")
    return name


def delivery_policy(settings: Settings) -> DeliveryPolicy:
    """Return how patiently things are handed on."""
    from notifyws.delivery.worker import DeliveryPolicy

    return DeliveryPolicy(
        settings.hand_on_delays,
        settings.retry_after_max,
        settings.concurrency,
        settings.queue_disk,
    )


def build_sinks(
    settings: Settings,
    deliver: DeliveryTargets,
    clock: Clock,
    warn: Callable[[str], None],
) -> list[Sink]:
    """Return the sinks that are asked for.

    Raises:
        ConfigurationError: one of them cannot be.
    """
    sinks: list[Sink] = []
    if deliver.command:
        from notifyws.delivery.sinks.exec import ExecSink, argv_of, hook_environment

        sinks.append(
            ExecSink(
                argv_of(deliver.command),
                hook_environment(os.environ),
                settings.exec_timeout,
                deliver.tell or warn,
            )
        )
    if deliver.url:
        sinks.append(_forward(settings, deliver, clock))
    if deliver.desktop:
        from notifyws.delivery.sinks.desktop import DesktopSink, desktop
        from notifyws.ui.sanitize import harmless

        sinks.append(DesktopSink(desktop(), harmless))
    return sinks


def _forward(settings: Settings, deliver: DeliveryTargets, clock: Clock) -> Sink:
    from notifyws.auth.http_api import http_client
    from notifyws.auth.network_errors import retry_after
    from notifyws.delivery.sinks.forward import ForwardSink

    try:
        parts = urlsplit(deliver.url)
        web = parts.scheme in ("http", "https")
        usable = web and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        message = "--forward-to takes an http:// or https:// URL with a host"
        raise ConfigurationError(message, "as in --forward-to https://host/path")

    def client() -> httpx.AsyncClient:
        from notifyws.config.machine import trust

        tls = trust(settings.ca_file) if parts.scheme == "https" else None
        return http_client(deliver.url, tls, settings.http_timeout)

    return ForwardSink(
        deliver.url,
        deliver.headers,
        deliver.secret,
        settings.http_timeout,
        client=client,
        wall=clock.wall,
        retry_after=retry_after,
    )


def build_outbox(
    settings: Settings,
    deliver: DeliveryTargets,
    name: str | None,
    account: str,
    clock: Clock,
    warn: Callable[[str], None],
) -> Outbox:
    """Return the queue of a listener.

    Args:
        settings: how patiently.
        deliver: to whom.
        name: the listener's; ``None`` for one that ends with this process.
        account: whose notifications these are.
        world: clock and sleep.
        warn: is told what does not work.

    Raises:
        ConfigurationError: a sink cannot be, or a listener of that name runs already.
    """
    from notifyws.delivery.outbox import Outbox
    from notifyws.delivery.outbox_file import OutboxFile

    sinks = build_sinks(settings, deliver, clock, warn)
    file = _state() / "listeners" / f"{_stem(account, name)}.db" if name else None
    return Outbox(
        OutboxFile(file, warn),
        sinks,
        delivery_policy(settings),
        clock,
        write_dead_letter=_dead_letters(account, name, warn).write_dead_letter,
        warn=warn,
        durable=name is not None,
    )


def _dead_letters(
    account: str, name: str | None, warn: Callable[[str], None]
) -> DeadLetters:
    from notifyws.delivery.dead_letters import DeadLetters

    stem = _stem(account, name or "")
    return DeadLetters(_state() / "dead-letters" / f"{stem}.jsonl", warn)


def _stem(account: str, name: str | None) -> str:
    return f"{account}-{quote(name, safe='')}" if name else account


def _state() -> Path:
    import platformdirs

    return platformdirs.user_state_path("notifyws")
