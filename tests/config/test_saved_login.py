"""What is kept of a login: the file in a real state folder, the password in keyrings.

The keyrings are real backends: good, broken, silent, absent.
"""

from __future__ import annotations

import asyncio
import json
import sys

import pytest
from keyring.backends import fail, null

from notifyws.config.saved_login import (
    can_keep_passwords,
    find_password,
    forget,
    forget_password,
    keep_password,
    login_file,
    recall,
    remember,
)
from tests.support.keyrings import BrokenKeyring, SilentKeyring

LOGIN = {
    "url": "wss://ws.example.com",
    "socket_url": "wss://socket.example.com",
    "username": "demo",
    "profile": "default",
    "token_in": "query:token",
}


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return login_file().parent


def test_a_login_is_kept_whole_without_secrets_for_its_owner_only():
    remember({"url": "wss://a.example", "username": "", "profile": "default"})
    assert recall() == {"url": "wss://a.example", "profile": "default"}
    secrets = {"password": "sentinel-password", "token": "sentinel-token"}
    remember({**LOGIN, **secrets})
    assert recall() == LOGIN
    assert "sentinel" not in login_file().read_text()
    assert login_file().stat().st_mode & 0o777 == 0o600
    remember({"url": "wss://b.example"})
    assert recall() == {"url": "wss://b.example"}


def test_nothing_is_recalled_before_and_after():
    assert recall() == {}
    forget()
    remember(LOGIN)
    forget()
    assert recall() == {}
    assert not login_file().exists()


@pytest.mark.parametrize(
    "rubbish",
    [b"", b"{", b"null", b"[]", b"7", b'"x"', b"\xff\xfe", b"[" * 100_000, b"\x00"],
)
def test_rubbish_is_nothing(state, rubbish):
    state.mkdir(parents=True)
    login_file().write_bytes(rubbish)
    assert recall() == {}


def test_a_folder_in_its_place_is_nothing(state):
    login_file().mkdir(parents=True)
    assert recall() == {}
    forget()
    with pytest.raises(OSError):
        remember(LOGIN)
    assert list(state.iterdir()) == [login_file()]


def test_unknown_keys_are_not_taken(state):
    state.mkdir(parents=True)
    login_file().write_text('{"url": "wss://a.example", "password": "x", "a": 1}')
    assert recall() == {"url": "wss://a.example"}


def test_a_state_folder_that_cannot_be_is_an_os_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError):
        remember(LOGIN)
    assert recall() == {}
    forget()


# Passwords

ORIGIN = "https://ws.example.com"


def found(origin=ORIGIN, username="me"):
    return asyncio.run(find_password(origin, username))


def kept():
    return asyncio.run(keep_password(ORIGIN, "me", "sentinel"))


def forgotten():
    return asyncio.run(forget_password(ORIGIN, "me"))


def test_what_is_kept_is_found_again_and_can_be_forgotten(file_keyring):
    assert can_keep_passwords()
    assert found() == ""
    assert kept()
    said = {"notifyws": {f"{ORIGIN} me": "sentinel"}}
    assert json.loads(file_keyring.read_text()) == said
    assert found() == "sentinel"
    assert forgotten()
    assert forgotten()
    assert found() == ""


def test_another_origin_or_user_finds_nothing(file_keyring):
    kept()
    for origin in ("https://ws.example.com:8443", "http://ws.example.com", "https://x"):
        assert found(origin) == ""
    assert found(username="you") == ""


@pytest.mark.parametrize("made", [BrokenKeyring, fail.Keyring, null.Keyring])
def test_a_keyring_that_keeps_nothing_is_not_said_to_have_kept_it(use_keyring, made):
    use_keyring(made())
    assert not kept()
    assert found() == ""
    assert forgotten() is (made is not BrokenKeyring)  # what is locked may hold one


def test_without_the_extra_nothing_is_kept_and_nothing_breaks(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert not can_keep_passwords()
    assert not kept()
    assert found() == ""
    assert forgotten()


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda: find_password(ORIGIN, "me", 0.01), None),
        (lambda: keep_password(ORIGIN, "me", "sentinel", 0.01), False),
        (lambda: forget_password(ORIGIN, "me", 0.01), False),
    ],
    ids=["find", "keep", "forget"],
)
def test_a_keyring_that_waits_for_its_owner_is_not_waited_for(use_keyring, ask, answer):
    silent = SilentKeyring()
    use_keyring(silent)

    async def asked():
        found = await ask()
        silent.unlock.set()  # its answer comes to a question that nobody asks any more
        return found

    assert asyncio.run(asked()) is answer
