"""``auth login --save`` off a terminal, against a real server."""

from __future__ import annotations

import io
import stat
import sys
import tomllib
from importlib.resources import files

import keyring
import pytest

from notifyws.cli.app import _run
from notifyws.errors import (
    AuthenticationFailed,
    ConfigurationError,
    NetworkFailed,
    NotifyError,
    UsageError,
)
from tests.e2e.support import Server, until
from tests.support.keyrings import BrokenKeyring


@pytest.fixture(scope="module")
def server():
    started = Server()
    yield started
    started.stop()


def typed(text: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(text.encode()))


@pytest.fixture
def house(home, monkeypatch, file_keyring):
    """A home whose keyring is a file, and whose stdin holds the password."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setattr("sys.stdin", typed("demo\n"))
    return home


@pytest.fixture
def config(house):
    return house / "notifyws" / "config.toml"


@pytest.fixture
def save(server, house, monkeypatch):
    """Log in and save the server, with the password on stdin."""

    def saved(*more: str) -> int:
        monkeypatch.setattr("sys.stdin", typed("demo\n"))
        given = ["--url", server.url, "--username", "demo", "--password-stdin"]
        return _run(["auth", "login", "--save", *given, *more])

    return saved


def refused(*args: str) -> NotifyError:
    with pytest.raises(NotifyError) as caught:
        _run([*args])
    return caught.value


def test_a_login_that_works_is_written_down_and_the_password_is_not(
    save, server, config, capfd
):
    assert save("--name", "work") == 0
    assert tomllib.loads(config.read_text()) == {
        "default_server": "work",
        "servers": {
            "work": {"url": server.url, "username": "demo", "profile": "default"}
        },
    }
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    out, said = capfd.readouterr()
    assert out == ""
    assert f"Saved as server work in {config}" in said
    assert "The password is kept in the system's keyring" in said
    assert said.endswith("Next: notifyws listen\n")
    until(lambda: server.stats["live"] == 0, "a closed socket")
    assert server.stats["closes"][-1]["code"] == 1000
    assert _run(["status", "-v"]) == 0
    said = capfd.readouterr().out
    assert "password = not set  [the keyring, if it holds one]" in said


def test_later_commands_find_the_password_in_the_keyring(save, house, capfd):
    save()
    (house / ".cache" / "notifyws" / "tokens.db").unlink()
    capfd.readouterr()
    assert _run(["token", "--json"]) == 0
    assert '"source":"login"' in capfd.readouterr().out
    assert _run(["auth", "login"]) == 0
    assert "Logged in" in capfd.readouterr().err


def test_a_kept_password_that_is_refused_is_said_to_be_the_keyrings(save, house, capfd):
    save()
    kept = house / "keyring.json"
    kept.write_text(kept.read_text().replace('"demo"', '"old"'))
    error = refused("auth", "login")
    assert isinstance(error, AuthenticationFailed)
    assert error.hint == "it is the keyring's; for another: notifyws auth login --save"


def test_a_logout_takes_the_password_out_of_the_keyring(save, house, capfd):
    save()
    assert _run(["auth", "logout"]) == 0
    assert "demo" not in (house / "keyring.json").read_text().split(":", 1)[1]
    with pytest.raises(AuthenticationFailed, match="no password"):
        _run(["token"])


def test_a_keyring_that_a_logout_cannot_open_may_still_hold_the_password(save, capfd):
    save()
    keyring.set_keyring(BrokenKeyring())
    assert _run(["auth", "logout"]) == 0
    said = capfd.readouterr().err
    assert "warning: the keyring does not answer; a password may still be in it" in said


def test_a_second_server_is_named_in_the_next_command(save, server, config, capfd):
    save("--name", "one")
    save_again = ["--url", server.url.replace("127.0.0.1", "localhost")]
    assert save(*save_again, "--name", "two") == 0
    assert capfd.readouterr().err.endswith("Next: notifyws listen --server two\n")


def test_the_same_again_is_no_matter_and_another_is_refused(save, config):
    save("--name", "work")
    before = config.read_text()
    assert save("--name", "work") == 0
    with pytest.raises(ConfigurationError, match="there is a server 'work'") as no:
        save("--name", "work", "--url", "wss://another.example")
    assert "--name" in no.value.hint
    assert config.read_text() == before


def test_what_stands_there_and_is_no_entry_is_said_before_anything_is_sent(config):
    config.parent.mkdir()
    config.write_text("servers.foo = 3\n")
    given = ["--url", "ws://127.0.0.1:1", "--username", "demo", "--password-stdin"]
    error = refused("auth", "login", "--save", "--name", "foo", *given)
    assert isinstance(error, ConfigurationError)
    assert error.message == "servers.foo in config.toml must be a table"
    assert config.read_text() == "servers.foo = 3\n"


def test_without_a_scheme_the_url_is_completed_and_that_is_said(
    save, server, config, capfd
):
    save("--url", f"127.0.0.1:{server.port}", "--name", "work")
    assert f"Taken as {server.url}\n" in capfd.readouterr().err
    assert tomllib.loads(config.read_text())["servers"]["work"]["url"] == server.url


def test_json_prints_the_facts_and_quiet_says_nothing(save, config, capfd):
    save("--json", "-q")
    out, said = capfd.readouterr()
    assert ('"username":"demo"' in out, said) == (True, "")


@pytest.mark.parametrize(
    ("args", "kind", "words"),
    [
        (["--username", "u"], ConfigurationError, "no server is given"),
        (["--url", "wss://h"], ConfigurationError, "no username is given"),
        (["--url", "wss://h", "-u", "u"], ConfigurationError, "no password is given"),
        (["--url", "ftp://h", "-u", "u"], ConfigurationError, "not a WebSocket URL"),
        (["--url", "wss://h", "-u", " "], ConfigurationError, "ends in a space"),
        (["--url", "h", "-u", "u", "--name", ""], UsageError, "--name needs a name"),
        (
            ["--url", "wss://h", "-u", "u", "--profile", "directs"],
            ConfigurationError,
            "no profile 'directs'",
        ),
    ],
)
def test_off_a_terminal_what_is_missing_or_wrong_is_said(
    house, config, args, kind, words
):
    error = refused("auth", "login", "--save", *args)
    assert type(error) is kind
    assert words in error.message
    assert error.hint
    assert not config.exists()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (["--username", "nobody"], AuthenticationFailed),
        (["--url", "ws://127.0.0.1:1"], NetworkFailed),
    ],
)
def test_a_login_that_does_not_work_writes_nothing(save, house, config, change, kind):
    with pytest.raises(kind):
        save(*change)
    assert not config.exists()
    assert not (house / "keyring.json").exists()


WELCOMED = "[[handshake]]\nexpect = \"type == 'welcome'\"\ntimeout = 0.05\n"


@pytest.mark.parametrize(
    ("status", "profile", "kind", "words"),
    [
        (404, "", NetworkFailed, "answered 404 instead"),
        (401, "", AuthenticationFailed, "answered 401 instead"),
        (None, WELCOMED, NetworkFailed, "did not answer the handshake"),
    ],
)
def test_a_login_whose_socket_does_not_open_writes_nothing_and_says_which(
    save, server, house, config, status, profile, kind, words
):
    ours = (files("notifyws") / "protocol" / "profiles" / "default.toml").read_text(
        "utf-8"
    )
    (house / "other.toml").write_text(ours + profile)
    server.dev("mode", {"upgrade_status": status} if status else {})
    try:
        with pytest.raises(NotifyError) as caught:
            save("--profile", f"{house}/other.toml")
    finally:
        server.dev("mode", {})
    assert type(caught.value) is kind
    assert "the login works, but the socket does not open" in caught.value.message
    assert words in caught.value.message
    assert "--profile" in caught.value.hint
    assert not config.exists()
    assert not (house / "keyring.json").exists()
    assert not list(house.rglob("login.json"))


@pytest.mark.parametrize("extra", [True, False])
def test_without_a_keyring_it_says_that_the_password_is_not_kept(
    save, server, house, config, capfd, monkeypatch, extra
):
    if extra:
        monkeypatch.setenv("NOTIFYWS_KEYRING", "off")
    else:
        monkeypatch.setitem(sys.modules, "keyring", None)
    save()
    said = capfd.readouterr().err
    assert "The password is not kept: it stays in WEBSOCKET_PASSWORD" in said
    assert ("To keep it in the system's keyring: pip install" in said) is not extra
    (name,) = tomllib.loads(config.read_text())["servers"]
    assert name == f"127.0.0.1:{server.port}"
    assert not (house / "keyring.json").exists()
    assert "demo\n" not in config.read_text()


def test_a_folder_that_names_another_server_gets_no_password(save, house, capfd):
    save("--name", "work")
    for name in ("WEBSOCKET_SERVER_URL", "NEXT_PUBLIC_WEBSOCKET_SERVER_URL"):
        (house / ".env").write_text(f"{name}=ws://127.0.0.1:1\n")
        assert "no password is set" in refused("token").message
    (house / ".env").write_text("NOTIFYWS_TOKEN_IN=query:leak\n")
    assert "do not; they are not sent there" in refused("token").message
