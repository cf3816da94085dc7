"""A session keeps one connection, tells all that happens, and ends when told."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import datetime
from typing import NoReturn, get_args, get_type_hints

import pytest

from notifyws.auth.token_lock import GRACE
from notifyws.auth.token_manager import StaticTokenProvider
from notifyws.clock import utc_text
from notifyws.connection.reconnect import TABLE, State, Stopped
from notifyws.connection.session import TOO_SLOW, UNREPLAYABLE, Session
from notifyws.errors import (
    AuthenticationFailed,
    CertificateRejected,
    ConfigurationError,
    ConnectionLost,
    HttpRefused,
    NetworkFailed,
    NotWebSocket,
    UpgradeRefused,
)
from notifyws.events import (
    Closed,
    Connected,
    Connecting,
    Disconnected,
    Failure,
    Gap,
    Reconnecting,
)
from notifyws.models import Token, TokenPair
from notifyws.protocol.profile import Renewal
from notifyws.protocol.upgrade import UpgradeRequest
from tests.support.scripted import (
    CUT,
    DOWN,
    HOLE,
    Close,
    NewsServer,
    ScriptedServer,
    accepts,
    answers,
    fails,
    note,
)
from tests.support.session_scene import URL, Archive, Scene
from tests.support.virtual import EPOCH, elapsed, in_virtual_time, now, turns

pytestmark = pytest.mark.virtual_time


def at(seconds: float) -> str:
    return utc_text(EPOCH + seconds)


# Connecting: a loss, a wait by the table of delays, another try


@pytest.mark.fault(1)
async def test_refused_at_start_then_up_tells_every_change_once_and_in_order():
    scene = Scene(DOWN, DOWN, DOWN, is_warm=False)
    await scene.stop_after(10)
    why = DOWN.error.message
    assert scene.told == [
        Connecting(URL, 0),
        Reconnecting(1, 1.0, why),
        Connecting(URL, 1),
        Reconnecting(2, 2.0, why),
        Connecting(URL, 2),
        Reconnecting(3, 4.0, why),
        Connecting(URL, 3),
        Connected(URL, "42"),
        Disconnected(1000),
        Closed(),
    ]
    assert scene.server.dialled_at == [0.0, 1.0, 3.0, 7.0]
    assert scene.issuer.asked == (1, 0)


async def test_the_states_follow_what_happens():
    scene = Scene(fails(DOWN.error, after=1), accepts(5.0, Close(4401), after=1))
    scene.issuer.takes = 1.0
    states = []
    for _ in range(16):
        if not states or states[-1] is not scene.session.state:
            states.append(scene.session.state)
        await asyncio.sleep(0.75)
    await scene.stop()
    assert [*states, scene.session.state] == [
        State.DISCONNECTED,
        State.CONNECTING,
        State.WAITING,
        State.CONNECTING,
        State.CONNECTED,
        State.RENEWING,
        State.CONNECTED,
        State.STOPPED,
    ]


@pytest.mark.parametrize(
    ("visit", "answered"),
    [
        (accepts(), False),
        (DOWN, False),
        (accepts(0.1, CUT), False),
        (answers(503), True),
    ],
)
async def test_it_is_known_whether_the_server_itself_said_that_it_fails(
    visit, answered
):
    scene = Scene(visit)
    before = scene.session.outcome.is_answer
    await scene.stop_after(0.5)
    assert (before, scene.session.outcome.is_answer) == (False, answered)


async def test_it_gives_up_when_its_retries_are_used_up():
    scene = Scene(then=DOWN, max_retries=3)
    error = await scene.ended()
    assert now() == 1 + 2 + 4
    assert type(error) is NetworkFailed
    assert (error.exit_code, error.hint) == (5, "look at it")
    assert error.message.startswith("gave up after 3 reconnects: ws.example.com")
    assert scene.told[-2:] == [
        Failure("network_error", error.message),
        Closed(error.message),
    ]


@pytest.mark.parametrize(
    ("visit", "at", "message"),
    [
        (accepts(5.0, Close(1012, "restart")), 5.0, "restart"),
        (DOWN, 0.0, DOWN.error.message),
    ],
)
async def test_without_reconnecting_the_first_loss_is_the_end(visit, at, message):
    scene = Scene(visit, max_retries=0)
    error = await scene.ended()
    assert (now(), scene.delays, len(scene.server.openings)) == (at, [], 1)
    assert message in error.message


async def test_an_opening_that_takes_for_ever_is_retried_when_it_is_abandoned():
    late = fails(NetworkFailed("ws.example.com did not answer within 10 s"), after=10)
    scene = Scene(late)
    await scene.stop_after(12)
    assert scene.server.dialled_at == [0.0, 11.0]
    assert scene.of(Connected)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 599])
@pytest.mark.parametrize(("asked", "waited"), [(None, 1), (7, 7), (1e9, 300), (-5, 1)])
async def test_an_answer_that_may_change_is_retried_no_earlier_than_it_asks(
    status, asked, waited
):
    scene = Scene(answers(status, asked))
    await scene.stop_after(400)
    assert scene.server.dialled_at == [0.0, waited]


@pytest.mark.parametrize("status", [200, 301, 307, 400, 403, 404, 407, 410, 600])
async def test_an_answer_that_will_not_change_is_the_end(status):
    scene = Scene(then=answers(status))
    error = await scene.ended()
    assert isinstance(error, UpgradeRefused)
    assert (now(), error.status, error.exit_code) == (0, status, 5)
    assert len(scene.server.openings) == 1


@pytest.mark.parametrize(
    ("error", "dialled_at", "exit_code"),
    [
        (CertificateRejected("not trusted", "NOTIFYWS_CA_FILE"), [0.0], 5),
        (ConfigurationError("the URL cannot be used"), [0.0], 2),
        (NotWebSocket("junk", "check the URL"), [0.0, 1.0, 3.0], 5),
    ],
)
async def test_what_gets_no_better_is_the_end_and_stays_what_it_is(
    error, dialled_at, exit_code
):
    scene = Scene(then=fails(error))
    assert await scene.ended() is error
    assert (scene.server.dialled_at, error.exit_code) == (dialled_at, exit_code)


@pytest.mark.fault(19)
async def test_two_hundred_listeners_come_back_from_every_restart_out_of_step():
    server = ScriptedServer()
    scenes = [Scene(server=server, dice=seed) for seed in range(200)]
    await asyncio.sleep(60)
    for _ in range(2):
        before = len(server.dialled_at)
        for transport in server.channels:
            transport.end(Close(1012))
        await asyncio.sleep(4)
        back = sorted(server.dialled_at[before:])
        assert (before % 200, len(back)) == (0, 200)
        tenths = Counter(int((moment - back[0]) * 10) for moment in back)
        assert len(tenths) >= 5
        assert max(tenths.values()) < 80
        assert max(Counter(back).values()) < 3
    for scene in scenes:
        assert await scene.stop() is None


ORDERS = {
    State.CONNECTING: Session._connect,
    State.CONNECTED: Session._receive,
    State.RENEWING: Session._renew,
    State.WAITING: Session._wait,
}


@pytest.mark.parametrize("state", ORDERS)
def test_the_table_lists_whatever_can_come_of_an_order_and_being_told_to_stop(state):
    comes = get_type_hints(ORDERS[state])["return"]
    assert set(TABLE[state]) == {*(get_args(comes) or [comes]), Stopped}


# Tokens


GIVEN = StaticTokenProvider(TokenPair(Token("given", 60.0, 0.0)))


@pytest.mark.parametrize(
    ("how", "bearers", "asked", "said"),
    [
        ({}, ["access-1", "access-2", "access-3"], (1, 1), "accept a fresh token"),
        ({"password": ""}, ["access-1", "access-2"], (0, 1), "notifyws auth login"),
        ({"tokens": GIVEN}, ["given"], (0, 0), "NOTIFYWS_TOKEN"),
    ],
    ids=["a login", "no password", "a ready-made token"],
)
async def test_a_refused_token_goes_from_cache_to_refresh_to_login_to_the_end(
    how, bearers, asked, said
):
    scene = Scene(then=answers(401), **how)
    error = await scene.ended()
    assert isinstance(error, AuthenticationFailed)
    assert said in f"{error.message} {error.hint}"
    assert now() == 0
    assert (scene.server.bearers, scene.issuer.asked) == (bearers, asked)
    connecting = [Connecting] * len(bearers)
    assert [type(event) for event in scene.told] == [*connecting, Failure, Closed]
    assert scene.told[-2].type == "authentication_failed"


async def test_a_wrong_password_is_tried_once_and_is_the_end():
    scene = Scene(is_warm=False, password="wrong")
    error = await scene.ended()
    assert isinstance(error, AuthenticationFailed)
    assert error.message == "the server refused the password"
    assert scene.issuer.logins == ["wrong"]
    assert scene.server.openings == []


async def test_an_http_side_that_is_down_is_retried_like_the_socket():
    scene = Scene(is_warm=False)
    refused = HttpRefused("503", status=503)
    scene.issuer.problems["login"] = [NetworkFailed("no route"), refused]
    await scene.stop_after(5)
    assert scene.delays == [1.0, 2.0]
    assert scene.of(Connected)


async def test_an_http_side_that_fails_while_a_token_is_renewed_is_retried():
    scene = Scene(answers(401))
    down = NetworkFailed("no route")
    scene.issuer.problems = {"refresh": [down], "login": [down]}
    await scene.stop_after(5)
    assert scene.server.dialled_at == [0.0, 1.0]
    assert scene.server.bearers == ["access-1", "access-2"]


@pytest.mark.fault(12)
@pytest.mark.parametrize("code", [1008, 3000, 4401])
async def test_a_close_that_means_the_token_renews_it_at_once(code):
    scene = Scene(accepts(60.0, Close(code)))
    await scene.stop_after(61)
    assert scene.server.dialled_at == [0.0, 60.0]
    assert scene.server.bearers == ["access-1", "access-2"]


@pytest.mark.fault(12)
async def test_accepting_and_closing_for_the_token_ends_with_the_one_of_a_login():
    scene = Scene(then=accepts(0.1, Close(4401)))
    error = await scene.ended()
    assert isinstance(error, AuthenticationFailed)
    assert scene.server.bearers == ["access-1", "access-2", "access-3"]
    assert now() < 5
    assert scene.issuer.asked == (1, 1)


async def test_a_refreshed_token_that_was_good_for_an_hour_is_refreshed_again():
    scene = Scene(answers(401), accepts(3600.0, Close(4401)), password="")
    await scene.stop_after(3700)
    assert scene.server.bearers == ["access-1", "access-2", "access-3"]
    assert scene.issuer.asked == (0, 2)


@pytest.mark.fault(12)
async def test_the_first_1008_renews_the_token_and_the_second_in_a_row_is_the_end():
    scene = Scene(then=accepts(0.1, Close(1008, "policy")))
    error = await scene.ended()
    assert isinstance(error, ConnectionLost)
    assert (error.code, error.exit_code) == (1008, 5)
    assert scene.issuer.asked == (0, 1)
    assert len(scene.server.openings) == 2


@pytest.mark.fault(18)
async def test_a_token_that_expires_while_connected_changes_nothing():
    scene = Scene(accepts(*[1000.0, note()] * 5, 1000.0, CUT))
    await scene.stop_after(6005)
    assert len(scene.shown) == 5
    assert scene.server.dialled_at == [0.0, 6001.0]
    assert scene.server.bearers[1] != scene.server.bearers[0]
    assert scene.issuer.asked == (0, 1)
    assert len(scene.of(Connected)) == 2


async def test_every_attempt_has_the_token_that_is_fresh_then():
    scene = Scene(answers(401), accepts(800.0, CUT), accepts(800.0, CUT))
    await scene.stop_after(1700)
    assert scene.server.bearers == [f"access-{n}" for n in (1, 2, 3, 4)]
    assert scene.session.token.source == "refresh"


def access_denied(**how):
    return AuthenticationFailed("RBAC: access denied", **how)


async def test_a_refusal_by_words_alone_is_retried_once_the_server_has_worked():
    scene = Scene(accepts(50.0, Close(3000)), accepts(), password="")
    scene.issuer.problems["refresh"] = [access_denied(by_words=True)] * 3
    assert await scene.stop_after(100) is None
    assert scene.server.dialled_at == [0.0, 50.0 + 2 + 4 + 8]
    assert scene.issuer.asked == (0, 4)


@pytest.mark.parametrize(("worked", "by_words"), [(False, True), (True, False)])
async def test_a_refusal_is_the_end_at_a_server_that_never_worked_or_beyond_doubt(
    worked, by_words
):
    visits = [accepts(50.0, Close(3000))] if worked else [answers(401)]
    scene = Scene(*visits, password="")
    scene.issuer.problems["refresh"] = [access_denied(by_words=by_words)]
    assert "RBAC" in (await scene.ended()).message
    assert scene.told[-2].type == "authentication_failed"


# A new socket before the token ends

ANEW = {"renewal": Renewal(how="reconnect"), "life": 1000.0}
"""It is time for another token after 800 s."""


@pytest.mark.parametrize(
    "failing",
    [
        answers(503),
        answers(404),
        DOWN,
        fails(ConnectionLost(1006, "in the handshake")),
        fails(ConnectionLost(1008, "perhaps the token")),
    ],
)
async def test_a_new_token_that_finds_no_socket_is_kept_and_the_old_socket_stays(
    failing,
):
    scene = Scene(accepts(), failing, failing, failing, **ANEW)
    await asyncio.sleep(806)
    assert scene.server.channels[0].open
    await scene.stop_after(100)
    assert scene.server.dialled_at == [0.0, 800.0, 801.0, 803.0, 807.0]
    assert scene.server.bearers == ["access-1"] + ["access-2"] * 4
    assert scene.issuer.asked == (0, 1)
    assert (await scene.token_manager.peek()).access.value == "access-2"
    assert (scene.of(Disconnected), scene.of(Gap)) == ([Disconnected(1000)], [])


async def test_an_old_socket_stays_until_a_new_one_surely_brings_what_comes():
    """Seen: five notifications, sent while a subscription was not active yet."""
    old = [note(n) for n in range(1, 5)]
    first = accepts(800.5, old[0], 1.0, old[1], 1.0, old[2], 1.0, old[3])
    second = accepts(3.5, old[3], 4.0, note(5))
    scene = Scene(first, second, unconfirmed=True, **ANEW)
    await scene.stop_after(810)
    assert scene.shown == [1, 2, 3, 4, 5]
    assert (scene.of(Disconnected), scene.of(Gap)) == ([Disconnected(1000)], [])
    assert not any(channel.open for channel in scene.server.channels)


@pytest.mark.parametrize("ends", [802, 806])
async def test_who_stops_meanwhile_leaves_no_socket_open(ends):
    scene = Scene(unconfirmed=True, **ANEW)
    await scene.stop_after(ends)
    assert [channel.open for channel in scene.server.channels] == [False, False]


async def test_a_new_socket_is_tried_for_no_earlier_than_the_server_asks():
    scene = Scene(accepts(), answers(503, 20), answers(429, 60), **ANEW)
    await scene.stop_after(900)
    assert scene.server.dialled_at == [0.0, 800.0, 820.0, 880.0]
    assert scene.issuer.asked == (0, 1)


async def test_another_token_is_asked_for_no_earlier_than_the_server_asks():
    scene = Scene(password="", **ANEW)
    refused = HttpRefused("503", status=503, retry_after=20)
    scene.issuer.problems["refresh"] = [refused, NetworkFailed("no route")]
    await scene.stop_after(900)
    assert scene.server.dialled_at == [0.0, 822.0]
    assert scene.issuer.asked == (0, 3)


async def test_a_renewal_that_only_words_refuse_is_tried_again_on_the_old_socket():
    scene = Scene(password="", **ANEW)
    scene.issuer.problems["refresh"] = [access_denied(by_words=True)] * 2
    await scene.stop_after(900)
    assert scene.server.dialled_at == [0.0, 803.0]
    assert scene.of(Disconnected) == [Disconnected(1000)]


async def test_a_renewal_that_is_refused_beyond_doubt_ends_the_socket():
    scene = Scene(password="", **ANEW)
    scene.issuer.problems["refresh"] = [access_denied()] * 2
    assert isinstance(await scene.ended(), AuthenticationFailed)
    assert now() == 800.0


EXPIRED = '{"type":"expired","why":"too old"}'
IN_PLACE = {"renewal": Renewal(how="frame", frame={"token": "{access_token}"})}


async def test_a_server_that_calls_every_new_token_expired_is_heard_with_pauses():
    scene = Scene(then=accepts(EXPIRED), **ANEW)
    error = await scene.ended()
    assert isinstance(error, AuthenticationFailed)
    assert error.message == "the server calls every new token expired"
    assert "token expired" in error.hint
    assert scene.server.dialled_at == [0.0, 0.0, 1.0, 3.0, 7.0]


async def test_the_same_holds_for_a_token_renewed_in_place():
    calls = [EXPIRED, 10.0] * 5
    scene = Scene(accepts(*calls), **IN_PLACE)
    error = await scene.ended()
    assert isinstance(error, AuthenticationFailed)
    assert (now(), scene.issuer.asked) == (40.0 + 1 + 2 + 4, (0, 4))


async def test_a_token_that_is_called_expired_later_is_renewed_at_once():
    calls = [EXPIRED, 1.0, EXPIRED, 40.0] * 4
    scene = Scene(accepts(*calls), **IN_PLACE)
    assert await scene.stop_after(150) is None
    assert scene.issuer.asked == (0, 8)


async def test_a_new_token_that_is_refused_is_dropped_once_for_another():
    scene = Scene(accepts(), answers(503), answers(401), answers(503), **ANEW)
    await scene.stop_after(900)
    assert scene.server.dialled_at == [0.0, 800.0, 801.0, 803.0, 807.0]
    assert scene.server.bearers == [f"access-{n}" for n in (1, 2, 2, 3, 3)]
    assert scene.issuer.asked == (1, 1)
    assert scene.session.token.value == "access-3"


@pytest.mark.parametrize("end", [Close(4401), '{"type":"expired"}'])
async def test_when_every_new_token_is_refused_the_old_socket_is_the_last(end):
    scene = Scene(accepts(5000.0, end), then=answers(401), **ANEW)
    await asyncio.sleep(4999)
    assert scene.server.bearers == ["access-1", "access-2", "access-3"]
    assert (scene.issuer.asked, scene.of(Disconnected)) == ((1, 1), [])
    assert isinstance(await scene.ended(), AuthenticationFailed)
    assert (now(), len(scene.issuer.logins)) == (5000.0, 2)


async def test_a_socket_that_ends_while_another_is_tried_for_drops_no_new_token():
    down = answers(503)
    scene = Scene(accepts(805.0, Close(4401)), down, down, down, **ANEW)
    await scene.stop_after(900)
    assert scene.server.dialled_at == [0.0, 800.0, 801.0, 803.0, 805.0]
    assert scene.server.bearers == ["access-1"] + ["access-2"] * 4
    assert scene.issuer.asked == (0, 1)


# Losing it


RETRIED = [1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 2999, 3001, 3499]
RETRIED += [4000, 4399, 4402, 4405, 4499]


@pytest.mark.fault(12)
@pytest.mark.parametrize("code", RETRIED)
async def test_a_close_that_nothing_names_is_retried_with_the_same_token(code):
    scene = Scene(*[accepts(1.0, Close(code))] * 4)
    assert await scene.stop_after(30) is None
    assert scene.delays == [1, 2, 4, 8]
    assert set(scene.server.bearers) == {"access-1"}
    assert [event.code for event in scene.of(Disconnected)] == [code] * 4 + [1000]


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    ("code", "times"),
    [
        *((code, 1) for code in (3500, 3999, 4400, 4403, 4404, 4500, 4999)),
        *((code, 3) for code in (1002, 1003, 1007, 1009, 1010)),
    ],
)
async def test_a_close_that_is_final_is_the_end_and_one_about_the_protocol_at_the_third(
    code, times
):
    scene = Scene(then=accepts(1.0, Close(code, "no")))
    error = await scene.ended()
    assert isinstance(error, ConnectionLost)
    assert (error.code, error.exit_code) == (code, 5)
    assert scene.told[-3] == Disconnected(code, "no")
    assert len(scene.server.openings) == times


@pytest.mark.fault(9)
@pytest.mark.parametrize("code", [1000, 1001, 1005, 1006, 1011])
async def test_accepting_and_closing_is_not_answered_with_a_storm(code):
    scene = Scene(then=accepts(Close(code)), dice=(0.999,))
    await scene.stop_after(15)
    assert len(scene.server.openings) <= 5
    assert scene.delays == sorted(scene.delays)
    assert len(set(scene.delays)) > 2


@pytest.mark.fault(14)
@pytest.mark.parametrize("when", [0.0, 0.1, 7.0, 19.9, 20.0, 39.0])
async def test_a_black_hole_is_noticed_whenever_it_opens(when):
    scene = Scene(accepts(when, HOLE))
    await scene.stop_after(when + 31.1)
    lost, _ = scene.of(Disconnected)
    noticed_at = scene.told_at[scene.told.index(lost)]
    assert noticed_at <= when + 30
    assert lost == Disconnected(1006, "no pong within 10 s")
    assert scene.server.dialled_at == [0.0, noticed_at + 1]
    assert scene.server.channels[0].aborted


@pytest.mark.fault(15)
@pytest.mark.parametrize("jump", [3600.0, -3600.0])
async def test_a_wall_clock_that_jumps_changes_nothing_connected_or_waiting(jump):
    scene = Scene(DOWN, DOWN, DOWN)
    await asyncio.sleep(0.5)
    scene.clock.wall_offset += jump
    await asyncio.sleep(9.5)
    assert scene.server.dialled_at == [0.0, 1.0, 3.0, 7.0]
    before = list(scene.told)
    scene.clock.wall_offset += jump
    await asyncio.sleep(100)
    assert (scene.told, len(scene.server.openings)) == (before, 4)
    assert scene.transport.pinged_at == [7.0 + 20 * n for n in range(6)]
    assert scene.issuer.asked == (0, 0)
    await scene.stop()


@pytest.mark.fault(15)
@pytest.mark.parametrize(
    ("visit", "dialled_at"),
    [(accepts(), [0.0]), (accepts(12.0, HOLE), [0.0, 24.0])],
    ids=["alive", "dead"],
)
async def test_a_wake_from_sleep_pings_at_once_and_reconnects_if_it_is_dead(
    visit, dialled_at
):
    scene = Scene(visit)
    await asyncio.sleep(12.5)
    scene.clock.suspended += 3600
    await asyncio.sleep(1)
    assert scene.transport.pinged_at == [0.0, 13.0]
    await scene.stop_after(60)
    assert scene.server.dialled_at == dialled_at


async def test_a_wake_from_sleep_does_not_wait_out_a_stale_delay():
    scene = Scene(accepts(5.0, CUT), retry_delays=(30.0,), jitter=0.0)
    await asyncio.sleep(8.5)
    scene.clock.suspended += 3600
    await scene.stop_after(10)
    assert scene.server.dialled_at == [0.0, 9.0]


@pytest.mark.fault(16)
async def test_a_network_that_flaps_every_3_s_never_sees_two_sockets_nor_growth():
    server = NewsServer(keeps=1000)
    scene = Scene(server=server, dice=5)
    loop = asyncio.get_running_loop()
    grown = []
    for _ in range(50):
        server.weather = accepts()
        await asyncio.sleep(3)
        server.publish()
        server.weather = DOWN
        server.cut()
        await asyncio.sleep(3)
        timers = [each for each in loop._scheduled if not each.cancelled()]
        grown.append(len(asyncio.all_tasks()) + len(timers))
    server.weather = accepts()
    await asyncio.sleep(31)
    await scene.stop()
    assert server.most_open == 1
    assert len(server.channels) > 3
    assert max(grown[10:]) <= max(grown[:10])
    assert scene.shown == list(range(scene.shown[0], 51))


# Ending it


@pytest.mark.parametrize(
    ("visit", "state"),
    [
        (accepts(after=8.0), State.CONNECTING),
        (DOWN, State.WAITING),
        (accepts(1.0, Close(4401)), State.RENEWING),
        (accepts(), State.CONNECTED),
        (accepts(pongs=(None,)), State.CONNECTED),
    ],
)
async def test_told_to_stop_it_is_gone_at_once_whatever_it_does(visit, state):
    scene = Scene(visit, then=DOWN)
    scene.issuer.takes = 60.0
    await asyncio.sleep(1.5 if state is State.WAITING else 1.25)
    if state is State.WAITING:
        await asyncio.sleep(1)
    assert scene.session.state is state
    refreshing = state is State.RENEWING  # what the server rotates is waited for
    assert await elapsed(scene.stop()) == (GRACE if refreshing else 0)
    assert scene.told[-1] == Closed()
    was_open = state is State.CONNECTED
    assert (scene.told[-2] == Disconnected(1000)) is was_open
    assert scene.server.open == []
    assert [c.closed_with for c in scene.server.channels] in (
        [],
        [[1000]] if was_open else [[]],
    )


async def test_told_to_stop_a_frozen_peer_costs_only_the_close_time_out():
    scene = Scene(accepts(HOLE, frozen=True))
    await asyncio.sleep(5)
    assert await elapsed(scene.stop()) == 1.5
    assert scene.transport.closed_with == [1000]


class Reluctant(ScriptedServer):
    """A server whose sockets take half a second to give up."""

    async def dial(self, upgrade_request: UpgradeRequest) -> NoReturn:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.5)


async def test_told_to_stop_it_leaves_nothing_half_done_behind():
    scene = Scene(server=Reluctant())
    await asyncio.sleep(5)
    assert await elapsed(scene.stop()) == 0.5


FULL = accepts(note(1), note(2), note(3), note(4), note(5))


@pytest.mark.parametrize(
    ("visits", "how"),
    [((), {}), ((FULL,), {"room": 2, "reads_at": None})],
    ids=["at ease", "while a reader is waited for"],
)
async def test_cancelled_it_says_goodbye_too(visits, how):
    scene = Scene(*visits, **how)
    await asyncio.sleep(1)
    scene.running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await scene.ended()
    assert (now(), scene.transport.closed_with) == (1, [1000])


async def test_cancelled_twice_it_waits_for_no_frozen_peer_and_readers_end():
    scene = Scene(accepts(frozen=True))
    await asyncio.sleep(5)
    for _ in range(2):
        scene.running.cancel()
        await turns(20)
    with pytest.raises(asyncio.CancelledError):
        await scene.ended()
    assert now() == 5


BUSY = (DOWN, accepts(Close(4401)), accepts(note(1), 0.5, CUT), accepts(note(2)))


@pytest.mark.parametrize("how", ["stop", "cancel"])
def test_it_ends_cleanly_at_every_step_of_its_way(how):
    for step in range(80):
        end_at(step, how)


@in_virtual_time
async def end_at(step: int, how: str) -> None:
    scene = Scene(*BUSY, room=1, reads_at=None, retry_delays=(0.0,))
    await turns(step)
    if how == "stop":
        scene.session.stop()
        await asyncio.wait({scene.running}, timeout=30)
        assert scene.running.done()
        await scene.running
    else:
        scene.running.cancel()
        await asyncio.wait({scene.running}, timeout=30)
        assert scene.running.cancelled()
    assert scene.server.open == []


# Resuming


def gap(start: float, end: float, reason: str = UNREPLAYABLE) -> Gap:
    return Gap(at(start), at(end), reason)


FORGOTTEN = "the server no longer keeps all of what was missed"
GAP = '{"type":"gap"}'
NO_REPLAY, LATE = {"resume": False}, {"room": 2, "reads_at": 30}
RESUMED = {
    "what was missed is asked for, and what was seen dropped": (
        [accepts(note(1), note(2), 1.0, CUT), accepts(note(2), note(3), note(4))],
        *({}, [None, "2"], [1, 2, 3, 4], []),
    ),
    "it begins where it is told to": (
        [accepts(note(7), note(8))],
        *({"since": 7}, ["7"], [8], []),
    ),
    "every interruption has a gap of its own": (
        [accepts(2.0, CUT), accepts(2.0, CUT)],
        *(NO_REPLAY, [None] * 3, [], [gap(0, 3), gap(3, 7)]),
    ),
    "where some have no id it is a gap though ids are resumed": (
        [accepts(note(1), 4.0, note(), 2.0, CUT), accepts(note(2))],
        *({}, [None, "1"], [1, None, 2], [gap(4, 7)]),
    ),
    "the server's own gap begins with the interruption": (
        [accepts(note(1), 1.0, CUT), accepts(GAP, note(90))],
        *({}, [None, "1"], [1, 90], [gap(0, 2, FORGOTTEN)]),
    ),
    "what has no id lies in a gap while a server is left": (
        [accepts(note(1), note(), 5.0, note(2)), accepts(note(2))],
        *(LATE, [None, "1"], [1, None, 2], [gap(5, 30)]),
    ),
    "the gap after a late reader begins when the line was last in step": (
        [accepts(5.0, note(1), note(2), note(3), 0.5, CUT)],
        *({**NO_REPLAY, "room": 2, "reads_at": 6.5}, [None] * 2, [1, 2, 3]),
        [gap(5, 7.5)],
    ),
}


@pytest.mark.parametrize(
    ("visits", "how", "sinces", "shown", "gaps"), RESUMED.values(), ids=RESUMED
)
async def test_what_is_not_brought_again_lies_in_a_gap(
    visits, how, sinces, shown, gaps
):
    scene = Scene(*visits, **how)
    await scene.stop_after(60)
    assert (scene.server.sinces, scene.shown) == (sinces, shown)
    assert scene.of(Gap) == gaps


async def test_a_pong_that_comes_while_a_reader_is_waited_for_shortens_no_gap():
    first = accepts(19.0, note(1), note(2), note(3))
    scene = Scene(first, accepts(GAP, note(9)), **LATE)
    await scene.stop_after(40)
    assert scene.server.channels[0].pinged_at == [0.0, 20.0]
    assert scene.of(Gap) == [gap(19, 30, FORGOTTEN)]


async def test_frames_that_arrived_before_the_end_are_shown_before_it_is_told():
    scene = Scene(accepts(note(1), note(2), Close(1012)))
    await scene.stop_after(0.5)
    assert scene.shown == [1, 2]


@pytest.mark.parametrize("how", [{"resume": False}, {"resume": True}])
async def test_what_cannot_be_resumed_is_a_gap_from_the_last_word_to_the_next(how):
    frame = note() if how["resume"] else note(1)
    scene = Scene(accepts(4.0, frame, 2.0, CUT), DOWN, **how)
    await scene.stop_after(60)
    assert scene.server.sinces == [None, None, None]
    assert scene.of(Gap) == [gap(4, 9)]
    assert scene.told[-3:] == [gap(4, 9), Disconnected(1000), Closed()]


# What was missed is fetched


BAD_GATEWAY = HttpRefused("the gateway says 502", status=502)


async def test_a_request_for_what_was_missed_is_repeated_by_the_table():
    busy = HttpRefused("503", status=503, retry_after=5)
    archive = Archive(BAD_GATEWAY, busy, NetworkFailed("cut"), holds=(1, 2))
    scene = Scene(since=0, archive=archive)
    await scene.stop_after(20)
    assert archive.asked_at == [0, 1, 6, 10, 10]
    assert (scene.shown, scene.of(Failure)) == ([1, 2], [])
    assert len(scene.server.openings) == 1


@pytest.mark.parametrize(
    ("problem", "times"),
    [
        (BAD_GATEWAY, 4),
        (HttpRefused("gone", status=404), 4),
        (HttpRefused("in a minute", status=503, retry_after=60), 1),
        (ConfigurationError("no such variable"), 1),
    ],
)
async def test_what_cannot_be_fetched_is_a_gap_that_says_why(problem, times):
    archive = Archive(*[problem] * times)
    scene = Scene(accepts(5.0, note(1), CUT), archive=archive)
    await scene.stop_after(100)
    (gap,) = scene.of(Gap)
    assert gap.start == at(5)
    assert gap.reason == f"what was missed could not be fetched: {problem.message}"
    assert scene.of(Failure) == [Failure("network_error", problem.message)]
    assert len(archive.asked_at) == times


async def test_what_is_more_than_can_be_fetched_is_a_gap_that_says_so():
    archive = Archive(holds=range(2, 20))
    scene = Scene(accepts(note(1), CUT), archive=archive, pages=2)
    await scene.stop_after(10)
    assert [g.reason for g in scene.of(Gap)] == ["more was missed than can be fetched"]


async def test_what_a_dead_socket_missed_until_another_took_its_place_is_fetched():
    archive = Archive(holds=[1, 2])
    scene = Scene(accepts(795.0, HOLE), since=0, archive=archive, **ANEW)
    await asyncio.sleep(798)
    archive.holds.append(3)
    await scene.stop_after(100)
    assert scene.server.dialled_at == [0.0, 800.0]
    assert (scene.shown, scene.of(Gap)) == ([1, 2, 3], [])


# A slow reader


@pytest.mark.parametrize("resume", [True, False])
async def test_a_reader_that_is_always_a_little_late_costs_nothing_but_time(resume):
    server = NewsServer(keeps=1)
    scene = Scene(server=server, room=2, resume=resume)
    scene.pause = 1.5
    await turns(10)
    for _ in range(100):
        server.publish()
        await asyncio.sleep(0.5)
    await scene.stop_after(60)
    assert scene.shown == list(range(1, 101))
    assert (len(server.channels), scene.of(Gap)) == (1, [])
    assert scene.server.channels[0].pinged_at == [20.0 * n for n in range(6)]


async def test_without_room_for_two_seconds_a_server_that_can_replay_is_left():
    scene = Scene(FULL, accepts(note(3), note(4), note(5)), room=2, reads_at=11.9)
    await asyncio.sleep(1.9)
    assert scene.transport.closed_with == []
    await asyncio.sleep(10)
    assert scene.transport.closed_with == [1000]
    assert scene.server.sinces == [None]
    await scene.stop_after(10)
    assert scene.server.sinces == [None, "2"]
    assert scene.server.dialled_at == [0.0, 11.9]
    assert scene.shown == [1, 2, 3, 4, 5]
    assert scene.told == [
        Connecting(URL, 0),
        Connected(URL, "42"),
        Disconnected(1000, TOO_SLOW),
        Connecting(URL, 0),
        Connected(URL, "42"),
        Disconnected(1000),
        Closed(),
    ]
    assert scene.told_at[2] == 2.0


async def test_leaving_for_room_is_no_reconnect_that_could_be_used_up():
    server = NewsServer(keeps=1000)
    scene = Scene(server=server, room=2, since=0, max_retries=0)
    for _ in range(30):
        server.publish()
    scene.pause = 10.0
    await asyncio.sleep(300)
    assert len(server.channels) > 10
    server.cut(Close(1012))
    assert isinstance(await scene.ended(), ConnectionLost)
    assert scene.delays == []
    assert scene.shown == list(range(1, 31))


async def test_while_it_waits_for_room_the_server_may_go_down():
    scene = Scene(FULL, DOWN, accepts(note(3)), room=2, reads_at=10)
    await scene.stop_after(20)
    assert scene.server.dialled_at == [0.0, 10.0, 11.0]
    assert scene.delays == [1.0]
    assert (scene.shown, scene.of(Gap)) == ([1, 2, 3], [])


async def test_what_is_missed_finds_no_room_and_is_caught_up_with_once_there_is():
    archive = Archive(holds=range(1, 8))
    scene = Scene(since=0, archive=archive, room=2, reads_at=10)
    scene.pause = 5.0
    await asyncio.sleep(10)
    assert scene.session.state is State.CONNECTED
    assert scene.transport.closed_with == [1000]
    await scene.stop_after(60)
    assert scene.shown == [1, 2, 3, 4, 5, 6, 7]
    assert archive.asked_at == [0, 15, 25, 35, 35]
    assert (scene.of(Gap), scene.delays) == ([], [])


async def test_a_connection_that_ends_while_a_reader_is_waited_for_loses_nothing():
    first = accepts(note(1), note(2), note(3), note(4), 1.0, CUT)
    scene = Scene(first, accepts(note(4), note(5)), room=2, reads_at=1.5)
    await asyncio.sleep(1.5)
    assert scene.of(Disconnected) == []
    await scene.stop_after(10)
    assert scene.server.sinces == [None, "4"]
    assert (scene.shown, scene.of(Gap)) == ([1, 2, 3, 4, 5], [])
    assert scene.of(Disconnected) == [Disconnected(1006, ""), Disconnected(1000)]


async def test_a_connection_that_ends_while_a_reader_is_waited_for_in_vain_is_left():
    first = accepts(note(1), note(2), note(3), 1.0, Close(1012))
    scene = Scene(first, accepts(note(3)), room=2, reads_at=10)
    await asyncio.sleep(10)
    assert [event.code for event in scene.of(Disconnected)] == [1000]
    await scene.stop_after(10)
    assert (scene.shown, scene.delays) == ([1, 2, 3], [])


@pytest.mark.parametrize(("resume", "gaps"), [(True, 0), (False, 1)])
async def test_told_to_stop_while_a_reader_is_waited_for_it_ends_at_once(resume, gaps):
    scene = Scene(FULL, room=2, reads_at=None, resume=resume)
    await asyncio.sleep(1)
    assert await elapsed(scene.stop()) == 0
    assert scene.transport.closed_with == [1000]
    assert [gap.start for gap in scene.of(Gap)] == [at(0)] * gaps
    assert scene.receiver.cursor.last_id == 2
    await scene.read()
    assert scene.shown == [1, 2]


async def test_told_to_stop_while_it_leaves_a_frozen_peer_it_cuts_the_line():
    scene = Scene(accepts(note(1), note(2), frozen=True), room=1, reads_at=None)
    await asyncio.sleep(2.5)
    assert await elapsed(scene.stop()) == 0
    assert scene.transport.aborted
    assert [event.code for event in scene.of(Disconnected)] == [1000]


async def test_told_to_stop_while_it_waits_for_room_it_ends():
    scene = Scene(accepts(note(1), note(2)), room=1, reads_at=None)
    await asyncio.sleep(10)
    assert scene.session.connection is None
    assert await elapsed(scene.stop()) == 0


async def test_what_the_server_forgot_before_a_replay_was_over_lies_in_a_gap():
    server = NewsServer(keeps=6)
    scene = Scene(server=server, room=2, reads_at=26)
    await turns(10)
    server.publish()
    server.weather = DOWN
    await asyncio.sleep(1)
    server.cut()
    for _ in range(6):
        server.publish()
    server.weather = accepts()
    await asyncio.sleep(5)
    for _ in range(20):
        server.publish()
        await asyncio.sleep(1)
    await asyncio.sleep(200)
    await scene.stop()
    assert_nothing_went_missing(server, scene)


# The one invariant


def unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def assert_nothing_went_missing(server: NewsServer, scene: Scene) -> None:
    """Every notification was shown exactly once, or lies in a gap that was said.

    It lies where it was born; where it was dropped, that may be where it was received.
    """
    assert all(gap.start <= gap.end for gap in scene.of(Gap))
    gaps = [(unix(g.start), unix(g.end)) for g in scene.of(Gap)]
    assert len(scene.shown) == len(set(scene.shown)), "shown twice"
    assert server.repeats or scene.shown == sorted(scene.shown), "out of order"
    for ident in set(server.news) - set(scene.shown):
        frame = server.note(ident)
        read = [transport.read_at.get(frame) for transport in server.channels]
        moments = [server.news[ident], *(EPOCH + at for at in read if at is not None)]
        said = any(
            start - 0.001 <= moment <= end + 0.001
            for start, end in gaps
            for moment in moments
        )
        assert said, (ident, [utc_text(each) for each in moments], scene.told)


CLOSES = [1000, 1001, 1005, 1006, 1011, 1012, 1013, 4000]
WEATHERS = ["fine", "fine", "flood", "rush", "cut", "down", "hole", "busy", "slow"]


async def weather(server: NewsServer, scene: Scene, die: random.Random) -> None:
    """Let something happen to the network, the server, or the reader."""
    server.weather, scene.pause = accepts(), 0.0
    match die.choice(WEATHERS):
        case "flood":
            for _ in range(die.randint(5, 60)):
                server.publish()
        case "rush":
            scene.pause = die.uniform(0.5, 3)
            for _ in range(die.randint(5, 40)):
                server.publish()
                await asyncio.sleep(0.2)
        case "cut":
            server.cut(Close(die.choice(CLOSES)))
        case "down":
            server.weather = DOWN
            server.cut()
        case "hole":
            server.weather = fails(DOWN.error, after=10)
            server.swallow()
        case "busy":
            server.weather = answers(503, die.choice([None, 5, 20]))
            server.cut(Close(1013))
        case "slow":
            scene.pause = die.uniform(0.5, 20)


async def live_through(seed: int) -> None:
    die = random.Random(seed)
    resume = die.random() < 0.6
    keeps, repeats = die.choice([3, 20, 100]), die.choice([0, 5])
    nameless = die.choice([0, 0, 2, 7])
    server = NewsServer(keeps=keeps, repeats=repeats, nameless=nameless)
    scene = Scene(server=server, resume=resume, room=die.choice([4, 16, 64]), dice=seed)
    await turns(10)
    for _ in range(nameless):  # from the first without an id on, they are reckoned with
        await asyncio.sleep(0.1)
        server.publish()
    for _ in range(die.randint(2, 6)):
        for _ in range(die.randint(0, 5)):
            await asyncio.sleep(die.expovariate(0.5))
            server.publish()
        await weather(server, scene, die)
    await asyncio.sleep(die.uniform(0, 20))
    server.weather, scene.pause = accepts(), 0.0
    await asyncio.sleep(75)
    for _ in range(100):
        if (
            server.open
            and len(scene.queue) == 0
            and scene.session.connection is not None
        ):
            break
        await asyncio.sleep(5)
    assert await scene.stop_after(5) is None
    assert_nothing_went_missing(server, scene)
    assert server.most_open == 1
    assert scene.transport.closed_with == [1000]


@pytest.mark.parametrize(
    "seeds", [range(60), pytest.param(range(60, 200), marks=pytest.mark.slow)]
)
def test_every_notification_is_shown_once_or_lies_in_a_gap_that_was_said(seeds):
    for seed in seeds:
        try:
            in_virtual_time(live_through)(seed)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise


@pytest.mark.parametrize(
    ("timestamp", "start"),
    [(at(3.5), 3.5), (at(-3600), 4), (at(9), 4), ("soon", 4), ("2024-01-15", 4)],
)
async def test_a_gap_begins_as_much_earlier_as_the_last_one_was_on_its_way(
    timestamp, start
):
    last = note(1, timestamp=timestamp)
    scene = Scene(accepts(4.0, last, 2.0, CUT), resume=False)
    assert await scene.stop_after(10) is None
    assert [gap.start for gap in scene.of(Gap)] == [at(start)]
