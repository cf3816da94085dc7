"""The machine: every transition, every delay, and when it loses patience."""

from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyws.config.settings import Settings
from notifyws.connection.reconnect import (
    TABLE,
    Cause,
    Connect,
    Event,
    Failed,
    Left,
    Lost,
    Opened,
    Receive,
    Reconnector,
    Refused,
    Renew,
    Renewed,
    Started,
    State,
    Stop,
    Stopped,
    Wait,
    Woke,
    delay,
)
from notifyws.protocol.failures import Verdict

RETRY = Lost(Verdict.RETRY, "cut")
STRIKE = Lost(Verdict.STRIKE, "1002")
CERTAIN = Refused("cache", "401")
DOUBTFUL = Refused("cache", "1008", certain=False, cause=Cause.NETWORK)
CUT_SHORT = Refused("cache", "cut", certain=False)
DENIED = Lost(Verdict.DENIED, "403")
ALMOST_ONE = 0.999999

EVENTS = {
    Started: Started(),
    Opened: Opened(),
    Lost: RETRY,
    Left: Left(0.0),
    Refused: CERTAIN,
    Renewed: Renewed(),
    Woke: Woke(),
    Failed: Failed("no name", Cause.AUTHENTICATION),
    Stopped: Stopped(),
}
WAYS = {
    State.DISCONNECTED: (),
    State.CONNECTING: (Started(),),
    State.CONNECTED: (Started(), Opened()),
    State.RENEWING: (Started(), CERTAIN),
    State.WAITING: (Started(), RETRY),
    State.STOPPED: (Started(), Stopped()),
}
FOLLOWS = {
    (State.DISCONNECTED, Started): (State.CONNECTING, Connect),
    (State.DISCONNECTED, Stopped): (State.STOPPED, Stop),
    (State.CONNECTING, Opened): (State.CONNECTED, Receive),
    (State.CONNECTING, Lost): (State.WAITING, Wait),
    (State.CONNECTING, Refused): (State.RENEWING, Renew),
    (State.CONNECTING, Failed): (State.STOPPED, Stop),
    (State.CONNECTING, Stopped): (State.STOPPED, Stop),
    (State.CONNECTED, Lost): (State.WAITING, Wait),
    (State.CONNECTED, Left): (State.CONNECTING, Connect),
    (State.CONNECTED, Refused): (State.RENEWING, Renew),
    (State.CONNECTED, Failed): (State.STOPPED, Stop),
    (State.CONNECTED, Stopped): (State.STOPPED, Stop),
    (State.RENEWING, Renewed): (State.CONNECTING, Connect),
    (State.RENEWING, Lost): (State.WAITING, Wait),
    (State.RENEWING, Failed): (State.STOPPED, Stop),
    (State.RENEWING, Stopped): (State.STOPPED, Stop),
    (State.WAITING, Woke): (State.CONNECTING, Connect),
    (State.WAITING, Stopped): (State.STOPPED, Stop),
}
IMPOSSIBLE = [
    (state, event)
    for state in State
    for event in EVENTS
    if (state, event) not in FOLLOWS
]


def machine(*, draw=0.0, jitter=0.0, **settings):
    return Reconnector(Settings(jitter=jitter, **settings), lambda: draw)


def play(reconnector, *events, now=0.0):
    return [reconnector.handle(event, now) for event in events]


def machine_in(state, **policy):
    reconnector = machine(**policy)
    play(reconnector, *WAYS[state])
    assert reconnector.state is state
    return reconnector


def failures(reconnector, *events):
    """Give it failures of attempts, with what comes between; return its orders."""
    orders = []
    for event in events:
        match reconnector.state:
            case State.DISCONNECTED:
                reconnector.handle(Started(), 0.0)
            case State.WAITING:
                reconnector.handle(Woke(), 0.0)
            case State.RENEWING:
                reconnector.handle(Renewed(), 0.0)
        orders.append(reconnector.handle(event, 0.0))
    return orders


# Transitions.


def test_every_event_is_tried_in_every_state():
    assert set(EVENTS) == set(get_args(Event))
    assert set(WAYS) == set(State) == set(TABLE)


@pytest.mark.parametrize(("state", "event"), FOLLOWS)
def test_a_listed_event_leads_on(state, event):
    reconnector = machine_in(state)
    order = reconnector.handle(EVENTS[event], 0.0)
    assert (reconnector.state, type(order)) == FOLLOWS[state, event]


@pytest.mark.parametrize(("state", "event"), IMPOSSIBLE)
def test_an_event_that_is_not_listed_cannot_happen(state, event):
    reconnector = machine_in(state)
    with pytest.raises(LookupError, match=f"{event.__name__} cannot .* {state.value}"):
        reconnector.handle(EVENTS[event], 0.0)
    assert reconnector.state is state


@pytest.mark.parametrize("state", [s for s in State if s is not State.STOPPED])
def test_it_can_be_stopped_at_any_time(state):
    assert play(machine_in(state), Stopped()) == [Stop(Cause.ASKED, "")]


def test_a_failure_keeps_its_cause_and_reason():
    end = play(machine_in(State.RENEWING), Failed("wrong", Cause.AUTHENTICATION))
    assert end == [Stop(Cause.AUTHENTICATION, "wrong")]


def test_the_first_attempt_is_number_0_and_each_loss_adds_one():
    reconnector = machine()
    orders = play(reconnector, Started(), RETRY, Woke(), RETRY, Woke())
    assert [order.attempt for order in orders] == [0, 1, 1, 2, 2]


# Delays.


def test_delays_are_exactly_the_table_without_jitter():
    waits = failures(machine(draw=0.7), *[RETRY] * 8)
    assert [wait.seconds for wait in waits] == [1, 2, 4, 8, 16, 30, 30, 30]


def test_delays_are_drawn_from_the_upper_half():
    for losses, base in enumerate((1, 2, 4, 8, 16, 30, 30), 1):
        for draw in [n / 97 for n in range(97)]:
            assert base / 2 < delay(Settings(), losses, draw, None) <= base


def test_all_delays_of_one_outage_are_drawn_by_one_throw():
    throws = iter([0.5, 0.0])
    reconnector = Reconnector(Settings(), lambda: next(throws))
    waits = [each.seconds for each in failures(reconnector, *[RETRY] * 7)]
    assert waits == [0.75, 1.5, 3.0, 6.0, 12.0, 22.5, 22.5]
    now = 1000.0
    reconnector.handle(Woke(), now)
    reconnector.handle(Opened(), now)
    stayed = now + Settings().stable_after
    assert reconnector.handle(Lost(RETRY, "again"), stayed).seconds == 1.0


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        (None, 4),
        (0, 4),
        (-60, 4),
        (3.9, 4),
        (4.1, 4.1),
        (299, 299),
        (301, 300),
        (float("inf"), 300),
        (float("nan"), 4),
    ],
)
def test_retry_after_raises_a_delay_to_300_s_at_most_and_never_lowers_it(
    asked, seconds
):
    assert delay(Settings(jitter=0), 3, 0.0, asked) == seconds


# Forgiveness.


@pytest.mark.parametrize(
    ("lasted", "seconds"), [(0.0, 8), (29.999, 8), (30.0, 1), (4000.0, 1)]
)
def test_a_connection_that_lasted_30_s_is_forgiven_its_past(lasted, seconds):
    reconnector = machine()
    failures(reconnector, RETRY, RETRY, RETRY)
    play(reconnector, Woke(), Opened(), now=100.0)
    assert reconnector.handle(RETRY, 100.0 + lasted).seconds == seconds


def test_time_without_a_connection_forgives_nothing():
    reconnector = machine()
    failures(reconnector, RETRY, RETRY)
    play(reconnector, Woke(), now=1000.0)
    assert reconnector.handle(RETRY, 2000.0).seconds == 4


def test_how_long_is_a_setting():
    reconnector = machine(stable_after=5.0)
    failures(reconnector, RETRY)
    play(reconnector, Woke(), Opened(), now=10.0)
    assert reconnector.handle(RETRY, 15.0).seconds == 1


# Patience.


@pytest.mark.parametrize(
    ("limit", "waits", "reason"),
    [
        (0, [], "cut"),
        (1, [1], "gave up after 1 reconnect: cut"),
        (3, [1, 2, 4], "gave up after 3 reconnects: cut"),
    ],
)
def test_it_gives_up_after_max_retries(limit, waits, reason):
    *before, last = failures(machine(max_retries=limit), *[RETRY] * (limit + 1))
    assert [wait.seconds for wait in before] == waits
    assert last == Stop(Cause.NETWORK, reason)


def test_without_a_limit_it_never_gives_up():
    orders = failures(machine(), *[RETRY] * 500)
    assert all(isinstance(order, Wait) for order in orders)


def test_a_stable_connection_gives_all_retries_back():
    reconnector = machine(max_retries=1)
    for start in (0.0, 100.0, 200.0):
        ready = Started() if start == 0 else Woke()
        play(reconnector, ready, Opened(), now=start)
        assert reconnector.handle(RETRY, start + 30) == Wait(1.0, 1, "cut")


def test_a_token_refused_on_a_connection_counts_as_a_reconnect():
    reconnector = machine_in(State.CONNECTED, max_retries=0)
    assert play(reconnector, CERTAIN) == [Stop(Cause.NETWORK, "401")]


def test_a_token_refused_before_a_connection_counts_as_none():
    reconnector = machine_in(State.CONNECTING, max_retries=0)
    assert play(reconnector, CERTAIN) == [Renew()]


def test_losses_while_a_token_is_renewed_count():
    reconnector = machine_in(State.RENEWING, max_retries=0)
    assert play(reconnector, RETRY) == [Stop(Cause.NETWORK, "cut")]


@pytest.mark.parametrize("state", [State.CONNECTING, State.CONNECTED, State.RENEWING])
def test_the_verdict_stop_ends_it_at_once(state):
    end = play(machine_in(state), Lost(Verdict.STOP, "4403"))
    assert end == [Stop(Cause.NETWORK, "4403")]


def test_a_stable_connection_between_strikes_starts_their_count_over():
    reconnector = machine()
    failures(reconnector, STRIKE, STRIKE)
    play(reconnector, Woke(), Opened(), now=0.0)
    assert reconnector.handle(STRIKE, 30.0) == Wait(1.0, 1, "1002")


# Leaving of our own will.


def test_whoever_leaves_comes_back_at_once_however_often():
    reconnector = machine_in(State.CONNECTED, max_retries=0)
    for _ in range(50):
        assert play(reconnector, Left(0.0), Opened()) == [Connect(0), Receive()]
    assert play(reconnector, RETRY) == [Stop(Cause.NETWORK, "cut")]


def test_leaving_neither_climbs_nor_shortens_the_delays():
    reconnector = machine()
    failures(reconnector, RETRY, RETRY)
    orders = play(reconnector, Woke(), Opened(), Left(0.0), Opened(), RETRY)
    assert orders[2] == Connect(2)
    assert orders[-1] == Wait(4.0, 3, "cut")


def test_a_return_that_comes_to_nothing_is_a_loss_like_any_other():
    reconnector = machine_in(State.CONNECTED, max_retries=1)
    orders = play(reconnector, Left(0.0), RETRY, Woke(), RETRY)
    assert orders[1] == Wait(1.0, 1, "cut")
    assert orders[-1] == Stop(Cause.NETWORK, "gave up after 1 reconnect: cut")


@pytest.mark.parametrize(("lasted", "seconds"), [(29.999, 8), (30.0, 1)])
def test_a_connection_that_was_left_is_forgiven_for_its_own_time_only(lasted, seconds):
    reconnector = machine()
    failures(reconnector, RETRY, RETRY, RETRY)
    play(reconnector, Woke(), Opened(), now=100.0)
    reconnector.handle(Left(100.0 + lasted), 9000.0)
    *_, wait = play(reconnector, Opened(), RETRY, now=9000.0)
    assert wait.seconds == seconds


def test_leaving_between_strikes_does_not_start_their_count_over():
    reconnector = machine()
    failures(reconnector, STRIKE, STRIKE)
    orders = play(reconnector, Woke(), Opened(), Left(0.0), Opened(), STRIKE)
    assert orders[-1] == Stop(Cause.NETWORK, "1002")


# Tokens.


@pytest.mark.parametrize("source", ["login", "refresh"])
def test_a_token_that_worked_for_30_s_is_renewed_in_any_way(source):
    reconnector = machine_in(State.CONNECTED)
    assert reconnector.handle(Refused(source, "4401"), 30.0) == Renew()


def test_a_login_token_that_did_not_last_30_s_is_the_end():
    reconnector = machine_in(State.CONNECTED)
    end = reconnector.handle(Refused("login", "4401"), 29.999)
    assert end == Stop(Cause.AUTHENTICATION, "4401")


@pytest.mark.parametrize("sources", [["cache"] * 9, ["cache", "refresh", "login"]])
def test_a_server_that_accepts_and_then_refuses_for_ever_sees_4_connects_at_most(
    sources,
):
    reconnector = machine()
    order = reconnector.handle(Started(), 0.0)
    connects = 0
    for source in sources:
        assert isinstance(order, Connect)
        connects += 1
        *_, order = play(reconnector, Opened(), Refused(source, "4401"))
        if isinstance(order, Stop):
            break
        order = reconnector.handle(Renewed(), 0.0)
    assert order == Stop(Cause.AUTHENTICATION, "4401")
    assert connects == min(4, len(sources))


def test_refusals_before_a_stable_connection_are_forgotten():
    reconnector = machine()
    failures(reconnector, CERTAIN, CERTAIN, CERTAIN)
    play(reconnector, Renewed(), Opened(), now=0.0)
    assert reconnector.handle(CERTAIN, 30.0) == Renew()


NOW = Lost(Verdict.RETRY_NOW, "restart")
TOO_OFTEN = Stop(Cause.NETWORK, "1002")
NOT_ACCEPTED = Stop(Cause.AUTHENTICATION, "401")


@pytest.mark.parametrize(
    ("events", "last"),
    [
        ([Lost(Verdict.RETRY, "503", 20.0)], Wait(20.0, 1, "503")),
        ([NOW], Wait(0.0, 1, "restart")),  # at once, but the first time only
        ([NOW, NOW], Wait(2.0, 2, "restart")),
        ([RETRY, NOW], Wait(2.0, 2, "restart")),
        ([STRIKE, STRIKE], Wait(2.0, 2, "1002")),
        ([STRIKE, STRIKE, STRIKE], TOO_OFTEN),
        ([STRIKE, STRIKE, RETRY, STRIKE, STRIKE], Wait(16.0, 5, "1002")),
        ([STRIKE, STRIKE, CERTAIN, STRIKE, STRIKE], Wait(8.0, 4, "1002")),
        ([STRIKE, STRIKE, DOUBTFUL, STRIKE, STRIKE], Wait(8.0, 4, "1002")),
        ([CERTAIN], Renew()),
        ([Refused("refresh", "401")], Renew(only_login=True)),
        ([Refused("login", "401")], NOT_ACCEPTED),
        ([CERTAIN, Refused("refresh", "401")], Renew(only_login=True)),
        ([CERTAIN, Refused("refresh", "401"), Refused("login", "401")], NOT_ACCEPTED),
        ([DOUBTFUL], Renew()),
        ([Refused("refresh", "1008", False)], Renew()),  # it may be something else
        ([Refused("login", "1008", False)], Renew()),
        ([DOUBTFUL, DOUBTFUL], Stop(Cause.NETWORK, "1008")),
        ([CUT_SHORT, CUT_SHORT], Stop(Cause.AUTHENTICATION, "cut")),
        ([DENIED], Stop(Cause.AUTHENTICATION, "403")),
        ([DOUBTFUL, RETRY, DOUBTFUL], Renew()),
        ([DOUBTFUL, STRIKE, DOUBTFUL], Renew()),
        ([DOUBTFUL, CERTAIN, DOUBTFUL], Renew()),
    ],
)
def test_what_follows_from_failures_in_a_row(events, last):
    assert failures(machine(), *events)[-1] == last


# Whatever happens.

_VERDICTS = st.sampled_from(Verdict)
_HAPPENINGS = st.one_of(
    st.sampled_from([Opened(), Renewed(), Woke()] * 2 + [Left(0.0)]),
    st.builds(Lost, _VERDICTS, st.just("x"), st.none() | st.floats(-10, 1e9, width=32)),
    st.builds(
        Refused,
        st.sampled_from(["cache", "refresh", "login"]),
        st.just("x"),
        st.booleans(),
    ),
)


@settings(max_examples=40, database=None)
@given(st.lists(st.tuples(_HAPPENINGS, st.floats(0, 60)), max_size=40))
def test_whatever_happens_the_table_decides(happenings):
    reconnector, now = machine(jitter=0.5, draw=0.3), 0.0
    reconnector.handle(Started(), now)
    for event, later in happenings:
        now += later
        before = reconnector.state
        try:
            order = reconnector.handle(event, now)
        except LookupError:
            assert (before, type(event)) not in FOLLOWS
            assert reconnector.state is before
            continue
        assert before is not State.STOPPED
        assert isinstance(order, Stop) == (reconnector.state is State.STOPPED)
        if isinstance(order, Wait):
            assert 0.0 <= order.seconds <= 300.0


@pytest.mark.parametrize("verdict", [Verdict.RETRY, Verdict.RETRY_NOW])
def test_a_server_that_accepts_and_drops_sees_5_connects_in_15_s_at_most(verdict):
    reconnector, now, connects = machine(jitter=0.5, draw=ALMOST_ONE), 0.0, [0.0]
    reconnector.handle(Started(), now)
    while now < 60:
        *_, wait = play(reconnector, Opened(), Lost(verdict, "1000"), now=now)
        now += wait.seconds
        connects.append(now)
        reconnector.handle(Woke(), now)
    assert len([at for at in connects if at <= 14.99]) == 5
    gaps = [round(b - a, 3) for a, b in pairwise(connects)]
    assert gaps == sorted(gaps)
