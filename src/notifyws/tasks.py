"""Background tasks: every one is started here, so that none dies without a word.

asyncio keeps the exception of a task for whoever asks, and nobody asks for one that
runs beside the rest. So each is either started again after a bug, which is said, or
tells somebody who can end what it served. It knows nothing of what the tasks do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")
Died = Callable[[str, Exception], None]
"""Told of a task's unexpected end: one sentence, and the exception."""

SOON = 1.0
"""Seconds before a task that failed is started again; doubled each time."""
SELDOM = 60.0
"""Seconds between two starts at most, and after which a task counts as well again."""


def background(
    name: str, body: Coroutine[Any, Any, None], died: Died
) -> asyncio.Task[None]:
    """Start a task that cannot begin anew; its bug is told to ``died``.

    Args:
        name: what it is, as a sentence begins with it.
        body: what it does.
        died: is told; the task itself never raises.
    """

    async def watched() -> None:
        try:
            await body
        except Exception as error:  # noqa: BLE001 - that is what this is for
            died(_said(name, error), error)

    task = asyncio.create_task(watched())
    task.add_done_callback(lambda _: body.close())  # cancelled before it began
    return task


def restarted(
    name: str,
    body: Callable[[], Coroutine[Any, Any, None]],
    warn: Callable[[str], None],
    sleep: Callable[[float], Awaitable[None]],
) -> asyncio.Task[None]:
    """Start a task that is started again after a bug, later each time.

    Args:
        name: what it is, as a sentence begins with it.
        body: begins it; may be called again.
        warn: is told of each bug.
        sleep: waits that many seconds.
    """

    async def again_and_again() -> None:
        now, delay = asyncio.get_running_loop().time, SOON
        while True:
            began = now()
            try:
                return await body()
            except Exception as error:  # noqa: BLE001 - that is what this is for
                delay = SOON if now() - began > SELDOM else delay
                warn(f"{_said(name, error)}; it starts again in {delay:g} s")
            await sleep(delay)
            delay = min(2 * delay, SELDOM)

    return asyncio.create_task(again_and_again())


@asynccontextmanager
async def meanwhile(
    name: str,
    body: Callable[[], Coroutine[Any, Any, None]],
    warn: Callable[[str], None],
) -> AsyncIterator[None]:
    """Run what :func:`restarted` does, until the block ends."""
    task = restarted(name, body, warn, asyncio.sleep)
    try:
        yield
    finally:
        await cancel(task)


async def cancel(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and return when they have ended, however they did."""
    for task in tasks:
        task.cancel()
    # Unlike suppress, gather keeps a cancellation of our own.
    await asyncio.gather(*tasks, return_exceptions=True)


async def first_of(*bodies: Coroutine[Any, Any, object]) -> None:
    """Return when one of several has ended; the others are cancelled.

    Raises:
        Exception: what it failed with.
    """
    tasks = [asyncio.ensure_future(body) for body in bodies]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await cancel(*tasks)


async def unless_cut(
    wait: Awaitable[object], undo: Callable[[], Awaitable[object]]
) -> None:
    """Await something; where that is cut short, undo what was done for it."""
    try:
        await wait
    except BaseException:
        await undo()
        raise


async def unless_set(
    event: asyncio.Event, body: Coroutine[Any, Any, Result]
) -> Result | None:
    """Return what a body gives; if an event is set by then, ``None`` and no more of it.

    Raises:
        Exception: what the body failed with before.
    """
    task = asyncio.ensure_future(body)
    setting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({task, setting}, return_when=asyncio.FIRST_COMPLETED)
        return None if event.is_set() else task.result()
    finally:
        await cancel(task, setting)


def _said(name: str, error: Exception) -> str:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return f"{name} failed unexpectedly: {error!r}"
