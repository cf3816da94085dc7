"""Who is told: handlers by event name, and those who iterate.

Handlers run one after the other, in the order of what happens. Each iteration has a
queue of its own; what arrived before the first one started is kept for it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from notifyws.errors import UsageError
from notifyws.events import Connected, Disconnected, Event, Failure, Reconnecting
from notifyws.models import Notification

__all__ = ["EVENTS", "Feed", "Handlers"]

EVENTS = ("connected", "disconnected", "error", "message", "reconnecting")
KEPT = 10_000
"""Notifications kept for an iteration that is behind, or has not begun."""

Handler = TypeVar("Handler", bound=Callable[..., Any])


class Feed:
    """What one iteration has still to see."""

    def __init__(self) -> None:
        self._waiting: deque[Notification | None] = deque()
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()

    async def put(self, notification: Notification | None) -> None:
        """Add one, waiting while the reader is far behind."""
        while len(self._waiting) >= KEPT:
            self._emptied.clear()
            await self._emptied.wait()
        self._waiting.append(notification)
        self._filled.set()

    def end(self) -> None:
        """Nothing more will come."""
        self._waiting.append(None)
        self._filled.set()

    def drop(self) -> None:
        """Let everything go; whoever waits to put goes on."""
        self._waiting.clear()
        self._emptied.set()

    async def get(self) -> Notification | None:
        """Return the next one, ``None`` at the end."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        self._emptied.set()
        return self._waiting.popleft()


class Handlers:
    """Everybody who wants to be told."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[Callable[..., Any]]] = {e: [] for e in EVENTS}
        self._feeds: list[Feed] = []
        self._early: deque[Notification] | None = deque()
        self._iterated = asyncio.Event()
        self._ended = False

    def on(self, event: str) -> Callable[[Handler], Handler]:
        """Return a decorator that registers a handler for ``event``."""
        if event not in self._handlers:
            known = ", ".join(EVENTS)
            raise UsageError(f"there is no event {event!r}", f"known: {known}")

        def register(handler: Handler) -> Handler:
            self._handlers[event].append(handler)
            return handler

        return register

    def feed(self) -> Feed:
        """Return a new iteration's queue; the first begins with what came early."""
        feed = Feed()
        for notification in self._early or ():
            feed._waiting.append(notification)
        self._early = None
        self._iterated.set()
        self._feeds.append(feed)
        if self._ended:
            feed.end()
        return feed

    def leave(self, feed: Feed) -> None:
        """Forget an iteration's queue: nobody reads it, so nobody waits for it."""
        self._feeds.remove(feed)
        feed.drop()

    def begin(self) -> None:
        """More will come: iterations from now on do not end at once."""
        self._ended = False

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        for feed in self._feeds:
            feed.end()

    async def tell(
        self, item: Event | Notification | Any, *, quietly: bool = False
    ) -> None:
        """Tell everybody whom it concerns, also after a handler that raises.

        Args:
            item: what happened or arrived.
            quietly: let what a handler raises go.
        """
        name, arguments = _call(item)
        problems: list[Exception] = []
        for handler in self._handlers.get(name, ()):
            try:
                result = handler(*arguments)
                if inspect.isawaitable(result):
                    await result
            except Exception as error:  # noqa: BLE001 - the others are told first
                problems.append(error)
        if isinstance(item, Notification):
            await self._feed(item)
        if problems and not quietly:
            raise _one(problems)

    async def _feed(self, notification: Notification) -> None:
        for feed in list(self._feeds):
            await feed.put(notification)
        if self._early is not None:
            self._early.append(notification)
            await self._if_far_too_early()

    async def _if_far_too_early(self) -> None:
        """With a handler, stop keeping: it was told. Without one, wait for somebody."""
        if self._early is None or len(self._early) < KEPT:
            return
        if self._handlers["message"]:
            self._early = None
        else:
            await self._iterated.wait()


def _one(problems: list[Exception]) -> Exception:
    if len(problems) == 1:
        return problems[0]
    return ExceptionGroup("several handlers failed", problems)


def _call(item: Any) -> tuple[str, tuple[Any, ...]]:
    match item:
        case Notification():
            return "message", (item,)
        case Connected():
            return "connected", ()
        case Disconnected(code, reason):
            return "disconnected", (code, reason)
        case Reconnecting(attempt, delay):
            return "reconnecting", (attempt, delay)
        case Failure():
            return "error", (item,)
        case _:
            return "", ()
