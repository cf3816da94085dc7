"""Which SQLite files are ours, and what is never done to any other."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing, suppress

import pytest

from notifyws.auth.cache.sqlite_store import CREATE, SqliteStore
from notifyws.config.sqlite_files import CACHE, QUEUE, demand_ours
from notifyws.delivery.outbox_file import SCHEMA, OutboxFile
from notifyws.errors import ConfigurationError

ME = "0123456789abcdef"


def use_as_cache(path):
    with closing(SqliteStore(path)) as store:
        store.add(ME, "access", "a", 9)


def use_as_queue(path):
    asyncio.run(OutboxFile(path, lambda text: None).aclose())


USES = {"cache": use_as_cache, "queue": use_as_queue}
KINDS = {"cache": CACHE, "queue": QUEUE}


def made(path, *statements):
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.executescript(statement)


STRANGE = {
    "another program's": ["CREATE TABLE diary (day)", "INSERT INTO diary VALUES (1)"],
    "one with our table and one more": [CREATE, SCHEMA, "CREATE TABLE diary (day)"],
    "another program's mark": ["PRAGMA application_id = 77"],
    "another program's version": ["PRAGMA user_version = 3"],
    "a newer version's cache": [
        f"PRAGMA application_id = {CACHE.application_id}",
        "PRAGMA user_version = 2",
    ],
    "a newer version's queue": [
        f"PRAGMA application_id = {QUEUE.application_id}",
        "PRAGMA user_version = 2",
    ],
    "one in another journal mode": ["PRAGMA journal_mode = WAL", "CREATE TABLE d (d)"],
    "text": None,
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("what", STRANGE)
def test_a_file_that_is_not_ours_is_refused_and_left_exactly_as_it_is(
    tmp_path, what, use
):
    path = tmp_path / "theirs.db"
    if STRANGE[what] is None:
        path.write_bytes(b"dear diary " * 1000)
    else:
        made(path, *STRANGE[what])
    path.chmod(0o644)
    before = path.read_bytes(), path.stat()
    with pytest.raises(ConfigurationError, match="is left alone") as caught:
        USES[use](path)
    assert str(path) in caught.value.message
    assert caught.value.exit_code == 2
    assert caught.value.hint
    after = path.read_bytes(), path.stat()
    assert after[0] == before[0]
    assert (after[1].st_mode, after[1].st_mtime_ns) == (
        before[1].st_mode,
        before[1].st_mtime_ns,
    )
    assert set(os.listdir(tmp_path)) <= {"theirs.db", "theirs.lock"}


def test_a_database_that_another_program_still_has_open_is_refused(tmp_path):
    """All of it is in the log beside: the file alone looks empty."""
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as theirs:
        theirs.execute("PRAGMA journal_mode = WAL")
        theirs.execute("CREATE TABLE diary (day)")
        with pytest.raises(ConfigurationError, match="another program's"):
            use_as_cache(path)
        assert theirs.execute("SELECT name FROM sqlite_master").fetchall() == [
            ("diary",)
        ]


@pytest.mark.parametrize("use", USES)
def test_our_own_files_are_marked_and_found_again(tmp_path, use):
    path = tmp_path / "ours.db"
    for _ in range(2):
        USES[use](path)
        demand_ours(path, KINDS[use])
    assert path.read_bytes()[68:72] == KINDS[use].application_id.to_bytes(4)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("start", ["empty", "earlier"])
def test_an_empty_file_and_an_earlier_versions_become_ours(tmp_path, use, start):
    path = tmp_path / "ours.db"
    path.touch()
    if start == "earlier":
        made(path, {"cache": CREATE, "queue": SCHEMA}[use])
    USES[use](path)
    assert path.read_bytes()[68:72] == KINDS[use].application_id.to_bytes(4)


@pytest.mark.parametrize(("one", "other"), [("cache", "queue"), ("queue", "cache")])
def test_one_kind_of_ours_is_not_taken_for_another(tmp_path, one, other):
    path = tmp_path / "ours.db"
    USES[one](path)
    with pytest.raises(ConfigurationError):
        USES[other](path)


def test_a_broken_file_of_ours_is_put_aside_and_begun_anew(tmp_path):
    path = tmp_path / "ours.db"
    use_as_cache(path)
    raw = path.read_bytes()
    path.write_bytes(raw[:100] + b"\xff" * (len(raw) - 100))
    use_as_cache(path)
    assert (tmp_path / "ours.db.broken").exists()


def test_the_default_cache_heals_even_where_its_mark_is_lost(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "notifyws" / "tokens.db"
    use_as_cache(path)
    path.write_bytes(bytes(path.stat().st_size))  # what a power cut may leave
    use_as_cache(path)
    assert path.with_name("tokens.db.broken").exists()


def test_a_refused_queue_lets_go_of_its_lock(tmp_path):
    path = tmp_path / "theirs.db"
    path.write_text("dear diary")
    for _ in range(2):
        with suppress(ConfigurationError):
            use_as_queue(path)
    path.unlink()
    use_as_queue(path)
