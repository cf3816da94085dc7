"""What libraries log, said as all talk is: a line, made harmless, and not again soon.

Where nobody listens to a logger, Python itself writes to stderr, past all that: words
of a stranger as they are, and a traceback each time. So the root is listened to, by
one who says nothing: what a library complains of, its caller hears by an exception.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from notifyws.ui.streams import say

HEARD = ("asyncio", "aiohttp.server")
"""Those whose complaints nobody else hears: no descriptors left, a task that died."""
AGAIN = 60.0
"""Seconds in which the same is not said twice."""
MANY = 100
"""Different words that are known; then all are forgotten."""


class LibraryLog(logging.Handler):
    """Says the first line of what is logged.

    Args:
        level: of what is said at all.
        now: monotonic seconds.
    """

    def __init__(
        self, level: int = logging.ERROR, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(level)
        self._now = now
        self._said: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Say it, unless it was said a moment ago."""
        text = record.getMessage().partition("\n")[0]
        if record.exc_info and record.exc_info[0]:
            text += f" ({record.exc_info[0].__name__})"
        now = self._now()
        if now - self._said.get(text, -AGAIN) < AGAIN:
            return
        if len(self._said) >= MANY:
            self._said.clear()
        self._said[text] = now
        say(text, "warning")


def hear_libraries() -> None:
    """Have what libraries log go this way; where somebody listens, leave it to them."""
    root = logging.getLogger()
    if root.handlers:
        return
    root.addHandler(logging.NullHandler())
    for name in HEARD:
        logging.getLogger(name).addHandler(LibraryLog())
