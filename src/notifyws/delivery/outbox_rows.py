"""What a queue is read and written with: statements on an open database.

Each is one step: it happens whole or not at all. It knows no files and no threads.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress

from msgspec.structs import asdict

from notifyws.delivery.outbox_records import (
    OUTPUT,
    REMEMBERED,
    Backlog,
    Entry,
    Ident,
    ListenerPosition,
    OutboxRecord,
    RecoveredState,
    is_ident,
)

__all__ = ["SCHEMA", "done", "keep", "past", "position", "put_in_order", "waiting"]

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
"""  # noqa: S608


def put_in_order(db: sqlite3.Connection) -> None:
    """Give each row the form that ours have, whoever wrote it."""
    for statement in ORDER.split(";"):
        db.execute(statement)
    while db.execute(MOVE).rowcount:
        pass


def position(db: sqlite3.Connection) -> ListenerPosition | None:
    """Return where the listener stood, ``None`` where that makes no sense."""
    row = db.execute("SELECT value FROM standing").fetchone()
    try:
        return ListenerPosition.of(json.loads(row[0])) if row else ListenerPosition()
    except (ValueError, TypeError, RecursionError):
        return None


def _idents(db: sqlite3.Connection) -> Iterator[Ident]:
    for (text,) in db.execute("SELECT ident FROM seen ORDER BY position"):
        with suppress(ValueError, TypeError, RecursionError):
            if is_ident(ident := json.loads(text)):
                yield ident


def past(db: sqlite3.Connection) -> RecoveredState:
    """Return what is kept; where the listener stood is :func:`position`'s to say."""
    sums = db.execute(
        "SELECT sink, count(*), sum(length(line)) FROM waiting GROUP BY sink"
    )
    return RecoveredState(
        ListenerPosition(),
        list(_idents(db)),
        db.execute(TOP).fetchone()[0],
        waiting(OUTPUT, 0, -1, db),
        {sink: Backlog(number, size or 0) for sink, number, size in sums},
    )


def keep(
    entries: Sequence[Entry],
    position: ListenerPosition,
    shown: int,
    db: sqlite3.Connection,
) -> None:
    """Keep all of it; what was shown is not kept any longer."""
    rows = [(sink, e.position, e.line) for e in entries for sink in e.sinks]
    idents = [(_ident(e.ident), e.position) for e in entries if e.ident is not None]
    value = json.dumps(asdict(position))
    db.execute("BEGIN IMMEDIATE")
    with db:  # commits, or rolls back
        db.executemany(
            "INSERT OR REPLACE INTO waiting (sink, position, line) VALUES (?, ?, ?)",
            rows,
        )
        db.executemany(
            "INSERT OR REPLACE INTO seen (ident, position) VALUES (?, ?)", idents
        )
        if idents:
            oldest = idents[-1][1] - REMEMBERED
            db.execute("DELETE FROM seen WHERE position <= ?", (oldest,))
        db.execute(
            "INSERT OR REPLACE INTO standing (one, value) VALUES (1, ?)", (value,)
        )
        db.execute(
            "DELETE FROM waiting WHERE sink = ? AND position <= ?", (OUTPUT, shown)
        )


def _ident(ident: Ident) -> str:
    return json.dumps(ident)


def waiting(
    sink: str, after: int, limit: int, db: sqlite3.Connection
) -> list[OutboxRecord]:
    """Return what waits for a sink beyond a position, in order."""
    rows = db.execute(
        "SELECT position, line FROM waiting WHERE sink = ? AND position > ?"
        " ORDER BY position LIMIT ?",
        (sink, after, limit),
    )
    return [OutboxRecord(position, line) for position, line in rows]


def done(sink: str, position: int, db: sqlite3.Connection) -> None:
    """Forget what a sink was given."""
    db.execute("DELETE FROM waiting WHERE sink = ? AND position = ?", (sink, position))
