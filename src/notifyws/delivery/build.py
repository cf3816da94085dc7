"""Puts together what hands notifications on: sinks, their queue, the dead letters.

And what takes frames in before: each from settings, a profile and what is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from notifyws.clock import utc_text
from notifyws.config.settings import Settings, environment_name
from notifyws.errors import ConfigurationError, UsageError
from notifyws.models import DeliveryTargets

if TYPE_CHECKING:
    import httpx

    from notifyws.auth.authenticator import Authenticator
    from notifyws.clock import Clock
    from notifyws.delivery.dead_letters import DeadLetters
    from notifyws.delivery.outbox import Outbox
    from notifyws.delivery.queue import DeliveryQueue
    from notifyws.delivery.receiver import Item, Receiver, Selection
    from notifyws.delivery.shared_cursor import SharedCursor
    from notifyws.delivery.worker import DeliveryPolicy, Sink
    from notifyws.protocol.cursor import Cursor
    from notifyws.protocol.profile import Profile, Resume
    from notifyws.protocol.rules import Rules

__all__ = [
    "build_outbox",
    "build_receiver",
    "build_rules",
    "build_shared_cursor",
    "build_sinks",
    "checked_name",
    "delivery_policy",
    "hook_environment",
    "sends_by_http",
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
        from notifyws.delivery.sinks.exec import ExecSink, argv_of

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
        from notifyws.config.tls import trust

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


def hook_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without anything of ours that is secret."""
    secret = {
        environment_name(field.name)
        for field in fields(Settings)
        if field.metadata.get("secret")
    }
    secret |= {"NOTIFYWS_VARIABLES", "NOTIFYWS_SIGN_SECRET", "NOTIFY_SOCKET"}
    return {name: value for name, value in environment.items() if name not in secret}


def build_outbox(
    auth: Authenticator, name: str | None, deliver: DeliveryTargets
) -> Outbox:
    """Return the queue of what is handed on, and of what a listener has seen.

    Args:
        auth: whose notifications these are, and how patiently they are handed on.
        name: the listener's; ``None`` for one that ends with this process.
        deliver: to whom.

    Raises:
        ConfigurationError: a sink cannot be, or a listener of that name runs already.
    """
    from notifyws.delivery.outbox import Outbox
    from notifyws.delivery.outbox_file import OutboxFile

    settings, account, warn = auth.settings, auth.account.id, auth.warn
    sinks = build_sinks(settings, deliver, auth.clock, warn)
    file = _state() / "listeners" / f"{_stem(account, name)}.db" if name else None
    return Outbox(
        OutboxFile(file, warn),
        sinks,
        delivery_policy(settings),
        auth.clock,
        write_dead_letter=_dead_letters(account, name, warn).write_dead_letter,
        warn=warn,
        durable=name is not None,
    )


def sends_by_http(profile: Profile) -> bool:
    """Return whether messages go over the HTTP side, so that no socket is needed."""
    return profile.send is not None and profile.send.http is not None


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


def build_rules(profile: Profile) -> Rules:
    """Return what says which frame means what."""
    from notifyws.protocol.frames import decoder
    from notifyws.protocol.rules import Rules

    socket, renewal = profile.socket, profile.renewal
    plain = socket.frames == "json" and not socket.json_in
    return Rules(
        profile.rules,
        None if plain else decoder(socket.frames, socket.json_in),
        profile.send.ack if profile.send else None,
        renewal if renewal.how == "frame" else None,
    )


def build_receiver(
    auth: Authenticator,
    queue: DeliveryQueue[Item],
    *,
    since: str | int | datetime | None,
    frames: bool,
    selection: Selection | None = None,
    outbox: Outbox | None = None,
) -> Receiver:
    """Return what takes frames in.

    Args:
        auth: knows the profile and the clock.
        queue: for whoever shows things.
        since: id of the last notification known, or the time to begin at;
            ``None`` for "from now".
        frames: hand over frames that are no notifications, too.
        selection: which notifications are wanted.
        outbox: keeps them, and knows where a durable listener stood.

    Raises:
        UsageError: the server cannot replay from there.
    """
    from notifyws.connection.event_emitter import GapStart
    from notifyws.delivery.receiver import Receiver

    receiver = Receiver(
        build_rules(auth.profile),
        queue,
        _cursor(auth.profile, since, outbox),
        auth.clock,
        frames=frames,
        selection=selection,
        outbox=outbox,
    )
    heard_at = outbox.position.heard_at if outbox else ""
    if isinstance(since, datetime):
        heard_at = utc_text(since.timestamp())
    if heard_at:
        receiver.gaps.begin(GapStart(heard_at))
    return receiver


def _cursor(
    profile: Profile, since: str | int | datetime | None, outbox: Outbox | None
) -> Cursor:
    from notifyws.protocol.cursor import Cursor

    resume = profile.resume
    start: dict[str, Any] = {"last_id": since}
    if outbox:
        stood = outbox.position
        start["mixed"] = stood.mixed
        if since is None:
            start |= {"last_id": stood.last_id, "seen": outbox.seen}
    if isinstance(since, datetime):
        _want_replay_by_time(profile)
        start = {"since": since.astimezone(UTC)}
    return Cursor(
        **start,
        can_resume=resume is not None and not _only_snapshot(resume),
        snapshot=resume is not None and resume.snapshot,
        repeats=profile.renewal.how == "reconnect",
    )


def _only_snapshot(resume: Resume) -> bool:
    asks = resume.query or resume.header or resume.by_template or resume.catchup
    return not asks


def _want_replay_by_time(profile: Profile) -> None:
    from notifyws.protocol.since import can_begin

    if can_begin(profile):
        return
    asked = profile.resume is not None
    what = "replay from a time on" if asked else "replay"
    message = f"--since: a server of profile {profile.name} cannot {what}"
    hint = "leave it out, or give an id" if asked else "leave it out"
    raise UsageError(message, hint)


def build_shared_cursor(auth: Authenticator, name: str) -> SharedCursor | None:
    """Return a listener's place in the cache; ``None`` if no host shares that."""
    from notifyws.delivery.shared_cursor import SharedCursor

    if auth.cache.backend != "redis":
        return None
    return SharedCursor(auth.cache, auth.account.id, name, auth.clock)
