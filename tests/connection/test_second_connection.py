"""A second connection: how much of a replay is looked at."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from notifyws.connection.second_connection import MOST, Replay
from notifyws.models import Notification
from notifyws.protocol.arrivals import Ignored, ServerGap, many
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


@pytest.mark.parametrize("arrivals", [[], ["note"], ["note", "note"]])
def test_a_gap_is_seen_in_a_frame_of_whatever_else(arrivals):
    note = Notification({"type": "t", "id": "1"}, "then")
    meant = many([Ignored(), ServerGap(None, None), *[note for _ in arrivals]])
    cursor = SimpleNamespace(last_id=None)
    receiver = SimpleNamespace(cursor=cursor, meaning=lambda frame: meant)
    replay = Replay("1", receiver, SimpleNamespace(now=lambda: 0.0))
    replay.take(["frame"])
    assert replay.has_gap
    assert replay.found == [note] * len(arrivals)
