"""Builds the sinks that a listener is asked to hand on to.

A sink's module is imported when somebody asks for it: each brings a library or a
process of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from notifyws.config.settings import Settings
from notifyws.delivery.targets import DeliveryTargets

if TYPE_CHECKING:
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
        from notifyws.delivery.sinks.forward import ForwardSink

        sinks.append(ForwardSink(deliver, settings, clock.wall))
    if deliver.desktop:
        from notifyws.delivery.sinks.desktop import DesktopSink

        sinks.append(DesktopSink(settings.http_timeout))
    if deliver.apprise:
        from notifyws.delivery.sinks.apprise import AppriseSink, names_of

        how = settings.http_timeout, settings.concurrency
        named = zip(names_of(deliver.apprise), deliver.apprise, strict=True)
        sinks += [AppriseSink(name, url, *how) for name, url in named]
    return sinks
