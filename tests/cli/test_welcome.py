"""What a newcomer is told to do next."""

from __future__ import annotations

import pytest

from notifyws.cli.welcome import next_steps
from notifyws.errors import ConfigurationError

URL = "wss://ws.example.com"


def commands(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.startswith("  ")]


def keep_token(home, url=URL, username="me"):
    from notifyws.auth.authenticator import Authenticator
    from notifyws.auth.cache.build import sqlite_path
    from notifyws.auth.cache.sqlite import SqliteStore
    from notifyws.auth.cached_tokens import pack
    from notifyws.config.settings import Settings
    from notifyws.models import Account, Token

    auth = Authenticator(Settings(url=url, username=username), lambda text: None)
    store = SqliteStore(sqlite_path(auth.cache_url))
    text = pack(Token("a-token", 900.0, 600.0), "42")
    account = Account("https://ws.example.com", "default", username)
    store.replace(account.id, {"access": (text, 600.0)}, expect={})
    store.close()


def test_a_newcomer_is_shown_the_demonstration_and_then_the_way_in(home):
    assert commands(next_steps()) == [
        "notifyws listen --demo",
        "notifyws auth login --save",
        "notifyws --help",
    ]


def test_with_a_server_and_no_token_the_way_in_comes_first(home, monkeypatch):
    monkeypatch.setenv("WEBSOCKET_SERVER_URL", URL)
    monkeypatch.setenv("WEBSOCKET_USERNAME", "me")
    said = next_steps()
    assert "Your server is ws.example.com" in said
    assert "Not logged in yet" in said
    assert commands(said) == [
        "notifyws auth login",
        "notifyws status --check",
        "notifyws --help",
    ]
    assert not list(home.rglob("tokens.db"))


def test_with_a_token_it_is_time_to_listen(home, monkeypatch):
    monkeypatch.setenv("WEBSOCKET_SERVER_URL", URL)
    monkeypatch.setenv("WEBSOCKET_USERNAME", "me")
    keep_token(home)
    assert commands(next_steps()) == [
        "notifyws listen",
        "notifyws send -m hello",
        "notifyws status --check",
        "notifyws --help",
    ]


@pytest.mark.parametrize("name", ["WEBSOCKET_PASSWORD", "NOTIFYWS_TOKEN"])
def test_who_can_log_in_unasked_need_not_log_in(home, monkeypatch, name):
    monkeypatch.setenv("WEBSOCKET_SERVER_URL", URL)
    monkeypatch.setenv(name, "sentinel-secret")
    said = next_steps()
    assert commands(said)[0] == "notifyws listen"
    assert "sentinel" not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REDIS_URL", "redis://127.0.0.1:1"),
        ("NOTIFYWS_PROFILE", "./mine.toml"),
        ("NOTIFYWS_CACHE_URL", f"sqlite:///{'x' * 300}/tokens.db"),  # as good as closed
    ],
)
def test_what_only_asking_would_tell_is_not_claimed(home, monkeypatch, name, value):
    monkeypatch.setenv("WEBSOCKET_SERVER_URL", URL)
    monkeypatch.setenv(name, value)
    assert "Log in, if you have not yet:" in next_steps()


def test_it_is_short_and_fits_forty_columns(home, monkeypatch):
    said = [next_steps()]
    monkeypatch.setenv("WEBSOCKET_SERVER_URL", URL)
    said.append(next_steps())
    monkeypatch.setenv("NOTIFYWS_TOKEN", "x")
    said.append(next_steps())
    for text in said:
        lines = text.splitlines()
        assert len(lines) <= 12
        assert max(map(len, lines)) <= 40
        assert "\x1b" not in text


def test_a_hostile_server_name_is_shown_as_text(home):
    (home / ".env").write_text("WEBSOCKET_SERVER_URL=wss://a\u202eb.example\n")
    assert "\u202e" not in next_steps()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".config/notifyws/config.toml", "servers = ["),
        (".config/notifyws/config.toml", "[server.work]"),
        (".env", "WEBSOCKET_SERVER_URL=ftp://a.example"),
        (".env", "NOTIFYWS_MAX_RETRIES=often"),
    ],
)
def test_a_broken_file_is_told_as_a_sentence_with_a_hint(home, name, text):
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        next_steps()
    assert caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 2
