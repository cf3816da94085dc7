"""A server below a path of a proxy, as the pages of each of them show for nginx.

gotify/website, docs/nginx.md and docs/apache.md ("at a sub path"); mattermost-docs,
"serve from a subpath"; home-assistant and directus (PUBLIC_URL with a path) likewise.
"""

from __future__ import annotations

import pytest

from notifyws import NotificationService
from notifyws.auth.authenticator import Authenticator
from notifyws.config.settings import Settings
from notifyws.errors import NetworkFailed
from notifyws.protocol.loader import built_in, read_profile
from tests.protocol.profiles.stage import until
from tests.support.httpd import answer, httpd, json_answer

BASE = "/some/place"
SAID = """
{"id":5,"appid":1,"message":"m","title":"T","date":"2026-05-28T03:42:32.18+02:00"}
"""
VARIABLES = {
    "ntfy": "topic=t",
    "nchan": "channel=c",
    "pusher": "app_key=k channel=news",
    "centrifugo": "channel=news",
    "directus": "collection=notifications",
}
OF_A_PATH = [n for n in built_in() if read_profile(n).socket.path is not None]
URLS = [
    {"url": BASE},
    {"url": f"{BASE}/"},
    {"url": f"{BASE}OWN"},
    {"socket_url": BASE},
    {"url": BASE, "socket_url": f"{BASE}OWN"},
    {"url": BASE, "socket_url": BASE},
]


async def opened(name, urls):
    """Return where a profile opens its socket, and an authenticator of its settings."""
    asked = []

    async def story(peer):
        asked.append((await peer.request()).target.partition("?")[0])
        await peer.write(answer(404))

    async with httpd(story) as server:
        own = own_path(name)
        said = {
            key: f"{server.url}{path.replace('OWN', own)}" for key, path in urls.items()
        }
        settings = Settings(
            **said,
            profile=name,
            token="t",
            variables=VARIABLES.get(name, ""),
            cache_url="memory://",
        )
        async with NotificationService(settings) as service:
            with pytest.raises(NetworkFailed, match="404"):
                await service.connect()
    return asked, Authenticator(settings, print)


def own_path(name):
    known = {"topic": "t", "subscribe": "sub", "channel": "c", "app_key": "k"}
    constants = {**known, **read_profile(name).constants}
    return read_profile(name).socket.path.format_map({**known, **constants, **known})


@pytest.mark.parametrize("urls", URLS, ids=str)
@pytest.mark.parametrize("name", OF_A_PATH)
async def test_a_path_of_the_url_goes_before_every_path_of_every_profile(name, urls):
    asked, auth = await opened(name, urls)
    assert asked
    assert all(each.startswith(f"{BASE}/") for each in asked), asked
    assert f"{BASE}{BASE}" not in asked[-1]
    assert auth.base_path == BASE


@pytest.mark.parametrize("path", ["", "/gotify", "/gotify/stream"])
async def test_login_socket_and_what_was_missed_are_found_below_it(path):
    base = "/gotify" if path else ""
    asked = []

    async def story(peer):
        request = await peer.request()
        asked.append(f"{request.method} {request.target.partition('?')[0]}")
        if request.method == "POST":
            await peer.write(json_answer({"id": 1, "name": "n", "token": "C"}))
        elif "sec-websocket-key" in request.headers:
            await peer.upgrade(request)
            await peer.say(SAID)
            await peer.close(1012)
        else:
            await peer.write(json_answer({"messages": [], "paging": {"since": 0}}))

    async with httpd(story) as server:
        settings = Settings(
            url=f"{server.url}{path}",
            profile="gotify",
            username="u",
            password="p",
            cache_url="memory://",
            retry_delays=(0.1,),
        )
        async with NotificationService(settings) as service:
            await service.connect_with_retry()
            async for notification in service:
                assert notification.title == "T"
                break
            await until(lambda: any("/message" in each for each in asked))
    assert {each.partition(" ")[2] for each in asked} >= {
        f"{base}/client",
        f"{base}/stream",
        f"{base}/message",
    }
    assert all(each.partition(" ")[2].startswith(base) for each in asked)


def test_servers_below_different_paths_of_a_host_share_no_token():
    def account(path):
        said = {"username": "u", "profile": "gotify"}
        return Authenticator(Settings(url=f"wss://h{path}", **said), print).account.id

    assert len({account(path) for path in ("", "/a", "/b")}) == 3
    assert account("/a") == account("/a/") == account("/a/stream")
    assert account("") == account("/stream")
