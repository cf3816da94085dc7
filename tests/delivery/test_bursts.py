"""A burst is taken in at once, and comes to what its frames come to one by one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from notifyws.connection.ports import QueueFull
from notifyws.delivery.filters import Selection
from notifyws.delivery.queue import DeliveryQueue
from notifyws.delivery.receiver import Receiver
from notifyws.models import Notification
from notifyws.protocol.cursor import Cursor
from notifyws.protocol.deduplicator import LONGEST_ID
from notifyws.protocol.frames import DEEPEST
from notifyws.protocol.profile import Rule
from notifyws.protocol.rules import Rules
from tests.delivery.test_receiver import RULES, RecordingOutbox
from tests.support.scripted import note
from tests.support.virtual import EPOCH, VirtualClock, in_virtual_time

IDS = ("a", "b", "c", "a", 7, 7.5, "7", "", None, "x" * (LONGEST_ID + 1))
TIMES = (
    "2024-01-15T10:30:00Z",
    "2024-01-15T10:29:00Z",
    "2024-01-15T10:29:00.5Z",
    9,
    "",
)
ODD = (
    '{"type":"hello"}',
    '{"type":"error","message":"no"}',
    '{"type":"gap"}',
    '{"type":7,"id":"a"}',
    '{"type":"","id":"a"}',
    '{"type":"a","id":"twice"} {"type":"a","id":"twice"}',
    '{"type":"a","n":NaN}',
    '[{"type":"a","id":"listed"}]',
    b'{"type":"a","id":"binary"}',
    "",
    "\ud800",
    '{"type":"a","id":"deep","x":' + "[" * DEEPEST + "]" * DEEPEST + "}",
    '{"type":"a","id":"wide","x":[' + "[]," * DEEPEST + "[]]}",
)
NOTES = st.builds(
    lambda ident, time, text: json.dumps(
        {"type": "a", "id": ident, "timestamp": time, "message": text}
    ),
    st.sampled_from(IDS) | st.text("abcdefgh", min_size=1, max_size=2),
    st.sampled_from(TIMES),
    st.sampled_from("xy"),
)
BURSTS = st.lists(st.lists(NOTES | NOTES | NOTES | st.sampled_from(ODD)), max_size=5)


class Each(Selection):
    """Admits all, and looks at each."""

    def admits_unseen(self, count: int) -> bool:
        return False


STANDING = structs.replace(VirtualClock().clock, now=lambda: 0.0, wall=lambda: EPOCH)


class Desk:
    """A receiver and all that may come of what it takes in."""

    def __init__(
        self, selection: Selection, rules: Rules = RULES, room: int = 10_000
    ) -> None:
        self.selection, self.outbox = selection, RecordingOutbox()
        self.told: list = []
        self.cursor = Cursor(repeats=True, warn=self.told.append)
        self.queue: DeliveryQueue = DeliveryQueue(room, 1 << 20)
        self.receiver = Receiver(
            *(rules, self.queue, self.cursor, STANDING),
            selection=selection,
            outbox=self.outbox,
        )
        self.receiver.emitter.observers.append(self.told.append)

    def state(self) -> dict:
        """Return where it stands, and what it told of everything."""
        queue, cursor, receiver = self.queue, self.cursor, self.receiver
        items = [
            (each.fields, each.frame, each.received)
            if isinstance(each, Notification)
            else each
            for each in queue.drained()
        ]
        latest = receiver.emitter.latest
        return {
            "items": items,
            "told": self.told,
            "kept": self.outbox.kept,
            "counts": (receiver.received, receiver.repeats, self.selection.admitted),
            "place": (cursor.last_id, cursor.since, cursor.mixed, cursor.began_at),
            "latest": latest and latest.frame,
            "known": [cursor.deduplicator.is_new(ident) for ident in "abcdefgh"],
        }


@given(BURSTS, st.none() | st.integers(1, 9))
def test_all_that_comes_of_a_burst_is_what_comes_of_its_frames_one_by_one(
    bursts, enough
):
    at_once, one_by_one = Desk(Selection(count=enough)), Desk(Each(count=enough))
    for burst in bursts:
        at_once.receiver.take(burst)
        one_by_one.receiver.take(burst)
    assert at_once.state() == one_by_one.state()


@given(BURSTS)
def test_what_is_taken_at_once_is_the_beginning_of_what_is_taken(bursts):
    at_once, later = Desk(Selection()), Desk(Selection())
    for burst in bursts:
        count = at_once.receiver.take_at_once(burst)
        at_once.receiver.take(burst[count:])
        later.receiver.take(burst)
    assert at_once.state() == later.state()


def test_nothing_is_taken_at_once_while_something_waits():
    desk = Desk(Selection())
    assert desk.receiver.take_at_once([note("1"), note("2")]) == 2
    assert desk.receiver.take_at_once([note("3")]) == 0
    assert [fields["id"] for fields, *_ in desk.state()["items"]] == ["1", "2"]


@in_virtual_time
async def test_a_burst_for_which_there_is_no_room_is_taken_in_as_far_as_there_is():
    desk = Desk(Selection(), room=2)
    with pytest.raises(QueueFull):
        await desk.receiver.take([note("1"), note("2"), note("3")])
    assert desk.outbox.kept == [("1", 1), ("2", 2)]


@pytest.mark.parametrize(
    ("rules", "titles"),
    [
        (
            Rules([Rule(when="id == 'b'", then="ignore"), Rule(then="notification")]),
            ["a"],
        ),
        (Rules([Rule(then="notification", fields={"title": "message"})]), ["m", "m"]),
    ],
    ids=["a rule that looks at more than types", "fields of the profile's own"],
)
def test_what_a_profile_has_to_look_at_is_looked_at(rules, titles):
    desk = Desk(Selection(), rules)
    desk.receiver.take([note("a", message="m"), note("b", message="m")])
    shown = [each.get("title") or each["id"] for each, *_ in desk.state()["items"]]
    assert shown == titles
