"""The first steps in a real terminal: the greeting, and a server that is asked for."""

from __future__ import annotations

import signal
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from tests.e2e.support import Server, until

ROOT = Path(__file__).resolve().parents[2]
KEYRING = "tests.support.keyrings.FileKeyring"


@pytest.fixture
def unknown():
    """A server that nothing is configured for."""
    started = Server()
    yield started
    started.stop()


def config(home) -> Path:
    return home.path / ".config" / "notifyws" / "config.toml"


def test_a_server_is_asked_for_tried_and_only_then_saved(home, unknown, terminal):
    kept = home.path / "keyring.json"
    home.env |= {"PYTHON_KEYRING_BACKEND": KEYRING, "TEST_KEYRING": str(kept)}
    asked = terminal("auth", "login", "--save", columns=100, PYTHONPATH=str(ROOT))
    asked.shows("Server:")
    asked.type("ftp://nonsense\r")
    asked.shows("is not a WebSocket URL")
    asked.type(f"  127.0.0.1:{unknown.port} \r")
    asked.shows(f"Taken as {unknown.url}")
    asked.shows("Profile [default]:")
    asked.type("directs\r")
    asked.shows("did you mean directus?")
    asked.type(f"{other_handshake(home)}\r")
    asked.shows("Username:")
    asked.type("demo\r")
    asked.asks_hidden("Password for demo at 127.0.0.1")
    asked.type("sentinel-wrong\r")
    asked.shows("refused the login of demo")
    assert not config(home).exists()
    until(lambda: asked.text.count("Password for demo") == 2, "another question")
    asked.type("demo\r")
    asked.shows("the login works, but the socket does not open")
    asked.shows(f"Server [{unknown.url}]:")
    asked.type("\r")
    asked.shows("Profile [/")
    assert not config(home).exists()
    asked.type("default\r")  # the password is known by now
    asked.shows("Next: notifyws listen")
    assert asked.wait() == 0
    assert "sentinel" not in asked.text
    saved = tomllib.loads(config(home).read_text())["servers"]
    assert saved[f"127.0.0.1:{unknown.port}"] == {
        "url": unknown.url,
        "username": "demo",
        "profile": "default",
    }
    assert "demo" in kept.read_text()


def other_handshake(home) -> Path:
    """A profile whose login is the default's, and whose handshake is not."""
    ours = (files("notifyws") / "protocol" / "profiles" / "default.toml").read_text(
        "utf-8"
    )
    path = home.path / "other.toml"
    path.write_text(f"{ours}[[handshake]]\nexpect = 'welcome'\ntimeout = 0.05\n")
    return path


@pytest.mark.slow
def test_ctrl_c_at_a_question_leaves_nothing_written(home, unknown, terminal):
    asked = terminal("auth", "login", "--save", "--url", unknown.url, "-u", "demo")
    asked.shows("Profile [default]:")
    asked.type("\r")
    asked.asks_hidden("Password for demo")
    asked.type("\x03")
    assert asked.wait() == -signal.SIGINT
    assert not config(home).exists()


@pytest.mark.slow
def test_an_entry_of_the_same_name_is_asked_about(home, unknown, terminal):
    config(home).parent.mkdir(parents=True)
    text = '# mine\n[servers.work]\nurl = "wss://a.example"  # old\n'
    config(home).write_text(text)
    given = ("--url", unknown.url, "-u", "demo", "--profile", "default")
    save = ("auth", "login", "--save", "--name", "work", *given)
    asked = terminal(*save)
    asked.shows("There is a server work already. Replace it? [y/N]:")
    asked.type("\r")
    assert asked.wait() == 2
    assert config(home).read_text() == text
    asked = terminal(*save)
    asked.shows("Replace it?")
    asked.type("y\r")
    asked.asks_hidden("Password for demo")
    asked.type("demo\r")
    assert asked.wait() == 0
    assert "The password is not kept" in asked.text
    assert f'url = "{unknown.url}"  # old' in config(home).read_text()


@pytest.mark.slow
def test_the_greeting_is_coloured_on_a_terminal_alone(home, terminal):
    shown = terminal(columns=40)
    assert shown.wait() == 0
    assert b"\x1b[1mnotifyws listen --demo\x1b[0m" in shown.raw
    plain = terminal(columns=40, NO_COLOR="1")
    assert plain.wait() == 0
    assert b"\x1b" not in plain.raw
    assert home.within().stdout == plain.text + "\n"
