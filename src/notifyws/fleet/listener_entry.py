"""What ``status`` is told of running listeners: text in the cache, values here; pure.

Older and newer versions share a cache: what is not known is passed over, what is
missing or makes no sense has its default, and rubbish is no listener at all. Whoever
can write to the cache could be anybody: a text is no longer than one of ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct, convert
from msgspec.structs import asdict, fields

from notifyws.auth.cache.keys import VERSION, decoded

LONGEST = 300
"""Characters of a text that are told."""


class Listener(Struct, frozen=True):
    """What a listener says of itself; moments are RFC 3339 UTC.

    Args:
        name: its durable name, if it has one.
        host, pid: where it runs.
        state: ``connecting``, ``connected`` or ``reconnecting``; ``member`` where
            another one of its group holds the socket.
        since: when that began.
        received: notifications so far.
        waiting: notifications that are not handed on yet.
        reconnects: connections after the first.
        lastNotificationAt: when one was last seen to have come.
        gaps: how many stretches of time something may have been missed in.
        lastGap: the latest of them.
        filtered: notifications that its filter or types did not let through.
        notUnderstood: frames that no rule of the profile makes sense of.
        lastNotUnderstood: the beginning of the latest of them, without secrets.
        attempts: tries to reconnect since it was last connected.
        shortLived: connections in a row, up to the latest that ended, which lasted
            for seconds only.
        lastFailure: what went wrong last: ``at``, ``kind``, ``message``.
        userId: whom the server takes it for, where it says.
        repeats: notifications that came again, or were older than its beginning.
        group: the group that it shares the work with.
        role: ``leader`` or ``member`` of it.
        verifyEvery: seconds between two looks at whether the socket missed anything.
        verifiedAt: until when it was last proved that all was handed over.
        deaf: sockets that were found to have missed something.
        recovered: notifications that no socket brought, and the server gave when asked.
    """

    name: str | None
    host: str
    pid: int
    state: str = "connecting"
    since: str = ""
    received: int = 0
    waiting: int = 0
    reconnects: int = 0
    lastNotificationAt: str | None = None
    gaps: int = 0
    lastGap: Mapping[str, str] | None = None
    filtered: int = 0
    notUnderstood: int = 0
    lastNotUnderstood: str | None = None
    attempts: int = 0
    shortLived: int = 0
    lastFailure: Mapping[str, str] | None = None
    userId: str | None = None
    repeats: int = 0
    group: str | None = None
    role: str | None = None
    verifyEvery: float | None = None
    verifiedAt: str | None = None
    deaf: int = 0
    recovered: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``status --json`` lists."""
        return asdict(self)


def text_of(listener: Listener) -> str:
    """Return the text that a cache keeps of a listener."""
    return json.dumps({"v": VERSION, **listener.as_json()})


def listener_of(text: str) -> Listener | None:
    """Return the listener that a text of the cache tells of, ``None`` for rubbish."""
    facts = decoded("listener", text)
    if facts is None:
        return None
    known = {}
    for field in fields(Listener):
        with suppress(KeyError, ValueError):
            known[field.name] = convert(_cut(facts[field.name]), field.type)
    return Listener(**known)


def _cut(fact: Any) -> Any:
    if isinstance(fact, dict):
        return {name[:LONGEST]: _cut(inner) for name, inner in fact.items()}
    return fact[:LONGEST] if isinstance(fact, str) else fact


def places_in(text: str | None) -> dict[str, float]:
    """Return whom an index names, and until when; rubbish names nobody."""
    return decoded("listeners", text) or {}
