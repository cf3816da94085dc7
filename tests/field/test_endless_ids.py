"""Ids of a megabyte: they are known again, and do not fill memory or disk.

Seen: a named listener kept 20,000 of them whole, in memory and in its queue: 2 GB after
eight seconds.
"""

from __future__ import annotations

import json

import pytest

from notifyws.delivery.outbox_file import OutboxFile
from notifyws.delivery.outbox_records import Entry, ListenerPosition
from notifyws.protocol.deduplicator import kept_id
from tests.support.queue import Story, note
from tests.support.virtual import in_virtual_time

LONG = "i" * 900_000


@in_virtual_time
async def test_a_durable_listener_keeps_what_it_is_known_by_and_asks_by_the_whole():
    story = Story()
    async with story.running() as outbox:
        outbox.keep(note("T", LONG), 1)
    assert list(outbox.seen) == [kept_id(LONG)]
    assert list(story.store.seen) == [kept_id(LONG)]
    assert outbox.position.last_id == LONG


async def test_long_ones_that_an_earlier_version_kept_are_read_as_they_are_known(
    tmp_path,
):
    queue = OutboxFile(tmp_path / "abc-desk.db", pytest.fail)
    entry = Entry(1, json.dumps({"type": "t"}), LONG, ("exec",))
    await queue.keep([entry], ListenerPosition(), 0)
    await queue.aclose()
    again = OutboxFile(tmp_path / "abc-desk.db", pytest.fail)
    assert again.past.seen == [kept_id(LONG)]
    await again.aclose()
