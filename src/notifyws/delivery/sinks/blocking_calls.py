"""Calls of a library that blocks, each in a thread of its own that is ended in time.

A thread cannot be killed, but it can be made to raise: what it runs is given up at its
next step of Python, so that an answer that drips or never ends holds it no longer. One
that waits within the system keeps its place until it comes back. Nothing is known here
of what is called.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

Result = TypeVar("Result")


class _GivenUp(BaseException):
    """Nobody waits for the call any more."""


class BlockingCalls:
    """Calls in threads."""

    def __init__(self, name: str, concurrency: int) -> None:
        self._name = name
        self._places = asyncio.Semaphore(concurrency)

    async def call(self, function: Callable[[], Result]) -> Result:
        """Return what a function returns; being cancelled gives it up.

        Raises:
            Exception: what it raised.
        """
        await self._places.acquire()
        call = _Call(function, self._places.release)
        try:
            threading.Thread(target=call.run, name=self._name, daemon=True).start()
        except RuntimeError:  # there can be no more threads
            self._places.release()
            raise
        try:
            return await call.ended
        finally:
            call.give_up()


class _Call(Generic[Result]):
    """One call; it is made in its thread, and all else is the loop's."""

    def __init__(
        self, function: Callable[[], Result], leave: Callable[[], None]
    ) -> None:
        self._function, self._leave = function, leave
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Result] = self._loop.create_future()
        self._lock = threading.Lock()
        self._thread: int | None = None

    def run(self) -> None:
        """Call it, and tell how it ended."""
        settle: Callable[[], None] = lambda: None  # noqa: E731
        try:
            with self._lock:
                self._thread = threading.get_ident()
            settle = self._made()
            with self._lock:  # from here on nothing is raised in this thread
                self._thread = None
        except _GivenUp:
            pass
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._tell, settle)

    def _made(self) -> Callable[[], None]:
        try:
            result = self._function()
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            raised = error
            return lambda: self.ended.set_exception(raised)
        return lambda: self.ended.set_result(result)

    def give_up(self) -> None:
        """Let its thread raise, unless it is over."""
        with self._lock:
            if self._thread is not None:
                import ctypes  # only where a call took too long

                ident, raised = ctypes.c_ulong(self._thread), ctypes.py_object(_GivenUp)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, raised)
                self._thread = None

    def _tell(self, settle: Callable[[], None]) -> None:
        self._leave()
        if not self.ended.done():
            settle()
