"""What people and scripts are told of a connection."""

import pytest
from msgspec.structs import replace

from notifyws.events import (
    SEVERAL,
    Closed,
    Connected,
    Connecting,
    Disconnected,
    Failure,
    Gap,
    Reconnecting,
    as_json,
    join_of,
)

AT = "2024-01-15T10:30:00.000Z"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (
            Connecting("wss://h", 2),
            {"event": "connecting", "url": "wss://h", "attempt": 2},
        ),
        (
            Connected("wss://h", "42"),
            {"event": "connected", "url": "wss://h", "userId": "42"},
        ),
        (Connected("wss://h"), {"event": "connected", "url": "wss://h"}),
        (
            Disconnected(1012, "restart"),
            {"event": "disconnected", "code": 1012, "reason": "restart"},
        ),
        (
            Reconnecting(3, 4.0, "cut"),
            {"event": "reconnecting", "attempt": 3, "delay": 4.0, "reason": "cut"},
        ),
        (
            Failure("network_error", "cut"),
            {"event": "error", "kind": "network_error", "message": "cut"},
        ),
        (
            Gap("a", "b", "why", recovered=True),
            {
                "event": "gap",
                "from": "a",
                "to": "b",
                "reason": "why",
                "recovered": True,
            },
        ),
        (Closed("done"), {"event": "closed", "reason": "done"}),
    ],
)
def test_a_lifecycle_line_names_the_event_its_facts_and_the_time(event, said):
    told = as_json(replace(event, at=AT))
    assert list(told.items()) == [*said.items(), ("at", AT)]


def test_events_are_equal_in_their_facts_whenever_they_happened():
    assert Closed("done", at=AT) == Closed("done")
    assert Closed("done", at=AT) != Closed("lost", at=AT)


def test_a_first_attempt_is_number_0_and_a_gap_is_not_recovered_unless_said():
    assert as_json(Connecting("wss://h"))["attempt"] == 0
    assert as_json(Gap("a", "b", "why"))["recovered"] is False


def test_gaps_are_told_as_one_that_leaves_out_nothing():
    join = join_of(first := Gap("b", "c", "why", recovered=True))
    assert join(first, Gap("a", "d", "why", recovered=True)) == Gap(
        "a", "d", "why", recovered=True
    )
    assert join(first, Gap("c", "d", "else")) == Gap("b", "d", SEVERAL)
    assert join_of(Closed("done")) is None


def test_an_event_is_another_one_of_its_kind_at_any_time_and_of_no_other_kind():
    assert Closed(at="now") == Closed(at="then")
    assert Closed() not in [Connecting("wss://h")]
