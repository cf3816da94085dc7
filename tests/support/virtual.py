"""An event loop whose clock jumps: waiting costs nothing, and nothing is missed.

When no task can go on, ``loop.time()`` jumps to the next timer, so that a test may
wait for hours. A test that leaves a task behind, loses an exception, or waits for
what can never happen, fails.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import selectors
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar

from notifyws.clock import Clock

Result = TypeVar("Result")

EPOCH = 1_705_314_600.0
"""The wall clock where a loop begins: 2024-01-15T10:30:00Z."""
PATIENCE = 30 * 86400.0
"""Virtual seconds after which a test has run away."""
_opened: ContextVar[AsyncExitStack] = ContextVar("_opened")
"""What is to be closed at the end of the running test."""
_by_fixtures: list[Callable[[], Awaitable[None]]] = []
"""The same of the next one, whose loop does not run yet."""
TURNS = 5
"""Turns of the loop that cancelled tasks get to end in."""


class Stuck(Exception):
    """Nothing will ever happen again, or things happen for ever."""


class _Jumping(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck("every task waits, and there is no timer")
        self.now += max(timeout, 0.0)
        if self.now > PATIENCE:
            raise Stuck(f"no end after {PATIENCE:g} virtual seconds")
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own, which begins at 0; it does no I/O."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-9
        self.mishaps: list[str] = []
        self.set_exception_handler(self._note)

    def time(self) -> float:
        return self._jumping.now

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.mishaps.append(f"{context['message']}: {context.get('exception')!r}")


def run(story: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine in virtual time and return what it returns.

    Raises:
        Stuck: it waits for what can never happen.
        AssertionError: it left tasks behind, or an exception nobody looked at.
    """
    loop = VirtualLoop()
    try:
        result = loop.run_until_complete(closing(story))
        loop.run_until_complete(turns())
        left = asyncio.all_tasks(loop)
        assert not left, f"left behind: {left}"
        assert not loop.mishaps, loop.mishaps
    finally:
        _sweep(loop)
        loop.close()
    return result


def _sweep(loop: VirtualLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=60))


def at_the_end(close: Callable[[], Awaitable[None]]) -> None:
    """Have something closed on the loop of the test when that is over."""
    if (opened := _opened.get(None)) is not None:
        opened.push_async_callback(close)
    else:
        _by_fixtures.append(close)


async def closing(story: Awaitable[Result]) -> Result:
    """Return what a story comes to, once what it opened is closed."""
    async with AsyncExitStack() as opened:
        _opened.set(opened)
        while _by_fixtures:
            opened.push_async_callback(_by_fixtures.pop(0))
        return await story


def in_virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Any:
    """Run an async test on a virtual loop of its own."""

    @wraps(test)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        run(test(*args, **kwargs))

    return wrapped


async def turns(count: int = TURNS) -> None:
    """Let everybody else go on, without letting time pass."""
    for _ in range(count):
        await asyncio.sleep(0)


async def elapsed(waiting: Awaitable[Any]) -> float:
    """Return the virtual seconds that ``waiting`` takes."""
    started = now()
    await waiting
    return now() - started


def now() -> float:
    """Return the virtual seconds since the loop began."""
    return asyncio.get_running_loop().time()


class VirtualClock:
    """Everything a :class:`~notifyws.clock.Clock` needs, with handles on it.

    Args:
        dice: draws, one after the other and over again; a number seeds a real die.

    Attributes:
        wall_offset: seconds that the wall clock is off; may jump at any time.
        suspended: seconds the machine was asleep; raise it to wake from sleep.
    """

    def __init__(self, dice: Iterable[float] | int = (0.0,)) -> None:
        if isinstance(dice, int):
            self._draw = random.Random(dice).random
        else:
            self._draw = itertools.cycle(dice).__next__
        self._secrets = itertools.count(1)
        self.wall_offset = 0.0
        self.suspended = 0.0
        self.clock = Clock(
            now=now,
            wall=lambda: EPOCH + now() + self.wall_offset,
            sleep=asyncio.sleep,
            dice=self._draw,
            secret=self._secret,
            suspended=lambda: self.suspended,
        )

    def _secret(self) -> str:
        return f"secret-{id(self)}-{next(self._secrets)}"
