"""A server that refuses a token without a word: it hangs up during the handshake.

mattermost/mattermost, server/channels/app/platform/websocket_router.go: after an
authentication_challenge with a bad or revoked token it closes, with no frame or code.
"""

from __future__ import annotations

import pytest

from notifyws import NotificationService
from notifyws.config.settings import Settings
from notifyws.errors import AuthenticationFailed, NetworkFailed
from notifyws.events import Reconnecting
from tests.protocol.profiles.stage import Socket, ended, gaps, stage, until
from tests.support.httpd import json_answer
from tests.support.profile_scene import scene, telling

CHALLENGE = """
name = "challenge"
[http.login]
path = "/login"
body = { username = "{username}", password = "{password}" }
[tokens]
access = "token"
[socket]
token_in = "none"
[[handshake]]
send = { token = "{access_token}" }
expect = "ok"
"""
RULES = """
[[rules]]
then = "notification"
"""
DELAYS = (0.05, 0.1, 0.2, 0.3)


def profile(tmp_path, closed):
    path = tmp_path / "p.toml"
    path.write_text(f"{CHALLENGE}{closed}\n{RULES}")
    return str(path)


class Issuer:
    """Gives tokens t1, t2, ... and lets in those that are good."""

    def __init__(self, *good):
        self.good, self.logins = set(good), 0

    def login(self, request):
        self.logins += 1
        return json_answer({"token": f"t{self.logins}"})

    async def story(self, socket):
        if (await socket.hears())["token"] not in self.good:
            return
        await socket.say({"ok": True})
        await socket.say({"type": "a", "title": "in"})
        await socket.stay()


USER = {"username": "u", "password": "p", "jitter": 0.0, "retry_delays": DELAYS}
ONCE = 'closed = "renew once"'


async def told_until_the_end(server, profile, **settings):
    """Listen until it ends by itself; return what was told."""
    said = {"cache_url": "memory://", **USER, **settings}
    service = NotificationService(Settings(url=server.url, profile=profile, **said))
    events = []
    service.listener.observers.append(events.append)

    async def listen():
        await service.connect_with_retry()
        await service.closed()

    async with service:
        with pytest.raises(NetworkFailed):
            await listen()
    return events


def delays_of(events):
    return [each.delay for each in events if isinstance(each, Reconnecting)]


async def test_a_token_that_is_refused_so_is_renewed_once_and_nothing_is_lost(tmp_path):
    issuer = Issuer("t2")
    made = {"POST /login": issuer.login}
    told = profile(tmp_path, ONCE)
    async with scene(told, issuer.story, answers=made, **USER) as seen:
        await until(lambda: seen.found)
        assert seen.found[0].title == "in"
        assert (issuer.logins, len(seen.server.sockets)) == (2, 2)
        assert delays_of(seen.events) == gaps(seen.events) == []


@pytest.mark.parametrize(("closed", "logins"), [(ONCE, 2), ('closed = "renew"', 1)])
async def test_when_the_last_one_is_refused_as_well_it_is_not_accepted(
    tmp_path, closed, logins
):
    """Where one that is fresh from a login is the last, that is the first."""
    issuer = Issuer()
    async with stage({"POST /login": issuer.login}, issuer.story) as server:
        error = await ended(server, profile(tmp_path, closed), **USER)
        assert (type(error), error.exit_code) == (AuthenticationFailed, 4)
        assert (issuer.logins, len(server.sockets)) == (logins, logins)


async def test_a_ready_made_one_that_is_refused_so_is_the_end(tmp_path):
    async with stage({}, Issuer().story) as server:
        error = await ended(server, profile(tmp_path, ONCE), token="x")
        assert isinstance(error, AuthenticationFailed)
        assert "NOTIFYWS_TOKEN" in error.message + error.hint
        assert len(server.sockets) == 1


@pytest.mark.parametrize("closed", ["", 'closed = "retry"', 'closed = "retry now"'])
async def test_a_server_that_cuts_every_handshake_gets_the_growing_delays(
    tmp_path, closed
):
    issuer = Issuer()
    async with stage({"POST /login": issuer.login}, issuer.story) as server:
        where = profile(tmp_path, closed)
        events = await told_until_the_end(server, where, max_retries=6)
    first = 0.0 if "now" in closed else 0.05
    assert delays_of(events) == [first, 0.1, 0.2, 0.3, 0.3, 0.3]
    assert issuer.logins == 1


async def test_a_subscription_that_dies_at_once_each_time_gets_them_as_well(tmp_path):
    """centrifugal/centrifuge, an unsubscribe of the same code each time."""
    gone = '\n[[rules]]\nwhen = "gone"\nthen = "unsubscribed"\n'
    story = telling(Socket.hears, {"ok": True}, {"gone": True})
    async with stage({}, story) as server:
        how = {"token": "t", "max_retries": 5}
        events = await told_until_the_end(server, profile(tmp_path, gone), **how)
    assert delays_of(events) == [0.05, 0.1, 0.2, 0.3, 0.3]
    assert len(gaps(events)) >= 5
