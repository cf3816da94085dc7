"""The remembered login, in a real state folder."""

from __future__ import annotations

import os
import stat

import pytest

from notifyws.config.remembered_login import (
    forget,
    login_file,
    recall,
    remember,
    write_private,
)

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


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask():
    before = os.umask(0)
    yield
    os.umask(before)


def test_what_is_remembered_is_recalled():
    remember(LOGIN)
    assert recall() == LOGIN


def test_a_password_or_token_is_never_kept():
    secrets = {"password": "sentinel-password", "token": "sentinel-token"}
    remember({**LOGIN, **secrets})
    assert recall() == LOGIN
    assert "sentinel" not in login_file().read_text()


def test_what_is_empty_is_not_kept():
    remember({"url": "wss://a.example", "username": "", "profile": "default"})
    assert recall() == {"url": "wss://a.example", "profile": "default"}


def test_a_later_login_replaces_the_earlier_one_whole():
    remember(LOGIN)
    remember({"url": "wss://b.example"})
    assert recall() == {"url": "wss://b.example"}


def test_the_file_is_its_owners_only_under_any_umask(open_umask, state):
    remember(LOGIN)
    assert mode(login_file()) == 0o600
    assert mode(state) == 0o700


def test_a_file_that_was_open_to_all_is_so_no_more(state):
    state.mkdir(parents=True)
    login_file().write_text("{}")
    login_file().chmod(0o666)
    remember(LOGIN)
    assert mode(login_file()) == 0o600


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


def test_a_write_is_whole_or_not_at_all(state):
    remember(LOGIN)
    with pytest.raises(UnicodeEncodeError):
        write_private(login_file(), "half \ud800 of it")
    assert recall() == LOGIN
    assert list(state.iterdir()) == [login_file()]


def test_whoever_reads_during_a_write_keeps_what_it_had(state):
    remember(LOGIN)
    with login_file().open() as reading:
        remember({"url": "wss://b.example"})
        assert "ws.example.com" in reading.read()
    assert [path.name for path in state.iterdir()] == ["login.json"]


def test_a_state_folder_that_cannot_be_is_an_os_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError):
        remember(LOGIN)
    assert recall() == {}
    forget()
