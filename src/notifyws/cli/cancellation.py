"""Ends a command from outside of it: as Ctrl-C would, but with nothing wrong.

A key was pressed, or nobody reads stdout any more: the command's task is cancelled,
says its goodbyes, and the command is done. Where something it needs has died, it ends
in the same way, and then with that error.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

__all__ = ["Cancellation"]


class Cancellation:
    """Around what can be left by calling this; make it in the task that is left.

    Outside of it, a call does nothing: what is ending by itself is left alone.
    """

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._left = self._inside = False
        self._error: Exception | None = None

    def __call__(self) -> None:
        """Leave; once is enough."""
        if self._inside and not self._left:
            self._left = True
            self._task.cancel()

    def died(self, said: str, error: Exception) -> None:
        """Leave because a background task died; its error is the command's."""
        self._error = self._error or error
        self()

    async def __aenter__(self) -> Cancellation:
        self._inside = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self._inside = False
        asked = self._left and isinstance(error, asyncio.CancelledError)
        left = asked and not self._task.uncancel()
        if left and self._error is not None:
            raise self._error
        return left
