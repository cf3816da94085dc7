"""Builds the sinks that a listener is asked to hand on to, and what routes to them.

A sink's module is imported when somebody asks for it: each brings a library or a
process of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from notifyws.config.settings import Settings
from notifyws.delivery.targets import DeliveryTargets
from notifyws.errors import ConfigurationError

if TYPE_CHECKING:
    from notifyws.clock import Clock
    from notifyws.delivery.routing import Routing
    from notifyws.delivery.worker import Sink


def build_sinks(
    settings: Settings,
    deliver: DeliveryTargets,
    clock: Clock,
    warn: Callable[[str], None],
) -> list[Sink]:
    """Return the sinks that are asked for, those of routes behind the others.

    Raises:
        ConfigurationError: one of them cannot be.
    """
    sinks = _own_sinks(settings, deliver, clock, warn)
    for route in deliver.routes:
        targets = replace(route.targets, tell=deliver.tell)
        try:
            own = _own_sinks(settings, targets, clock, warn)
        except ConfigurationError as error:
            said = f"route {route.name}: {error.message}"
            raise ConfigurationError(said, error.hint) from None
        for sink in own:
            sink.name = f"{route.name}/{sink.name}"  # by which a Routing knows it
        sinks += own
    return sinks


def _own_sinks(
    settings: Settings,
    deliver: DeliveryTargets,
    clock: Clock,
    warn: Callable[[str], None],
) -> list[Sink]:
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
    if deliver.tee:
        from notifyws.delivery.sinks.tee import TeeSink

        path = Path(deliver.tee).expanduser()
        sinks.append(TeeSink(path, settings.http_timeout))
    if deliver.apprise:
        from notifyws.delivery.sinks.apprise import AppriseSink, names_of

        how = settings.http_timeout, settings.concurrency
        named = zip(names_of(deliver.apprise), deliver.apprise, strict=True)
        sinks += [AppriseSink(name, url, *how) for name, url in named]
    return sinks


def build_routing(
    deliver: DeliveryTargets, sinks: Sequence[Sink], warn: Callable[[str], None]
) -> Routing | None:
    """Return what tells which sink takes what; ``None`` where each takes all.

    Raises:
        UsageError: the expression of a route does not parse.
    """
    if not deliver.routes:
        return None
    from notifyws.delivery.routing import Routing

    return Routing(deliver.routes, [sink.name for sink in sinks], warn)
