"""What can happen to a file that many processes share."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import aclosing, closing, contextmanager

import pytest

from notifyws.auth.cache.sqlite import SqliteCache, SqliteStore
from notifyws.errors import CacheFailed

ME = "0123456789abcdef"
SLACK = 0.4


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "tokens.db"


@pytest.fixture
def store(path):
    with closing(SqliteStore(path)) as store:
        yield store


@contextmanager
def locked(path):
    """Hold the file's write lock, as a stuck process would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        yield db


def mode(path) -> str:
    return oct(stat.S_IMODE(os.stat(path).st_mode))


def fails(store, words) -> CacheFailed:
    """Every call must fail with these words, within its second."""
    calls = [
        lambda: store.add(ME, "lock", "l", 9),
        lambda: store.replace(ME, {"a": None}, expect={}),
    ]
    for call in calls:
        start = time.monotonic()
        with pytest.raises(CacheFailed, match=words) as caught:
            call()
        assert time.monotonic() - start < 1 + SLACK
        assert str(store.path) in caught.value.message
    return caught.value


def test_the_file_and_its_folder_are_private_under_any_umask(path):
    before = os.umask(0)
    try:
        with closing(SqliteStore(path)) as store:
            store.add(ME, "access", "a", 9)
            with locked(path) as db:
                db.execute("DELETE FROM entries_1")
                journal = mode(f"{path}-journal")
    finally:
        os.umask(before)
    assert (mode(path.parent), mode(path), journal) == ("0o700", "0o600", "0o600")


def test_a_file_that_others_could_read_is_made_private(path):
    path.parent.mkdir()
    path.touch(0o644)
    with closing(SqliteStore(path)) as store:
        store.add(ME, "access", "a", 9)
    assert mode(path) == "0o600"


def test_a_deleted_token_leaves_no_trace_in_the_file(store, path):
    store.add(ME, "access", "s3cret-token", 9)
    assert b"s3cret-token" in path.read_bytes()
    store.replace(ME, {"access": None}, expect={})
    assert b"s3cret-token" not in path.read_bytes()


def test_what_is_over_leaves_the_file_with_the_next_write(path):
    clock = [1000.0]
    with closing(SqliteStore(path, lambda: clock[0])) as store:
        store.add(ME, "access", "s3cret-token", 5)
        clock[0] += 5
        assert store.read(ME, "access") == {}
        store.add(ME, "other", "o", 5)
    assert b"s3cret-token" not in path.read_bytes()


def test_nothing_but_the_file_is_left_behind(store, path):
    store.add(ME, "access", "a", 9)
    store.close()
    assert os.listdir(path.parent) == ["tokens.db"]


def test_a_folder_in_its_place_is_a_failure(store, path):
    path.mkdir(parents=True)
    assert fails(store, "cannot be opened: it is not a file").hint


def test_a_pipe_in_its_place_is_a_failure(store, path):
    path.parent.mkdir()
    os.mkfifo(path)
    fails(store, "cannot be opened: it is not a file")


def test_a_file_in_the_place_of_its_folder_is_a_failure(store, path):
    path.parent.touch()
    fails(store, "cannot be opened: (Not a directory|File exists)")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_file_is_read_but_not_written(store, path):
    store.add(ME, "access", "a", 9)
    store.close()
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        fails(store, "cannot be written")
        assert store.read(ME, "access")["access"].text == "a"
    finally:
        path.parent.chmod(0o700)


def test_a_full_disk_is_a_failure_and_what_was_there_stays(path):
    code = f"""if True:
        import pathlib, resource, sys
        sys.dont_write_bytecode = True  # half of it would stay for all that follow
        from notifyws.auth.cache.sqlite import SqliteStore
        from notifyws.errors import CacheFailed
        store = SqliteStore(pathlib.Path({str(path)!r}))
        store.add("{ME}", "access", "small", 9)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        try:
            store.replace("{ME}", {{"access": ("x" * 90000, 9)}}, expect={{}})
        except CacheFailed as error:
            print(store.read("{ME}", "access")["access"].text, error.message)
        """
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    said = run.stdout.decode()
    assert said.startswith("small token cache")
    assert "no room left" in said or "cannot be read or written" in said


def test_a_damaged_database_is_put_aside_and_others_follow(store, path):
    store.add(ME, "access", "x" * 9000, 9)
    with closing(SqliteStore(path)) as other:
        assert other.read(ME, "access")
        raw = path.read_bytes()
        path.write_bytes(raw[:16] + b"\xff" * (len(raw) - 16))
        assert store.add(ME, "lock", "mine", 9)
        assert other.read(ME, "lock")["lock"].text == "mine"
        assert not other.add(ME, "lock", "theirs", 9)
    assert path.with_name("tokens.db.broken").exists()


def test_a_damaged_database_takes_the_place_of_no_other_file(store, path):
    store.add(ME, "access", "x", 9)
    path.with_name("tokens.db.broken").write_text("precious")
    path.write_bytes(path.read_bytes()[:16] + b"\xff" * 9000)
    assert store.add(ME, "lock", "mine", 9)
    assert path.with_name("tokens.db.broken").read_text() == "precious"


@pytest.mark.parametrize("end", ["'abc'", "x'00'"])
def test_an_entry_whose_end_is_no_number_reads_as_none_and_goes(store, path, end):
    store.add(ME, "access", "a", 9)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"UPDATE entries_1 SET end = {end}")
        assert store.read(ME, "access") == {}
        assert store.add(ME, "lock", "mine", 9)
        assert [name for (name,) in db.execute("SELECT name FROM entries_1")] == [
            "lock"
        ]


def test_a_view_without_end_costs_one_second(store, path):
    store.add(ME, "access", "a", 9)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("DROP TABLE entries_1")
        db.execute(
            """CREATE VIEW entries_1 AS WITH RECURSIVE c(account, name, text, end) AS
            (SELECT 'x', 'x', 'x', 1 UNION ALL SELECT account, name, text, end FROM c)
            SELECT * FROM c"""
        )
    start = time.monotonic()
    with pytest.raises(CacheFailed, match="cannot be used"):
        store.read(ME, "access")
    assert time.monotonic() - start < 1 + SLACK


def test_a_file_removed_under_us_is_begun_anew(store, path):
    store.add(ME, "lock", "old", 9)
    path.unlink()
    assert store.add(ME, "lock", "new", 9)
    with closing(SqliteStore(path)) as other:
        assert other.read(ME, "lock")["lock"].text == "new"


@pytest.mark.parametrize("odd", ["x'fffe'", "zeroblob(70000)", "7"])
def test_whatever_lies_there_can_be_told_from_nothing_and_replaced(store, path, odd):
    store.add(ME, "access", "a", 9)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"UPDATE entries_1 SET text = {odd}")
    found = store.read(ME, "access")["access"].text
    new = {"access": ("new", 9.0)}
    assert not store.replace(ME, new, expect={"access": None})
    assert store.replace(ME, new, expect={"access": found})
    assert store.read(ME, "access")["access"].text == "new"


def test_a_lock_held_for_long_costs_less_than_a_second(store, path):
    store.add(ME, "access", "a", 9)
    with locked(path):
        start = time.monotonic()
        with pytest.raises(CacheFailed, match="is locked by another process"):
            store.add(ME, "lock", "l", 9)
        assert time.monotonic() - start < 1 + SLACK
    assert store.read(ME, "access")["access"].text == "a"


def test_a_lock_held_for_a_moment_is_waited_for(store, path):
    store.add(ME, "access", "a", 9)
    with locked(path):
        added: list[bool] = []
        waiting = threading.Thread(
            target=lambda: added.append(store.add(ME, "lock", "l", 9))
        )
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive()
    waiting.join()
    assert added == [True]


async def test_the_loop_goes_on_while_a_call_waits(path):
    async with aclosing(SqliteCache(path)) as cache:
        await cache.ping()
        with locked(path):
            start = time.monotonic()
            calls = [asyncio.create_task(cache.ping()) for _ in range(5)]
            ticks = 0
            while not all(call.done() for call in calls):
                await asyncio.sleep(0.01)
                ticks += 1
            assert time.monotonic() - start < 1 + SLACK
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(end) for end in ends] == [CacheFailed] * 5
        assert ticks > 40
        await cache.ping()


CROWD = """if True:
    import pathlib, sys
    from notifyws.auth.cache.sqlite import SqliteStore
    store = SqliteStore(pathlib.Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    won = store.add("0123456789abcdef", "lock", sys.argv[2], 60)
    while True:
        held = store.read("0123456789abcdef", "count").get("count")
        more = str(int(held.text) + 1 if held else 1)
        expect = {"count": held.text if held else None}
        entries = {"count": (more, 60)}
        if store.replace("0123456789abcdef", entries, expect=expect):
            break
    print("won" if won else "lost")
"""


@pytest.mark.slow
def test_of_thirty_processes_at_once_one_adds_and_all_count(path):
    pipe = subprocess.PIPE
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", CROWD, path, str(i)], stdin=pipe, stdout=pipe
        )
        for i in range(30)
    ]
    assert all(process.stdout.readline() == b"ready\n" for process in crowd)
    for process in crowd:
        process.stdin.write(b"\n")
        process.stdin.flush()
    said = [process.communicate()[0].decode().strip() for process in crowd]
    assert sorted(said) == ["lost"] * 29 + ["won"]
    with closing(SqliteStore(path)) as store:
        found = store.read(ME, "lock", "count")
    assert found["lock"].text == str(said.index("won"))
    assert found["count"].text == "30"


async def test_a_closed_file_has_ended_its_thread_and_opens_again(path):
    before = threading.active_count()
    cache = SqliteCache(path)
    for _ in range(2):
        assert await cache.replace(ME, {"a": ("x", 9)}, expect={})
        assert threading.active_count() == before + 1
        await cache.aclose()
        async with asyncio.timeout(2):
            while threading.active_count() > before:
                await asyncio.sleep(0.001)
    await cache.aclose()
