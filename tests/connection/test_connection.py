"""A connection says its first frames, takes what comes, notices when nothing does."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from unittest.mock import AsyncMock, Mock

import pytest

from notifyws.config.settings import Settings
from notifyws.connection.connection import Connection
from notifyws.connection.dialer import dial
from notifyws.connection.endings import LONGEST
from notifyws.connection.ports import Keepalive
from notifyws.errors import ConnectionLost, SessionFailed
from notifyws.protocol.profile import AppPing
from notifyws.protocol.upgrade import UpgradeRequest
from tests.support.aio import on_a_loop
from tests.support.httpd import CLOSE, TEXT, framed, httpd
from tests.support.scripted import (
    CUT,
    HOLE,
    PING,
    Close,
    ScriptedServer,
    Visit,
    accepts,
)
from tests.support.virtual import (
    EPOCH,
    VirtualClock,
    elapsed,
    now,
    turns,
)

pytestmark = pytest.mark.virtual_time


async def ended(connection: Connection, take) -> ConnectionLost:
    with pytest.raises(ConnectionLost) as caught:
        await connection.run(take)
    return caught.value


HELLO = UpgradeRequest(
    "wss://ws.example.com", frames=('{"type":"auth"}', '{"type":"sub"}')
)
USUAL = Keepalive()


class Line:
    """A connection to a server that does as told."""

    def __init__(self, *visits: Visit) -> None:
        self.clock = VirtualClock()
        self.server = ScriptedServer(*visits)
        self.taken: list[str | bytes] = []

    async def open(
        self, upgrade_request: UpgradeRequest = HELLO, keepalive: Keepalive = USUAL
    ) -> Connection:
        dial, clock = self.server.dial, self.clock.clock
        return await Connection.open(dial, upgrade_request, keepalive, clock)

    async def run(self, connection: Connection | None = None) -> ConnectionLost:
        """Take all that a connection brings, a new one where none is given."""
        return await ended(connection or await self.open(), self.taken.extend)

    @property
    def transport(self):
        return self.server.channels[-1]


SECRETS = UpgradeRequest("wss://x", secrets=lambda: ("the-first-token",))
TELLING = Close(4000, "no the-first-token, no the-next-token")


async def test_what_ends_it_shows_no_token_not_even_one_renewed_in_place():
    line, known = Line(accepts(1.0, TELLING)), ["the-first-token"]
    request = UpgradeRequest("wss://x", secrets=lambda: tuple(known))
    connection = await line.open(request)
    known.append("the-next-token")
    lost = await line.run(connection)
    assert lost.reason == "no ***, no ***"
    assert connection.ended is lost
    assert "token" not in f"{lost} {lost.args}"


async def test_why_it_is_failed_shows_none_and_has_an_end():
    line = Line(accepts())
    connection = await line.open(SECRETS)
    connection.fail(SessionFailed("the-first-token is no good" * 1000, ""))
    with pytest.raises(SessionFailed, match=r"\A\*\*\* is no good") as caught:
        await connection.run(line.taken.extend)
    assert len(caught.value.message) <= LONGEST


@pytest.mark.parametrize("problem", [ConnectionLost(1006), asyncio.CancelledError()])
async def test_a_socket_that_fails_while_the_first_frames_are_sent_is_cut(problem):
    deaf = Mock(send_all=AsyncMock(side_effect=problem))
    dialling, clock = AsyncMock(return_value=deaf), VirtualClock().clock
    with pytest.raises(type(problem)):
        await Connection.open(dialling, HELLO, Keepalive(), clock)
    deaf.abort.assert_called_once_with()


async def test_every_frame_is_handed_on_in_order_until_the_connection_ends():
    line = Line(accepts("1", b"2", 3.0, "3", Close(1012, "restart")))
    lost = await line.run()
    assert line.taken == ["1", b"2", "3"]
    assert (lost.code, lost.reason) == (1012, "restart")


async def test_a_black_hole_is_noticed_within_ping_interval_and_time_out():
    line = Line(accepts(0.5, HOLE))
    lost = await line.run()
    assert now() == 30.0
    assert (lost.code, lost.reason) == (1006, "no pong within 10 s")
    assert line.transport.aborted


async def test_a_line_that_only_swallows_what_we_say_is_noticed_too():
    chatter = [1.0, "{}"] * 60
    line = Line(accepts(*chatter, pongs=(0.0, None)))
    lost = await line.run()
    assert (now(), lost.code) == (30.0, 1006)
    assert len(line.taken) >= 29


async def test_the_pings_of_a_server_that_says_nothing_else_are_signs_of_life():
    """ntfy pings every 45 s, and says nothing on a quiet topic."""
    line = Line(accepts(*[45.0, PING] * 8))
    connection = await line.open(keepalive=Keepalive(websocket=False, silence=120.0))
    lost = await line.run(connection)
    assert lost.reason == "nothing was heard for 120 s"
    assert now() == 8 * 45.0 + 120.0


async def test_a_late_pong_is_no_loss():
    line = Line(accepts(100.0, Close(1001), pongs=(0.0, 9.9, 0.0)))
    lost = await line.run()
    assert (now(), lost.code) == (100.0, 1001)
    assert not line.transport.aborted


async def test_a_close_while_a_ping_is_under_way_keeps_its_own_code():
    line = Line(accepts(3.0, Close(4401, "expired"), pongs=(None,)))
    lost = await line.run()
    assert (now(), lost.code, lost.reason) == (3.0, 4401, "expired")


async def test_a_ping_tells_its_latency_and_when_the_server_was_last_heard():
    line = Line(accepts(pongs=(0.25,)))
    connection = await line.open()
    assert (connection.latency, connection.heard_at) == (None, EPOCH)
    assert await connection.ping() == 0.25
    assert (connection.latency, connection.heard_at) == (0.25, EPOCH + 0.25)
    await connection.close()


async def test_a_frame_counts_as_heard():
    line = Line(accepts(7.0, "1", 2.0, CUT))
    connection = await line.open()
    await line.run(connection)
    assert connection.heard_at == EPOCH + 7.0


@pytest.mark.parametrize(
    ("suspended", "jump", "pinged_at"),
    [
        (0.0, 0.0, [0.0, 20.0, 40.0]),
        (3600.0, 0.0, [0.0, 7.0, 27.0, 47.0]),  # a wake from sleep: within a tick
        (0.9, 0.0, [0.0, 20.0, 40.0]),  # noise between two clocks is no sleep
        (0.0, 3600.0, [0.0, 20.0, 40.0]),
        (0.0, -3600.0, [0.0, 20.0, 40.0]),
    ],
)
async def test_it_pings_at_once_every_twenty_seconds_and_after_a_wake_from_sleep(
    suspended, jump, pinged_at
):
    line = Line(accepts(50.0, CUT))
    running = asyncio.create_task(line.run())
    await asyncio.sleep(6.5)
    line.clock.suspended += suspended
    line.clock.wall_offset += jump
    await running
    assert line.transport.pinged_at == pinged_at


async def test_sending_goes_to_the_socket_in_order_and_closing_says_goodbye_once():
    line = Line(accepts())
    connection = await line.open()
    await connection.send_all(["a", "b"])
    await connection.send_all(["c"])
    await connection.close(1000, "bye")
    await connection.close()
    assert line.transport.sent == [*HELLO.frames, "a", "b", "c"]
    assert line.transport.closed_with == [1000]
    with pytest.raises(ConnectionLost):
        await connection.send_all(["too late"])


async def test_a_goodbye_that_is_interrupted_cuts_the_line():
    line = Line(accepts(frozen=True))
    connection = await line.open()
    closing = asyncio.create_task(connection.close())
    await asyncio.sleep(0.5)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert (line.transport.closed_with, line.transport.aborted) == ([1000], True)
    assert not line.transport.open


async def test_a_goodbye_that_nobody_answers_has_an_end_of_its_own():
    line = Line(accepts(frozen=True))
    connection = await line.open()
    assert await elapsed(connection.close()) == 1.5
    assert not line.transport.aborted


# Pauses


class Hesitant:
    """Takes a burst of one, then wants to wait as many seconds as the frame says."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, float]] = []

    def __call__(self, burst):
        (frame,) = burst
        self.taken.append((frame, now()))
        seconds = float(frame)
        return asyncio.sleep(seconds) if seconds else None


async def test_the_next_frame_is_taken_only_when_the_pause_is_over():
    line, take = Line(accepts("0", "2", "0", "1.5", "0", 10.0, CUT)), Hesitant()
    await ended(await line.open(), take)
    assert take.taken == [("0", 0), ("2", 0), ("0", 2), ("1.5", 2), ("0", 3.5)]


async def test_pings_go_on_during_a_pause():
    line, take = Line(accepts("65", 70.0, CUT)), Hesitant()
    await ended(await line.open(), take)
    assert line.transport.pinged_at == [0.0, 20.0, 40.0, 60.0]


async def test_a_connection_that_ends_during_a_pause_gives_all_it_had_first():
    line, take = Line(accepts("2", "0", "0", 1.0, Close(4401, "old"))), Hesitant()
    lost = await ended(await line.open(), take)
    assert [at for _, at in take.taken] == [0, 2, 2]
    assert (now(), lost.code, lost.reason) == (2.0, 4401, "old")


async def test_a_line_that_goes_dead_during_a_pause_is_said_to_be_silent():
    line, take = Line(accepts(19.0, "15", HOLE)), Hesitant()
    lost = await ended(await line.open(), take)
    assert (now(), lost.reason) == (34.0, "no pong within 10 s")
    assert line.transport.aborted


async def test_it_can_be_cancelled_during_a_pause():
    line, take = Line(accepts("9")), Hesitant()
    connection = await line.open()
    running = asyncio.create_task(connection.run(take))
    await asyncio.sleep(5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await connection.close()
    assert now() == 5.0


async def test_a_frame_read_after_a_pause_does_not_tell_when_the_line_was_alive():
    line, take = Line(accepts(7.0, "2", 0.5, "0", 0.5, CUT)), Hesitant()
    connection = await line.open()
    await ended(connection, take)
    assert take.taken[-1] == ("0", 9.0)
    assert connection.heard_at == EPOCH + 7.0


async def test_a_pong_during_a_pause_does_not_speak_for_what_was_not_taken_yet():
    line, take = Line(accepts(19.0, "2", "0", 1.5, CUT)), Hesitant()
    connection = await line.open()
    await ended(connection, take)
    assert line.transport.pinged_at == [0.0, 20.0]
    assert (connection.latency, connection.heard_at) == (0.0, EPOCH + 19.0)


async def test_the_next_pong_puts_right_when_the_line_was_alive():
    line, take = Line(accepts(7.0, "2", 18.0, "0", 1.0, CUT)), Hesitant()
    connection = await line.open()
    await ended(connection, take)
    assert connection.heard_at == EPOCH + 25.0


async def refuse_later():
    await asyncio.sleep(2)
    raise ZeroDivisionError


def refuse(frame):
    raise ZeroDivisionError


@pytest.mark.parametrize("take", [refuse, lambda burst: refuse_later()])
async def test_what_the_taker_or_its_pause_raises_ends_it_and_the_pinging(take):
    line = Line(accepts("1"))
    connection = await line.open()
    with pytest.raises(ZeroDivisionError):
        await connection.run(take)
    await asyncio.sleep(100)
    assert line.transport.pinged_at == [0.0]
    await connection.close()


async def test_what_we_closed_for_is_the_reason_though_no_pong_comes_afterwards():
    line = Line(accepts(5.0, HOLE))
    connection = await line.open()
    transport = line.transport
    burst = transport.burst

    async def broken(at_once):
        try:
            return await burst(at_once)
        except ConnectionLost:
            raise ConnectionLost(1009, "too large", sent=True) from None

    transport.burst = broken
    lost = await line.run(connection)
    assert (now(), lost.code) == (30.0, 1009)


@pytest.mark.parametrize(("taken", "is_heard"), [(2, True), (1, False)])
async def test_a_burst_counts_as_heard_at_once_where_all_of_it_is_taken(
    taken, is_heard
):
    line = Line(accepts(HOLE))
    connection = await line.open()
    began = connection.heard_at

    async def burst(at_once):
        await asyncio.sleep(1)
        assert at_once(["a", "b"]) == taken
        await asyncio.Event().wait()

    line.transport.burst = burst
    reading = connection.run(line.taken.extend, lambda frames: taken)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reading, 2)
    assert (connection.heard_at > began) is is_heard


ASKS = Keepalive(websocket=False, ping=AppPing(send="ping", answer_within=5.0))


async def test_two_application_pings_at_once_are_each_answered_by_a_pong_of_their_own():
    line = Line(accepts(60.0))
    connection = await line.open(keepalive=ASKS)
    first, second = (asyncio.create_task(connection.ping()) for _ in range(2))
    await turns(10)
    assert line.transport.sent == [*HELLO.frames, "ping"]
    connection.ponged()
    await turns(10)
    assert (first.done(), second.done()) == (True, False)
    assert line.transport.sent == [*HELLO.frames, "ping", "ping"]
    connection.ponged()
    await second
    await connection.close()


async def test_a_ping_that_does_not_even_leave_has_no_answer_either():
    line = Line(accepts(60.0))
    connection = await line.open(keepalive=ASKS)
    line.transport.send_all = lambda texts: asyncio.sleep(1e9)
    with pytest.raises(ConnectionLost, match="no answer to a ping within 5 s"):
        await connection.ping()
    assert now() == 5.0
    await connection.close()


async def behind_a_goodbye(peer) -> None:
    """The story of one who still has much to say when it is left."""
    await peer.upgrade()
    await peer.write(framed(TEXT, b"x" * 200) * 1000)
    goodbye = (await peer.read())[1]
    await peer.write(framed(TEXT, b"x" * 200) * 1000)
    await peer.frame(CLOSE, goodbye)


@asynccontextmanager
async def left(monkeypatch):
    """Give a real connection to such a one; who leaves it must not take long."""
    monkeypatch.setenv("no_proxy", "*")
    dialling = partial(dial, settings=Settings(close_timeout=60.0), tls=None)
    async with httpd(behind_a_goodbye) as server, asyncio.timeout(5):
        upgrade_request, clock = UpgradeRequest(server.url), VirtualClock().clock
        yield await Connection.open(dialling, upgrade_request, Keepalive(), clock)


@on_a_loop
async def test_a_goodbye_finds_its_answer_behind_what_still_comes(monkeypatch):
    async with left(monkeypatch) as connection:
        await connection.close()


@on_a_loop
async def test_who_takes_what_still_comes_behind_a_goodbye_gets_all_of_it(monkeypatch):
    taken: list[str | bytes] = []
    async with left(monkeypatch) as connection:
        running = asyncio.create_task(connection.run(taken.extend))
        await asyncio.sleep(0)
        await connection.close()
        with pytest.raises(ConnectionLost):
            await running
    assert len(taken) == 2000


async def test_a_bug_of_the_keepalive_ends_the_connection_and_is_its_reason():
    line = Line(accepts(HOLE))

    async def broken():
        raise KeyError("x")

    connection = await line.open()
    line.transport.ping = broken
    lost = await line.run(connection)
    assert lost.reason == "the keepalive failed unexpectedly: KeyError('x')"
