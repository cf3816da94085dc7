"""The spool: what a leader could not append waits on disk, in order, and is its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from notifyws.delivery.outbox_records import ListenerPosition
from notifyws.fleet.group import spool as module
from notifyws.fleet.group.entries import Line
from notifyws.fleet.group.spool import Spool

ME, BEFORE, OTHER = "h:1:me", "h:9:before", "h:2:other"


@asynccontextmanager
async def opened(path: Path, limit: int = 1 << 20) -> AsyncIterator[Spool]:
    """The spool of one process."""
    said: list[str] = []
    spool = Spool(path, "acct-g", limit, said.append)
    try:
        yield spool
    finally:
        await spool.aclose()
    assert said == []


def lines(first: int, last: int) -> list[Line]:
    return [(n % 3, f"line {n}", f"tell {n}") for n in range(first, last + 1)]


def at(ident: int) -> ListenerPosition:
    return ListenerPosition(ident)


async def test_what_was_put_in_comes_out_in_order(tmp_path):
    async with opened(tmp_path) as spool:
        await spool.put(lines(1, 3), at(3), ME)
        await spool.put(lines(4, 5), at(5), ME)
        assert (spool.count, spool.position) == (5, at(5))
        assert await spool.first(2) == lines(1, 2)
        await spool.drop(2)
        assert await spool.first(9) == lines(3, 5)
        await spool.drop(9)
        assert (spool.count, await spool.first(9)) == (0, [])
        await spool.drop(1)
        assert spool.count == 0


async def test_it_is_full_by_the_size_of_its_lines(tmp_path):
    async with opened(tmp_path, limit=60) as spool:
        await spool.put(lines(1, 2), at(2), ME)
        assert not spool.is_full
        await spool.put(lines(3, 3), at(3), ME)
        assert spool.is_full
        await spool.drop(1)
        assert not spool.is_full


async def test_where_nothing_was_left_nothing_is_found(tmp_path):
    async with opened(tmp_path / "none") as spool:
        assert not await spool.recover({ME})
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("leaders", "is_ours"),
    [
        ({ME, BEFORE}, True),  # who spooled led last
        ({BEFORE}, True),
        ({ME, ""}, True),  # Redis knows of nobody: it forgot
        ({ME, OTHER}, False),  # somebody else led since
    ],
)
async def test_what_a_killed_leader_left_is_for_who_follows_it(
    tmp_path, leaders, is_ours
):
    async with opened(tmp_path) as spool:
        await spool.put(lines(1, 4), at(4), BEFORE)
        await spool.drop(1)
    async with opened(tmp_path) as spool:
        assert await spool.recover(leaders) is is_ours
        if is_ours:
            assert (spool.count, spool.position) == (3, at(4))
            await spool.put(lines(5, 5), at(5), ME)
            assert await spool.first(9) == lines(2, 5)
        else:
            assert (spool.count, await spool.first(9)) == (0, [])
    async with opened(tmp_path) as spool:
        assert await spool.recover({ME}) is is_ours


async def test_what_was_let_go_of_takes_no_room(tmp_path):
    async with opened(tmp_path) as spool:
        await spool.put(lines(1, 4), at(4), BEFORE)
    async with opened(tmp_path, limit=60) as spool:
        await spool.recover({OTHER})
        assert not spool.is_full
        await spool.put(lines(1, 1), at(1), ME)
        assert await spool.first(9) == lines(1, 1)


async def test_each_process_of_a_host_has_a_file_of_its_own(tmp_path):
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        await one.put(lines(1, 1), at(1), ME)
        await two.put(lines(2, 2), at(2), OTHER)
        assert await one.first(9) == lines(1, 1)
        assert await two.first(9) == lines(2, 2)
    assert len(list(tmp_path.glob("*.db"))) == 2


async def test_what_the_second_process_of_a_host_left_is_found_as_well(tmp_path):
    """Seen: only the first file was looked into, and the other's lines lay there."""
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        await one.put(lines(1, 2), at(2), ME)
        await one.drop(2)
        await two.put(lines(3, 5), at(5), BEFORE)
    async with opened(tmp_path) as next_one:
        assert await next_one.recover({BEFORE})
        assert await next_one.first(9) == lines(3, 5)
        async with opened(tmp_path) as another:
            assert not await another.recover({BEFORE})


async def test_groups_of_like_names_have_no_file_together(tmp_path):
    """Seen: the second process of a group ``g`` wrote to the file of one ``g-1``."""
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        await one.put(lines(1, 1), at(1), ME)
        await two.put(lines(2, 2), at(2), ME)
    like = Spool(tmp_path, "acct-g-1", 1 << 20, print)
    assert not await like.recover({ME})
    await like.put(lines(7, 7), at(7), ME)
    await like.aclose()
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        assert [await each.recover({ME}) for each in (one, two)] == [True, True]
        assert await one.first(9) + await two.first(9) == lines(1, 2)


async def test_of_large_lines_few_are_read_at_once(tmp_path):
    """Seen: five hundred of a megabyte were one command, which has a second."""
    large = [(0, "x" * 400_000, "") for _ in range(7)]
    async with opened(tmp_path, 1 << 30) as spool:
        await spool.put(large, at(7), ME)
        assert len(await spool.first(500)) == 2
        await spool.drop(6)
        assert len(await spool.first(500)) == 1
        await spool.clear()
        assert (spool.count, spool.is_full, await spool.first(9)) == (0, False, [])


async def test_where_no_file_is_free_it_is_one_that_ends_with_the_process(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "PROCESSES", 1)
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        await one.put(lines(1, 1), at(1), ME)
        await two.put(lines(2, 2), at(2), OTHER)
        assert await two.first(9) == lines(2, 2)
    assert len(list(tmp_path.glob("*.db"))) == 1


async def test_a_line_that_is_none_of_ours_is_a_line_all_the_same(tmp_path):
    async with opened(tmp_path) as spool:
        await spool.put([(0, "a", "")], at(1), ME)
        spool._file._db.execute("UPDATE waiting SET line = 'rubbish'")
        assert await spool.first(1) == [(0, "rubbish", "")]
