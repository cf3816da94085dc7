"""Connections as the hub sees them, without a socket."""

from __future__ import annotations

from notifyws.devserver.hub import CUT, RESTART, TOO_SLOW, Hub
from notifyws.devserver.journal import Journal, Memory
from tests.devserver.support import run


def hub():
    return Hub(Memory(10), Journal(None, lambda: ()), grace=60.0)


def test_answers_that_nobody_reads_end_their_connection():
    async def story():
        one = hub()
        connection = one.join("ann", None, lambda: None)
        for _ in range(1001):
            connection.say("no")
        assert connection.ending == TOO_SLOW
        one.leave(connection)

    run(story)


def test_a_frame_said_aside_keeps_its_place_among_the_published():
    async def story():
        one = hub()
        connection = one.join("ann", None, lambda: None)
        one.publish("ann", {"type": "a"})
        connection.say("aside")
        one.publish("ann", {"type": "b"})
        taken = [frame for _ in range(3) for frame in connection.take(64)]
        assert [taken[0][9], taken[1], taken[2][9]] == ["a", "aside", "b"]
        assert not connection.waiting

    run(story)


def test_the_first_ending_stands():
    async def story():
        cuts = []
        one = hub()
        connection = one.join("ann", None, lambda: cuts.append(1))
        connection.close(RESTART)
        connection.close(TOO_SLOW)
        connection.cut()
        assert (connection.ending, cuts) == (RESTART, [1])
        one.leave(connection)
        other = one.join("ann", None, lambda: None)
        other.cut()
        assert other.ending == CUT

    run(story)


def test_the_hub_knows_when_nobody_is_left():
    async def story():
        one = hub()
        assert one.empty.is_set()
        connection = one.join("ann", None, lambda: None)
        assert (one.empty.is_set(), list(one.users())) == (False, ["ann"])
        one.leave(connection)
        assert (one.empty.is_set(), list(one.users())) == (True, [])

    run(story)
