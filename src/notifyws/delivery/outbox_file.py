"""The outbox on disk: one SQLite file (WAL) for each durable listener.

It never fails: a disk that is full, read-only or broken costs one warning, and memory
takes over with what could still be read. A file whose contents make no sense is set
aside as it is, and an empty one begun; that is a loss, which is told. A row of which
only the form is wrong is put in order, so that its reader sees it. A file belongs to
one process at a time, by a lock beside it. Without a path it is a temporary file.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from msgspec.structs import asdict, replace

from notifyws.clock import utc_text
from notifyws.config.files import locked, open_to_append, private_folder
from notifyws.config.sqlite_files import QUEUE, demand_ours, mark, set_aside
from notifyws.delivery.outbox_records import (
    OUTPUT,
    Backlog,
    Entry,
    Ident,
    ListenerPosition,
    OutboxRecord,
    RecoveredState,
)
from notifyws.errors import ConfigurationError
from notifyws.protocol.deduplicator import REMEMBERED

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting (
  sink TEXT, position INTEGER, line TEXT, PRIMARY KEY (sink, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (ident TEXT PRIMARY KEY, position INTEGER);
CREATE INDEX IF NOT EXISTS seen_by_age ON seen (position);
CREATE TABLE IF NOT EXISTS standing (one INTEGER PRIMARY KEY, value TEXT);
"""
TOP = """
SELECT coalesce(max(position), 0)
FROM (SELECT position FROM waiting UNION ALL SELECT position FROM seen)
"""
ODD = "typeof(position) != 'integer' OR position NOT BETWEEN 1 AND 1 << 62"
"""What is no position of ours; above the highest one some are still free."""
ORDER = f"""
DELETE FROM seen WHERE {ODD};
UPDATE waiting SET line = coalesce(CAST(line AS TEXT), '') WHERE typeof(line) != 'text'
"""  # noqa: S608 - made of our own words, as is the next one
MOVE = f"""
UPDATE waiting
SET position = (SELECT coalesce(max(position), 0) + 1 FROM waiting WHERE NOT ({ODD}))
WHERE (sink, position) IN (SELECT sink, position FROM waiting WHERE {ODD} LIMIT 1)
"""  # noqa: S608 - as the one above
WAITING = """SELECT position, line FROM waiting WHERE sink = ? AND position > ?
ORDER BY position LIMIT ?"""
SHOWN = "DELETE FROM waiting WHERE sink = ? AND position <= ?"
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
        self._lock: int | None = None
        self._thread = ThreadPoolExecutor(1, "outbox")
        self._fallen = self._open = False
        self.lost: deque[tuple[str, str]] = deque()  # since when (RFC 3339), and why
        self._db = self._opened()
        self._safely(_put_in_order)
        position = self._safely(_position)
        past = self._safely(_past)
        if position is None:
            self._lose("its place in the history cannot be read", self._touched_at())
        self.past = replace(past, position=position or ListenerPosition())
        self._open = True

    async def keep(
        self, entries: Sequence[Entry], position: ListenerPosition, shown: int
    ) -> None:
        """Keep all of it in one step; what was ``OUTPUT``'s up to ``shown`` goes."""
        await self._do(lambda db: _keep(db, entries, position, shown))

    async def waiting(self, sink: str, after: int, limit: int) -> list[OutboxRecord]:
        """Return what waits for a sink beyond a position, in order."""
        return await self._do(lambda db: _waiting(db, sink, after, limit))

    async def done(self, sink: str, position: int) -> None:
        """Forget what a sink was given."""
        statement = "DELETE FROM waiting WHERE sink = ? AND position = ?"
        await self._do(lambda db: db.execute(statement, (sink, position)))

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
        name = getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_")
        return name.startswith(DAMAGE) or not (self._open or name.startswith(TROUBLE))

    def _opened(self) -> sqlite3.Connection:
        if self.path is None:
            return _connected("")
        try:
            private_folder(self.path.parent)
            self._lock = locked(self.path.with_suffix(".lock"))
            os.close(open_to_append(self.path, ours=True))
        except BlockingIOError:
            raise ConfigurationError(
                f"a listener named {self.path.stem.partition('-')[2]} runs already",
                "see: notifyws status; or choose another --name",
            ) from None
        except OSError as error:
            return self._fall(error.strerror or str(error), None)
        try:
            demand_ours(self.path, QUEUE)
            return _connected(str(self.path))
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
            return _connected("")
        try:
            aside = set_aside(self.path)
            new = _connected(str(self.path))
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
        new = _connected(":memory:")
        if old is not None:
            try:
                old.backup(new)
            except sqlite3.Error:
                self._lose("what waited in the queue is lost", self._touched_at())
            old.close()
            new.executescript(SCHEMA)  # where that had not all of it
        return new


def _connected(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
    mark(db, QUEUE, path)  # before the WAL, so that it stands in the file itself
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing
    db.executescript(SCHEMA)
    return db


def _put_in_order(db: sqlite3.Connection) -> None:
    """Give each row the form that ours have, whoever wrote it."""
    db.executescript(ORDER)
    while db.execute(MOVE).rowcount:
        pass


def _position(db: sqlite3.Connection) -> ListenerPosition | None:
    """Return where the listener stood, ``None`` where that makes no sense."""
    row = db.execute("SELECT value FROM standing").fetchone()
    try:
        return ListenerPosition.of(json.loads(row[0])) if row else ListenerPosition()
    except (ValueError, TypeError, RecursionError):
        return None


def _idents(db: sqlite3.Connection) -> Iterator[Ident]:
    for (text,) in db.execute("SELECT ident FROM seen ORDER BY position"):
        with suppress(ValueError, TypeError, RecursionError):
            ident = json.loads(text)
            if type(ident) in (str, int):
                yield ident


def _past(db: sqlite3.Connection) -> RecoveredState:
    """Return what is kept; where the listener stood is :func:`_position`'s to say."""
    sums = "SELECT sink, count(*), sum(length(line)) FROM waiting GROUP BY sink"
    return RecoveredState(
        seen=list(_idents(db)),
        top=db.execute(TOP).fetchone()[0],
        unshown=_waiting(db, OUTPUT, 0, -1),
        waiting={name: Backlog(n, size or 0) for name, n, size in db.execute(sums)},
    )


def _waiting(
    db: sqlite3.Connection, sink: str, after: int, limit: int
) -> list[OutboxRecord]:
    rows = db.execute(WAITING, (sink, after, limit))
    return [OutboxRecord(position, line) for position, line in rows]


def _keep(
    db: sqlite3.Connection,
    entries: Sequence[Entry],
    position: ListenerPosition,
    shown: int,
) -> None:
    rows = [(sink, e.position, e.line) for e in entries for sink in e.sinks]
    ids = [(json.dumps(e.ident), e.position) for e in entries if e.ident is not None]
    write = "INSERT OR REPLACE INTO"
    db.execute("BEGIN IMMEDIATE")
    with db:  # commits, or rolls back
        db.executemany(f"{write} waiting (sink, position, line) VALUES (?, ?, ?)", rows)
        db.executemany(f"{write} seen (ident, position) VALUES (?, ?)", ids)
        if ids:
            oldest = ids[-1][1] - REMEMBERED
            db.execute("DELETE FROM seen WHERE position <= ?", (oldest,))
        value = json.dumps(asdict(position))
        db.execute(f"{write} standing (one, value) VALUES (1, ?)", (value,))
        db.execute(SHOWN, (OUTPUT, shown))
