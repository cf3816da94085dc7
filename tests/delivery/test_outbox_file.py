"""The queue on disk: the same contract as the one in memory, and what disks do."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from contextlib import closing

import pytest

from notifyws.config.sqlite_files import QUEUE
from notifyws.delivery.outbox_file import OutboxFile
from notifyws.delivery.outbox_records import (
    OUTPUT,
    Backlog,
    Entry,
    ListenerPosition,
    OutboxRecord,
    RecoveredState,
)
from notifyws.errors import ConfigurationError
from notifyws.protocol.deduplicator import REMEMBERED
from tests.support.queue import MemoryStore

STANDING = ListenerPosition("id-2", "then", 17.5, mixed=True)


class Files:
    """Opens one file again and again."""

    def __init__(self, folder):
        self.path = folder / "listeners" / "abc-desk.db"
        self.warnings: list[str] = []

    def open(self, before=None):
        return OutboxFile(self.path, self.warnings.append)

    async def hold(self, *entries):
        """Be what a listener left that kept these."""
        store = self.open()
        await store.keep(entries, STANDING, 0)
        await store.aclose()

    def edit(self, statement, *values):
        """Do as somebody does who should not be there."""
        with closing(sqlite3.connect(self.path)) as other, other:
            other.execute(statement, values)


class Memories:
    def open(self, before=None):
        return MemoryStore(before)


@pytest.fixture(params=["file", "memory"])
def stores(request, tmp_path):
    return Files(tmp_path) if request.param == "file" else Memories()


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "notifyws"
    folder.mkdir()
    return Files(folder)


def entry(position, *sinks, ident=None):
    return Entry(position, f"line {position}", ident, sinks)


async def test_what_is_kept_waits_in_order_until_it_is_done(stores):
    store = stores.open()
    await store.keep([entry(1, "a", "b"), entry(2, "a"), entry(3, "b")], STANDING, 0)
    assert await store.waiting("a", 0, 9) == [
        OutboxRecord(1, "line 1"),
        OutboxRecord(2, "line 2"),
    ]
    assert await store.waiting("a", 1, 9) == [OutboxRecord(2, "line 2")]
    assert await store.waiting("b", 0, 1) == [OutboxRecord(1, "line 1")]
    await store.done("a", 1)
    assert await store.waiting("a", 0, 9) == [OutboxRecord(2, "line 2")]
    assert await store.waiting("b", 0, 9) == [
        OutboxRecord(1, "line 1"),
        OutboxRecord(3, "line 3"),
    ]
    await store.aclose()


async def test_another_process_finds_everything_as_it_was(stores):
    first = stores.open()
    assert first.past.position == ListenerPosition()
    entries = [entry(1, "a", OUTPUT, ident="x"), entry(2, "a", OUTPUT, ident=2)]
    await first.keep([*entries, entry(3, ident="y")], STANDING, 1)
    await first.aclose()
    second = stores.open(first)
    assert second.past.position == STANDING
    assert list(second.past.seen) == ["x", 2, "y"]
    assert second.past.top == 3
    assert list(second.past.unshown) == [OutboxRecord(2, "line 2")]
    assert second.past.waiting["a"] == Backlog(2, 12)
    await second.aclose()


async def test_what_was_shown_is_not_kept_for_that_any_longer(stores):
    store = stores.open()
    await store.keep([entry(n, OUTPUT) for n in range(1, 6)], STANDING, 0)
    await store.keep([], STANDING, 4)
    assert await store.waiting(OUTPUT, 0, 9) == [OutboxRecord(5, "line 5")]
    await store.aclose()


async def test_only_so_many_ids_are_remembered(files):
    store = files.open()
    for n in range(1, 11):
        await store.keep([entry(n, ident=n)], STANDING, 0)
    await store.keep([entry(REMEMBERED + 5, ident="late")], STANDING, 0)
    await store.aclose()
    again = files.open()
    assert list(again.past.seen) == [6, 7, 8, 9, 10, "late"]
    await again.aclose()


async def test_of_ids_that_came_at_once_the_last_are_remembered(files):
    count = REMEMBERED + 5
    await files.hold(*[entry(n, ident=n) for n in range(1, count + 1)])
    again = files.open()
    assert list(again.past.seen) == list(range(6, count + 1))
    await again.aclose()


async def test_ids_that_an_earlier_version_kept_are_taken_over(files):
    await files.open().aclose()
    with closing(sqlite3.connect(files.path)) as other, other:
        other.execute("CREATE TABLE seen (ident TEXT PRIMARY KEY, position INTEGER)")
        kept = (("b", 2), (7, 1), ("odd", "x"), ("odder", -5))
        rows = [*((json.dumps(ident), at) for ident, at in kept), (None, 3)]
        other.executemany("INSERT INTO seen VALUES (?, ?)", rows)
    for _ in range(2):
        again = files.open()
        assert list(again.past.seen) == [7, "b"]
        assert again.past.top == 3
        await again.aclose()


async def test_the_file_and_its_folder_are_its_owners_alone(files):
    before = os.umask(0)
    try:
        store = files.open()
        await store.keep([entry(1, "a")], STANDING, 0)
        for path in files.path.parent.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert stat.S_IMODE(files.path.parent.stat().st_mode) == 0o700
        await store.aclose()
    finally:
        os.umask(before)


async def test_one_process_at_a_time_has_the_file(files):
    store = files.open()
    with pytest.raises(ConfigurationError, match="named desk runs already"):
        files.open()
    await store.aclose()
    await store.aclose()  # twice is safe
    await files.open().aclose()


@pytest.mark.parametrize("in_the_way", ["folder", "file", "pipe"])
async def test_what_cannot_be_opened_costs_a_warning(files, in_the_way):
    if in_the_way == "folder":
        files.path.parent.write_text("a file")
    elif in_the_way == "pipe":
        files.path.parent.mkdir()
        os.mkfifo(files.path)
    else:
        files.path.mkdir(parents=True)
    store = files.open()
    await store.keep([entry(1, "a")], STANDING, 0)
    assert await store.waiting("a", 0, 9) == [OutboxRecord(1, "line 1")]
    (warning,) = files.warnings
    assert "using memory only" in warning
    await store.aclose()


@pytest.mark.parametrize("room_again", [True, False])
async def test_a_disk_that_did_not_serve_is_tried_once_more_at_the_end(
    files, room_again
):
    files.path.parent.write_text("a file")
    store = files.open()
    await store.keep([entry(1, "a")], STANDING, 0)
    if room_again:
        files.path.parent.unlink()
    assert await store.saved() is room_again
    await store.aclose()
    if room_again:
        store = files.open()
        assert store.past.position == STANDING
        assert await store.waiting("a", 0, 9) == [OutboxRecord(1, "line 1")]
        assert await store.saved()
        await store.aclose()
        assert len(files.warnings) == 1


async def test_without_a_file_or_with_anothers_in_its_place_nothing_is_saved(files):
    nowhere = OutboxFile(None, pytest.fail)
    assert not await nowhere.saved()
    await nowhere.aclose()
    store = files.open()
    files.path.rename(f"{files.path}-moved")
    files.path.write_text("another's")
    assert not await store.saved()
    await store.aclose()


async def test_a_file_that_turns_bad_is_left_with_what_it_held(files):
    store = files.open()
    await store.keep([entry(1, "a", ident="x")], STANDING, 0)
    await store.keep([entry(2, "a")], STANDING, 0)
    files.edit("DROP TABLE standing")
    await store.keep([entry(3, "a")], STANDING, 0)
    assert [k.position for k in await store.waiting("a", 0, 9)] == [1, 2, 3]
    assert len(files.warnings) == 1
    await store.aclose()


async def test_without_a_path_nothing_stays(tmp_path):
    store = OutboxFile(None, pytest.fail)
    await store.keep([entry(1, "a")], STANDING, 0)
    assert await store.waiting("a", 0, 9) == [OutboxRecord(1, "line 1")]
    await store.aclose()
    assert list(tmp_path.iterdir()) == []


def corrupted(files, table):
    """Spoil the pages of a table behind the good header of a file."""
    with sqlite3.connect(files.path) as db:
        (page,) = db.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    db.close()
    with files.path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    return files.path.read_bytes()


@pytest.mark.parametrize("table", ["waiting", "ids", "standing"])
async def test_a_spoilt_page_behind_a_good_header_is_set_aside_as_it_is(files, table):
    await files.hold(*[entry(n, "a", ident=n) for n in range(1, 99)])
    spoilt = corrupted(files, table)
    again = files.open()
    assert again.past == RecoveredState(seen=[], unshown=[])
    ((since, reason),) = again.lost
    assert since > "2020"
    assert "was damaged" in reason
    assert str(files.path) not in reason  # other hosts read it
    assert len(files.warnings) == 1
    assert "kept as abc-desk.db.broken, begun anew" in files.warnings[0]
    assert files.path.with_name("abc-desk.db.broken").read_bytes() == spoilt
    await again.keep([entry(1, "a")], STANDING, 0)
    await again.aclose()
    third = files.open()
    assert third.past.waiting == {"a": Backlog(1, 6)}
    assert not third.lost
    await third.aclose()


async def test_a_file_of_rubbish_is_set_aside_aloud_each_time(files):
    for content in (b"one" * 999, b"two" * 999):
        files.path.parent.mkdir(exist_ok=True)
        files.path.write_bytes(content)
        await files.hold(entry(1, "a"))
        assert "holds rubbish" in files.warnings[-1]
    first, second = sorted(files.path.parent.glob("*.broken*"))
    assert first.read_bytes()[:3] == b"one"
    assert second.read_bytes()[:3] == b"two"


async def test_a_page_that_is_spoilt_meanwhile_loses_what_waited_aloud(files):
    store = files.open()
    await store.keep([entry(n, "a", ident=n) for n in range(1, 99)], STANDING, 0)
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store._db.execute("PRAGMA cache_size = 0")
    with files.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 99 * 4096)
    await store.keep([entry(99, "a")], STANDING, 0)
    assert len(store.lost) == 1
    assert await store.waiting("a", 0, 9) == [OutboxRecord(99, "line 99")]
    await store.aclose()


ODD_ROWS = {
    "a position that is text": "INSERT INTO waiting VALUES ('a', 'x', 'odd')",
    "a position that is nothing": "INSERT INTO waiting VALUES ('a', x'00ff', 'odd')",
    "a position below all": "INSERT INTO waiting VALUES ('a', -5, 'odd')",
    "a position at the end": "INSERT INTO waiting VALUES ('a', ~(1 << 63), 'odd')",
    "a line that is a number": "INSERT INTO waiting VALUES ('a', 2, 17)",
    "a line that is nothing": "INSERT INTO waiting VALUES ('a', 2, NULL)",
    "a line of bytes": "INSERT INTO waiting VALUES ('a', 2, x'6f646400ff')",
    "ids that are no JSON": "INSERT INTO ids VALUES (2, 'rubbish')",
    "ids that are no list": "INSERT INTO ids VALUES (2, '1')",
    "ids that are nothing": "INSERT INTO ids VALUES (2, NULL)",
    "an id that is a list": "INSERT INTO ids VALUES (2, '[[1], true, null]')",
    "an id at the end": "INSERT INTO ids VALUES (~(1 << 63), '[\"z\"]')",
    "an id before all": "INSERT INTO ids VALUES (-5, '[\"z\"]')",
    "one more column": "ALTER TABLE waiting ADD COLUMN more TEXT",
}


@pytest.mark.parametrize("odd", ODD_ROWS.values(), ids=ODD_ROWS)
async def test_odd_rows_are_read_as_rows_of_ours_and_stop_nothing(files, odd):
    await files.hold(entry(1, "a", OUTPUT, ident="x"))
    files.edit(odd)
    again = files.open()
    assert again.past.position == STANDING
    assert list(again.past.seen) == ["x"]
    await again.keep([entry(again.past.top + 1, "a", ident="y")], STANDING, 0)
    kept = await again.waiting("a", 0, 9)
    assert {"line 1", f"line {again.past.top + 1}"} <= {each.line for each in kept}
    assert all(type(k.position) is int and type(k.line) is str for k in kept)
    for each in kept:
        await again.done("a", each.position)
    assert await again.waiting("a", -(1 << 63), 9) == []
    assert files.warnings == []
    await again.aclose()


STRANGE_PLACES = [
    *("rubbish", "[]", '{"last_id":[1]}', '{"last_id":true}', '{"no":1}', None),
    *('{"heard_at":5}', '{"moved_at":"x"}', '{"mixed":3}', "[" * 9999),
    *('{"sent_at":"x"}', '{"sent_at":1e12}', '{"sent_at":NaN}'),
]


@pytest.mark.parametrize("value", STRANGE_PLACES)
async def test_a_place_that_makes_no_sense_is_none_and_a_gap(files, value):
    await files.hold(entry(1, "a", ident="x"))
    files.edit("UPDATE standing SET value = ?", value)
    again = files.open()
    assert again.past.position == ListenerPosition()
    assert again.past.waiting["a"] == Backlog(1, 6)
    assert [reason in files.warnings[0] for _, reason in again.lost] == [True]
    assert len(files.warnings) == 1
    await again.aclose()


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE waiting (other)", "CREATE TABLE notes (line)"]
)
async def test_odd_tables_in_a_file_of_ours_stop_nothing(files, statement):
    files.path.parent.mkdir()
    files.edit(f"PRAGMA application_id = {QUEUE.application_id}")
    files.edit(statement)
    await files.hold(entry(1, "a"))
    again = files.open()
    assert again.past.waiting == {"a": Backlog(1, 6)}
    await again.aclose()
