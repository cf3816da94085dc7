"""The live view's status follows the events of the connection, and the token."""

from types import SimpleNamespace

import pytest

from notifyws.auth.cached_tokens import AccessToken
from notifyws.config.settings import Settings
from notifyws.delivery.filters import Selection
from notifyws.events import (
    Connected,
    Connecting,
    Disconnected,
    Failure,
    Reconnecting,
)
from notifyws.ui.status_tracker import StatusTracker


class Scene:
    """A service as far as it is looked at, and a clock."""

    def __init__(self, *, selection=None, user_id=""):
        self.now = 100.0
        self.service = SimpleNamespace(
            connection_state="connecting",
            received=0,
            waiting=0,
            backlog={},
            latency=None,
            token=None,
        )
        settings = Settings(url="wss://ws.example.com", user_id=user_id)
        self.tracker = StatusTracker(
            self.service, settings, selection or Selection(), lambda: self.now
        )

    def tell(self, *events):
        for event in events:
            self.tracker(event)

    @property
    def status(self):
        return self.tracker.status()


@pytest.fixture
def scene():
    return Scene()


def token(remaining):
    return AccessToken("t", "cache", remaining, "42")


def test_it_begins_with_where_we_connect_to(scene):
    assert (scene.status.state, scene.status.host) == ("connecting", "ws.example.com")


def test_a_connection_tells_who_and_since_when(scene):
    scene.tell(Connecting("wss://ws.example.com"), Connected("wss://h", "42"))
    assert (scene.status.user_id, scene.status.connected_since) == ("42", 100.0)


def test_the_configured_user_is_told_where_there_is_one():
    scene = Scene(user_id="7")
    scene.tell(Connected("wss://h", "42"))
    assert scene.status.user_id == "7"


def test_a_lost_connection_tells_why_and_when_the_next_one_comes(scene):
    scene.tell(
        Connected("wss://h"),
        Disconnected(1012, "restart"),
        Reconnecting(3, 4.0, "restart"),
    )
    status = scene.status
    assert (status.connected_since, status.attempt) == (None, 3)
    assert (status.retry_at, status.reason) == (104.0, "restart")


def test_what_ended_it_all_is_told(scene):
    scene.tell(Failure("invalid_message", "x"), Failure("network_error", "gone"))
    assert scene.status.error == "gone"


def test_a_token_is_told_with_its_end_and_so_is_the_one_that_follows(scene):
    scene.service.token = token(900.0)
    assert scene.status.token_expires == 1000.0
    scene.now = 400.0
    assert scene.status.token_expires == 1000.0
    scene.service.token = token(900.0)
    assert scene.status.token_expires == 1300.0
    scene.service.token = None
    assert scene.status.token_expires is None


def test_what_waits_anywhere_is_counted_together(scene):
    scene.service.waiting = 2
    scene.service.backlog = {"exec": SimpleNamespace(count=3)}
    assert scene.status.queued == 5


def test_with_filters_it_is_told_how_many_are_shown(scene):
    assert scene.status.shown is None
    assert Scene(selection=Selection(["t"])).status.shown == 0
