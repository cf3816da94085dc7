"""One line says how the connection is, at every width."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from notifyws.auth.cached_tokens import AccessToken
from notifyws.config.settings import Settings
from notifyws.delivery.filters import Selection
from notifyws.events import Connected, Connecting, Disconnected, Failure, Reconnecting
from notifyws.ui.footer import Status, footer, footers
from notifyws.ui.status_tracker import StatusTracker
from tests.ui.helpers import COLOUR

UP = Status(
    "connected",
    host="ws.example.com",
    user_id="42",
    received=128,
    connected_since=0.0,
    token_expires=753.0 + 702,
    latency=0.012,
)
WAITING = Status(
    "reconnecting",
    host="ws.example.com",
    attempt=3,
    retry_at=757.0,
    reason="server closed the connection (1012)",
)
MEMBER = Status(
    "connected", received=7, group="workers", role="member", leader="a:1", pending=2
)
FAILED = Status("disconnected", reason="x", error="authentication failed")
STATES = [UP, WAITING, FAILED, Status("connecting", "ws.example.com")]


def shown(status, now=753.0, width=120):
    return footer(status, now, width).plain


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (Status("connecting", "ws.example.com"), "🟡 Connecting to ws.example.com"),
        (Status("connecting", "h", attempt=2), "🟡 Connecting to h (attempt 2)"),
        (Status("connecting"), "🟡 Connecting"),
        (Status("connected", "h"), "🟢 Connected  h · 0 received"),
        (
            UP,
            "🟢 Connected  ws.example.com · user 42 · 128 received · up 00:12:33 · "
            "token 11:42 · 12 ms",
        ),
        (MEMBER, "🟢 Member  of workers, a:1 leads · lag 0, 2 pending · 7 received"),
        (
            replace(MEMBER, state="reconnecting", leader=""),
            "🟡 Waiting: nobody leads workers",
        ),
        (
            replace(MEMBER, state="reconnecting", lag=None),
            "🟡 Waiting: its Redis is away",
        ),
        (
            Status("connected", "h", group="workers", role="leader", lag=1234),
            "🟢 Connected  h, leading workers · lag 1,234, 0 pending · 0 received",
        ),
        (
            Status("connected", "h", group="workers", role="leader", lag=None),
            "🟢 Connected  h, leading workers · Redis is away · 0 received",
        ),
        (
            WAITING,
            "🟡 Reconnecting in 4 s (attempt 3): server closed the connection (1012)",
        ),
        (FAILED, "🔴 Disconnected: authentication failed"),
        (Status("disconnected"), "🔴 Disconnected"),
    ],
)
def test_each_state_has_its_sentence(status, line):
    assert shown(status) == line


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"received": 1_234_567}, "1,234,567 received"),
        ({"connected_since": 753 - 3 * 86400 - 61}, "up 3d 00:01:01"),
        ({"token_expires": 753 + 7322}, "token 02:02:02"),
        ({"token_expires": 753.0}, "token expired"),
        ({"latency": 0.0002}, "<1 ms"),
        ({"latency": 1.26}, "1.3 s"),
        ({"queued": 1200}, "Connected  1,200 waiting · ws.example.com"),
        ({"shown": 3}, "3 of 128 received"),
        ({"shown": 128}, " · 128 received"),
        ({"paused": True}, "Connected  paused · ws.example.com"),
        ({"paused": True, "queued": 12}, "Connected  paused, 12 waiting · ws"),
        ({"filter": "type == 'x'"}, "Connected  /type == 'x' · ws.example.com"),
        ({"filter": "x", "hidden": 1234}, "Connected  /x (1,234 hidden) · ws"),
        ({"filter": "x" * 99}, f"/{'x' * 23}… · ws.example.com"),
        ({"notice": "data on"}, "Connected  data on · ws.example.com"),
        ({"user_id": "a\x1b[31m\nb"}, "user a b"),
    ],
)
def test_facts_are_said_as_people_say_them(changed, words):
    assert words in shown(replace(UP, **changed), width=200)


ASIDE = {"paused": True, "notice": "data on"}


def test_what_was_asked_for_is_said_in_every_state():
    said = [shown(replace(state, **ASIDE)) for state in STATES]
    assert said[1:] == [
        "🟡 Reconnecting in 4 s (attempt 3)  data on · paused · "
        "server closed the connection (1012)",
        "🔴 Disconnected  data on · paused · authentication failed",
        "🟡 Connecting to ws.example.com  data on · paused",
    ]
    assert shown(replace(UP, **ASIDE), width=32) == "🟢 Connected  data on · paused"
    assert shown(replace(UP, notice="not a filter"), 0, 20) == "🟢 Connected  not a…"


def test_the_wait_counts_down():
    heads = [shown(WAITING, now).split(":")[0] for now in (753.2, 754.0, 756.9, 757.1)]
    assert heads == [
        "🟡 Reconnecting in 4 s (attempt 3)",
        "🟡 Reconnecting in 3 s (attempt 3)",
        "🟡 Reconnecting in 1 s (attempt 3)",
        "🟡 Reconnecting (attempt 3)",
    ]


def test_the_least_important_goes_first():
    assert shown(UP, width=70) == (
        "🟢 Connected  ws.example.com · user 42 · 128 received · token 11:42"
    )
    assert shown(UP, width=40) == "🟢 Connected  user 42 · 128 received"
    assert shown(UP, width=30) == "🟢 Connected  128 received"
    assert shown(UP, width=20) == "🟢 Connected"
    assert shown(UP, width=5) == "🟢 C…"
    assert shown(WAITING, width=40) == "🟡 Reconnecting in 4 s: server closed t…"


@pytest.mark.parametrize("status", STATES, ids=lambda status: status.state)
def test_it_is_never_wider_than_the_terminal(status):
    for width in range(0, 201):
        assert cell_len(shown(status, width=width)) <= width


@given(st.text(), st.text(), st.integers(1, 80), st.sampled_from(STATES))
def test_no_remote_word_makes_it_wider(host, words, width, state):
    status = replace(state, host=host, user_id=words, reason=words, error="")
    line = shown(status, width=width)
    assert cell_len(line) <= width
    assert "\n" not in line
    assert "\x1b" not in line


def test_colour_adds_weight_only():
    assert "\x1b[1mConnected\x1b[0m" in COLOUR.draw(footer(UP, 753, 80))


AWAY = Status("reconnecting", attempt=2, retry_at=757.0, reason="refused")


def test_on_a_narrow_screen_the_reason_stays_the_longest():
    cut = replace(AWAY, host="127.0.0.1:8765", reason="127.0.0.1:8765 was cut")
    assert [footer(cut, 753, width).plain for width in (80, 48, 36, 20)] == [
        "🟡 Reconnecting in 4 s (attempt 2): 127.0.0.1:8765 was cut",
        "🟡 Reconnecting in 4 s (attempt 2): was cut",
        "🟡 Reconnecting in 4 s: was cut",
        "🟡 Reconnecting in …",
    ]


def named(name, status=UP, **facts):
    return replace(status, server=(name, "cyan"), **facts)


def test_of_several_servers_each_has_a_line_that_begins_with_its_name():
    lines = footers([named("work"), named("home", AWAY)], 753, 60, 2)
    assert [line.plain for line in lines] == [
        "🟢 work  Connected  ws.example.com · user 42 · 128 received",
        "🟡 home  Reconnecting in 4 s (attempt 2): refused",
    ]


def test_where_there_is_no_room_for_all_those_that_are_well_share_the_last_line():
    many = [named("a"), named("b", AWAY), named("c"), named("d", paused=True)]
    assert [line.plain for line in footers(many, 753, 60, 3)] == [
        "🟡 b  Reconnecting in 4 s (attempt 2): refused",
        "🟢 d  Connected  paused · user 42 · 128 received",
        "🟢 2 connected  256 received",
    ]
    [line] = footers(many, 753, 60, 1)
    assert line.plain == "🟡 3 of 4 connected  paused · 384 received"


@given(st.integers(0, 30), st.integers(1, 9), st.integers(1, 99))
def test_the_lines_of_several_fit_whatever_room_there_is(count, most, width):
    lines = footers([named(f"s{n}", AWAY) for n in range(count)], 0, width, most)
    assert len(lines) == min(count, most)
    assert all(line.cell_len <= width for line in lines)


class Scene:
    """A service as far as it is looked at, and a clock."""

    def __init__(self, *, selection=None, user_id=""):
        self.now = 100.0
        self.service = SimpleNamespace(
            settings=Settings(url="wss://ws.example.com", user_id=user_id),
            connection_state="connecting",
            latency=None,
            token=None,
            listener=SimpleNamespace(received=0, filtered=0, waiting=0, group=None),
        )
        chosen = selection or Selection()
        self.tracker = StatusTracker(self.service, chosen, lambda: self.now)

    @property
    def status(self):
        return self.tracker.status()


@pytest.fixture
def scene():
    return Scene()


def token(remaining):
    return AccessToken("t", "cache", remaining, "42")


LOST = (Disconnected(1012, "restart"), Reconnecting(3, 4.0, "restart"))


@pytest.mark.parametrize(
    ("configured", "events", "facts"),
    [
        ("", [], {"state": "connecting", "host": "ws.example.com"}),
        ("", [Connecting("wss://h:1", 2)], {"host": "h:1", "attempt": 2}),
        ("", [Connected("wss://h", "42")], {"user_id": "42", "connected_since": 100.0}),
        ("7", [Connected("wss://h", "42")], {"user_id": "7"}),
        (
            "",
            [Connected("wss://h"), *LOST],
            {"connected_since": None, "attempt": 3, "retry_at": 104.0},
        ),
        ("", LOST, {"reason": "restart"}),
        ("", [Failure("network_error", "gone")], {"error": "gone"}),
        ("", [Failure("invalid_message", "x")], {"error": ""}),
    ],
)
def test_the_status_follows_the_events(configured, events, facts):
    scene = Scene(user_id=configured)
    for event in events:
        scene.tracker(event)
    assert {name: getattr(scene.status, name) for name in facts} == facts


def test_a_token_is_told_with_its_end_if_it_says_it_and_so_is_the_next(scene):
    scene.service.token = token(900.0)
    assert scene.status.token_expires == 1000.0
    scene.now = 400.0
    assert scene.status.token_expires == 1000.0
    scene.service.token = token(900.0)
    assert scene.status.token_expires == 1300.0
    scene.service.token = None
    assert scene.status.token_expires is None
    scene.service.token = AccessToken("opaque", "static", 900.0)
    assert scene.status.token_expires is None


def test_what_waits_is_told_and_with_filters_how_many_are_shown(scene):
    scene.service.listener.waiting = 5
    assert (scene.status.queued, scene.status.shown) == (5, None)
    assert Scene(selection=Selection(["t"])).status.shown == 0
