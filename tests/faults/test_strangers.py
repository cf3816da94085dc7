"""Strangers: whose token goes where, and what a folder of somebody else's may do."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from notifyws.auth.cached_tokens import pack
from notifyws.clock import utc_text
from notifyws.models import Token
from tests.e2e.support import Home, Server
from tests.support.catalogue import sample
from tests.support.httpd import Peer, answer, in_a_thread, json_answer, says
from tests.support.valkey import Valkey


class Trap:
    """A server that refuses whatever it is asked, and keeps every byte of it."""

    url: str
    heard = b""

    async def story(self, peer: Peer) -> None:
        while data := await peer.some():
            self.heard += data
            await peer.write(answer(403))


@pytest.fixture
def trap() -> Iterator[Trap]:
    set_up = Trap()
    with in_a_thread(set_up.story) as server:
        set_up.url = server.url
        yield set_up


@pytest.fixture
def other() -> Iterator[Server]:
    started = Server(users={"demo": "other-demo", "second": "pw"})
    yield started
    started.stop()


def token(home: Home, **env: str) -> str:
    done = home.within("token", env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def shared(home: Home) -> None:
    """Let all commands share one cache, whatever folder they run in."""
    home.env["NOTIFYWS_CACHE_URL"] = f"sqlite://{home.path}/tokens.db"


def forget_settings(home: Home) -> None:
    for name in ("URL", "SERVER_URL", "USERNAME", "PASSWORD"):
        home.env.pop(f"WEBSOCKET_{name}", None)


@pytest.mark.fault(34)
@pytest.mark.slow
def test_two_users_at_one_server_get_their_own_tokens(home: Home, other: Server):
    home.use(other)
    shared(home)
    users = {"demo": "other-demo", "second": "pw"}
    envs = {
        name: {"WEBSOCKET_USERNAME": name, "WEBSOCKET_PASSWORD": word}
        for name, word in users.items()
    }
    first = {name: token(home, **env) for name, env in envs.items()}
    assert len(set(first.values())) == 2
    assert {name: token(home, **env) for name, env in envs.items()} == first
    assert other.stats["logins"] == 2
    listener = home.listen("-n", "1", **envs["second"])
    other.dev("notify", {"user": "demo", "title": "not for second"})
    other.dev("notify", {"user": "second", "title": "for second"})
    assert listener.wait() == 0
    assert "not for second" not in listener.out.text


@pytest.mark.fault(34)
def test_another_port_of_the_host_gets_no_token(home, server, trap):
    shared(home)
    here = token(home)
    done = home.run(
        "listen", "--no-reconnect", "--url", trap.url, env={"WEBSOCKET_PASSWORD": ""}
    )
    assert done.returncode in {4, 5}, done.stderr
    assert here.encode() not in trap.heard


@pytest.mark.fault(34)
@pytest.mark.slow
def test_a_remembered_login_is_not_used_at_another_server(home, server, trap):
    shared(home)
    done = home.within("auth", "login", "--password-stdin", stdin="demo\n")
    assert done.returncode == 0, done.stderr
    forget_settings(home)
    here = token(home)
    done = home.within("listen", "--no-reconnect", "--url", trap.url)
    assert done.returncode != 0
    assert here.encode() not in trap.heard
    assert token(home) == here


STRANGE = {
    "a server": "WEBSOCKET_SERVER_URL={trap}",
    "a server, and a user": "WEBSOCKET_SERVER_URL={trap}\nWEBSOCKET_USERNAME=demo",
    "a server, with export": "export WEBSOCKET_SERVER_URL='{trap}'",
    "a socket": "NEXT_PUBLIC_WEBSOCKET_SERVER_URL={trap}",
    "a socket, and our server": (
        "WEBSOCKET_SERVER_URL={server}\nNEXT_PUBLIC_WEBSOCKET_SERVER_URL={trap}"
    ),
    "a socket, our server and our user": (
        "WEBSOCKET_SERVER_URL={server}\nWEBSOCKET_USERNAME=demo\n"
        "NEXT_PUBLIC_WEBSOCKET_SERVER_URL={trap}"
    ),
    "a socket, our server, our user and a made-up password": (
        "WEBSOCKET_SERVER_URL={server}\nWEBSOCKET_USERNAME=demo\n"
        "WEBSOCKET_PASSWORD=guess\nNEXT_PUBLIC_WEBSOCKET_SERVER_URL={trap}"
    ),
    "a configuration file": "NOTIFYWS_CONFIG={home}/strange.toml",
    "a proxy": "HTTP_PROXY=http://{host}\nALL_PROXY=http://{host}\n"
    "http_proxy=http://{host}",
    "a token cache": "REDIS_URL=redis://{host}/0",
    "a token cache in our words": "NOTIFYWS_CACHE_URL=redis://{host}/0",
    "a server that quotes the environment": (
        "WEBSOCKET_SERVER_URL={trap}/${{WEBSOCKET_PASSWORD}}\n"
        "WEBSOCKET_USERNAME=${{WEBSOCKET_PASSWORD}}\nWEBSOCKET_PASSWORD=${{HOME}}"
    ),
}
"""What a folder's ``.env`` may try -> what it says."""
FOLDERS = [
    pytest.param(
        what,
        logged_in,
        id=f"{what}, {'logged in' if logged_in else 'environment'}",
        marks=[] if logged_in and "our server" in what else pytest.mark.slow,
    )
    for what in STRANGE
    for logged_in in (False, True)
]
COMMANDS = [
    ("listen", "--no-reconnect", "--timeout", "1"),
    ("token", "--refresh"),
]


@pytest.mark.fault(34)
@pytest.mark.parametrize(("what", "logged_in"), FOLDERS)
def test_a_strange_folder_sends_nobodys_secrets_anywhere(
    home: Home, server: Server, trap: Trap, what: str, logged_in: bool
):
    kept = home.within("auth", "login", "--json")
    assert kept.returncode == 0, kept.stderr
    here = token(home)
    password = f"sentinel-{'p' * 20}"
    forget_settings(home)
    if not logged_in:
        home.env["WEBSOCKET_PASSWORD"] = password
        home.env["WEBSOCKET_USERNAME"] = "demo"
    (home.path / "strange.toml").write_text(f'[settings]\nurl = "{trap.url}"\n')
    host = trap.url.removeprefix("ws://")
    words = STRANGE[what].format(
        trap=trap.url, host=host, server=server.url, home=home.path
    )
    (home.path / ".env").write_text(words + "\n")
    for command in COMMANDS:
        home.within(*command)
    heard = trap.heard.decode("latin-1")
    assert here not in heard
    assert password not in heard


@pytest.mark.fault(34)
@pytest.mark.parametrize("command", ["status", "token"])
def test_a_strange_folder_touches_no_file_of_the_users(home, server, command):
    diary = home.path / "diary.db"
    with closing(sqlite3.connect(diary)) as db:
        db.execute("CREATE TABLE diary (day)")
    diary.chmod(0o644)
    before = diary.read_bytes(), diary.stat().st_mode
    (home.path / ".env").write_text(
        f"WEBSOCKET_SERVER_URL={server.url}\nWEBSOCKET_USERNAME=demo\n"
        f"WEBSOCKET_PASSWORD=demo\nNOTIFYWS_CACHE_URL=sqlite://{diary}\n"
    )
    forget_settings(home)
    done = home.within(command)
    assert (done.returncode, "names a file" in done.stderr) == (2, True)
    assert home.within(command, "--env-file", ".env").returncode == 2
    assert (diary.read_bytes(), diary.stat().st_mode) == before
    assert not list(home.path.glob("diary.db?*"))


def account(valkey: Valkey) -> str:
    """Return where the keys of the only account are."""
    key = valkey.command("KEYS", "notifyws:*:access")[0].decode()
    return key.removesuffix("access")


@pytest.mark.slow
@pytest.mark.fault(33)
def test_rubbish_under_our_keys_costs_one_login_and_is_said(
    home: Home, server: Server, clean_valkey: Valkey
):
    home.env["REDIS_URL"] = clean_valkey.url
    token(home)
    here = account(clean_valkey)
    names = ("access", "refresh", "generation", "lock", "probe", "listeners:7")
    for name in names:
        clean_valkey.command("DEL", here + name)
        clean_valkey.command("RPUSH", here + name, "rubbish")
    shown = home.within("status", "--json")
    assert "it cannot be read" in shown.stdout
    for name in names:
        clean_valkey.command("DEL", here + name)
        clean_valkey.command("SET", here + name, b"\xff null")
    first, second = home.within("token"), home.within("token")
    assert first.stdout == second.stdout
    assert first.stderr.count("it cannot be read") == 2  # with a lock to wait for
    assert second.stderr == ""
    assert server.stats["logins"] == 2


CURSORS = {
    "an odd moment": {"last_id": 1, "moved_at": "zzz"},
    "a list for an id": {"last_id": [1, 2], "heard_at": "{then}", "moved_at": 5e9},
    "a boolean for an id": {"last_id": True, "heard_at": "{then}", "moved_at": 5e9},
    "an odd beginning": {"last_id": 1, "heard_at": "zzz", "moved_at": 5e9},
}


@pytest.mark.fault(33)
@pytest.mark.parametrize("what", sample(*CURSORS))
def test_an_odd_place_in_the_cache_is_none_and_the_listener_goes_on(
    home: Home, server: Server, clean_valkey: Valkey, what: str
):
    home.env["REDIS_URL"] = clean_valkey.url
    token(home)
    place = account(clean_valkey) + "cursor:desk"
    then = utc_text(time.time() - 60)
    text = json.dumps({"v": 1, "standing": CURSORS[what]}).replace("{then}", then)
    clean_valkey.command("SET", place, text, "PX", 60_000)
    listener = home.listen("--json", "--name", "desk", "-n", "1", "--events")
    server.notify(1)
    assert listener.wait() == 0
    said = listener.out.text + listener.err.text
    odd_id = "for an id" in what
    assert ('"gap"' in said) is odd_id
    assert ("it cannot be read" in said) is not odd_id


UNSENDABLE = {
    "two lines": "one\r\nX-Other: two",
    "an escape": "\x1b[2J",
    "half a character": "a\ud800b",
}


@pytest.mark.fault(33)
@pytest.mark.parametrize("what", sample(*UNSENDABLE))
def test_a_cached_token_that_no_header_can_carry_is_none_and_is_replaced(
    home: Home, server: Server, clean_valkey: Valkey, what: str
):
    home.env["REDIS_URL"] = clean_valkey.url
    token(home)
    odd = pack(Token(UNSENDABLE[what], 900, 180), "42")
    for name in ("access", "refresh"):
        clean_valkey.command("SET", account(clean_valkey) + name, odd, "PX", 60_000)
    done = home.within("token")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    assert done.stderr.count("warning") == done.stderr.count("access and refresh") == 1
    assert home.within("token").stdout == done.stdout
    assert server.stats["logins"] == 2


@pytest.mark.fault(33)
@pytest.mark.parametrize("what", sample(*UNSENDABLE))
def test_a_token_from_a_login_that_no_header_can_carry_is_refused_uncached(
    home: Home, clean_valkey: Valkey, what: str
):
    odd = says(json_answer({"accessToken": UNSENDABLE[what]}))
    with in_a_thread(odd) as server:
        home.use(server)
        home.env["REDIS_URL"] = clean_valkey.url
        for command in ("token", "auth login", "listen --no-reconnect"):
            done = home.within(*command.split())
            assert done.returncode == 5, done.stderr
            sentence = "the access token is not printable ASCII without blanks"
            assert f"answered, but {sentence}" in done.stderr
    assert clean_valkey.command("KEYS", "notifyws:*:access") == []
