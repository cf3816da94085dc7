"""What a queue's file holds, in SQL: rows that wait, ids that were seen, and a place.

Each function is one step on an open file and knows neither where that is nor what to
do when it fails.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain

from msgspec.structs import asdict

from notifyws.config.sqlite_files import QUEUE, mark
from notifyws.delivery.outbox_records import (
    OUTPUT,
    Backlog,
    Entry,
    Ident,
    ListenerPosition,
    OutboxRecord,
    RecoveredState,
)
from notifyws.models import strict_json
from notifyws.protocol.deduplicator import REMEMBERED, kept_id

SCHEMA = """
CREATE TABLE IF NOT EXISTS waiting (
  sink TEXT, position INTEGER, line TEXT, PRIMARY KEY (sink, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ids (position INTEGER PRIMARY KEY, idents TEXT);
CREATE TABLE IF NOT EXISTS standing (one INTEGER PRIMARY KEY, value TEXT);
"""
TOP = """
SELECT coalesce(max(position), 0)
FROM (SELECT position FROM waiting UNION ALL SELECT position FROM ids)
"""
ODD = "typeof(position) != 'integer' OR position NOT BETWEEN 1 AND 1 << 62"
"""What is no position of ours; above the highest one some are still free."""
ORDER = f"""
DELETE FROM ids WHERE {ODD};
UPDATE waiting SET line = coalesce(CAST(line AS TEXT), '') WHERE typeof(line) != 'text'
"""  # noqa: S608 - made of our own words, as is the next one
BEFORE = f"""
INSERT OR IGNORE INTO ids SELECT position, '[' || ident || ']' FROM seen
WHERE NOT ({ODD});
DROP TABLE seen
"""  # noqa: S608 - as the one above
"""Takes over what versions kept that had a row for each id."""
MOVE = f"""
UPDATE waiting
SET position = (SELECT coalesce(max(position), 0) + 1 FROM waiting WHERE NOT ({ODD}))
WHERE (sink, position) IN (SELECT sink, position FROM waiting WHERE {ODD} LIMIT 1)
"""  # noqa: S608 - as the one above
WAITING = """SELECT position, line FROM waiting WHERE sink = ? AND position > ?
ORDER BY position LIMIT ?"""
ONLY_SHOWN = (OUTPUT,)
"""The queues of what no sink takes: once it is shown it waits no more."""
ROWS = 300
"""Rows of one statement: between two, the interpreter has to be waited for. A statement
has at most 999 values."""
SHOWN = "DELETE FROM waiting WHERE sink = ? AND position <= ?"


def connected(path: str) -> sqlite3.Connection:
    """Return an open file with our tables.

    Raises:
        sqlite3.Error: the disk does not serve, or it holds something else.
        ConfigurationError: it is not ours.
    """
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
    try:
        mark(db, QUEUE, path)  # before the WAL, so that it stands in the file itself
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # a killed process loses nothing
        db.executescript(SCHEMA)
    except BaseException:
        db.close()
        raise
    return db


def put_in_order(db: sqlite3.Connection) -> None:
    """Give each row the form that ours have, whoever wrote it."""
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'seen'").fetchone():
        db.executescript(BEFORE)
    db.executescript(ORDER)
    while db.execute(MOVE).rowcount:
        pass


def position_in(db: sqlite3.Connection) -> ListenerPosition | None:
    """Return where the listener stood, ``None`` where that makes no sense."""
    row = db.execute("SELECT value FROM standing").fetchone()
    try:
        return ListenerPosition.of(json.loads(row[0])) if row else ListenerPosition()
    except (ValueError, TypeError, RecursionError):
        return None


def _idents(db: sqlite3.Connection) -> Iterator[Ident]:
    for (text,) in db.execute("SELECT idents FROM ids ORDER BY position"):
        with suppress(ValueError, TypeError, RecursionError):
            for ident in json.loads(text):
                if type(ident) in (str, int):
                    yield kept_id(ident)


def past_in(db: sqlite3.Connection) -> RecoveredState:
    """Return what is kept; where the listener stood is :func:`_position`'s to say."""
    sums = "SELECT sink, count(*), sum(length(line)) FROM waiting GROUP BY sink"
    return RecoveredState(
        seen=list(_idents(db)),
        top=db.execute(TOP).fetchone()[0],
        unshown=waiting_in(db, OUTPUT, 0, -1),
        waiting={name: Backlog(n, size or 0) for name, n, size in db.execute(sums)},
    )


def waiting_in(
    db: sqlite3.Connection, sink: str, after: int, limit: int
) -> list[OutboxRecord]:
    """Return what waits for a sink beyond a position, in order."""
    rows = db.execute(WAITING, (sink, after, limit))
    return [OutboxRecord(position, line) for position, line in rows]


def keep_in(
    db: sqlite3.Connection,
    entries: Sequence[Entry],
    position: ListenerPosition,
    shown: int,
) -> None:
    """Keep entries and a position; what was to be shown up to ``shown`` goes."""
    waiting = [e for e in entries if e.position > shown or e.sinks != ONLY_SHOWN]
    rows = [(sink, e.position, e.line) for e in waiting for sink in e.sinks]
    named = [e for e in entries if e.ident is not None][-REMEMBERED:]
    write = "INSERT OR REPLACE INTO"
    db.execute("BEGIN IMMEDIATE")
    with db:  # commits, or rolls back
        for at in range(0, len(rows), ROWS):
            some = rows[at : at + ROWS]
            places = ", ".join(["(?, ?, ?)"] * len(some))
            table = f"{write} waiting (sink, position, line)"
            db.execute(f"{table} VALUES {places}", [*chain.from_iterable(some)])
        if named:
            last, idents = named[-1].position, strict_json([e.ident for e in named])
            db.execute(f"{write} ids (position, idents) VALUES (?, ?)", (last, idents))
            db.execute("DELETE FROM ids WHERE position <= ?", (last - REMEMBERED,))
        value = json.dumps(asdict(position))
        db.execute(f"{write} standing (one, value) VALUES (1, ?)", (value,))
        db.execute(SHOWN, (OUTPUT, shown))
