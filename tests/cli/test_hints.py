"""What is mistyped is answered with what was meant, and a newcomer with a way in."""

from __future__ import annotations

import pytest

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.cache.build import sqlite_path
from notifyws.auth.cache.sqlite import SqliteStore
from notifyws.auth.cached_tokens import pack
from notifyws.cli.app import _run
from notifyws.cli.hints import fitting, next_steps
from notifyws.config.settings import Settings
from notifyws.errors import ConfigurationError, NotifyError, UsageError
from notifyws.models import Token

MEANT = [
    ("lisen", "did you mean listen?"),
    ("statu", "did you mean status?"),
    ("auth logni", "did you mean login?"),
    ("profile shw", "did you mean show?"),
    ("login", "did you mean notifyws auth login?"),
    ("whoam", "did you mean notifyws auth whoami?"),
    ("help lisen", "did you mean listen?"),
    ("listen --filtr x", "did you mean --filter?"),
    ("auth login --pasword-stdin", "did you mean --password-stdin?"),
    ("send --sample --type trip_updte", "did you mean trip_update?"),
    ("token --profile directs --url wss://a.example", "did you mean directus?"),
]
MISPLACED = [
    (line, f"it stands after the command, as in: notifyws {meant}")
    for line, meant in (
        ("--json listen", "listen --json"),
        ("--verbose listen", "listen --verbose"),
        ("--json", "listen --json"),
        ("--json status", "status --json"),
        ("-q send -m x", "send -q"),
        ("--json auth login", "auth login --json"),
        ("--url x profile check", "profile check --url"),
        ("profile --url x list", "profile check --url"),
    )
]
UNLIKE = [
    ("xyzzy", "notifyws --help"),
    ("profile xyzzy", "notifyws profile --help"),
    ("listen --xyzzy", "notifyws listen --help"),
    ("listen -y", "notifyws listen --help"),
    ("listen -n many", "notifyws listen --help"),
    ("listen --filter", "notifyws listen --help"),
    ("send hello --timeout", "notifyws send --help"),
    ("auth login --url", "notifyws auth login --help"),
    ("listen --username me", "set WEBSOCKET_USERNAME"),
    ("listen --ping-interval 5", "set NOTIFYWS_PING_INTERVAL"),
    ("help xyzzy", "notifyws --help"),
    ("listen work", "to name a server: notifyws listen --server work"),
    ("serve work", "notifyws serve --help"),
]


def refused(line: str | list[str]) -> NotifyError:
    with pytest.raises((UsageError, ConfigurationError)) as caught:
        _run(line.split() if isinstance(line, str) else line)
    return caught.value


@pytest.mark.parametrize(("line", "hint"), [*MEANT, *MISPLACED, *UNLIKE])
def test_the_hint_names_what_was_meant_and_the_sentence_what_is_wrong(home, line, hint):
    error = refused(line)
    assert error.hint == hint
    assert error.message[0].islower()
    assert "ossible" not in error.message
    assert "id you mean" not in error.message


def test_a_value_of_the_wrong_kind_is_said_with_its_option(home):
    said = refused("listen -n many").message
    assert said == "invalid value for '--count' / '-n': 'many' is not a valid int"


@pytest.mark.parametrize("line", ["help", "help listen", "help auth login"])
def test_help_as_a_word_is_the_help_as_an_option(home, capsys, line):
    assert _run(line.split()) == 0
    said = capsys.readouterr().out
    assert _run([*line.split()[1:], "--help"]) == 0
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(
    ("hint", "typed", "completed"),
    [
        ("notifyws auth login", "listen", "notifyws auth login"),
        (
            "notifyws auth login",
            "listen --server two -n 1 --profile=./my.toml",
            "notifyws auth login --server two --profile ./my.toml",
        ),
        ("notifyws auth login --url x", "token --url y", "notifyws auth login --url x"),
        ("check the path", "token --url y", "check the path"),
        ("notifyws listen --help", "listen --url y -n x", "notifyws listen --help"),
        (
            "notifyws auth login --save, or set A; to try it: notifyws listen --demo",
            "token --profile x",
            "notifyws auth login --save, or set A; to try it: notifyws listen --demo",
        ),
        ("notifyws auth login", "token --url wss://h?token=s", "notifyws auth login"),
        ("notifyws profile show acme", "send --url y", "notifyws profile show acme"),
        (
            "notifyws profile check acme",
            "listen --url wss://h --server two",
            "notifyws profile check acme --url wss://h",
        ),
        ("notifyws auth login", "token --url=wss://u:p@h", "notifyws auth login"),
        (
            "notifyws auth login",
            "listen --server a --server b --env-file x",
            "notifyws auth login --env-file x",
        ),
        (
            "notifyws auth login --save --name new",
            "listen --server new --profile p",
            "notifyws auth login --save --name new --profile p",
        ),
        ("notifyws auth login", "", "notifyws auth login"),
    ],
)
def test_a_hinted_command_is_for_the_same_server(hint, typed, completed):
    assert fitting(hint, typed.split()) == completed


URL = "wss://ws.example.com"


def commands(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.startswith("  ")]


def test_a_newcomer_is_shown_the_demonstration_and_then_the_way_in(home):
    assert commands(next_steps()) == [
        "notifyws listen --demo",
        "notifyws auth login --save",
        "notifyws --help",
    ]


@pytest.fixture
def named(home, monkeypatch):
    """A home with a server and a user."""
    monkeypatch.setenv("WEBSOCKET_SERVER_URL", URL)
    monkeypatch.setenv("WEBSOCKET_USERNAME", "me")
    return home


def test_with_a_server_and_no_token_the_way_in_comes_first(named):
    said = next_steps()
    assert "Your server is ws.example.com" in said
    assert "Not logged in yet" in said
    assert commands(said) == [
        "notifyws auth login",
        "notifyws status --check",
        "notifyws --help",
    ]
    assert not list(named.rglob("tokens.db"))


def test_with_a_token_it_is_time_to_listen(named):
    auth = Authenticator(Settings(url=URL, username="me"), lambda text: None)
    store = SqliteStore(sqlite_path(auth.cache_url))
    text = pack(Token("a-token", 900.0, 600.0), "42")
    store.replace(auth.account.id, {"access": (text, 600.0)}, expect={})
    store.close()
    assert commands(next_steps()) == [
        "notifyws listen",
        "notifyws send -m hello",
        "notifyws status --check",
        "notifyws --help",
    ]


@pytest.mark.parametrize("name", ["WEBSOCKET_PASSWORD", "NOTIFYWS_TOKEN"])
def test_who_can_log_in_unasked_need_not_log_in(named, monkeypatch, name):
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
def test_what_only_asking_would_tell_is_not_claimed(named, monkeypatch, name, value):
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
