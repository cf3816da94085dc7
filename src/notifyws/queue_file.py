"""The outbox on disk: one SQLite file (WAL) for each durable listener.

It never fails: a disk that is full, read-only or broken costs one warning, and memory
takes over with what could still be read. A file belongs to one process at a time,
which a lock beside it sees to. Without a path the queue is a temporary file of
SQLite's own, which ends with the process.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TypeVar

from notifyws.errors import ConfigurationError
from notifyws.keeping import (
    OUTPUT,
    REMEMBERED,
    Entry,
    Ident,
    Kept,
    Past,
    Standing,
    Waiting,
)
from notifyws.private import private_folder
from notifyws.sqlite_files import QUEUE, demand_ours, mark

__all__ = ["QueueFile"]

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
SELECT max(coalesce((SELECT max(position) FROM waiting), 0),
           coalesce((SELECT max(position) FROM seen), 0))
"""


class QueueFile:
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
        self._fallen = False
        self._db = self._opened()
        self.past = self._safely(_past)

    async def keep(
        self, entries: Sequence[Entry], standing: Standing, shown: int
    ) -> None:
        """Keep all of it in one step; what was shown is not kept any longer."""
        await self._do(partial(_keep, entries, standing, shown))

    async def waiting(self, sink: str, after: int, limit: int) -> list[Kept]:
        """Return what waits for a sink beyond a position, in order."""
        return await self._do(partial(_waiting, sink, after, limit))

    async def done(self, sink: str, position: int) -> None:
        """Forget what a sink was given."""
        await self._do(partial(_done, sink, position))

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
            if self._fallen:
                raise
            self._db = self._fall(str(error), self._db)
            return step(self._db)

    def _opened(self) -> sqlite3.Connection:
        if self.path is None:
            return _prepared(_connected(""))
        try:
            private_folder(self.path.parent)
            self._lock = _locked(self.path.with_suffix(".lock"))
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
        except sqlite3.OperationalError as error:
            return self._fall(str(error), None)
        except sqlite3.DatabaseError:
            return self._begun_anew(self.path)

    def _begun_anew(self, path: Path) -> sqlite3.Connection:
        self._warn(f"{path} holds rubbish: kept as {path.name}.broken, begun anew")
        os.replace(path, f"{path}.broken")
        for ending in ("-wal", "-shm"):
            Path(f"{path}{ending}").unlink(missing_ok=True)
        return _prepared(_connected(str(path)))

    def _fall(self, reason: str, old: sqlite3.Connection | None) -> sqlite3.Connection:
        """Return a queue in memory, with what the old one held if it can be read."""
        self._fallen = True
        where = self.path or "the temporary folder"
        self._warn(f"cannot keep the queue in {where}: {reason}; using memory only")
        new = _connected(":memory:")
        if old is not None:
            with suppress(sqlite3.Error):
                old.backup(new)
            old.close()
        return _prepared(new)


def _connected(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    mark(db, QUEUE, path)  # before the WAL, so that it stands in the file itself
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing
    return db


def _prepared(db: sqlite3.Connection) -> sqlite3.Connection:
    db.executescript(SCHEMA)
    return db


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _past(db: sqlite3.Connection) -> Past:
    row = db.execute("SELECT value FROM standing").fetchone()
    seen = db.execute("SELECT ident FROM seen ORDER BY position")
    sums = db.execute(
        "SELECT sink, count(*), sum(length(line)) FROM waiting GROUP BY sink"
    )
    return Past(
        Standing(**json.loads(row[0])) if row else Standing(),
        [json.loads(ident) for (ident,) in seen],
        db.execute(TOP).fetchone()[0],
        _waiting(OUTPUT, 0, -1, db),
        {sink: Waiting(count, size) for sink, count, size in sums},
    )


def _keep(
    entries: Sequence[Entry], standing: Standing, shown: int, db: sqlite3.Connection
) -> None:
    rows = [(sink, e.position, e.line) for e in entries for sink in e.sinks]
    idents = [(_ident(e.ident), e.position) for e in entries if e.ident is not None]
    value = json.dumps(asdict(standing))
    db.execute("BEGIN IMMEDIATE")
    with db:  # commits, or rolls back
        db.executemany("INSERT OR REPLACE INTO waiting VALUES (?, ?, ?)", rows)
        db.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", idents)
        if idents:
            oldest = idents[-1][1] - REMEMBERED
            db.execute("DELETE FROM seen WHERE position <= ?", (oldest,))
        db.execute("INSERT OR REPLACE INTO standing VALUES (1, ?)", (value,))
        db.execute(
            "DELETE FROM waiting WHERE sink = ? AND position <= ?", (OUTPUT, shown)
        )


def _ident(ident: Ident) -> str:
    return json.dumps(ident)


def _waiting(sink: str, after: int, limit: int, db: sqlite3.Connection) -> list[Kept]:
    rows = db.execute(
        "SELECT position, line FROM waiting WHERE sink = ? AND position > ?"
        " ORDER BY position LIMIT ?",
        (sink, after, limit),
    )
    return [Kept(position, line) for position, line in rows]


def _done(sink: str, position: int, db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM waiting WHERE sink = ? AND position = ?", (sink, position))
