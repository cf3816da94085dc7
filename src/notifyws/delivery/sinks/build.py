"""Builds the sinks that are asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from notifyws.config.settings import Settings
from notifyws.models import DeliveryTargets

if TYPE_CHECKING:
    import httpx

    from notifyws.clock import Clock
    from notifyws.delivery.worker import Sink


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

        argv, environment = argv_of(deliver.command), hook_environment(os.environ)
        tell = deliver.tell or warn
        sinks.append(ExecSink(argv, environment, settings.exec_timeout, tell))
    if deliver.url:
        sinks.append(_forward(settings, deliver, clock))
    if deliver.desktop:
        from notifyws.delivery.sinks.desktop import DesktopSink

        sinks.append(DesktopSink())
    return sinks


def _forward(settings: Settings, deliver: DeliveryTargets, clock: Clock) -> Sink:
    from notifyws.auth.http_client import http_client
    from notifyws.delivery.sinks.forward import ForwardSink, checked_target

    url = checked_target(deliver.url)

    def client() -> httpx.AsyncClient:
        from notifyws.config.tls import trust

        tls = trust(settings.ca_file) if url.lower().startswith("https:") else None
        return http_client(url, tls, settings.http_timeout)

    return ForwardSink(
        url,
        deliver.headers,
        deliver.secret,
        settings.http_timeout,
        client=client,
        wall=clock.wall,
    )
