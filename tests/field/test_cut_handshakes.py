"""A server that refuses a token without a word: it hangs up during the handshake.

mattermost/mattermost, server/channels/app/platform/websocket_router.go: after an
authentication_challenge with a bad or revoked token it closes, with no frame or code.
"""

from __future__ import annotations

import pytest

from notifyws import NotificationService
from notifyws.config.settings import Settings
from notifyws.errors import AuthenticationFailed, NetworkFailed
from notifyws.events import Gap, Reconnecting
from tests.protocol.profiles.stage import Socket, stage
from tests.support.httpd import json_answer
from tests.support.profile_scene import telling

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


def listener(server, profile, **said):
    who = {"username": "u", "password": "p"} if "token" not in said else {}
    known = {"retry_delays": DELAYS, "jitter": 0.0, "cache_url": "memory://", **who}
    return NotificationService(
        Settings(url=server.url, profile=profile, **{**known, **said})
    )


def delays_of(events):
    return [each.delay for each in events if isinstance(each, Reconnecting)]


@pytest.mark.parametrize("closed", ['closed = "renew once"', 'closed = "renew"'])
async def test_a_token_that_is_refused_so_is_renewed_once_and_nothing_is_lost(
    tmp_path, closed
):
    issuer = Issuer("t2")
    answers = {"POST /login": issuer.login}
    async with (
        stage(answers, issuer.story) as server,
        listener(server, profile(tmp_path, closed)) as service,
    ):
        events = []
        service.listener.observers.append(events.append)
        if closed.endswith('"renew"'):  # one that is fresh from a login is the last
            with pytest.raises(AuthenticationFailed):
                await service.connect_with_retry()
            return
        await service.connect_with_retry()
        async for notification in service:
            assert notification.title == "in"
            break
        assert (issuer.logins, len(server.sockets)) == (2, 2)
        assert delays_of(events) == []
        assert not any(isinstance(each, Gap) for each in events)


async def test_when_the_new_one_is_refused_as_well_it_is_not_accepted(tmp_path):
    issuer = Issuer()
    async with (
        stage({"POST /login": issuer.login}, issuer.story) as server,
        listener(server, profile(tmp_path, 'closed = "renew once"')) as service,
    ):
        with pytest.raises(AuthenticationFailed) as caught:
            await service.connect_with_retry()
        assert caught.value.exit_code == 4
        assert (issuer.logins, len(server.sockets)) == (2, 2)


async def test_a_ready_made_one_that_is_refused_so_is_the_end(tmp_path):
    issuer = Issuer()
    async with (
        stage({}, issuer.story) as server,
        listener(
            server, profile(tmp_path, 'closed = "renew once"'), token="x"
        ) as service,
    ):
        with pytest.raises(AuthenticationFailed) as caught:
            await service.connect_with_retry()
        assert "NOTIFYWS_TOKEN" in caught.value.message + caught.value.hint
        assert len(server.sockets) == 1


@pytest.mark.parametrize("closed", ["", 'closed = "retry"', 'closed = "retry now"'])
async def test_a_server_that_cuts_every_handshake_gets_the_growing_delays(
    tmp_path, closed
):
    issuer = Issuer()
    async with (
        stage({"POST /login": issuer.login}, issuer.story) as server,
        listener(server, profile(tmp_path, closed), max_retries=6) as service,
    ):
        events = []
        service.listener.observers.append(events.append)
        with pytest.raises(NetworkFailed):
            await service.connect_with_retry()
        table = [0.05, 0.1, 0.2, 0.3, 0.3, 0.3]
        first = 0.0 if "now" in closed else table[0]
        assert delays_of(events) == [first, *table[1:]]
        assert issuer.logins == 1


async def test_a_subscription_that_dies_at_once_each_time_gets_them_as_well(tmp_path):
    """centrifugal/centrifuge, an unsubscribe of the same code each time."""
    path = tmp_path / "p.toml"
    gone = '[[rules]]\nwhen = "gone"\nthen = "unsubscribed"\n'
    path.write_text(f"{CHALLENGE}{gone}{RULES}")

    story = telling(Socket.hears, {"ok": True}, {"gone": True})
    async with (
        stage({}, story) as server,
        listener(server, str(path), token="t", max_retries=5) as service,
    ):
        events = []
        service.listener.observers.append(events.append)
        await service.connect_with_retry()
        with pytest.raises(NetworkFailed):
            await service.closed()
        assert delays_of(events) == [0.05, 0.1, 0.2, 0.3, 0.3]
        assert len([each for each in events if isinstance(each, Gap)]) >= 5
