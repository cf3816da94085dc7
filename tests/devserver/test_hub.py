"""Connections as the hub sees them, without a socket."""

from __future__ import annotations

from notifyws.devserver.hub import CUT, RESTART, TOO_SLOW, Hub
from notifyws.devserver.state import State
from tests.support.examining import told


def joined(hub=None, ended=None):
    hub = hub or Hub(State(None, 10))
    calls = [] if ended is None else ended
    connection = hub.connect(lambda: calls.append(1))
    hub.join(connection, "ann", None)
    return hub, connection


@told
async def test_answers_that_nobody_reads_end_their_connection():
    _, connection = joined()
    for _ in range(1001):
        connection.say("no")
    assert connection.ending == TOO_SLOW


@told
async def test_a_frame_said_aside_keeps_its_place_among_the_published():
    hub, connection = joined()
    hub.publish("ann", {"type": "a"})
    connection.say("aside")
    hub.publish("ann", {"type": "b"})
    taken = [frame for _ in range(3) for frame in connection.take(64)]
    assert [taken[0][9], taken[1], taken[2][9]] == ["a", "aside", "b"]
    assert connection.wake.is_set()
    assert connection.take(64) == []
    assert not connection.wake.is_set()


@told
async def test_the_first_ending_stands_and_interrupts_once():
    ended = []
    _, connection = joined(ended=ended)
    for ending in (RESTART, TOO_SLOW, CUT):
        connection.close(ending)
    assert (connection.ending, ended) == (RESTART, [1])


@told
async def test_the_hub_knows_when_nobody_is_left():
    hub, connection = joined()
    guest = hub.connect(lambda: None)
    assert (hub.empty.is_set(), hub.live()) == (False, [connection])
    hub.leave(connection)
    assert (hub.empty.is_set(), hub.live()) == (False, [])
    hub.leave(guest)
    assert hub.empty.is_set()


@told
async def test_ids_follow_the_clock_always_rise_and_outlive_the_process():
    times = iter([1.0, 1.0, 0.5, 2.0, 1.0])
    state = State(None, 10)
    state.born = 0
    hub = Hub(state, lambda: next(times))
    given = [hub.publish("ann", {"type": "a"}) for _ in range(4)]
    assert given == ["1000000", "1000001", "1000002", "2000000"]
    assert Hub(state, lambda: next(times)).publish("ann", {}) == "2000001"
