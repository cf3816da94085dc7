"""The queue on disk: the same contract as the one in memory, and what disks do."""

from __future__ import annotations

import os
import sqlite3
import stat

import pytest

from notifyws.errors import ConfigurationError
from notifyws.keeping import OUTPUT, REMEMBERED, Entry, Kept, Standing, Waiting
from notifyws.queue_file import QueueFile
from tests.support.aio import on_a_loop
from tests.support.queue import MemoryStore

STANDING = Standing("id-2", "then", 17.5, mixed=True)


class Files:
    """Opens one file again and again."""

    def __init__(self, folder):
        self.path = folder / "listeners" / "abc-desk.db"
        self.warnings: list[str] = []

    def open(self, before=None):
        return QueueFile(self.path, self.warnings.append)


class Memories:
    def open(self, before=None):
        return MemoryStore(before)


@pytest.fixture(params=["file", "memory"])
def stores(request, tmp_path):
    return Files(tmp_path) if request.param == "file" else Memories()


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


def entry(position, *sinks, ident=None):
    return Entry(position, f"line {position}", ident, sinks)


@on_a_loop
async def test_what_is_kept_waits_in_order_until_it_is_done(stores):
    store = stores.open()
    await store.keep([entry(1, "a", "b"), entry(2, "a"), entry(3, "b")], STANDING, 0)
    assert await store.waiting("a", 0, 9) == [Kept(1, "line 1"), Kept(2, "line 2")]
    assert await store.waiting("a", 1, 9) == [Kept(2, "line 2")]
    assert await store.waiting("b", 0, 1) == [Kept(1, "line 1")]
    await store.done("a", 1)
    assert await store.waiting("a", 0, 9) == [Kept(2, "line 2")]
    assert await store.waiting("b", 0, 9) == [Kept(1, "line 1"), Kept(3, "line 3")]
    await store.aclose()


@on_a_loop
async def test_another_process_finds_everything_as_it_was(stores):
    first = stores.open()
    assert first.past.standing == Standing()
    entries = [entry(1, "a", OUTPUT, ident="x"), entry(2, "a", OUTPUT, ident=2)]
    await first.keep([*entries, entry(3, ident="y")], STANDING, 1)
    await first.aclose()
    second = stores.open(first)
    assert second.past.standing == STANDING
    assert list(second.past.seen) == ["x", 2, "y"]
    assert second.past.top == 3
    assert list(second.past.unshown) == [Kept(2, "line 2")]
    assert second.past.waiting["a"] == Waiting(2, 12)
    await second.aclose()


@on_a_loop
async def test_what_was_shown_is_not_kept_for_that_any_longer(stores):
    store = stores.open()
    await store.keep([entry(n, OUTPUT) for n in range(1, 6)], STANDING, 0)
    await store.keep([], STANDING, 4)
    assert await store.waiting(OUTPUT, 0, 9) == [Kept(5, "line 5")]
    await store.aclose()


@on_a_loop
async def test_only_so_many_ids_are_remembered(files):
    store = files.open()
    await store.keep([entry(n, ident=n) for n in range(1, 11)], STANDING, 0)
    await store.keep([entry(REMEMBERED + 5, ident="late")], STANDING, 0)
    await store.aclose()
    again = files.open()
    assert list(again.past.seen) == [6, 7, 8, 9, 10, "late"]
    await again.aclose()


@on_a_loop
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


@on_a_loop
async def test_one_process_at_a_time_has_the_file(files):
    store = files.open()
    with pytest.raises(ConfigurationError, match="named desk runs already"):
        files.open()
    await store.aclose()
    await store.aclose()  # twice is safe
    await files.open().aclose()


@on_a_loop
async def test_a_file_of_rubbish_in_our_folder_is_put_aside_aloud(files, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(files.path.parents[1]))
    files.path = files.path.parents[1] / "notifyws" / "listeners" / "abc-desk.db"
    files.path.parent.mkdir(parents=True)
    files.path.write_bytes(b"this is no database" * 99)
    store = files.open()
    await store.keep([entry(1, "a")], STANDING, 0)
    assert "holds rubbish" in files.warnings[0]
    assert files.path.with_name("abc-desk.db.broken").exists()
    await store.aclose()


@on_a_loop
async def test_a_folder_that_cannot_be_made_costs_a_warning(files):
    files.path.parent.write_text("a file")
    store = files.open()
    await store.keep([entry(1, "a")], STANDING, 0)
    assert await store.waiting("a", 0, 9) == [Kept(1, "line 1")]
    assert len(files.warnings) == 1
    assert "using memory only" in files.warnings[0]
    await store.aclose()


@on_a_loop
async def test_a_file_that_cannot_be_opened_costs_a_warning(files):
    files.path.mkdir(parents=True)
    store = files.open()
    await store.keep([entry(1, "a")], STANDING, 0)
    assert len(files.warnings) == 1
    await store.aclose()


@on_a_loop
async def test_a_file_that_turns_bad_is_left_with_what_it_held(files):
    store = files.open()
    await store.keep([entry(1, "a", ident="x")], STANDING, 0)
    await store.keep([entry(2, "a")], STANDING, 0)
    with sqlite3.connect(files.path) as other:  # somebody who should not be there
        other.execute("DROP TABLE standing")
    other.close()
    await store.keep([entry(3, "a")], STANDING, 0)
    assert [k.position for k in await store.waiting("a", 0, 9)] == [1, 2, 3]
    assert len(files.warnings) == 1
    await store.aclose()


@on_a_loop
async def test_without_a_path_nothing_stays(tmp_path):
    store = QueueFile(None, pytest.fail)
    await store.keep([entry(1, "a")], STANDING, 0)
    assert await store.waiting("a", 0, 9) == [Kept(1, "line 1")]
    await store.aclose()
    assert list(tmp_path.iterdir()) == []
