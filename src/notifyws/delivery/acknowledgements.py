"""Which message a server's acknowledgement is about.

One that names a message is that message's. One that names none is the oldest's: so a
message whose answer is late keeps its place until that comes. Else the answer to it
would be taken for the next one's. And a new socket owes nothing to messages that went
over another one: numbers may begin anew on it.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Iterable

from notifyws.protocol.arrivals import Acknowledged

Answer = asyncio.Future[Acknowledged]
Awaited = tuple[str | int, Answer]
"""By which name an answer is awaited, and what it becomes; a number is nobody's."""
LATE = 2000
"""Messages whose answers may be late, of which none names them; more give way."""


class Acknowledgements:
    """The answers that are awaited, the oldest first."""

    def __init__(self) -> None:
        self._awaited: dict[str | int, deque[Answer]] = {}
        self._numbers = itertools.count()
        self._late: dict[int, None] = {}
        self._connection: object = None

    def expect(self, keys: Iterable[str], connection: object) -> list[Awaited]:
        """Await the answers to messages.

        Args:
            keys: what an answer names each by; empty where it can name none.
            connection: the one they are sent over; answers come over no other.
        """
        if connection is not self._connection:
            self._connection = connection
            self._awaited.clear()
            self._late.clear()
        return [self._expect(key or next(self._numbers)) for key in keys]

    def take(self, said: Acknowledged) -> bool:
        """Take the server's word on a message; return whether one waited for it."""
        name = said.id or next(iter(self._awaited), "")
        if not (waiting := self._awaited.get(name)):
            return False
        answer = waiting.popleft()
        self._forget(name)
        if not answer.done():
            answer.set_result(said)
        return True

    def give_up(self, awaited: Iterable[Awaited]) -> None:
        """Wait for these no more; what nothing names keeps its place."""
        for name, answer in awaited:
            waiting = self._awaited.get(name, deque())
            if answer in waiting and isinstance(name, int):
                self._late[name] = None
            elif answer in waiting:
                waiting.remove(answer)
                self._forget(name)
        self._let_go(len(self._late) - LATE)

    def _expect(self, name: str | int) -> Awaited:
        answer: Answer = asyncio.get_running_loop().create_future()
        self._awaited.setdefault(name, deque()).append(answer)
        return name, answer

    def _let_go(self, count: int) -> None:
        for name in [*itertools.islice(self._late, max(count, 0))]:
            self._awaited[name].clear()
            self._forget(name)

    def _forget(self, name: str | int) -> None:
        if not self._awaited[name]:
            del self._awaited[name]
            if isinstance(name, int):
                self._late.pop(name, None)
