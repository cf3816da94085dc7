"""A queue whose file is taken away while its listener runs: by a cleaner, say.

Seen: everything went on into a file that nobody would find again. After a restart the
listener began "from now", and what had come meanwhile was lost without a word; with
the lock gone as well, a second listener of the name ran beside the first.
"""

from __future__ import annotations

import os
import shutil

import pytest

from notifyws.delivery.outbox_file import OutboxFile
from notifyws.delivery.outbox_records import Entry, ListenerPosition
from notifyws.errors import ConfigurationError

FIRST = Entry(1, '{"type":"t","title":"1"}', "a", ("exec",))
SECOND = Entry(2, '{"type":"t","title":"2"}', "b", ("exec",))
PLACE = ListenerPosition("b", "then", 17.0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "listeners" / "abc-desk.db"


@pytest.fixture
def told():
    return []


def remove(path):
    path.unlink()


def remove_with_lock(path):
    path.unlink()
    path.with_suffix(".lock").unlink()


def remove_folder(path):
    shutil.rmtree(path.parent)


async def kept(queue, *entries):
    await queue.keep(entries, PLACE, 0)


@pytest.mark.parametrize("take_away", [remove, remove_with_lock, remove_folder])
async def test_it_is_written_anew_whole_and_nobody_else_takes_it(path, told, take_away):
    queue = OutboxFile(path, told.append)
    await kept(queue, FIRST)
    take_away(path)
    await kept(queue, SECOND)
    assert "was taken away: it is written anew" in told[0]
    assert len(told) == 1
    with pytest.raises(ConfigurationError, match="desk runs already"):
        OutboxFile(path, told.append)
    await queue.aclose()
    again = OutboxFile(path, told.append)
    assert again.past.position == PLACE
    waiting = await again.waiting("exec", 0, 9)
    assert [record.line for record in waiting] == [FIRST.line, SECOND.line]
    assert len(told) == 1
    await again.aclose()


async def test_a_lock_alone_that_is_taken_away_is_taken_again(path, told):
    queue = OutboxFile(path, told.append)
    path.with_suffix(".lock").unlink()
    await kept(queue, FIRST)
    with pytest.raises(ConfigurationError, match="desk runs already"):
        OutboxFile(path, told.append)
    await queue.aclose()
    assert told == []


async def test_a_second_listener_that_was_quicker_is_said_once(path, told):
    queue = OutboxFile(path, told.append)
    remove_with_lock(path)
    other = OutboxFile(path, told.append)
    for entry in (FIRST, SECOND):
        await kept(queue, entry)
    assert [line for line in told if "another listener has taken" in line] == told
    await queue.aclose()
    await other.aclose()


async def test_another_file_in_its_place_is_said_once_and_left_alone(path, told):
    queue = OutboxFile(path, told.append)
    copy = path.with_name("copy")
    shutil.copy(path, copy)
    os.replace(copy, path)
    file = path.stat().st_ino
    for entry in (FIRST, SECOND):
        await kept(queue, entry)
    assert len(told) == 1
    assert "another file lies where" in told[0]
    assert path.stat().st_ino == file
    assert len(await queue.waiting("exec", 0, 9)) == 2
    await queue.aclose()


async def test_where_it_cannot_be_written_anew_memory_takes_over(path, told):
    queue = OutboxFile(path, told.append)
    await kept(queue, FIRST)
    shutil.rmtree(path.parent)
    path.parent.write_text("a file where the folder was")
    for _ in range(2):
        await kept(queue, SECOND)
    assert "using memory only" in told[-1]
    waiting = await queue.waiting("exec", 0, 9)
    assert [record.line for record in waiting] == [FIRST.line, SECOND.line]
    await queue.aclose()
