"""Whatever strangers call things: commands, errors, logs and a TAB say it as text."""

from __future__ import annotations

import json
import socket

import pytest

from tests.e2e.support import plain_http
from tests.faults.test_hostile_words import ODD, WORDS, hostile
from tests.faults.test_output import strays
from tests.support.httpd import Peer, answer, in_a_thread, json_answer

COMMANDS = (
    *("profile check default --url {url}", "profile check default --url {url} --json"),
    *("status --check", "status --check --json", "send -m x", "send -m x --json"),
    *("token", "token --json", "auth login", "auth login --json", "auth whoami --json"),
    *("listen --no-reconnect", "listen --no-reconnect --json --events --timeout 5"),
    "auth logout",
)
SPOKEN = (
    "",
    "status -v",
    "status --json",
    "auth whoami",
    "token",
    "listen",
    "send -m x",
)
NAMED = (
    {"url": "ws://127.0.0.1:1", "username": WORDS, "profile": "default"},
    {"url": "ws://127.0.0.1:1", "username": "me", "profile": WORDS},
    {"url": WORDS, "username": WORDS, "profile": WORDS},
)


async def refusing(peer: Peer) -> None:
    """Let nobody in, in the worst words that there are."""
    request = await peer.request()
    said = {"id": WORDS, "message": WORDS, "error": WORDS, "errors": [WORDS]}
    known = request.method == "HEAD"
    await peer.write(answer(200) if known else json_answer(said, 401))


def is_text(done, line: str) -> None:
    assert strays(done.stdout) == strays(done.stderr) == [], line
    assert "unexpected" not in done.stderr, line
    if "--json" in line and done.stderr.endswith("}\n"):
        last = done.stderr.splitlines()[-1]
        assert set(json.loads(last)["error"]) == {"kind", "message", "hint"}
        assert last.isascii(), line


@pytest.mark.slow
@pytest.mark.parametrize("story", [hostile, refusing])
def test_a_server_whose_every_string_is_hostile(home, story):
    with in_a_thread(story) as server:
        home.use(server)
        for line in COMMANDS:
            done = home.within(*line.format(url=server.url).split())
            assert done.returncode in {0, 3, 4, 5, 6}, (line, done.stderr)
            is_text(done, line)


@pytest.mark.parametrize("login", NAMED, ids=["username", "profile", "all"])
def test_a_remembered_login_that_somebody_else_wrote(home, login):
    kept = home.path / ".local" / "state" / "notifyws" / "login.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps(login))
    for line in SPOKEN:
        done = home.within(*line.split())
        assert done.returncode in {0, 2}, (line, done.stderr)
        is_text(done, line)


def test_names_of_entries_types_and_profiles_at_a_tab(home):
    folder = home.path / ".config" / "notifyws"
    (folder / "profiles").mkdir(parents=True)
    name = json.dumps(WORDS)
    (folder / "config.toml").write_text(f"[servers.{name}]\n[types.{name}]\n")
    profile = f"name = {name}\n[types.{name}]\n[[rules]]\nthen = 'notification'\n"
    (folder / "profiles" / "acme.toml").write_text(profile)
    (folder / "profiles" / f"{ODD.replace('/', '')}.toml").write_text(profile)
    for shell in ("complete_bash", "complete_fish"):
        for line in ("listen --server ", "listen --profile acme -t ", "profile show "):
            words = f"notifyws {line}"
            asked = {"COMP_WORDS": words.replace(" ", "\n"), "COMP_CWORD": "3"}
            asked |= {"_TYPER_COMPLETE_ARGS": words, "_NOTIFYWS_COMPLETE": shell}
            done = home.within(env={**asked, "_TYPER_COMPLETE_FISH_ACTION": "get-args"})
            is_text(done, line)
            assert "owned" not in done.stdout


def test_the_log_of_the_development_server(home):
    serve = home.serve("-vv")
    with socket.create_connection(("127.0.0.1", serve.port)) as client:
        head = f"GET /{ODD} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {ODD}\r\n\r\n"
        client.sendall(head.encode("latin-1"))
        client.recv(1)
    body = {"username": WORDS, "password": WORDS}
    with plain_http() as client:
        origin = f"http://127.0.0.1:{serve.port}"
        assert client.post(f"{origin}/auth/login", json=body).status_code == 401
        assert client.get(f"{origin}/%1b%5d0;x%07/%e2%80%ae").status_code == 404
    serve.says("login: 401")
    assert strays(serve.err.text) == []
