"""Async tests without a plugin, and servers in threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from tests.support.virtual import closing, turns

PATIENCE = 15.0
LONGEST = 300.0
"""Seconds of a test, which is no part of any: one that waits for ever ends so."""
GRACE = 0.5
"""Seconds for what has been told to end, as a library's generators are by garbage."""


def on_a_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test on a loop of its own; nothing is lost or left behind there."""

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(_whole(test(*args, **kwargs)))

    return run


async def _whole(story: Awaitable[None]) -> None:
    unseen: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: unseen.append(context))
    async with asyncio.timeout(LONGEST):
        await closing(story)
    await turns()
    if left := asyncio.all_tasks() - {asyncio.current_task()}:
        _, left = await asyncio.wait(left, timeout=GRACE)
    assert not left, left
    assert not unseen, unseen


class InAThread:
    """A loop in a thread, for servers whose clients are processes."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def do(self, coroutine: Any) -> Any:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(PATIENCE)

    def stop(self) -> None:
        self.do(_settled())
        self.do(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


async def _settled() -> None:
    """End what still runs, and let what is closed be gone."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await turns()
