"""A server that lets in pages of some origins only.

laravel/reverb, config `allowed_origins`: an error 4009 "Origin not allowed", and a
client without the header is refused as well. rails/rails, action_cable/connection/base:
404 and "Request origin not allowed". Others answer 403.
"""

from __future__ import annotations

import pytest

from notifyws import NotificationService
from notifyws.config.settings import Settings
from notifyws.config.sources import load
from notifyws.errors import ConfigurationError, NetworkFailed
from tests.support.httpd import answer, httpd

OURS = "https://app.example"


def settings(url, **said):
    return Settings(url=url, token="t", cache_url="memory://", **said)


def of_origin(refuses):
    """Return the story of a server that lets in one origin, and refuses others so."""

    async def story(peer):
        request = await peer.request()
        if request.headers.get("origin") == OURS:
            await peer.upgrade(request)
            await peer.hang()
        await refuses(peer, request)

    return story


async def with_403(peer, request):
    await peer.write(answer(403))


async def with_a_close(peer, request):
    await peer.upgrade(request)
    await peer.close(4009, "Origin not allowed")


async def with_a_frame(peer, request):
    await peer.upgrade(request)
    data = '"{\\"code\\":4009,\\"message\\":\\"Origin not allowed\\"}"'
    await peer.say(f'{{"event":"pusher:error","data":{data}}}')
    await peer.hang()


PUSHER = {"profile": "pusher", "variables": "app_key=k channel=news"}


@pytest.mark.parametrize(
    ("refuses", "said"), [(with_403, {}), (with_a_close, {}), (with_a_frame, PUSHER)]
)
async def test_whoever_is_refused_for_an_origin_is_told_how_to_name_one(refuses, said):
    async def once(url):
        async with NotificationService(settings(url, **said)) as service:
            await service.connect()
            await service.closed()

    async with httpd(of_origin(refuses)) as server:
        with pytest.raises(NetworkFailed) as caught:
            await once(server.url)
    assert "NOTIFYWS_ORIGIN=https://" in caught.value.hint


@pytest.mark.parametrize("header", ["Origin", "origin"])
async def test_the_origin_that_was_named_goes_in_place_of_the_profiles(
    tmp_path, header
):
    profile = tmp_path / "p.toml"
    profile.write_text(
        f"""
name = "page"
[socket]
headers = {{ {header} = "https://other.example" }}
[[rules]]
then = "notification"
"""
    )
    async with httpd(of_origin(with_403)) as server:
        said = settings(server.url, origin=OURS, profile=str(profile))
        async with NotificationService(said) as service:
            await service.connect()
        (asked,) = server.requests
        assert asked.headers["origin"] == OURS


async def test_without_one_no_origin_is_sent():
    async with httpd(of_origin(with_403)) as server:
        async with NotificationService(settings(server.url)) as service:
            with pytest.raises(NetworkFailed):
                await service.connect()
        assert "origin" not in server.requests[0].headers


@pytest.mark.parametrize(
    "origin", ["https://a\r\nX-Evil: 1", "https://ä.example", "a b"]
)
async def test_what_no_header_may_hold_is_a_matter_of_configuration(origin):
    async with httpd(of_origin(with_403)) as server:
        async with NotificationService(settings(server.url, origin=origin)) as service:
            with pytest.raises(ConfigurationError, match="NOTIFYWS_ORIGIN"):
                await service.connect()
        assert server.requests == []


def test_a_dotenv_of_the_folder_may_name_one(tmp_path, monkeypatch):
    """It is no secret, and decides neither where a credential goes nor how."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".env").write_text(f"NOTIFYWS_ORIGIN={OURS}\n")
    environ = {"WEBSOCKET_SERVER_URL": "wss://h", "NOTIFYWS_TOKEN": "t"}
    assert load(environ=environ).settings.origin == OURS
