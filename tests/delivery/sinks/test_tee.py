"""A file as a sink: every line whole, whatever becomes of the file meanwhile."""

from __future__ import annotations

import json
import os

import pytest

from notifyws.delivery.sinks.tee import TeeSink
from notifyws.errors import ConfigurationError, DeliveryFailed
from tests.support.queue import note


def titles(path):
    return [json.loads(line)["title"] for line in path.read_text().splitlines()]


async def test_lines_are_appended_also_after_the_file_was_rotated_away(tmp_path):
    path, old = tmp_path / "seen.jsonl", tmp_path / "seen.jsonl.1"
    path.write_text('{"title":"before"}')  # torn
    sink = TeeSink(path, 5.0)
    await sink.deliver(note(1))
    path.rename(old)
    await sink.deliver(note(2))
    await sink.aclose()
    assert titles(old) == ["before", "1"]
    assert titles(path) == ["2"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_to_ask_for_it_makes_no_file(tmp_path):
    TeeSink(tmp_path / "seen.jsonl", 5.0)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("where", [".", "nowhere/seen.jsonl", "pipe"])
def test_what_is_no_file_is_refused(tmp_path, where):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match="cannot append to"):
        TeeSink(tmp_path / where, 5.0)


async def test_a_folder_that_was_taken_away_is_worth_another_try(tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    sink = TeeSink(folder / "seen.jsonl", 5.0)
    folder.rmdir()
    with pytest.raises(DeliveryFailed, match="No such file") as failed:
        await sink.deliver(note(1))
    assert not failed.value.final
    folder.mkdir()
    await sink.deliver(note(1))
    await sink.aclose()
    assert titles(folder / "seen.jsonl") == ["1"]
