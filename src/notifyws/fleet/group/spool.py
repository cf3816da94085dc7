"""What waits on the leader's disk while Redis is away, in its order.

It is an outbox file of its own for each process of a host, so that what a killed
leader had spooled is there for the next one on that host. Whom it belongs to is noted
with it: when somebody else led since, the server was asked by them for what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Sequence, Set
from contextlib import suppress
from pathlib import Path

from notifyws.delivery.outbox_file import OutboxFile
from notifyws.delivery.outbox_records import (
    OUTPUT,
    Entry,
    ListenerPosition,
    RecoveredState,
    notification_of,
)
from notifyws.errors import ConfigurationError
from notifyws.fleet.group.entries import AT_ONCE, LARGEST_STEP, Line, steps
from notifyws.models import Notification

FEW = 8
"""Lines that are read at first: they may be large."""
PROCESSES = 100
"""Members of one group on one host that can spool."""


class Spool:
    """A queue of lines on disk; opened when it is first needed.

    Args:
        limit: bytes that may wait.
        warn: is told that the disk does not serve.

    Attributes:
        position: where the group stands at the server with what is spooled.
    """

    def __init__(
        self, folder: Path, stem: str, limit: int, warn: Callable[[str], None]
    ) -> None:
        self._folder, self._stem = folder, stem
        self._limit, self._warn = limit, warn
        self._file: OutboxFile | None = None
        self._top = self._size = 0
        self.position = ListenerPosition()
        self.count = 0

    @property
    def is_full(self) -> bool:
        """Whether no more is to be put in."""
        return self._size >= self._limit

    async def recover(self, leaders: Set[str]) -> bool:
        """Open what an earlier process left; return whether it is to be appended.

        What is not is let go of: somebody else led since.

        Args:
            leaders: members of whom one led last; an empty name for nobody known.
        """
        self._file = file = await self._left_behind()
        if file is None:
            return False
        past = file.past
        self._top, self.count = past.top, len(past.unshown)
        self._size = sum(len(record.line) for record in past.unshown)
        self.position = past.position
        file.past = RecoveredState(seen=past.seen)  # the lines themselves may be many
        if self.count and "" not in leaders and leaders.isdisjoint(past.seen):
            await self.clear()
        return bool(self.count)

    async def put(
        self, lines: Sequence[Line], position: ListenerPosition, leader: str
    ) -> None:
        """Add lines.

        Args:
            position: where the group stands at the server after them.
        """
        entries = []
        for line in lines:
            self._top += 1
            text = json.dumps(line)
            self._size += len(text)
            entries.append(Entry(self._top, text, leader, (OUTPUT,)))
        self.count += len(entries)
        self.position = position
        await self._opened().keep(entries, position, 0)

    async def first(self, most: int) -> Sequence[Line]:
        """Return the oldest lines: so many at most, and of large ones fewer."""
        found: list[Line] = []
        after, at_once, size = 0, FEW, 0
        while len(found) < most and size < LARGEST_STEP:
            count = min(at_once, most - len(found))
            if not (records := await self._opened().waiting(OUTPUT, after, count)):
                break
            found += (_line_of(record.line) for record in records)
            sizes = [len(record.line) for record in records]
            after, size = records[-1].position, size + sum(sizes)
            at_once = max(1, min(2 * at_once, LARGEST_STEP // max(sizes)))
        return next(steps(found), [])

    async def drop(self, count: int) -> None:
        """Let go of the oldest lines."""
        records = await self._opened().waiting(OUTPUT, 0, count)
        if records:
            self.count -= len(records)
            self._size -= sum(len(record.line) for record in records)
            last = records[-1].position
            await self._opened().keep([], self.position, last)

    async def drop_known(self, seen: Container[str | int]) -> None:
        """Let go of the oldest with these ids: they are in the stream already."""
        ids = [note and note.id for note in map(note_of, await self.first(AT_ONCE))]
        unknown = (n for n, each in enumerate(ids) if each is None or each not in seen)
        await self.drop(next(unknown, len(ids)))

    async def clear(self) -> None:
        """Let go of everything."""
        await self._opened().keep([], self.position, self._top)
        self.count = self._size = 0

    async def aclose(self) -> None:
        """Let go of the file; what is in it stays."""
        if self._file is not None:
            await self._file.aclose()
            self._file = None

    async def _left_behind(self) -> OutboxFile | None:
        """Open the first file in which something waits; else the first that is free."""
        empty: list[OutboxFile] = []
        found: OutboxFile | None = None
        for path in filter(Path.exists, self._paths):
            try:
                file = OutboxFile(path, self._warn)
            except ConfigurationError:
                continue
            if file.past.unshown:
                found = file
                break
            empty.append(file)
        if found is None and empty:
            found = empty.pop(0)
        for file in empty:
            await file.aclose()
        return found

    @property
    def _paths(self) -> list[Path]:
        """The files that processes of this host may have, in order."""
        names = [f"+{n}" if n else "" for n in range(PROCESSES)]  # + is in no stem
        return [self._folder / f"{self._stem}{name}.db" for name in names]

    def _opened(self) -> OutboxFile:
        if self._file is None:
            self._file = self._first_free()
        return self._file

    def _first_free(self) -> OutboxFile:
        for path in self._paths:
            try:
                return OutboxFile(path, self._warn)
            except ConfigurationError:
                continue
        return OutboxFile(None, self._warn)


def note_of(line: Line) -> Notification | None:
    """Return the notification of a line; ``None`` for rubbish."""
    with suppress(ValueError):
        return notification_of(line[1])
    return None


def _line_of(text: str) -> Line:
    try:
        stream, line, tell = json.loads(text)
        return int(stream), str(line), str(tell)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return 0, text, ""
