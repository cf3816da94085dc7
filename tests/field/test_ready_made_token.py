"""A ready-made token that is no good ends every command alike: 4, and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import jwt
import pytest

from notifyws.protocol.loader import built_in, read_profile
from tests.e2e.support import Server
from tests.support.catalogue import sample
from tests.support.httpd import answer, in_a_thread
from tests.support.valkey import free_port

RUNNING = (Path(__file__).parents[2] / "docs" / "running.md").read_text("utf-8")

HINT = "set another NOTIFYWS_TOKEN, or unset it and run: notifyws auth login"
VERIFIED = """
name = "verified"
[http.verify]
path = "/me"
[socket]
path = "/ws"
[[rules]]
then = "notification"
"""
SHOWN = ("listen", "send -m x", "profile check verified.toml --url {url}")
"""Commands that show the token to the socket, whatever the profile."""
CHECKED = ("token", "auth whoami")
"""Those that show it to nobody unless the profile knows whom to ask."""


@pytest.fixture(scope="module")
def server():
    started = Server()
    yield started
    started.stop()


def refused(done) -> None:
    assert done.returncode == 4, done.stderr
    assert f"hint: {HINT}\n" in done.stderr
    assert "the server does not accept the ready-made token" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [*SHOWN[:-1], "profile check default --url {url}"])
def test_a_socket_that_refuses_it(home, server, command):
    env = {"NOTIFYWS_TOKEN": "not-ours", "WEBSOCKET_SERVER_URL": server.url}
    refused(home.run(*command.format(url=server.url).split(), env=env))


@pytest.mark.parametrize("command", sample(*SHOWN, *CHECKED, often=2))
def test_an_http_side_that_refuses_it(home, command):
    (home.path / "verified.toml").write_text(VERIFIED)

    async def story(peer):
        clock = (await peer.request()).target == "/"
        await peer.write(answer(200 if clock else 401))

    with in_a_thread(story) as there:
        env = {
            "NOTIFYWS_TOKEN": "not-ours",
            "WEBSOCKET_SERVER_URL": there.url,
            "NOTIFYWS_PROFILE": "./verified.toml",
        }
        refused(home.within(*command.format(url=there.url).split(), env=env))
        done = home.within("status", "--check", "--json", env=env)
    assert done.returncode == 4
    said = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert said["websocket"]["hint"] == HINT


@pytest.mark.parametrize("profile", built_in())
def test_in_every_profile_so_that_no_service_manager_tries_it_for_ever(home, profile):
    """The unit in docs/running.md is not started again after 2 and 4, but after 5."""

    async def story(peer):
        await peer.request()
        await peer.write(answer(401))

    needs = read_profile(profile).needs
    with in_a_thread(story) as there:
        env = {
            "NOTIFYWS_TOKEN": "not-ours",
            "WEBSOCKET_SERVER_URL": there.url,
            "NOTIFYWS_PROFILE": profile,
            "NOTIFYWS_VARIABLES": " ".join(f"{name}=x" for name in needs),
        }
        refused(home.within("listen", env=env))
    assert "RestartPreventExitStatus=2 4\n" in RUNNING


@pytest.mark.parametrize("command", CHECKED)
def test_a_server_that_is_down_refuses_no_token(home, command):
    (home.path / "verified.toml").write_text(VERIFIED)
    env = {
        "NOTIFYWS_TOKEN": "perhaps",
        "WEBSOCKET_SERVER_URL": f"ws://127.0.0.1:{free_port()}",
        "NOTIFYWS_PROFILE": "./verified.toml",
    }
    assert home.within(*command.split(), env=env).returncode == 0


@pytest.mark.parametrize("command", CHECKED)
def test_one_that_has_ended_by_its_own_word(home, command):
    ended = jwt.encode({"sub": "42", "exp": 1_700_000_000}, "k" * 32)
    env = {"NOTIFYWS_TOKEN": ended, "WEBSOCKET_SERVER_URL": "ws://127.0.0.1:1"}
    refused(home.within(*command.split(), env=env))
