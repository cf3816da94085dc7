"""What a server says was wrong, told one by one, unless it says it by the thousand.

A frame can hold a hundred thousand errors; telling each would hold up the reader of the
socket. So of one burst the first are told, and of the others how many there were.
"""

from __future__ import annotations

from notifyws.connection.event_emitter import EventEmitter
from notifyws.events import Failure

TOLD = 100
"""Complaints of one burst that are told."""
LONGEST = 1000
"""Characters of one that are told."""


class Complaints:
    """Tells a server's complaints.

    Args:
        emitter: tells them.
    """

    def __init__(self, emitter: EventEmitter) -> None:
        self._emitter = emitter
        self._count = 0

    def add(self, words: str) -> None:
        """Tell one, or count it."""
        self._count += 1
        if self._count <= TOLD:
            self._emitter.tell(Failure("server_error", words[:LONGEST]))

    def end_burst(self) -> None:
        """Tell how many were only counted."""
        more, self._count = self._count - TOLD, 0
        if more > 0:
            self._emitter.tell(Failure("server_error", f"and {more:,} errors more"))
