"""A second connection: how much of a replay is looked at."""

from __future__ import annotations

from types import SimpleNamespace

from notifyws.connection.second_connection import MOST, Replay
from notifyws.models import Notification
from tests.support.virtual import VirtualClock, in_virtual_time


@in_virtual_time
async def test_a_replay_without_end_is_not_kept_and_that_is_said():
    note = Notification({"type": "t", "id": "1"}, "then")
    cursor = SimpleNamespace(last_id="9")
    receiver = SimpleNamespace(cursor=cursor, meaning=lambda frame: note)
    replay = Replay("1", receiver, VirtualClock().clock)
    frame = "x" * (MOST // 4)
    replay.take([frame] * 100)
    await replay.ended()
    assert len(replay.found) == 4
    assert replay.has_gap
