"""Files: none hangs us or fills the memory, none of ours is another's to read or lead.

Which SQLite files are ours, and what is never done to any other.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from notifyws.auth.cache.sqlite import CREATE, SqliteStore
from notifyws.cli.input import frames_of
from notifyws.cli.send import _whole
from notifyws.config.config_file import find_entry
from notifyws.config.files import LIMIT, read_text_file, write_private
from notifyws.config.saved_login import login_file, recall
from notifyws.config.sources import load
from notifyws.config.sqlite_files import CACHE, QUEUE, demand_ours
from notifyws.config.tls import trust
from notifyws.delivery.outbox_file import SCHEMA, OutboxFile
from notifyws.errors import ConfigurationError
from notifyws.protocol.loader import profile_text


def pipe(path):
    os.mkfifo(path)


MAKE = {
    "a pipe": (pipe, "is a pipe or a device, no regular file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "is a pipe or a device"),
    "a folder": (Path.mkdir, "is a folder, no regular file"),
    "too large": (lambda p: p.write_bytes(b"#" * (LIMIT + 1)), "is larger than 1 MiB"),
}
READERS = {
    ".env": lambda path: load(environ={}),
    "--env-file": lambda path: load(environ={}, env_file=path),
    "config.toml": lambda path: load(environ={"NOTIFYWS_CONFIG": str(path)}),
    "a server entry": lambda path: find_entry(path, "a"),
    "a profile": lambda path: profile_text(str(path)),
    "authorities": lambda path: trust(str(path)),
    "a payload": lambda path: _whole(f"@{path}"),
    "a sample": lambda path: frames_of(str(path)),
}


@pytest.mark.parametrize("what", MAKE)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_or_too_large_is_a_sentence_at_once(
    tmp_path, monkeypatch, what, reader
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / (".env" if reader == ".env" else "given.toml")
    make, words = MAKE[what]
    make(path)
    with pytest.raises(ConfigurationError, match=words) as caught:
        READERS[reader](path)
    assert caught.value.exit_code == 2
    assert caught.value.hint


@pytest.mark.parametrize("what", MAKE)
def test_a_remembered_login_that_is_no_file_is_as_good_as_none(
    tmp_path, monkeypatch, what
):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    login_file().parent.mkdir()
    MAKE[what][0](login_file())
    assert recall() == {}


def test_a_file_of_the_largest_size_is_read_with_its_line_ends(tmp_path):
    path = tmp_path / "x"
    text = "a\r\n" + "b" * (LIMIT - 3)
    path.write_bytes(text.encode())
    assert read_text_file(path) == text


def test_one_that_need_not_be_there_is_empty(tmp_path):
    assert read_text_file(tmp_path / "x", required=False) == ""
    with pytest.raises(ConfigurationError, match="there is no thing "):
        read_text_file(tmp_path / "x", "thing")


def test_a_text_that_cannot_be_read_is_said_to_be_that(tmp_path):
    (tmp_path / "x").write_bytes(b"caf\xe9")
    with pytest.raises(ConfigurationError, match="x is not UTF-8 text"):
        read_text_file(tmp_path / "x")
    (tmp_path / "y").symlink_to("y")
    with pytest.raises(ConfigurationError, match=r"cannot read .*Too many") as caught:
        read_text_file(tmp_path / "y")
    assert caught.value.hint


# What we write


@pytest.fixture(params=[0, 0o022])
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def draft(path: Path) -> Path:
    """Return where a draft of this process would lie."""
    return path.with_name(f".{path.name}.{os.getpid()}")


def test_what_is_written_is_its_owners_only(tmp_path, umask):
    path = tmp_path / "a" / "b" / "file"
    write_private(path, "ours\r\n")
    assert path.read_bytes() == b"ours\r\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.parent.parent.stat().st_mode & 0o777 == 0o700
    path.chmod(0o666)
    write_private(path, "ours")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", [lambda path: path, draft], ids=["file", "draft"])
@pytest.mark.parametrize("there", [True, False])
def test_a_link_in_its_place_is_replaced_and_never_followed(tmp_path, place, there):
    theirs = tmp_path / "theirs"
    if there:
        theirs.write_text("precious")
    path = tmp_path / "file"
    place(path).symlink_to(theirs)
    write_private(path, "ours")
    assert not path.is_symlink()
    assert path.read_text() == "ours"
    assert theirs.exists() is there
    assert not there or theirs.read_text() == "precious"


def test_what_a_killed_process_left_is_in_nobodys_way(tmp_path):
    """In a container, every process has the same number."""
    path = tmp_path / "file"
    draft(path).write_text("half of")
    draft(path).chmod(0o666)
    write_private(path, "ours")
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_a_write_is_whole_or_not_at_all(tmp_path):
    path = tmp_path / "file"
    write_private(path, "before")
    with path.open() as reading:
        write_private(path, "after")
        assert reading.read() == "before"
    with pytest.raises(UnicodeEncodeError):
        write_private(path, "half \ud800 of it")
    assert path.read_text() == "after"
    assert os.listdir(tmp_path) == ["file"]


# SQLite files

ME = "0123456789abcdef"


def use_as_cache(path):
    with closing(SqliteStore(path)) as store:
        store.add(ME, "access", "a", 9)


def use_as_queue(path):
    asyncio.run(OutboxFile(path, lambda text: None).aclose())


EARLIER_QUEUE = SCHEMA.replace(
    "ids (position INTEGER PRIMARY KEY, idents TEXT)",
    "seen (ident TEXT PRIMARY KEY, position INTEGER)",
)
"""The tables of a queue before it had a mark."""
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
        made(path, {"cache": CREATE, "queue": EARLIER_QUEUE}[use])
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
