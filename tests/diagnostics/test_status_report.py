"""Status, looked at against the development server: all well, and each layer ill."""

from __future__ import annotations

import json
from email.utils import formatdate
from time import time

import httpx
import pytest

from notifyws import __version__
from notifyws.auth.cache.memory import MemoryCache
from tests.support.dev import PASSWORD, USER, dev
from tests.support.examining import GIVEN, NAMES, echo, looked, only_failure
from tests.support.httpd import answer, httpd, json_answer
from tests.support.tls import Authority
from tests.support.valkey import free_port

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture(scope="module")
def authority():
    return Authority()


def marks(report) -> dict[str, str]:
    return {check.name: check.status for check in report.checks}


def details(report) -> dict[str, str]:
    return {check.name: check.detail for check in report.checks}


# All well


async def test_everything_passes_against_the_development_server(alone):
    async with dev() as server:
        report = await looked(server.url)
        stats = await server.stats()
    expected = dict.fromkeys(NAMES, "pass") | {"tls": "skip"}
    if marks(report)["clock"] == "skip":  # a server need not tell its time
        expected["clock"] = "skip"
    assert marks(report) == expected
    assert report.failure is None
    assert (stats["logins"], stats["live"]) == (1, 0)
    assert [each["code"] for each in stats["closes"]] == [1000]
    told = details(report)
    assert told["configuration"].startswith("profile default, HTTP side http://")
    assert told["dns"] == "127.0.0.1 is 127.0.0.1"
    assert told["token"] == "new, by login, 15 min left"
    assert told["ping"].endswith("ms there and back")


async def test_the_json_has_the_promised_shape_and_no_other(alone):
    async with dev() as server:
        await looked(server.url)
        said = (await looked(server.url)).as_json()
    assert list(said) == [
        *("ok", "version", "profile", "server", "user"),
        *("cache", "tokens", "listeners", "groups", "checks"),
    ]
    assert (said["ok"], said["version"]) == (True, __version__)
    assert said["profile"] == "default"
    assert said["server"] == {
        "url": server.url,
        "httpOrigin": server.url.replace("ws", "http"),
        "source": "--url",
    }
    assert said["user"] == {"id": "42", "username": USER}
    latency = said["cache"].pop("latencyMs")
    assert 0 <= latency < 1000
    file = f"sqlite://{alone}/cache/notifyws/tokens.db"
    assert said["cache"] == {"backend": "sqlite", "url": file, "ok": True}
    assert said["tokens"]["access"]["cached"] is True
    assert 890 <= said["tokens"]["access"]["expiresIn"] <= 900
    assert 604_790 <= said["tokens"]["refresh"]["expiresIn"] <= 604_800
    assert said["listeners"] == said["groups"] == []
    for check in said["checks"]:
        assert set(check) == {"name", "status", "detail"}


async def test_without_check_nothing_is_asked_of_the_server(alone):
    port = free_port()
    report = await looked(f"ws://127.0.0.1:{port}", thorough=False)
    assert marks(report) == {"configuration": "pass", "cache": "pass"}
    said = report.as_json()
    nothing = {"cached": False, "expiresIn": None}
    assert said["tokens"] == {"access": nothing, "refresh": nothing}
    assert said["user"] == {"id": None, "username": USER}
    assert said["ok"] is True


async def test_the_sockets_own_url_and_its_source_are_named():
    async with dev() as server:
        report = await looked(server.url, socket_url=f"{server.url}/live")
    said = report.as_json()
    assert said["server"]["url"] == f"{server.url}/live"
    assert said["server"]["source"] == "--socket-url"
    assert said["ok"] is True


async def test_all_layers_pass_over_tls(authority, tmp_path):
    async with httpd(echo(), authority.good(days=100)) as server:
        ca = str(authority.write(tmp_path))
        report = await looked(server.url, ca_file=ca)
    statuses = marks(report)
    assert statuses.pop("clock") == "skip"
    assert set(statuses.values()) == {"pass"}, report.checks
    assert details(report)["tls"] == "trusted, 100 days left"
    assert report.as_json()["user"]["id"] == "7"


# Each layer ill


async def test_no_url_is_a_matter_of_configuration():
    report = await looked()
    check = only_failure(report, "configuration", 2)
    assert check.detail == "no server is configured"
    said = report.as_json()
    assert said["server"] == {"url": None, "httpOrigin": None, "source": "default"}
    assert set(said["cache"]) == {"backend", "url", "ok", "latencyMs"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": "https://example.com"}, "must be ws:// or wss://"),
        ({"url": "ws://127.0.0.1:1", "profile": "nosuch"}, "nosuch"),
        ({"url": "ws://127.0.0.1:1", "profile": "ntfy"}, "topic"),
        ({"url": "wss://127.0.0.1:1", "ca_file": "/missing.pem"}, "/missing.pem"),
    ],
)
async def test_what_is_wrong_in_the_settings_is_found_before_any_network(
    settings, words
):
    check = only_failure(await looked(**settings), "configuration", 2)
    assert words in check.detail


@pytest.mark.parametrize(
    ("password", "told_as"),
    [
        ("", "none is needed"),
        (PASSWORD, "none, but the username and password are sent"),
    ],
)
async def test_where_no_token_is_needed_that_is_told(home, password, told_as):
    said = {"profile": "ntfy", "variables": "topic=news", "password": password}
    async with httpd(echo()) as server:
        report = await looked(server.url, **said)
    assert details(report)["token"] == told_as


async def test_a_cache_url_that_is_none_is_a_matter_of_configuration():
    report = await looked("ws://127.0.0.1:1", cache_url=f"ftp://{PASSWORD}@x")
    only_failure(report, "cache", 2)


async def test_one_who_speaks_no_http_fails_at_the_clock():
    async def story(peer):
        await peer.write(b"220 mail ready\r\n")

    async with httpd(story) as server:
        only_failure(await looked(server.url), "clock", 5)


async def test_a_login_that_is_down_fails_at_the_token():
    async with dev() as server:
        await server("mode", login_status=503)
        only_failure(await looked(server.url), "token", 5)


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_any_other_refusal_of_the_upgrade_is_the_networks(status):
    async with dev() as server:
        await server("mode", upgrade_status=status)
        check = only_failure(await looked(server.url), "websocket", 5)
    assert str(status) in check.detail


async def test_a_connection_that_ends_at_once_fails_at_the_ping():
    async def story(peer):
        request = await peer.request()
        if request.method == "HEAD":
            await peer.write(answer(200))
        elif request.method == "POST":
            await peer.write(json_answer(GIVEN))
        else:
            await peer.upgrade(request)
            await peer.close(4500, "not for you")

    async with httpd(story) as server:
        check = only_failure(await looked(server.url), "ping", 5)
    assert "4500" in check.detail


# Not ill, but not well either


async def test_a_cache_that_is_down_is_a_warning_and_no_token_is_made():
    async with dev() as server:
        redis = f"redis://:{PASSWORD}@127.0.0.1:{free_port()}"
        report = await looked(server.url, redis_url=redis)
        stats = await server.stats()
    statuses = marks(report)
    assert statuses["cache"] == "warn"
    assert [statuses[name] for name in NAMES[-3:]] == ["skip"] * 3
    assert stats["logins"] == 0
    assert report.failure is None
    said = report.as_json()["cache"]
    assert (said["backend"], said["ok"]) == ("redis", False)
    assert "***" in said["url"]


async def test_in_a_cache_of_memory_no_token_is_made_that_nobody_keeps():
    async with dev() as server:
        report = await looked(server.url, cache_url="memory://")
        stats = await server.stats()
    statuses = marks(report)
    assert statuses["cache"] == "pass"
    assert [statuses[name] for name in NAMES[-3:]] == ["skip"] * 3
    assert "no cache would keep a new one" in report.checks[-3].detail
    assert (stats["logins"], stats["connections"]) == (0, 0)
    assert report.as_json()["cache"]["backend"] == MemoryCache.backend


async def test_a_real_valkey_is_healthy_and_keeps_the_token(clean_valkey):
    async with dev() as server:
        report = await looked(server.url, redis_url=clean_valkey.url)
        again = await looked(server.url, redis_url=clean_valkey.url)
        assert (await server.stats())["logins"] == 1
    assert report.as_json()["cache"]["ok"] is True
    assert details(again)["token"].startswith("cached, ")


async def test_a_ready_made_token_is_used_and_nothing_is_cached(alone):
    async with dev() as server:
        async with httpx.AsyncClient(trust_env=False, verify=False) as http:
            login = server.url.replace("ws", "http") + "/auth/login"
            body = {"username": USER, "password": PASSWORD}
            token = (await http.post(login, json=body)).json()["accessToken"]
        report = await looked(server.url, token=token)
        assert token not in json.dumps(report.as_json())
    assert report.failure is None
    assert details(report)["token"].startswith("ready-made, 1")
    assert report.as_json()["user"]["id"] == "42"
    assert report.as_json()["tokens"]["access"]["cached"] is False


@pytest.mark.parametrize(
    ("off", "status", "words"),
    [
        (0, "pass", "agrees with the server's to the second"),
        (30, "pass", "s from the server's"),
        (600, "warn", "s behind the server's"),
        (-600, "warn", "s ahead of the server's"),
    ],
)
async def test_a_clock_that_is_off_is_a_warning(off, status, words):
    async def story(peer):
        request = await peer.request()
        if request.method == "HEAD":
            date = formatdate(time() + off, usegmt=True)
            await peer.write(answer(200, Date=date))
        else:
            await peer.write(answer(503))

    async with httpd(story) as server:
        report = await looked(server.url)
    check = report.checks[NAMES.index("clock")]
    assert (check.status, words in check.detail) == (status, True), check
    assert ("timedatectl" in check.hint) is (status == "warn")


async def test_behind_a_proxy_only_what_goes_through_it_is_looked_at(monkeypatch):
    async def proxy(peer):
        request = await peer.request()
        assert request.target.startswith("http://ws.example.com/")
        await peer.write(answer(401))

    async with httpd(proxy) as server:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://me:{PASSWORD}@{server.host}")
        report = await looked("ws://ws.example.com")
    statuses = marks(report)
    assert [statuses[name] for name in NAMES[2:5]] == ["pass", "pass", "skip"]
    for check in report.checks[2:5]:
        assert "the proxy 127.0.0.1" in check.detail
    assert report.failure.name == "token"
