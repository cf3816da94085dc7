"""What may be on its way at once grows while all goes well, and is bounded."""

from __future__ import annotations

from notifyws.cli.send_lines import (
    FIRST,
    FIRST_BYTES,
    MOST,
    MOST_BATCHES,
    MOST_BYTES,
    Batch,
    Window,
)
from notifyws.models import Message

NOTE = Message("note")
QUARTER = Batch([NOTE] * (FIRST // 4), 60_000)


def fill(window: Window, batch: Batch = QUARTER) -> int:
    """Send until it is full; return how many messages went."""
    before = window._messages
    while not window.full:
        window.sent(batch)
    return window._messages - before


def settle(window: Window, batch: Batch = QUARTER, **how) -> None:
    """Let all that is on its way be through."""
    for _ in range(window._messages // len(batch.messages)):
        window.through(batch, **{"took": 0.1, "doubtful": False, **how})


def test_it_begins_with_little():
    assert fill(Window()) == FIRST


def test_while_all_goes_well_three_times_as_much_may_go_each_time_up_to_a_bound():
    window, went = Window(), []
    for _ in range(5):
        went.append(fill(window))
        settle(window)
    assert went == [FIRST, 3 * FIRST, MOST, MOST, MOST]


def test_on_a_slow_line_it_stays_with_little():
    window = Window()
    for _ in range(3):
        assert fill(window) == FIRST
        settle(window, took=1.1)


def test_after_an_error_that_named_none_little_goes_for_good():
    window = Window()
    fill(window)
    settle(window)
    fill(window)
    window.through(QUARTER, 0.1, doubtful=True)
    settle(window)
    for _ in range(3):
        assert fill(window) == FIRST
        settle(window)


def test_on_a_line_that_becomes_slow_little_goes_again():
    window = Window()
    for took, went in ((0.1, FIRST), (1.1, 3 * FIRST), (0.1, FIRST)):
        assert fill(window) == went
        settle(window, took=took)


def test_long_lines_are_bounded_by_what_they_hold_and_one_may_always_go():
    assert fill(Window(), Batch([NOTE], MOST_BYTES)) == 1
    window, went, long = Window(), [], Batch([NOTE], FIRST_BYTES // 4)
    for _ in range(5):
        went.append(fill(window, long))
        settle(window, long)
    most = -(-MOST_BYTES // long.size)
    assert went == [4, 12, 36, most, most]


def test_single_lines_are_bounded_by_their_pings():
    typed = Batch([NOTE], 20)
    assert fill(Window(), typed) == MOST_BATCHES
    assert fill(Window(batches=4), typed) == 4
