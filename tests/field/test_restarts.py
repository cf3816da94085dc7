"""A server restarts, and a proxy in front of it answers in its stead.

Traefik says "404 page not found" where it has no backend, nginx and load balancers 502
and pages of HTML, tunnels 403 and 421; each of them did end a listener that had worked.
"""

from __future__ import annotations

import pytest

from notifyws import NotificationService
from notifyws.config.settings import Settings
from notifyws.errors import AuthenticationFailed, NetworkFailed
from notifyws.events import Connecting, Gap, Reconnecting
from tests.protocol.profiles.stage import until
from tests.support.catalogue import sample
from tests.support.httpd import answer, httpd, json_answer
from tests.support.tls import Authority

PAGE = b"<html><h1>404 page not found</h1></html>"
LOGIN = {"accessToken": "tok", "refreshToken": "r", "expiresIn": 900}


def settings(url, **said):
    known = {"token": "t", "cache_url": "memory://", "retry_delays": (0.1,)}
    return Settings(url=url, **{**known, **said})


class Restarting:
    """A server whose answers are this: each is a story of one connection.

    The last one is told for ever.
    """

    def __init__(self, *stories):
        self.stories = list(stories)

    async def __call__(self, peer):
        story = self.stories.pop(0) if len(self.stories) > 1 else self.stories[0]
        await story(peer)


async def serves_and_restarts(peer):
    await peer.upgrade()
    await peer.say('{"type":"a","title":"before"}')
    await peer.close(1012, "service restart")


async def serves(peer):
    await peer.upgrade()
    await peer.say('{"type":"a","title":"after"}')
    await peer.hang()


def says_instead(status, **headers):
    async def story(peer):
        await peer.request()
        await peer.write(answer(status, PAGE, **headers))

    return story


async def greets(peer):
    await peer.request()
    await peer.write(b"220 proxy is starting\r\n")


async def forgets_the_protocol(peer):
    await peer.upgrade(Sec_WebSocket_Protocol="surprise")


PASSING = [
    *(says_instead(status) for status in (200, 400, 403, 404, 405, 410, 421, 502)),
    says_instead(302, Location="/maintenance"),
    greets,
    forgets_the_protocol,
]


async def heard(service, count):
    seen = []
    async for notification in service:
        seen.append(notification.title)
        if len(seen) == count:
            return seen
    return seen


@pytest.mark.parametrize("passing", sample(*PASSING, often=2))
async def test_at_a_server_that_has_worked_no_answer_of_a_proxy_is_the_end(passing):
    """traefik/traefik, pkg/server/router: no router matches, "404 page not found"."""
    story = Restarting(serves_and_restarts, *[passing] * 4, serves)
    async with httpd(story) as server:
        async with NotificationService(settings(server.url)) as service:
            events = []
            service.listener.observers.append(events.append)
            await service.connect_with_retry()
            assert await heard(service, 2) == ["before", "after"]
        attempts = [each.attempt for each in events if isinstance(each, Reconnecting)]
        assert attempts == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("status", [302, 400, 403, 404, 410, 421])
async def test_at_the_first_connect_such_an_answer_is_the_end_as_before(status):
    async with httpd(says_instead(status)) as server:
        async with NotificationService(settings(server.url)) as service:
            with pytest.raises(NetworkFailed, match=f"answered {status}"):
                await service.connect_with_retry()
        assert server.connections == 1


@pytest.mark.parametrize("served", ["a stranger's", "expired", "another name's"])
async def test_a_certificate_of_a_proxy_that_restarts_is_not_the_end(tmp_path, served):
    """kubernetes/ingress-nginx: a fake certificate until it has read the real one."""
    ours = Authority()
    passing = {
        "a stranger's": Authority().good,
        "expired": ours.expired,
        "another name's": ours.for_another_host,
    }[served]()
    async with httpd(serves_and_restarts, ours.good()) as server:
        said = settings(server.url, ca_file=str(ours.write(tmp_path)))
        async with NotificationService(said) as service:
            events = []
            service.listener.observers.append(events.append)
            await service.connect_with_retry()
            assert await heard(service, 1) == ["before"]
            await server.stop()
            async with httpd(says_instead(404), passing, server.port):
                await until(lambda: "certificate" in str(events[-1]))
                await until(lambda: isinstance(events[-1], Connecting))
            async with httpd(serves, ours.good(), server.port):
                assert await heard(service, 1) == ["after"]


@pytest.mark.parametrize("status", sample(404, 400, 403, 410, 502))
async def test_a_login_that_a_proxy_answers_during_a_restart_is_repeated(status):
    logins = 0

    async def story(peer):
        nonlocal logins
        request = await peer.request()
        if request.method == "GET":
            await peer.upgrade(request)
            if logins > 1:
                await peer.say('{"type":"a","title":"after"}')
                await peer.hang()
            await peer.close(4401, "token expired")
            return
        logins += request.target == "/auth/login"
        if request.target == "/auth/login" and logins in (1, 5):
            await peer.write(json_answer(LOGIN))
            return
        await peer.write(answer(status, PAGE))

    async with httpd(story) as server:
        said = {"token": "", "username": "u", "password": "p", "stable_after": 0}
        async with NotificationService(settings(server.url, **said)) as service:
            await service.connect_with_retry()
            assert await heard(service, 1) == ["after"]
    assert logins == 5


async def test_a_refused_login_stays_the_end_at_a_server_that_has_worked():
    logins = 0

    async def story(peer):
        nonlocal logins
        request = await peer.request()
        if request.method == "GET":
            await peer.upgrade(request)
            await peer.close(4401, "token expired")
            return
        logins += 1
        good = json_answer({"accessToken": "tok", "expiresIn": 900})
        await peer.write(good if logins == 1 else json_answer({"error": "no"}, 401))

    async with httpd(story) as server:
        said = {"token": "", "username": "u", "password": "p", "stable_after": 0}
        async with NotificationService(settings(server.url, **said)) as service:
            await service.connect_with_retry()
            with pytest.raises(AuthenticationFailed):
                await service.closed()
    assert logins == 2


async def test_a_catch_up_that_a_proxy_answers_is_asked_for_again(tmp_path):
    profile = tmp_path / "p.toml"
    profile.write_text(
        """
name = "archive"
[[rules]]
then = "notification"
[resume]
[resume.catchup]
[resume.catchup.step]
path = "/missed"
query = { since = "{last_id}" }
"""
    )
    asked = 0

    async def story(peer):
        nonlocal asked
        request = await peer.request()
        if "sec-websocket-key" in request.headers:
            await peer.upgrade(request)
            await peer.say('{"type":"a","id":1,"title":"1"}')
            await (peer.hang() if asked else peer.close(1012))
            return
        asked += 1
        missed = [] if "since=2" in request.target else [{"type": "a", "id": 2}]
        await peer.write(json_answer(missed) if asked > 2 else answer(404, PAGE))

    async with httpd(story) as server:
        said = {"profile": str(profile), "retry_delays": (0.1,)}
        async with NotificationService(settings(server.url, **said)) as service:
            events = []
            service.listener.observers.append(events.append)
            await service.connect_with_retry()
            await until(lambda: service.listener.received == 2)
            assert not any(isinstance(each, Gap) for each in events)
    assert asked >= 3
