"""Brings what arrives to handlers and iterations, in order, one thing at a time.

Handlers are called by the name of an event, one after the other; one that raises is
reported as an error and breaks nothing. Each iteration has a queue of its own, bounded
by count and bytes; what arrived before the first one began is kept for it in the same
bounds. When these are reached, the dispatcher waits, unless handlers were called
already: then nothing is kept for a first iteration any more.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Item
from notifyws.errors import UsageError
from notifyws.events import Connected, Disconnected, Failure, Reconnecting
from notifyws.models import Notification
from notifyws.tasks import restarted

_log = logging.getLogger("notifyws")

EVENTS = ("connected", "disconnected", "error", "message", "reconnecting")
KEPT = 10_000
"""Notifications kept for an iteration that is behind, or has not begun."""
KEPT_BYTES = 16 << 20
"""Their frames together."""

Handler = TypeVar("Handler", bound=Callable[..., Any])


Feed = DeliveryQueue[Notification]
"""What one iteration has still to see."""


class Handlers:
    """Handlers by event, and iterations.

    Args:
        patient: whether what is told counts as dealt with only when every iteration is
            done with it, so that what is lost with this process comes again.
    """

    def __init__(self, *, patient: bool = False) -> None:
        self._patient = patient
        self._handlers: dict[str, list[Callable[..., Any]]] = {e: [] for e in EVENTS}
        self._feeds: list[Feed] = []
        self._early: Feed | None = Feed(KEPT, KEPT_BYTES)
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
        feed, self._early = self._early or Feed(KEPT, KEPT_BYTES), None
        self._feeds.append(feed)
        if self._ended:
            feed.close()
        return feed

    def leave(self, feed: Feed, rest: Iterable[Notification] = ()) -> None:
        """Forget an iteration's queue: nobody reads it, so nobody waits for it.

        Args:
            rest: what it took of it and did not come to; when that is not dealt with,
                and no other iteration has begun, the next one begins with it.
        """
        self._feeds.remove(feed)
        left = [*rest, *feed.drained()]
        if self._patient and not self._feeds:
            self._early = early = Feed(KEPT, KEPT_BYTES)
            for each in left:
                early.put(each, _size(each))

    async def dealt_with(self) -> bool:
        """Return when what was told is dealt with, and whether that counts at once.

        Where that is for iterations to say, nobody is called and none has begun, it is
        when one will be done with it.
        """
        if not self._patient:
            return False
        while waited_for := [feed for feed in self._told() if not feed.is_settled]:
            await waited_for[0].settled()
        return True

    def _told(self) -> list[Feed]:
        """Return the queues of iterations, and of one to come if nobody else hears."""
        if self._early is None or self._handlers["message"]:
            return self._feeds
        return [*self._feeds, self._early]

    def begin(self) -> None:
        """More will come: iterations from now on do not end at once."""
        self._ended = False

    def end(self) -> None:
        """Nothing more will come."""
        self._ended = True
        for feed in self._feeds:
            feed.close()

    async def tell(self, item: Item) -> Exception | None:
        """Tell everybody whom it concerns; return what handlers raised, if any did."""
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
        if len(problems) > 1:
            return ExceptionGroup("several handlers failed", problems)
        return problems[0] if problems else None

    async def _feed(self, notification: Notification) -> None:
        early = self._early
        if early is None:
            for feed in list(self._feeds):
                await _put(feed, notification)
        elif early.fits(_size(notification)) or not self._handlers["message"]:
            await _put(early, notification)
        else:
            self._early = None


class Iteration:
    """One ``async for``; what it did not come to is left when nobody holds it any more.

    Args:
        closed: returns when nothing more will come, or raises why.
    """

    def __init__(
        self, handlers: Handlers, closed: Callable[[], Awaitable[None]]
    ) -> None:
        self._handlers, self._closed = handlers, closed
        self._feed = handlers.feed()
        self._rest = deque[Notification]()

    def __aiter__(self) -> Iteration:
        return self

    async def __anext__(self) -> Notification:
        if not self._rest:
            self._rest.extend(await self._feed.get())
        if not self._rest:
            await self._closed()
            raise StopAsyncIteration
        return self._rest.popleft()

    def __del__(self) -> None:
        self._handlers.leave(self._feed, self._rest)


class Dispatcher:
    """Empties one queue after the other."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._task: asyncio.Task[None] | None = None

    def start(self, queue: DeliveryQueue[Item]) -> None:
        """Begin to tell what is in ``queue``, after all of an earlier one is told."""
        untold: deque[Item] = deque()
        run = partial(self._run, queue, self._task, untold)
        self._task = restarted("the dispatcher", run, _log.error, asyncio.sleep)

    async def stop(self, patience: float = 0.0) -> None:
        """Stop telling, whatever still waits after ``patience`` seconds."""
        task, self._task = self._task, None
        if task is not None:
            if patience:
                await asyncio.wait({task}, timeout=patience)
            task.cancel()
            await asyncio.wait({task})
            self._handlers.end()

    async def _run(
        self,
        queue: DeliveryQueue[Item],
        before: asyncio.Task[None] | None,
        untold: deque[Item],
    ) -> None:
        if before is not None:
            await asyncio.wait({before})
        self._handlers.begin()
        while untold or (burst := await queue.get()):
            untold.extend(() if untold else burst)
            while untold:
                await self._tell(item := untold.popleft())
                if await self._handlers.dealt_with() and isinstance(item, Notification):
                    queue.settle_one()
        self._handlers.end()

    async def _tell(self, item: Item) -> None:
        if (error := await self._handlers.tell(item)) is not None:
            _log.error("a handler failed", exc_info=error)
            failure = Failure("server_error", f"a handler failed: {error!r}")
            await self._handlers.tell(failure)  # what it raises is let go


async def _put(feed: Feed, notification: Notification) -> None:
    """Add one, waiting while the reader is far behind."""
    while not feed.fits(size := _size(notification)):
        await feed.room()
    feed.put(notification, size)


def _size(notification: Notification) -> int:
    return len(notification.frame or "")


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
