"""The outbox on disk: one SQLite file (WAL) for each durable listener.

It never fails: a disk that is full, read-only or broken costs one warning, and memory
takes over with what could still be read. A file whose contents make no sense is set
aside as it is, and an empty one begun; that is a loss, which is told. A row of which
only the form is wrong is put in order, so that its reader sees it. A file that is
taken away is written anew. Without a path it is a temporary file.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from notifyws.clock import utc_text
from notifyws.config.sqlite_files import QUEUE, demand_ours, set_aside
from notifyws.delivery.outbox_place import OutboxPlace
from notifyws.delivery.outbox_records import Entry, ListenerPosition, OutboxRecord
from notifyws.delivery.outbox_rows import (
    SCHEMA,
    connected,
    keep_in,
    past_in,
    position_in,
    put_in_order,
    waiting_in,
)
from notifyws.errors import ConfigurationError

T = TypeVar("T")

DAMAGE = ("CORRUPT", "NOTADB", "IOERR_SHORT_READ")
"""What SQLite says of a file whose contents are wrong."""
TROUBLE = ("BUSY", "CANTOPEN", "FULL", "IOERR", "LOCKED", "NOMEM", "PERM", "READONLY")
"""How what it says begins when the disk does not serve."""
DAMAGED = "the queue was damaged: what waited in it, and its place, are lost"


class OutboxFile:
    """Keeps what waits.

    Args:
        path: the file, ``None`` for one that ends with this process.
        warn: is told, once, that the disk does not serve.

    Raises:
        ConfigurationError: another process uses the file, or it is not ours.
    """

    def __init__(self, path: Path | None, warn: Callable[[str], None]) -> None:
        self.path = path
        self._warn = warn
        self._place = OutboxPlace(path) if path else None
        self._said: set[str] = set()
        self._thread = ThreadPoolExecutor(1, "outbox")
        self._fallen = self._open = self._lacks = False
        self.lost: deque[tuple[str, str]] = deque()  # since when (RFC 3339), and why
        self._db = self._opened()
        self._safely(put_in_order)
        position = self._safely(position_in)
        past = self._safely(past_in)
        if position is None:
            self._lose("its place in the history cannot be read", self._touched_at())
        self.past = replace(past, position=position or ListenerPosition())
        self._open = True

    async def keep(
        self, entries: Sequence[Entry], position: ListenerPosition, shown: int
    ) -> None:
        """Keep all of it in one step; what was ``OUTPUT``'s up to ``shown`` goes."""
        await self._do(lambda db: keep_in(db, entries, position, shown))

    async def waiting(self, sink: str, after: int, limit: int) -> list[OutboxRecord]:
        """Return what waits for a sink beyond a position, in order."""
        return await self._do(lambda db: waiting_in(db, sink, after, limit))

    async def done(self, sink: str, position: int) -> None:
        """Forget what a sink was given."""
        statement = "DELETE FROM waiting WHERE sink = ? AND position = ?"
        await self._do(lambda db: db.execute(statement, (sink, position)))

    @property
    def is_on_disk(self) -> bool:
        """Whether what is kept outlives the process, however that ends."""
        return self._place is not None and not self._fallen

    async def saved(self) -> bool:
        """Return whether the next process will find all of it.

        Where the disk did not serve it is tried once more, but a file that could not
        be read is left as it is.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._save
        )

    def _save(self) -> bool:
        place = self._place
        if place is None or not self._fallen:
            return place is not None and place.look() != "another"
        try:
            if self._lacks:
                return False
            if not place.is_ours:
                place.take()
            demand_ours(place.path, QUEUE)
            with closing(connected(str(place.path))) as file:
                self._db.backup(file)
        except (OSError, sqlite3.Error, ConfigurationError):
            return False
        return True

    async def aclose(self) -> None:
        """Let go of the file; safe to call twice."""
        self._thread.shutdown()
        self._db.close()
        if self._place is not None:
            self._place.leave()

    async def _do(self, step: Callable[[sqlite3.Connection], T]) -> T:
        def in_place() -> T:
            self._hold_place()
            return self._safely(step)

        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, in_place)

    def _hold_place(self) -> None:
        """See that what is written will be found again, or say that it will not."""
        place = self._place
        if place is None or not place.is_ours or self._fallen:
            return
        try:
            place.hold_lock()
        except BlockingIOError:
            self._say_once(f"another listener has taken {place.path} meanwhile")
            return
        except OSError as error:
            self._say_once(f"cannot hold {place.path}: {error.strerror}")
        found = place.look()
        if found == "another":
            lost = "what is kept from now on is lost with this process"
            self._say_once(f"another file lies where {place.path} was: {lost}")
        elif found == "gone":
            self._db = self._restored(place, self._db)

    def _restored(
        self, place: OutboxPlace, old: sqlite3.Connection
    ) -> sqlite3.Connection:
        """Return what a file holds that was taken away, in another one of its name."""
        self._warn(f"{place.path} was taken away: it is written anew")
        with closing(connected(":memory:")) as copy:
            old.backup(copy)
            old.close()  # which takes what SQLite has beside it away
            try:
                place.make()
                new = connected(str(place.path))
                copy.backup(new)
                place.note()
            except (OSError, sqlite3.Error) as error:
                return self._fall(str(error), copy)
            return new

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._warn(text)

    def _safely(self, step: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return step(self._db)
        except sqlite3.Error as error:
            if not (self._fallen or self._is_damage(error)):
                self._db = self._fall(str(error), self._db)
                with suppress(sqlite3.Error):
                    return step(self._db)
            self._db = self._begun_anew(str(error), self._db)
            return step(self._db)

    def _is_damage(self, error: sqlite3.Error) -> bool:
        """Tell whether a file's contents are wrong, and not its disk.

        A statement that fails later, against tables that were good, tells of
        something else that is wrong: then the contents can still be copied.
        """
        name = getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_")
        return name.startswith(DAMAGE) or not (self._open or name.startswith(TROUBLE))

    def _opened(self) -> sqlite3.Connection:
        place = self._place
        if place is None:
            return connected("")
        try:
            place.take()
        except BlockingIOError:
            raise ConfigurationError(
                f"a listener named {place.path.stem.partition('-')[2]} runs already",
                "see: notifyws status; or choose another --name",
            ) from None
        except OSError as error:
            return self._fall(error.strerror or str(error), None)
        try:
            demand_ours(place.path, QUEUE)
            db = connected(str(place.path))
            place.note()
            return db
        except ConfigurationError:
            place.leave()
            raise
        except sqlite3.Error as error:
            if self._is_damage(error):
                return self._begun_anew(str(error), None)
            return self._fall(str(error), None)

    def _begun_anew(
        self, reason: str, old: sqlite3.Connection | None
    ) -> sqlite3.Connection:
        """Return an empty queue; a file with the old one is set aside as it is."""
        since = self._touched_at()
        if old is not None:
            old.close()
        if self.path is None or self._place is None or not self._place.is_ours:
            self._lose(DAMAGED, since, f"the queue is damaged: {reason}")
            return connected("")
        try:
            aside = set_aside(self.path)
            new = connected(str(self.path))
            self._place.note()
        except (OSError, sqlite3.Error):
            self._lose(DAMAGED, since, f"{self.path} is damaged: {reason}")
            return self._fall(reason, None)
        what = f"{self.path} is damaged or holds rubbish: {reason}"
        self._lose(DAMAGED, since, f"{what}; kept as {aside.name}, begun anew")
        self._fallen = False
        return new

    def _lose(self, reason: str, since: str, said: str = "") -> None:
        """Remember a loss for whoever tells gaps, which others may read; and say it."""
        self._warn(said or f"{self.path or 'the queue'}: {reason}")
        self.lost.append((since, reason))

    def _touched_at(self) -> str:
        """Return when the file was last written, so that it was good until then."""
        paths = (self.path, Path(f"{self.path}-wal")) if self.path else ()
        times = [each.stat().st_mtime for each in paths if each and each.exists()]
        return utc_text(max(times, default=0.0))

    def _fall(self, reason: str, old: sqlite3.Connection | None) -> sqlite3.Connection:
        """Return a queue in memory, with what the old one held if it can be read."""
        self._fallen = True
        where = self.path or "the temporary folder"
        self._warn(f"cannot keep the queue in {where}: {reason}; using memory only")
        new = connected(":memory:")
        if old is not None:
            try:
                old.backup(new)
            except sqlite3.Error:
                self._lacks = True
                self._lose("what waited in the queue is lost", self._touched_at())
            old.close()
            new.executescript(SCHEMA)  # where that had not all of it
        return new
