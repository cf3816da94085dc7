"""What a hostile server says while a socket is opened, and files of strangers."""

from __future__ import annotations

import asyncio
import os

import pytest

from notifyws import NotificationService
from notifyws.config.saved_login import login_file, recall, remember
from notifyws.config.settings import Settings
from notifyws.config.sqlite_files import CACHE, demand_ours
from notifyws.errors import ConfigurationError, NotWebSocket
from tests.faults.support import scripted
from tests.support.catalogue import sample
from tests.support.httpd import answer, httpd, json_answer

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e".encode().decode("latin-1")
"""Escapes and a bidi character, as bytes go into a header."""


def settings(url, **said):
    who = {} if "username" in said else {"token": "t"}
    return Settings(url=url, cache_url="memory://", retry_delays=(0.1,), **who, **said)


@pytest.mark.parametrize(
    "extension",
    [
        "permessage-deflate",
        "permessage-deflate; client_max_window_bits=99",
        "x-webkit-deflate-frame",
        "permessage-deflate, permessage-deflate",
        "\x1b[2J",
    ],
)
@pytest.mark.parametrize("offered", [False, True])
async def test_an_extension_that_was_not_offered_so_is_no_websocket(extension, offered):
    async def story(peer):
        await peer.upgrade(Sec_WebSocket_Extensions=extension)
        await peer.hang()

    async with httpd(story) as server:
        said = settings(server.url, compression=offered)
        async with NotificationService(said) as service:
            if offered and extension == "permessage-deflate":
                await service.connect()
                return
            with pytest.raises(NotWebSocket) as caught:
                await service.connect()
    assert caught.value.hint


async def test_cookies_of_a_server_are_not_kept_for_anything():
    async def story(peer):
        request = await peer.request()
        cookie = {"Set_Cookie": "track=1; Path=/; Domain=127.0.0.1"}
        if request.method == "POST":
            given = {"accessToken": "tok", "refreshToken": "r", "expiresIn": 900}
            await peer.write(json_answer(given, **cookie))
        else:
            await peer.upgrade(request, **cookie)
            await peer.close(1012)

    async with httpd(story) as server:
        said = settings(server.url, username="u", password="p")
        async with NotificationService(said) as service:
            await service.connect_with_retry()
            while len(server.requests) < 3:
                await asyncio.sleep(0.01)
            await service.authenticate()
        assert not any("cookie" in each.headers for each in server.requests)


HEADERS = [
    {"Location": f"/{EVIL}"},
    {"Location": f"https://{EVIL}.example/"},
    {"Retry_After": EVIL},
    {"WWW_Authenticate": f'Bearer error="{EVIL}"'},
    {"X": EVIL},
]


@pytest.mark.parametrize("headers", HEADERS, ids=str)
@pytest.mark.parametrize("status", sample(302, 403, 503))
def test_no_escape_of_a_refused_upgrade_reaches_a_terminal(home, headers, status):
    said = answer(status, EVIL.encode(), **headers)
    said = said.replace(b"Said", EVIL.encode("latin-1"))

    async def story(peer):
        await peer.request()
        await peer.write(said)

    with scripted(home, story, NOTIFYWS_MAX_RETRIES="0"):
        for command in (["listen"], ["listen", "--json"], ["status", "--check"]):
            ran = home.within(*command)
            seen = ran.stdout + ran.stderr
            assert ran.returncode in (0, 4, 5), seen
            assert not set("\x1b\x07\x9b\u202e") & set(seen), seen


@pytest.fixture
def stranger(monkeypatch):
    """Be somebody else than who made the files."""
    monkeypatch.setattr(os, "geteuid", lambda: 4711)


def test_a_login_that_another_user_put_there_is_not_recalled(
    tmp_path, monkeypatch, stranger
):
    """It could name a server for the password of the environment."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    remember({"url": "wss://evil.example", "username": "me"})
    assert recall()["url"] == "wss://evil.example"
    os.chown(login_file(), 1, -1)
    assert recall() == {}


def test_a_token_cache_that_another_user_made_is_left_alone(tmp_path, stranger):
    path = tmp_path / "tokens.db"
    path.write_bytes(b"")
    demand_ours(path, CACHE)
    os.chown(path, 1, -1)
    with pytest.raises(ConfigurationError, match="another user made it"):
        demand_ours(path, CACHE)


def test_a_folder_of_ours_may_be_a_link(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "notifyws").symlink_to(tmp_path / "elsewhere")
    remember({"url": "wss://h", "username": "me"})
    assert recall()["url"] == "wss://h"
    assert (tmp_path / "elsewhere" / "login.json").stat().st_mode & 0o777 == 0o600
