"""Which SQLite files are ours.

One is when its header carries our mark (``application_id``); one without it only when
it is empty, when it holds exactly the tables of our versions before there was a mark,
or when it cannot be read and lies in our own folder. Anything else is somebody else's:
neither opened for writing, nor renamed, nor is its mode changed.
"""

from __future__ import annotations

from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from notifyws.config.files import is_anothers, user_folder
from notifyws.errors import ConfigurationError

if TYPE_CHECKING:
    import sqlite3

VERSION = 1
"""Of our SQLite files."""
BROKEN = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


def error_name(error: BaseException) -> str:
    """Return SQLite's own name of an error, such as ``SQLITE_BUSY_SNAPSHOT``."""
    return str(getattr(error, "sqlite_errorname", ""))


class FileKind(Struct, frozen=True):
    """One kind of file of ours.

    Args:
        what: its name in a sentence.
        application_id: the mark; SQLite keeps it as four bytes.
        tables: its tables in the versions that had no mark yet.
        another: how to have another file instead.
    """

    what: str
    application_id: int
    tables: frozenset[str]
    another: str


CACHE = FileKind(
    "token cache",
    0x6E777363,
    frozenset({"entries_1"}),
    "name another with NOTIFYWS_CACHE_URL",
)
QUEUE = FileKind(
    "queue",
    0x6E777371,
    frozenset({"waiting", "seen", "standing"}),
    "choose another --name",
)


def demand_ours(path: Path, kind: FileKind) -> None:
    """Raise unless a file, which must be there, is one of ours.

    SQLite looks itself, ``immutable`` so that it takes no lock and leaves no file
    beside: a descriptor of our own would drop this process's locks when closed.

    Raises:
        ConfigurationError: it is not ours, or a newer version's.
        sqlite3.Error: it cannot be opened.
    """
    import sqlite3  # several milliseconds, and most commands need no such file

    if is_anothers(path):
        raise _foreign(path, kind, "another user made it")
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as db:
        try:
            db.execute("PRAGMA writable_schema = ON")  # read even if it is cut short
            (found,) = db.execute("PRAGMA application_id").fetchone()
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if found == kind.application_id:
                if version > VERSION:
                    raise _foreign(path, kind, "a newer notifyws wrote it")
            elif found or version or _tables(db) not in (set(), kind.tables):
                raise _foreign(path, kind, "it is another program's SQLite file")
        except sqlite3.DatabaseError as error:
            if not error_name(error).startswith(BROKEN):
                raise
            if path.parent.absolute() not in _own_folders():
                raise _foreign(path, kind, "it is no SQLite file") from None


def mark(db: sqlite3.Connection, kind: FileKind, path: Path | str) -> None:
    """Mark an open file as ours, unless it is marked already.

    Raises:
        ConfigurationError: there is more in it than could be seen from outside.
    """
    (found,) = db.execute("PRAGMA application_id").fetchone()
    if found == kind.application_id:
        return
    if found or _tables(db) - kind.tables:
        raise _foreign(path, kind, "it is another program's SQLite file")
    db.execute(f"PRAGMA application_id = {kind.application_id}")
    db.execute(f"PRAGMA user_version = {VERSION}")


def set_aside(path: Path) -> Path:
    """Rename a file, and what SQLite has not moved into it yet, to a free name."""
    names = (path.with_name(f"{path.name}.broken{n or ''}") for n in count())
    aside = next(name for name in names if not name.exists())
    path.replace(aside)
    Path(f"{path}-shm").unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        Path(f"{path}-wal").replace(f"{aside}-wal")
    return aside


def _tables(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute(TABLES)}


def _own_folders() -> set[Path]:
    """Return the folders in which no setting, and nobody else, has a file."""
    return {user_folder("cache"), user_folder("state") / "listeners"}


def _foreign(path: Path | str, kind: FileKind, reason: str) -> ConfigurationError:
    message = f"{path} is no {kind.what} of this notifyws: {reason}; it is left alone"
    return ConfigurationError(message, f"move it away, or {kind.another}")
