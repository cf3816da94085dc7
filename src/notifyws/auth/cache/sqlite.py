"""The embedded token cache: one SQLite file that many processes share.

:class:`SqliteStore` is the file, for whoever has no event loop; :class:`SqliteCache`
serves a loop with it. Every call is one transaction, is over within a second, and
raises nothing but :class:`~notifyws.errors.CacheFailed`. The file is for its owner
only. It is a cache, so it may be lost: a broken one is put aside and begun anew
(``config.files`` says which files are ours), and nothing waits for the disk
(``synchronous`` is off; a power cut costs a login, a crash costs nothing).

The journal is a rollback journal, not a WAL: one file to open is what a short-lived
``notifyws token`` wants, it works on network file systems, and two hundred processes
that start together cannot collide over switching modes. A lock held by others is
waited for here and not in SQLite, so that the limit holds for a call as a whole.

Texts are blobs, because UTF-8 as SQLite knows it has no room for lone surrogates.
"""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from notifyws.auth.cache import (
    CALL_TIMEOUT,
    LARGEST,
    Changes,
    Entry,
    Texts,
    TokenCache,
    bytes_of,
    call_limit,
    text_in,
    text_of,
)
from notifyws.config.files import NO_HOME, private_folder
from notifyws.config.sqlite_files import (
    BROKEN,
    CACHE,
    demand_ours,
    error_name,
    mark,
    set_aside,
)
from notifyws.errors import CacheFailed

if TYPE_CHECKING:
    from concurrent.futures import Executor

T = TypeVar("T")

BUSY_TIMEOUT = 0.9 * CALL_TIMEOUT
"""Seconds to wait for other processes; the rest is for the work itself."""
STEPS = 100_000
"""Of SQLite's own between two looks at the clock; no call of ours takes so many."""

CREATE = """CREATE TABLE IF NOT EXISTS entries_1 (
    account TEXT NOT NULL, name TEXT NOT NULL, text BLOB NOT NULL, end REAL NOT NULL,
    PRIMARY KEY (account, name)) WITHOUT ROWID"""
PURGE = "DELETE FROM entries_1 WHERE end <= ? OR typeof(end) != 'real'"
READ = """SELECT substr(CAST(text AS BLOB), 1, ?), end FROM entries_1
    WHERE account = ? AND name = ? AND end > ? AND typeof(end) = 'real'"""
WRITE = "INSERT INTO entries_1 VALUES (?, ?, ?, ?)"
DELETE = "DELETE FROM entries_1 WHERE account = ? AND name = ?"

REASONS = {
    "SQLITE_BUSY": "is locked by another process",
    "SQLITE_CANTOPEN": "cannot be opened",
    "SQLITE_FULL": "has no room left on its disk",
    "SQLITE_IOERR": "cannot be read or written",
    "SQLITE_READONLY": "cannot be written",
    **dict.fromkeys(BROKEN, "is not a usable SQLite file"),
}


class SqliteStore:
    """The file; not for two threads at the same time.

    Args:
        path: the file; it and its folder are made when first needed.
        now: wall time in seconds, because entries outlive the process.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._now = now
        self._db: sqlite3.Connection | None = None
        self._until = 0.0
        self._file: tuple[int, int] | None = None

    def read(self, account: str, *names: str) -> dict[str, Entry]:
        """Return those of ``names`` that are there."""
        return self._call(lambda db: self._read(db, account, names))

    def replace(self, account: str, entries: Changes, *, expect: Texts) -> bool:
        """Write and delete in one step, if what is there is still as expected."""

        def holds(db: sqlite3.Connection) -> bool:
            found = self._read(db, account, expect)
            return all(text_in(found, name) == text for name, text in expect.items())

        def step(db: sqlite3.Connection) -> bool:
            if not holds(db):
                return False  # those who poll a lock do not stand in its way
            db.execute("BEGIN IMMEDIATE")
            with db:  # commits, or rolls back
                mark(db, CACHE, self.path)
                db.execute(CREATE)
                now = self._now()
                db.execute(PURGE, (now,))
                if not holds(db):
                    return False
                for name, entry in entries.items():
                    db.execute(DELETE, (account, name))
                    if entry is not None:
                        blob, end = bytes_of(entry[0]), now + entry[1]
                        db.execute(WRITE, (account, name, blob, end))
                return True

        return self._call(step)

    def add(self, account: str, name: str, text: str, keep: float) -> bool:
        """Store ``text`` for ``keep`` seconds unless ``name`` is there already."""
        return self.replace(account, {name: (text, keep)}, expect={name: None})

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        db, self._db = self._db, None
        if db is not None:
            db.close()

    def _read(
        self, db: sqlite3.Connection, account: str, names: Iterable[str]
    ) -> dict[str, Entry]:
        now = self._now()
        try:
            rows = {
                name: db.execute(READ, (LARGEST + 1, account, name, now)).fetchone()
                for name in names
            }
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return {}  # the first write makes it
        return {
            name: Entry(text_of(row[0] or b""), row[1] - now)
            for name, row in rows.items()
            if row is not None
        }

    def _call(self, step: Callable[[sqlite3.Connection], T]) -> T:
        try:
            try:
                return self._when_free(step)
            except sqlite3.DatabaseError as error:
                if not error_name(error).startswith(BROKEN):
                    raise
                self._put_aside()
                return self._when_free(step)
        except (sqlite3.Error, OSError, ValueError, TypeError) as error:
            self.close()
            raise self._failure(error) from error

    def _when_free(self, step: Callable[[sqlite3.Connection], T]) -> T:
        deadline = time.monotonic() + BUSY_TIMEOUT
        self._until = time.monotonic() + CALL_TIMEOUT
        pause = 0.001
        while True:
            try:
                return step(self._open())
            except sqlite3.OperationalError as error:
                busy = error_name(error).startswith("SQLITE_BUSY")
                if not busy or time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(0.5, 1) * pause)  # noqa: S311  no secret
            pause = min(2 * pause, 0.03)

    def _open(self) -> sqlite3.Connection:
        file = self._prepared_file()
        if self._db is not None and file != self._file:
            self.close()  # the file was removed or put aside by somebody
        if self._db is None:
            self._db = sqlite3.connect(
                self.path, timeout=0, isolation_level=None, check_same_thread=False
            )
            self._file = file
            self._db.set_progress_handler(lambda: time.monotonic() > self._until, STEPS)
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.execute("PRAGMA synchronous = OFF")
        return self._db

    def _prepared_file(self) -> tuple[int, int]:
        """Make the file if need be, keep it private, and return its identity.

        It is never opened here once it exists: closing any descriptor of a file
        drops the locks that SQLite holds on it in this process.

        Raises:
            ConfigurationError: the file is somebody else's.
        """
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            private_folder(self.path.parent)
            with suppress(FileExistsError):
                flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
                os.close(os.open(self.path, flags, 0o600))
            found = os.stat(self.path)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("it is not a file")
        file = found.st_dev, found.st_ino
        if self._db is None or file != self._file:
            demand_ours(self.path, CACHE)
        if found.st_mode & 0o077:
            os.chmod(self.path, 0o600)
        return file

    def _put_aside(self) -> None:
        """Move a broken file out of the way, unless somebody did so already."""
        ours = self._file
        self.close()
        with suppress(FileNotFoundError):
            found = os.stat(self.path)
            if (found.st_dev, found.st_ino) == ours:
                set_aside(self.path)

    def _failure(self, error: Exception) -> CacheFailed:
        name = error_name(error)
        known = (why for code, why in REASONS.items() if name.startswith(code))
        rubbish = isinstance(error, (ValueError, TypeError))
        reason = "holds rubbish" if rubbish else "cannot be used"
        if isinstance(error, OSError) and (error.strerror or error.args):
            reason = f"cannot be opened: {error.strerror or error.args[0]}"
        mend = f"remove or move {self.path}"
        if str(self.path).startswith(NO_HOME):
            reason, mend = "cannot be kept: there is no home folder", "set HOME"
        hint = f"{mend}, or choose another with NOTIFYWS_CACHE_URL"
        return CacheFailed(f"token cache {self.path} {next(known, reason)}", hint)


class SqliteCache(TokenCache):
    """The file for an event loop, which never waits for a disk.

    One thread serves the calls in turn; one that waits for a second is withdrawn.

    Args:
        path: the file; it and its folder are made when first needed.
        now: wall time in seconds, because entries outlive the process.
    """

    backend = "sqlite"

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self.url = path.absolute().as_uri().replace("file:", "sqlite:", 1)
        self._store = SqliteStore(path, now)
        self._thread = _one_thread()

    async def read(self, account: str, *names: str) -> dict[str, Entry]:
        return await self._run(partial(self._store.read, account, *names))

    async def replace(self, account: str, entries: Changes, *, expect: Texts) -> bool:
        call = partial(self._store.replace, account, entries, expect=expect)
        return await self._run(call)

    async def aclose(self) -> None:
        """Let go of the file and end its thread; safe to call twice."""
        try:
            await self._run(self._store.close)
        finally:
            self._thread.shutdown(wait=False)
            self._thread = _one_thread()

    async def _run(self, call: Callable[[], T]) -> T:
        import asyncio

        loop = asyncio.get_running_loop()
        try:
            async with call_limit():
                return await loop.run_in_executor(self._thread, call)
        except TimeoutError as error:
            raise CacheFailed(
                f"token cache {self._store.path} did not answer in time",
                "look for a hung disk, or choose another with NOTIFYWS_CACHE_URL",
            ) from error


def _one_thread() -> Executor:
    """Return what starts a thread with its first call."""
    from concurrent.futures import ThreadPoolExecutor  # not without a loop

    return ThreadPoolExecutor(1, "token-cache")
