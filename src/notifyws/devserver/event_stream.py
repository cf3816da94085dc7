"""What happens, told to whoever has the server's page open: ``GET /_dev/events``.

Server-Sent Events, a few each second however much happens, and each bounded:

    hello   what does not change: users, the types' samples, where sockets go
    state   the server as it is now, whenever that has changed
    log     what happened since, and who was sent what; the newest ``KEPT`` of it

Nothing is noted while nobody watches. Texts are shortened, and are text: whoever
shows them has to make them harmless.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiohttp import web

from notifyws.devserver.context import CONTEXT, Context
from notifyws.models import SAMPLES, as_text, strict_json

KEPT = 100
"""Things that happened, and notifications that were sent, told at a time."""
NAMED = 5
"""Connections that are named of those that were sent one notification."""
LISTED = 50
"""Connections that are listed, the newest."""
LONGEST = 400
"""Characters of a text that are told."""
PERIOD = 0.1
"""Seconds between two looks at what happened."""
RETRY = 1_000
"""Milliseconds after which a page that lost the stream asks again."""
SHOWN = ("type", "title", "message", "link", "data")


class Watcher:
    """What one page has not been told yet."""

    def __init__(self) -> None:
        self._notes: deque[tuple[float, str, Mapping[str, Any]]] = deque(maxlen=KEPT)
        self._noted = 0
        self._sent: dict[int, list[int]] = {}

    def note(self, at: float, kind: str, facts: Mapping[str, Any]) -> None:
        """Note that something happened, ``at`` seconds since 1970."""
        self._notes.append((at, kind, facts))
        self._noted += 1

    def sent(self, ident: int, number: int) -> None:
        """Note that a notification was sent to the connection of a number."""
        self._sent.setdefault(ident, []).append(number)
        if len(self._sent) > KEPT:
            del self._sent[next(iter(self._sent))]

    def take(self) -> dict[str, Any] | None:
        """Return what was noted since the last time; ``None`` if nothing."""
        if not self._noted and not self._sent:
            return None
        log = {
            "notes": [_shown(*note) for note in self._notes],
            "leftOut": self._noted - len(self._notes),
            "sent": {
                str(ident): {"count": len(to), "to": to[:NAMED]}
                for ident, to in self._sent.items()
            },
        }
        self._notes.clear()
        self._noted, self._sent = 0, {}
        return log


def _shown(at: float, kind: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    texts = {k: _short(facts[k]) for k in (*SHOWN, "text", "user") if facts.get(k)}
    ids = {key: facts[key] for key in ("id", "origin") if facts.get(key)}
    return {"at": at, "kind": kind, **texts, **ids}


def _short(value: object) -> str:
    text = as_text(value)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]} … ({len(text) - LONGEST} more characters)"


def _hello(context: Context, host: str) -> dict[str, Any]:
    users = list(context.options.users)
    return {"users": users, "samples": SAMPLES, "url": f"ws://{host}"}


def _state(context: Context) -> dict[str, Any]:
    live = sorted(context.live(), key=lambda one: -one.number)
    listeners = [
        {
            "number": one.number,
            "user": one.user,
            "agent": _short(one.agent),
            "since": one.since,
            "sent": one.sent,
        }
        for one in live[:LISTED]
    ]
    return {"listeners": listeners, "live": len(live), "mode": context.mode}


async def event_stream(request: web.Request) -> web.StreamResponse:
    """Tell one page what happens, until it or the server goes."""
    context = request.app[CONTEXT]
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    watcher, known = Watcher(), None
    context.watchers.add(watcher)
    try:
        await response.write(f"retry: {RETRY}\n".encode())
        await _tell(response, "hello", _hello(context, request.host))
        while request.transport is not None and not context.stopping.is_set():
            log, state = watcher.take(), _state(context)
            if log is not None:
                await _tell(response, "log", log)
            if state != known:
                await _tell(response, "state", state)
            known = state
            with suppress(TimeoutError):
                await asyncio.wait_for(context.stopping.wait(), PERIOD)
    finally:
        context.watchers.discard(watcher)
    return response


async def _tell(response: web.StreamResponse, name: str, value: object) -> None:
    await response.write(f"event: {name}\ndata: {strict_json(value)}\n\n".encode())
