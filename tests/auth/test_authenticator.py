"""The real parts put together: what they are made of, and what cannot be made."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.cache.build import warm_token
from notifyws.auth.cache.sqlite import SqliteStore
from notifyws.auth.cached_tokens import pack
from notifyws.auth.token_manager import StaticTokenProvider, TokenManager
from notifyws.config.files import user_folder
from notifyws.config.saved_login import keep_password
from notifyws.config.settings import Settings
from notifyws.connection.build import build_dial, build_keepalive, build_server_protocol
from notifyws.delivery.build import build_receiver, frame_of
from notifyws.delivery.queue import DeliveryQueue
from notifyws.errors import ConfigurationError, UsageError
from notifyws.models import Message, Token
from tests.support.tls import Authority

SECRET = "sentinel-secret-1d1d"
PROFILE = 'name = "{}"\n[[rules]]\nthen = "notification"\n'


@pytest.fixture(autouse=True)
def home(alone):
    return alone


def auth(url="wss://example.com", **settings) -> Authenticator:
    settings.setdefault("username", "me")
    return Authenticator(Settings(url=url, **settings), [].append)


# URLs


def test_no_url_says_what_to_set_and_what_to_try():
    with pytest.raises(ConfigurationError) as caught:
        _ = auth("").origin
    error = caught.value
    assert error.message == "no server is configured"
    assert "WEBSOCKET_SERVER_URL" in error.hint
    assert "notifyws auth login --save" in error.hint
    assert "--demo" in error.hint


@pytest.mark.parametrize("which", ["url", "socket_url"])
def test_a_url_that_cannot_be_used_is_refused_unseen(which):
    with pytest.raises(ConfigurationError) as caught:
        _ = auth(**{which: f"wss://me:{SECRET}@example.com"}).url
    assert SECRET not in caught.value.message + caught.value.hint


def test_the_http_side_is_the_servers_wherever_the_socket_is():
    one = auth("ws://Login.example:8080/x", socket_url="wss://live.example/y?z=1")
    assert one.url == "wss://live.example/y?z=1"
    assert one.origin == "http://login.example:8080"
    alone = auth("", socket_url="wss://live.example")
    assert alone.origin == "https://live.example"


# Accounts


def test_an_account_is_the_digest_of_its_origin_profile_and_user():
    one = auth("WSS://Example.COM:443/path?x=1", username="mé")
    text = "https://example.com\ndefault\nmé"
    digest = hashlib.sha256(text.encode()).hexdigest()
    assert one.account.id == digest[:16]


def test_a_static_token_stands_where_there_is_no_username():
    one = auth(username="", token=SECRET)
    text = f"https://example.com\ndefault\n{SECRET}"
    assert one.account.id == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert SECRET not in repr(one.account)


@pytest.mark.parametrize(
    "url",
    [
        "wss://example.com/",
        "wss://EXAMPLE.com",
        "WSS://example.com",
        "wss://example.com:443",
        "wss://example.com:443/a/path?and=query",
    ],
)
def test_urls_that_mean_the_same_origin_share_an_account(url):
    assert auth(url).account.id == auth("wss://example.com").account.id


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("ws://example.com", {}),
        ("wss://example.com:80", {}),
        ("wss://example.org", {}),
        ("wss://example.com.", {}),
        ("wss://example.com", {"username": "Me"}),
        ("wss://example.com", {"username": "you"}),
        ("wss://example.com", {"profile": "other.toml"}),
    ],
)
def test_another_origin_user_or_profile_is_another_account(home, url, settings):
    (home / "other.toml").write_text(PROFILE.format("other"))
    other = auth(url, **settings).account
    assert other.id != auth("wss://example.com").account.id


def test_a_profile_named_by_its_file_counts_by_its_own_name(home):
    for name in ("a.toml", "b.toml"):
        (home / name).write_text(PROFILE.format("same"))
    one, two = auth(profile="a.toml"), auth(profile=str(home / "b.toml"))
    assert one.account.profile == "same"
    assert one.account.id == two.account.id


# TLS


def test_nothing_encrypted_needs_no_trust():
    assert auth("ws://example.com", ca_file="/missing").tls is None


@pytest.mark.parametrize(
    "urls",
    [
        {"url": "wss://a.example"},
        {"url": "WSS://a.example"},
        {"url": "ws://a.example", "socket_url": "wss://a.example"},
        {"url": "wss://a.example", "socket_url": "ws://a.example"},
    ],
)
def test_tls_verifies_names_and_certificates(urls):
    tls = auth(**urls).tls
    assert tls is not None
    assert tls.check_hostname
    assert tls.verify_mode is ssl.CERT_REQUIRED


def test_a_file_of_authorities_is_trusted_besides_the_systems(tmp_path):
    path = Authority().write(tmp_path)
    plain, more = auth().tls, auth(ca_file=str(path)).tls
    assert plain is not None
    assert more is not None
    assert more.cert_store_stats()["x509"] == plain.cert_store_stats()["x509"] + 1


@pytest.mark.parametrize("kind", ["missing", "folder", "rubbish", "empty"])
def test_authorities_that_cannot_be_read_are_said_before_any_network(tmp_path, kind):
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_text("" if kind == "empty" else "no certificate")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"wss://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ConfigurationError) as caught:
            _ = auth(url, ca_file=str(path)).http
        with pytest.raises(ConfigurationError):
            _ = build_dial(auth(url, ca_file=str(path)))
        with pytest.raises(BlockingIOError):
            server.accept()
    assert caught.value.message.startswith(f"cannot use NOTIFYWS_CA_FILE {path}: ")


@pytest.mark.parametrize("part", ["http", "dial"])
def test_a_file_for_the_keys_of_tls_that_cannot_be_written_is_named(
    monkeypatch, tmp_path, part
):
    path = tmp_path / "gone" / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    one = auth("wss://ws.example.com")
    with pytest.raises(ConfigurationError) as caught:
        build_dial(one) if part == "dial" else getattr(one, part)
    said = f"cannot use SSLKEYLOGFILE {path}: No such file or directory"
    assert caught.value.message == said


# Caches and tokens


def test_the_cache_is_the_overriding_one_then_redis_then_a_file(home):
    assert auth(redis_url="redis://r").cache_url == "redis://r"
    both = auth(redis_url="redis://r", cache_url="memory://")
    assert both.cache_url == "memory://"
    assert auth().cache_url == f"sqlite://{home}/cache/notifyws/tokens.db"


def test_a_folder_with_odd_characters_is_a_path_all_the_same(home, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "a #?%20 b"))
    one = auth()
    keep(one, "kept")
    assert warm_token(one).value == "kept"
    assert (home / "a #?%20 b" / "notifyws" / "tokens.db").exists()


def test_a_cache_that_is_none_is_a_matter_of_configuration():
    with pytest.raises(ConfigurationError) as caught:
        _ = auth(cache_url=f"ftp://{SECRET}").cache
    assert SECRET not in caught.value.message


def keep(one: Authenticator, value: str) -> None:
    """Put a token into its file."""
    store = SqliteStore(user_folder("cache") / "tokens.db")
    text = pack(Token(value, 900, 180), "42")
    store.replace(one.account.id, {"access": (text, 720)}, expect={})
    store.close()


def test_a_warm_token_is_read_without_a_loop():
    one = auth()
    assert warm_token(one) is None
    keep(one, "kept")
    warm = warm_token(one)
    assert (warm.value, warm.source, warm.user_id) == ("kept", "cache", "42")
    assert 890 < warm.remaining <= 900
    assert warm_token(auth(username="you")) is None


def test_there_is_no_warm_token_where_none_lies_in_a_file(home):
    keep(auth(), "kept")
    assert warm_token(auth(token=SECRET)) is None
    assert warm_token(auth(cache_url="memory://")) is None
    assert warm_token(auth(redis_url="redis://127.0.0.1:1")) is None


def test_a_file_that_cannot_be_opened_holds_no_warm_token(home):
    assert warm_token(auth(cache_url="sqlite:///dev/null/x")) is None


async def test_a_ready_made_token_is_given_as_it_is():
    one = auth(token=SECRET)
    assert isinstance(one.tokens, StaticTokenProvider)
    assert (await one.tokens.get()).value == SECRET
    assert SECRET not in repr(await one.tokens.get())
    await one.aclose()


async def test_without_one_tokens_are_kept():
    one = auth(cache_url="memory://")
    assert isinstance(one.tokens, TokenManager)
    assert one.tokens is one.token_manager
    assert one.lifetimes.access == 900
    await one.aclose()
    await one.aclose()


# The keyring


@pytest.fixture
def keyring_file(file_keyring):
    """A keyring that holds the password of one user at one origin."""
    asyncio.run(keep_password("https://example.com", "me", SECRET))


@pytest.mark.parametrize(
    ("url", "settings", "found"),
    [
        ("wss://example.com", {"username": "me"}, SECRET),
        ("wss://EXAMPLE.com:443/path", {"username": "me"}, SECRET),
        ("wss://example.com", {"username": "you"}, ""),
        ("wss://example.com", {"username": ""}, ""),
        ("wss://example.com", {"username": "me", "keyring": False}, ""),
        ("wss://example.com:8443", {"username": "me"}, ""),
        ("ws://example.com", {"username": "me"}, ""),
        ("wss://evil.example", {"username": "me"}, ""),
    ],
)
async def test_a_kept_password_is_only_for_whom_it_was_kept(
    keyring_file, url, settings, found
):
    assert await auth(url, **settings).kept_password() == found


async def test_a_kept_password_that_ends_in_a_newline_is_said_to(keyring_file):
    await keep_password("https://example.com", "me", f"{SECRET}\n")
    with pytest.raises(ConfigurationError) as caught:
        await auth(username="me").kept_password()
    assert caught.value.message == "password ends in a newline (the keyring)"


async def test_a_locked_keyring_is_said_and_is_no_password(use_keyring):
    from tests.support.keyrings import SilentKeyring

    silent = SilentKeyring()
    use_keyring(silent)
    heard = []
    one = Authenticator(Settings(url="wss://example.com", username="me"), heard.append)
    assert await one.kept_password(patience=0.01) == ""
    assert heard == ["the keyring does not answer; is it locked?"]
    silent.unlock.set()


# The rest


def receiving(one: Authenticator, since):
    """Return what takes in what came since then."""
    return build_receiver(one, DeliveryQueue(1, 1), since=since, frames=False)


def test_a_message_becomes_the_frame_of_the_profile():
    one = auth()
    message = Message("x", {"a": "é", "n": None})
    text = '{"type":"x","payload":{"a":"\\u00e9","n":null}}'
    assert frame_of(one, message) == text
    assert frame_of(one, Message("x", {}, "7")).endswith('"payload":{},"id":"7"}')


def test_the_world_is_the_real_one():
    clock = auth().clock
    assert clock.now() <= clock.now()
    assert clock.wall() > 1.7e9
    assert 0 <= clock.dice() < 1
    assert len(clock.secret()) == 32
    assert clock.secret() != clock.secret()
    assert clock.suspended() > -1


async def test_limits_and_keepalive_are_the_settings():
    one = auth("ws://example.com", ping_interval=4.0, ping_timeout=5.0)
    assert build_dial(one).keywords["settings"] is one.settings
    keepalive = build_keepalive(one)
    assert (keepalive.interval, keepalive.timeout) == (4.0, 5.0)


async def test_what_is_known_last_is_asked_for_where_the_profile_can():
    one = auth("ws://example.com", token_in="query:t")
    receiver = receiving(one, "7")
    assert receiver.cursor.can_resume
    upgrade_request = build_server_protocol(one).upgrade_request(SECRET, "7")
    assert upgrade_request.url == f"ws://example.com?t={SECRET}&since=7"
    assert SECRET not in repr(upgrade_request)


def test_reprs_hold_no_secrets():
    settings = Settings(
        url="wss://x", password=SECRET, token=SECRET, redis_url=f"redis://:{SECRET}@h"
    )
    one = Authenticator(replace(settings, cache_url="memory://"), [].append)
    protocol = build_server_protocol(one)
    for part in (settings, one, one.account, one.tokens, one.http, protocol):
        assert SECRET not in repr(part)


A_TIME = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


async def test_a_time_is_asked_for_and_counts_as_when_something_was_missed_last():
    one = auth("ws://example.com", profile="ntfy", variables="topic=news")
    receiver = receiving(one, A_TIME)
    assert (receiver.cursor.place, receiver.cursor.last_id) == (A_TIME, None)
    assert receiver.gaps.interrupted_at.text == "2024-01-15T10:30:00.000Z"
    asked = build_server_protocol(one).upgrade_request("", receiver.cursor.place)
    assert asked.url.endswith("/news/ws?since=1705314599")


async def test_the_first_moment_of_the_calendar_can_be_asked_for_in_every_zone():
    one = auth("ws://example.com", profile="ntfy", variables="topic=news")
    first = datetime(1, 1, 1, tzinfo=UTC)
    place = receiving(one, first).cursor.place
    assert (place, place.tzinfo) == (first, UTC)
    asked = build_server_protocol(one).upgrade_request("", place)
    assert asked.url.endswith("?since=-62135596801")


def test_the_url_that_events_tell_holds_no_token():
    one = auth(f"ws://example.com?t={SECRET}")
    assert build_server_protocol(one).url == "ws://example.com?t=***"


async def test_a_time_without_a_zone_is_local():
    one = auth("ws://example.com")
    naive = A_TIME.astimezone().replace(tzinfo=None)
    assert receiving(one, naive).cursor.place == A_TIME


@pytest.mark.parametrize(
    ("profile", "complaint"),
    [("pusher", "cannot replay$"), ("mine.toml", "cannot replay from a time on$")],
)
def test_a_time_that_no_server_can_be_asked_for_is_a_wrong_use(
    home, profile, complaint
):
    (home / "mine.toml").write_text(PROFILE.format("mine") + '[resume]\nquery = "s"\n')
    one = auth(profile=profile if profile == "pusher" else str(home / profile))
    with pytest.raises(UsageError, match=complaint) as caught:
        receiving(one, A_TIME)
    assert "leave it out" in caught.value.hint
