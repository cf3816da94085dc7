"""Builds the parts of a group's listener: from settings, and what is asked for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from msgspec import Struct

from notifyws.auth.authenticator import Authenticator
from notifyws.config.files import user_folder
from notifyws.delivery.build import checked_name
from notifyws.delivery.build_sinks import build_routing, build_sinks
from notifyws.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from notifyws.auth.cache.redis import RedisClient
    from notifyws.delivery.filters import Filter
    from notifyws.delivery.queue import DeliveryQueue
    from notifyws.delivery.receiver import Item
    from notifyws.delivery.targets import DeliveryTargets
    from notifyws.fleet.group.member import GroupMember
    from notifyws.fleet.group.spool import Spool
    from notifyws.fleet.group.store import GroupStore


class GroupOptions(Struct, frozen=True):
    """What a member is told of its group.

    Args:
        key: JMESPath; notifications of which it finds the same stay in order.
        claim_after: seconds after which what a dead member held is taken over.
        sockets: how many members may hold one.
    """

    name: str
    key: str = ""
    claim_after: float = 60.0
    sockets: int = 1


def build_client(auth: Authenticator) -> RedisClient:
    """Return what asks the Redis that hosts share.

    Raises:
        ConfigurationError: there is none.
    """
    url = auth.cache_url
    if not url.lower().startswith(("redis", "unix:")):
        raise ConfigurationError(
            "--group needs a Redis that its members share",
            "set REDIS_URL, as in REDIS_URL=redis://host:6379",
        )
    from notifyws.auth.cache.redis import RedisClient

    return RedisClient(url, "the group's Redis")


def build_store(
    auth: Authenticator, options: GroupOptions, client: RedisClient, consumers: str = ""
) -> GroupStore:
    """Return the group as this process sees it.

    Args:
        consumers: the consumer group to read with, where it is none of the members'.

    Raises:
        UsageError: the name is none, or there are too many sockets.
    """
    from notifyws.fleet.group.lua import MEMBERS
    from notifyws.fleet.group.store import SOCKETS, GroupStore

    if options.sockets > SOCKETS:
        said = f"--sockets must be {SOCKETS} or less, not {options.sockets}"
        raise UsageError(said, "two are enough for a failover without a gap")
    host = f"{socket.gethostname()}:{os.getpid()}"
    return GroupStore(
        client,
        auth.account.id,
        checked_name(options.name, "group"),
        member=f"{host}:{auth.clock.secret()[:6]}",
        key=options.key,
        sockets=options.sockets,
        lease=auth.settings.group_lease,
        consumers=consumers or MEMBERS,
    )


def build_member(
    auth: Authenticator,
    store: GroupStore,
    queue: DeliveryQueue[Item],
    deliver: DeliveryTargets,
    selection: Filter | None,
    lost: Callable[[str, str], None],
) -> GroupMember:
    """Return what takes a share of the stream.

    Args:
        deliver: to whom notifications are handed on besides.
        lost: told since when (RFC 3339) something is missing, and why.

    Raises:
        ConfigurationError: a sink cannot be.
    """
    from notifyws.delivery.dead_letters import DeadLetters
    from notifyws.fleet.group.member import GroupMember

    stem = f"{auth.account.id}-group-{quote(store.name, safe='')}"
    folder = user_folder("state") / "dead-letters"
    letters = DeadLetters(folder / f"{stem}.jsonl", auth.warn)
    sinks = build_sinks(auth.settings, deliver, auth.clock, auth.warn)
    return GroupMember(
        store,
        queue,
        sinks,
        auth.settings,
        auth.clock,
        write_dead_letters=letters.write_dead_letters,
        warn=auth.warn,
        selection=selection,
        lost=lost,
        routing=build_routing(deliver, sinks, auth.warn),
        server=auth.label,
    )


def build_spool(auth: Authenticator, name: str) -> Spool:
    """Return what keeps a leader's notifications while Redis is away."""
    from notifyws.fleet.group.spool import Spool

    stem = f"{auth.account.id}-{quote(name, safe='')}"
    folder = user_folder("state") / "groups"
    return Spool(folder, stem, auth.settings.queue_disk, auth.warn)
