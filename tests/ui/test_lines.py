"""One line each: readable, whole, and nothing of it obeyed."""

import tracemalloc
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from notifyws.config.settings import Settings, TypeStyle
from notifyws.events import (
    Closed,
    Connected,
    Connecting,
    Disconnected,
    Failure,
    Gap,
    Grouped,
    Reconnecting,
)
from notifyws.ui.lines import (
    elapsed,
    event_line,
    host_of,
    plain_line,
    remaining,
    span,
)
from tests.ui.helpers import COLOUR, PLAIN, note, screen_of, trip

UTC = PLAIN.zone
URL = "wss://user:secret@ws.example.com:8443/socket?token=1"
GAP = Gap("2024-01-15T10:30:00Z", "2024-01-15T10:31:05Z", "server cannot replay")

SENTENCES = {
    Grouped("g", "leader"): "Leading the group g",
    Grouped("g", "replay"): "Reading the group g again",
    Grouped("g", "member", "desk"): "Member of the group g: desk leads",
    Grouped("g", "member"): "Member of the group g: nobody leads yet",
    Connecting("wss://ws.example.com"): "Connecting to ws.example.com",
    Connecting(URL, 3): "Connecting to ws.example.com:8443 (attempt 3)",
    Connected(URL, "42"): "Connected to ws.example.com:8443 as user 42",
    Connected(URL): "Connected to ws.example.com:8443",
    Reconnecting(3, 4.0, "server closed the connection (1012)"): (
        "Reconnecting in 4 s (attempt 3): server closed the connection (1012)"
    ),
    Reconnecting(1, 0.55): "Reconnecting in 0.6 s (attempt 1)",
    Reconnecting(9, 300): "Reconnecting in 300 s (attempt 9)",
    Disconnected(1006): "Disconnected: connection cut",
    Disconnected(1001, "going away"): "Disconnected: going away (1001)",
    Disconnected(1000): "Disconnected: connection closed (1000)",
    Disconnected(4000, "a\x1b[2J\nb"): "Disconnected: a b (4000)",
    Failure("authentication_failed", "bad token"): "Authentication failed: bad token",
    Failure("invalid_message", ""): "Invalid message",
    GAP: (
        "Gap of 65 s: notifications between 10:30:00 and 10:31:05 may have been missed "
        "(server cannot replay)"
    ),
    replace(GAP, recovered=True, reason=""): (
        "Gap of 65 s: notifications between 10:30:00 and 10:31:05 were recovered"
    ),
    replace(GAP, start=GAP.end): (
        "Gap: notifications before 10:31:05 may have been missed (server cannot replay)"
    ),
    Closed(): "Closed",
    Closed("count reached"): "Closed: count reached",
}


@pytest.mark.parametrize(("event", "sentence"), SENTENCES.items())
def test_an_event_is_one_sentence(event, sentence):
    assert event_line(event, UTC) == sentence


def test_a_host_is_shown_without_credentials():
    assert host_of(URL) == "ws.example.com:8443"
    assert host_of("wss://u:p@[bad") == "[bad"
    assert host_of("nonsense") == "nonsense"


LINES = [
    (
        trip(),
        "10:30:00 ℹ Trip Started: Your driver has started the trip "
        "https://ws.example.com/trips/123",
    ),
    (note(type="ping"), "10:30:00 • ping"),
    (note(title="T"), "10:30:00 • T"),
    (note(message="a\nb"), "10:30:00 • note: a b"),
    (note(data="a\nb"), "10:30:00 • note: a b"),
    (
        note(type="payment_approved"),
        "10:30:00 ✔ payment_approved https://ws.example.com/payments",
    ),
    (note(link="javascript:x()"), "10:30:00 • note javascript:x()"),
    (note(type=7, title=[1], message={"a": None}), '10:30:00 • [1]: {"a": null}'),
    (note(title="[red]x[/] :smile: \\"), "10:30:00 • [red]x[/] :smile: \\"),
    (note(timestamp="2023-12-31T23:59:59Z"), "2023-12-31 23:59:59 • note"),
    (note(timestamp="2024-01-15T10:30:07.123456+00:00"), "10:30:07 • note"),
    (note(timestamp="2024-01-15T10:31:00"), "10:31:00 • note"),
    (note(timestamp=1705314660), "10:31:00 • note"),
    (note(timestamp=1705314660123), "10:31:00 • note"),
    (note(timestamp="yesterday"), "10:30:00 • note"),
    (note(timestamp="0001-01-01T00:00:00+14:00"), "10:30:00 • note"),
]


@pytest.mark.parametrize(("notification", "line"), LINES)
def test_a_notification_is_one_line(notification, line):
    assert plain_line(notification, PLAIN) == line


def test_times_are_local():
    east = replace(PLAIN, zone=timezone(timedelta(hours=5, minutes=30)))
    assert plain_line(note(), east) == "16:00:00 • note"


def test_words_that_are_no_moment_are_remembered_by_no_more_than_that():
    tracemalloc.start()
    try:
        for n in range(40):
            odd = note(timestamp=f"{n} {'x' * 200_000}")
            assert plain_line(odd, PLAIN) == "10:30:00 • note"
        assert tracemalloc.get_traced_memory()[0] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_time_of_receipt_that_nobody_can_read_is_shown_harmless():
    assert event_line(Gap("\x1b[2Jx", "y", ""), UTC).startswith(
        "Gap: notifications between x and y"
    )


def test_colour_changes_nothing_but_colour():
    bare = screen_of(plain_line(trip(), PLAIN).encode(), 120)
    painted = screen_of(plain_line(trip(), COLOUR).encode(), 120)
    assert painted.display == bare.display
    assert painted.buffer[0][9].fg == "blue"
    assert painted.buffer[0][11].bold
    assert "\x1b" not in plain_line(trip(), PLAIN)


def test_types_look_as_the_settings_say():
    styles = {"alarm": TypeStyle("!!", "bright_red bold", "Theme", "/alarms")}
    theme = replace(COLOUR, settings=Settings(styles=styles, link_base="http://h"))
    line = plain_line(note(type="alarm"), theme)
    assert "\x1b[1;91m!!\x1b[0m" in line
    assert "http://h/alarms" in line


@given(st.dictionaries(st.sampled_from(["title", "message", "link"]), st.text()))
def test_no_notification_makes_more_than_one_line(fields):
    assert len(plain_line(note(**fields), PLAIN).splitlines()) == 1


def test_of_several_servers_every_line_says_which():
    theme = PLAIN.among({"work": Settings(url="wss://w.example"), "a": Settings()})
    line = plain_line(replace(trip(), server="work"), theme)
    assert line.startswith("10:30:00 ℹ work │ Trip Started: Your driver")
    assert line.endswith("https://w.example/trips/123")
    up = Connected("wss://w.example", server="work")
    assert event_line(up) == "work: Connected to w.example"
    gap = Gap("\x1b[2Jx", "y", "", server="\x1b[2Jw")
    assert event_line(gap, UTC).startswith("w: Gap: notifications between x")


@pytest.mark.parametrize(
    ("seconds", "past", "to_come"),
    [
        (-1, "00:00:00", "00:00"),
        (753, "00:12:33", "12:33"),
        (3 * 86400 + 15153, "3d 04:12:33", "3d 04:12:33"),
    ],
)
def test_a_time_is_written_as_a_clock_has_it(seconds, past, to_come):
    assert (elapsed(seconds), remaining(seconds)) == (past, to_come)


@pytest.mark.parametrize(
    ("end", "length"),
    [
        ("10:31:05", "65 s"),
        ("10:42:00", "12 min"),
        ("13:35:00", "3 h 5 min"),
        ("10:29:59", ""),
        ("soon", ""),
    ],
)
def test_a_span_is_as_coarse_as_it_is_long(end, length):
    assert span("2024-01-15T10:30:00Z", f"2024-01-15T{end}Z") == length
    assert span("2024-01-15T10:30:00Z", "2024-01-17T11:30:00Z") == "2 d 1 h"
