"""Puts together what delivers notifications: sinks, their outbox, the dead letters."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from notifyws.config.settings import Settings
from notifyws.errors import UsageError
from notifyws.models import DeliveryTargets

if TYPE_CHECKING:
    import httpx

    from notifyws.clock import Clock
    from notifyws.delivery.outbox import Outbox
    from notifyws.delivery.worker import DeliveryPolicy, Sink

__all__ = ["build_outbox", "build_sinks", "checked_name", "delivery_policy"]

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
    """Return how often a sink is tried, and how much may wait for it."""
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
    from notifyws.auth.http_api import http_client
    from notifyws.delivery.sinks.forward import ForwardSink, checked_target

    url = checked_target(deliver.url)

    def client() -> httpx.AsyncClient:
        from notifyws.config.machine import trust

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


def build_outbox(
    settings: Settings,
    deliver: DeliveryTargets,
    name: str | None,
    account: str,
    clock: Clock,
    warn: Callable[[str], None],
) -> Outbox:
    """Return the outbox of a listener.

    Args:
        settings: how often a sink is tried, and how much may wait for it.
        deliver: to whom.
        name: the listener's; ``None`` for one that ends with this process.
        account: whose notifications these are.
        clock: clock and sleep.
        warn: is told what does not work.

    Raises:
        ConfigurationError: a sink cannot be, or a listener of that name runs already.
    """
    import platformdirs

    from notifyws.delivery.dead_letters import DeadLetters
    from notifyws.delivery.outbox import Outbox
    from notifyws.delivery.outbox_file import OutboxFile

    sinks = build_sinks(settings, deliver, clock, warn)
    state: Path = platformdirs.user_state_path("notifyws")
    stem = f"{account}-{quote(name, safe='')}" if name else account
    dead_letters = DeadLetters(state / "dead-letters" / f"{stem}.jsonl", warn)
    return Outbox(
        OutboxFile(state / "listeners" / f"{stem}.db" if name else None, warn),
        sinks,
        delivery_policy(settings),
        clock,
        write_dead_letter=dead_letters.write_dead_letter,
        warn=warn,
        durable=name is not None,
    )
