"""The outbox on disk: one SQLite file (WAL) for each durable listener.

It never fails: a disk that is full, read-only or broken costs one warning, and memory
takes over with what could still be read. A file whose contents make no sense is set
aside as it is, and an empty one begun; that is a loss, which is told. A row of which
only the form is wrong is put in order, so that its reader sees it. A file belongs to
one process at a time, which a lock beside it sees to. Without a path the queue is a
temporary file of SQLite's own, which ends with the process. Its statements stand in
``queue_rows``.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from notifyws.clock import utc_text
from notifyws.config.files import QUEUE, demand_ours, locked, mark, private_folder
from notifyws.delivery import outbox_rows as rows
from notifyws.delivery.outbox_records import (
    Entry,
    ListenerPosition,
    OutboxRecord,
)
from notifyws.errors import ConfigurationError

__all__ = ["OutboxFile"]

T = TypeVar("T")

DAMAGE = (
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_IOERR_SHORT_READ,
)
"""What SQLite says of a file whose contents are wrong."""
TROUBLE = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
)
"""What it says when the disk does not serve; extended codes have more bits."""


DAMAGED = "the queue was damaged: what waited in it, and its place, are lost"


class OutboxFile:
    """Keeps what waits; implements ``outbox.Store``.

    Args:
        path: the file, ``None`` for one that ends with this process.
        warn: is told, once, that the disk does not serve.

    Raises:
        ConfigurationError: another process uses the file, or it is not ours.
    """

    def __init__(self, path: Path | None, warn: Callable[[str], None]) -> None:
        self.path = path
        self._warn = warn
        self._lock: int | None = None
        self._thread = ThreadPoolExecutor(1, "outbox")
        self._fallen = self._open = False
        self.lost: deque[tuple[str, str]] = deque()
        self._db = self._opened()
        self._safely(rows.put_in_order)
        position = self._safely(rows.position)
        past = self._safely(rows.past)
        if position is None:
            self._lose("its place in the history cannot be read", self._touched_at())
        self.past = replace(past, position=position or ListenerPosition())
        self._open = True

    async def keep(
        self, entries: Sequence[Entry], position: ListenerPosition, shown: int
    ) -> None:
        """Keep all of it in one step; what was shown is not kept any longer."""
        await self._do(partial(rows.keep, entries, position, shown))

    async def waiting(self, sink: str, after: int, limit: int) -> list[OutboxRecord]:
        """Return what waits for a sink beyond a position, in order."""
        return await self._do(partial(rows.waiting, sink, after, limit))

    async def done(self, sink: str, position: int) -> None:
        """Forget what a sink was given."""
        await self._do(partial(rows.done, sink, position))

    async def aclose(self) -> None:
        """Let go of the file; safe to call twice."""
        self._thread.shutdown()
        self._db.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _do(self, step: Callable[[sqlite3.Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._safely, step)

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
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return code in DAMAGE or not (self._open or code & 0xFF in TROUBLE)

    def _opened(self) -> sqlite3.Connection:
        if self.path is None:
            return _prepared(_connected(""))
        try:
            private_folder(self.path.parent)
            self._lock = locked(self.path.with_suffix(".lock"))
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        except BlockingIOError:
            raise ConfigurationError(
                f"a listener named {self.path.stem.partition('-')[2]} runs already",
                "see: notifyws status; or choose another --name",
            ) from None
        except OSError as error:
            return self._fall(error.strerror or str(error), None)
        try:
            demand_ours(self.path, QUEUE)
            return _prepared(_connected(str(self.path)))
        except ConfigurationError:
            os.close(self._lock)
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
        if self.path is None or self._lock is None:
            self._lose(DAMAGED, since, f"the queue is damaged: {reason}")
            return _prepared(_connected(""))
        try:
            aside = _set_aside(self.path)
            new = _prepared(_connected(str(self.path)))
        except (OSError, sqlite3.Error):
            self._lose(DAMAGED, since, f"{self.path} is damaged: {reason}")
            return self._fall(reason, None)
        what = f"{self.path} is damaged or holds rubbish: {reason}"
        said = f"{what}; kept as {aside.name}, begun anew"
        self._lose(DAMAGED, since, said)
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
        new = _connected(":memory:")
        if old is not None:
            try:
                old.backup(new)
            except sqlite3.Error:
                self._lose("what waited in the queue is lost", self._touched_at())
            old.close()
        return _prepared(new)


def _connected(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
    mark(db, QUEUE, path)  # before the WAL, so that it stands in the file itself
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing
    return db


def _prepared(db: sqlite3.Connection) -> sqlite3.Connection:
    db.executescript(rows.SCHEMA)
    return db


def _set_aside(path: Path) -> Path:
    """Rename a file, and what SQLite has not moved into it yet, to a free name."""
    names = (path.with_name(f"{path.name}.broken{n or ''}") for n in count())
    aside = next(name for name in names if not name.exists())
    path.replace(aside)
    Path(f"{path}-shm").unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        Path(f"{path}-wal").replace(f"{aside}-wal")
    return aside
