"""Every trouble, caused for real: what ``status`` says of it, and what it says to try.

The page docs/troubleshooting.md is held against each: it shows the same hint.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from time import time
from urllib.parse import urlsplit

import pytest

from notifyws.delivery.filters import Selection
from tests.e2e.support import Home, Server
from tests.e2e.support import until as in_time
from tests.support.examining import (
    ACCESS,
    GIVEN,
    PASSWORD,
    USER,
    dev,
    echo,
    listening,
    looked,
    looked_until,
    told,
    until,
)
from tests.support.httpd import answer, httpd, json_answer, silence
from tests.support.proxy import proxy
from tests.support.tls import Authority
from tests.support.valkey import free_port

PAGE = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text("utf-8")
PROFILE = """
name = "acme"
[http.login]
path = "/auth/login"
body = { username = "{username}", password = "{password}" }
[tokens]
access = "accessToken"
[socket]
path = "/live"
[[rules]]
match = { type = "known" }
then = "notification"
"""


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """A home of the test's own, and no proxy."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for kind in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def authority():
    return Authority()


def generic(text: str) -> str:
    """Return a text without the names and numbers of one machine."""
    text = re.sub(r"127\.0\.0\.1(:\d+)?|\bname\.invalid\b", "HOST", text)
    text = re.sub(r"(ws|proxy)\.example\.com(:\d+)?", "HOST", text)
    text = re.sub(r"--url|WEBSOCKET_SERVER_URL in the environment", "SOURCE", text)
    text = re.sub(r"--redis-url|REDIS_URL in the environment", "CACHE", text)
    return " ".join(text.replace("wss://", "ws://").split())


SHOWN = generic(PAGE)


def trouble(report, name: str, status: str):
    """Return the one check that is not well, whose hint stands in the page."""
    bad = [check for check in report.checks if check.status in ("warn", "fail")]
    (check,) = [each for each in bad if each.name == name] or [bad]
    assert check.status == status, check
    assert generic(f"try: {check.hint}") in SHOWN, check.hint
    assert report.verdict[1].startswith("Not ")
    assert bad[0].detail in report.verdict[1]
    return check


# No connection


@told
async def test_nothing_listens():
    port = free_port()
    check = trouble(await looked(f"ws://127.0.0.1:{port}"), "tcp", "fail")
    assert check.detail == f"127.0.0.1:{port} refused the connection"
    assert "start the server, or correct the port in the URL" in check.hint


@told
async def test_a_name_that_does_not_resolve():
    check = trouble(await looked("ws://name.invalid"), "dns", "fail")
    assert check.detail == "cannot find name.invalid: the name does not resolve"
    assert check.hint.startswith("correct the host in the URL (it comes from --url)")


@told
async def test_a_proxy_that_is_not_there(monkeypatch):
    port = free_port()
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    check = trouble(await looked("ws://ws.example.com"), "tcp", "fail")
    assert check.detail == f"the proxy 127.0.0.1:{port} refused the connection"
    wanted = f"the proxy 127.0.0.1:{port}: NO_PROXY=ws.example.com notifyws status"
    assert wanted in check.hint


def test_a_proxy_that_hangs_up(monkeypatch):
    with proxy(free_port()) as (one, _):
        one.refuses = True
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{one.port}")
        report = asyncio.run(looked("ws://ws.example.com"))
    assert report.failure.name in ("tcp", "clock")  # whichever sees the end first
    check = trouble(report, report.failure.name, "fail")
    assert f"go around the proxy 127.0.0.1:{one.port}: NO_PROXY=" in check.hint


@told
async def test_a_proxy_that_lets_no_websocket_through(monkeypatch):
    async def story(peer):
        request = await peer.request()
        if request.method == "CONNECT":
            await peer.write(answer(403))
        else:
            await peer.write(json_answer(GIVEN))

    async with httpd(story) as server:
        monkeypatch.setenv("http_proxy", server.origin)
        check = trouble(await looked("ws://ws.example.com"), "websocket", "fail")
        assert "the proxy answered 403 instead of connecting" in check.detail
        assert f"the proxy {server.host}: NO_PROXY=ws.example.com" in check.hint


# TLS


@told
async def test_a_certificate_that_ends_soon(authority, tmp_path):
    async with httpd(echo(), authority.good(days=5)) as server:
        ca = str(authority.write(tmp_path))
        check = trouble(await looked(server.url, ca_file=ca), "tls", "warn")
        assert check.detail.startswith(f"the certificate of {server.host} ends in 4 d")
        assert check.hint == f"have whoever runs {server.host} renew it before that"


@pytest.mark.parametrize(
    ("served", "why", "hint"),
    [
        ("expired", "expired", "renew it"),
        ("for_another_host", "mismatch", "put the name that the certificate is for"),
        ("good", "unable to get local issuer", "NOTIFYWS_CA_FILE=/path/to/ca.pem"),
    ],
)
@told
async def test_a_certificate_that_is_not_trusted(
    authority, tmp_path, served, why, hint
):
    trusted = {} if served == "good" else {"ca_file": str(authority.write(tmp_path))}
    async with httpd(silence, getattr(authority, served)()) as server:
        check = trouble(await looked(server.url, **trusted), "tls", "fail")
    assert why in check.detail
    assert hint in check.hint


@told
async def test_a_clock_that_is_an_hour_off():
    date = formatdate(time() + 3600, usegmt=True)
    async with httpd(echo(Date=date)) as server:
        check = trouble(await looked(server.url), "clock", "warn")
    assert re.fullmatch(
        r"this machine's clock is 3\d\d\d s behind the server's", check.detail
    )


# Tokens


@told
async def test_wrong_credentials():
    async with dev() as server:
        check = trouble(await looked(server.url, password="wrong"), "token", "fail")
        assert f"refused the username or password of {USER}" in check.detail
        assert check.exit_code == 4


@told
async def test_a_stale_token():
    async with dev() as server:
        await looked(server.url)
        await server("revoke")
        check = trouble(await looked(server.url), "websocket", "fail")
        assert "answered 401" in check.detail
        assert "left by its own word" in check.detail
        assert check.hint == "notifyws token --refresh"


@told
async def test_a_ready_made_token_that_is_stale():
    async with dev() as server:
        report = await looked(server.url, token=ACCESS)
    check = trouble(report, "websocket", "fail")
    assert check.hint.startswith("set another NOTIFYWS_TOKEN")


@pytest.mark.parametrize(
    ("server_says", "settings", "said", "hint"),
    [
        (
            {"access_ttl": 10},
            {},
            "access tokens live 10 s and are cached for 8 s, so that nearly every",
            "have the server give tokens of some minutes",
        ),
        (
            {"access_ttl": 100},
            {"access_margin": 0.9},
            "the margin leaves hardly anything",
            "lower NOTIFYWS_ACCESS_MARGIN",
        ),
        (
            {},
            {"access_ttl": 7200.0},
            "access tokens live 15 min by the server's own word, not 2 h 0 min",
            "unset NOTIFYWS_ACCESS_TTL",
        ),
        (
            {"refresh_ttl": 900},
            {},
            "each renewal is a login",
            "have the server give refresh tokens that live longer",
        ),
        (
            {"refresh_ttl": 1800},
            {"refresh_margin": 0.6},
            "each renewal is a login",
            "lower NOTIFYWS_REFRESH_MARGIN",
        ),
    ],
)
@told
async def test_lifetimes_that_do_not_go_together(server_says, settings, said, hint):
    async with dev(**server_says) as server:
        report = await looked(server.url, **settings)
    check = trouble(report, "lifetimes", "warn")
    assert said in check.detail
    assert hint in check.hint


@told
async def test_a_token_that_nothing_can_renew():
    async def story(peer):
        request = await peer.request()
        if request.method == "POST":
            await peer.write(json_answer({"accessToken": ACCESS}))
        else:
            await peer.write(answer(404))

    async with httpd(story) as server:
        await looked(server.url)
        without = {"password": "", "thorough": False}
        report = await looked(server.url, **without, keyring=False)
        perhaps = await looked(server.url, **without)  # the keyring may hold one
    check = trouble(report, "lifetimes", "warn")
    assert "nothing can renew it: no refresh token is cached" in check.detail
    assert not [each for each in perhaps.checks if each.status == "warn"]


# Connected, but nothing arrives


@told
async def test_a_filter_that_lets_nothing_through():
    async with dev() as server:
        nothing = Selection(filter="title == 'other'")
        async with listening(server.url, selection=nothing, name="desk") as service:
            await until(lambda: service.is_connected)
            await server("notify", title="one")
            await until(lambda: service.listener.received == 1)
            await server("cut")
            report = await looked_until(
                lambda seen: any(
                    one.filtered and one.state == "connected" for one in seen.listeners
                ),
                server.url,
            )
    check = trouble(report, "listener", "warn")
    assert check.detail.startswith("listener desk has received 1, and its --filter or ")
    assert "see what it gets without them: notifyws listen" in check.hint


@told
async def test_a_quiet_server_is_no_trouble_and_a_wrong_user_is():
    async with dev() as server, listening(server.url, name="desk") as service:
        await until(lambda: service.is_connected)
        report = await looked_until(
            lambda seen: seen.listeners and seen.listeners[0].userId,
            server.url,
            later=600,
        )
        wrong = await looked(server.url, later=600, thorough=False, user_id="43")
    assert report.verdict[0] == "pass"
    check = trouble(wrong, "listener", "warn")
    assert check.detail == (
        "listener desk has been connected for 10 min as user 42, not 43, and got "
        "nothing"
    )


@told
async def test_another_user_than_the_one_that_is_configured():
    async with dev() as server:
        report = await looked(server.url, user_id="43")
    check = trouble(report, "user", "warn")
    assert check.detail == "the server takes us for user 42, not 43"


@told
async def test_a_path_where_no_socket_is():
    async def story(peer):
        request = await peer.request()
        if request.method == "POST":
            await peer.write(json_answer(GIVEN))
        else:
            await peer.write(answer(404))

    async with httpd(story) as server:
        check = trouble(await looked(server.url), "websocket", "fail")
        assert "answered 404" in check.detail
        assert f"as in {server.url}/ws" in check.hint
        check = trouble(await looked(f"{server.url}/liev"), "websocket", "fail")
        assert check.hint.startswith("correct the path /liev in the URL")


@told
async def test_a_path_that_is_not_the_profiles(alone):
    (alone / "acme.toml").write_text(PROFILE, "utf-8")
    async with dev() as server:
        url, chosen = f"{server.url}/other", {"profile": "./acme.toml"}
        check = trouble(await looked(url, **chosen), "websocket", "warn")
        assert "opened at /other, but profile" in check.detail
        async with listening(url, name="desk", **chosen) as service:
            await until(lambda: service.is_connected)
            report = await looked_until(
                lambda seen: any(one.state == "connected" for one in seen.listeners),
                url,
                later=600,
                **chosen,
            )
    check = trouble(report, "listener", "warn")
    assert "got nothing: the socket is opened at /other, but profile" in check.detail
    assert check.hint.startswith("take the path /other out of the URL")


@told
async def test_a_server_that_sends_another_shape(alone):
    (alone / "acme.toml").write_text(PROFILE, "utf-8")
    chosen = {"profile": "./acme.toml"}
    secret = base64.b64encode(bytes(range(40))).decode()
    frame = {"evt": "trip", "p": {"id": 7, "t": secret}, "note": f"{PASSWORD}\x1b[2J"}
    async with (
        dev() as server,
        listening(server.url, name="desk", **chosen) as service,
    ):
        await until(lambda: service.is_connected)
        for _ in range(2):
            await server("raw", text=json.dumps(frame))
        report = await looked_until(
            lambda seen: any(one.notUnderstood for one in seen.listeners),
            server.url,
            **chosen,
        )
    check = trouble(report, "listener", "warn")
    assert "listener desk has not understood" in check.detail
    assert '{"evt": "trip", "p": {"id": 7, "t": "***"}' in check.detail
    assert secret not in json.dumps(report.as_json())
    assert "notifyws listen --raw" in check.hint
    assert "notifyws profile check " in check.hint
    assert "notifyws profile new" in check.hint


# Reconnecting


@told
async def test_a_listener_that_reconnects_for_ever():
    async with dev() as server, listening(server.url, name="desk") as service:
        await until(lambda: service.is_connected)
        await server("mode", upgrade_status=503)
        await server("cut", code=1012, reason="restart")
        report = await looked_until(
            lambda seen: any(one.attempts > 2 for one in seen.listeners),
            server.url,
            thorough=False,
        )
    check = trouble(report, "listener", "warn")
    assert re.match(
        r"listener desk has been reconnecting for \d s, \d+ tries so far: ",
        check.detail,
    )
    assert "answered 503" in check.detail
    assert check.hint == "notifyws status --check"


@told
async def test_a_listener_that_comes_and_goes():
    async with dev() as server, listening(server.url, name="desk") as service:
        for n in range(4):
            await until(lambda: service.is_connected)
            await server("cut", code=1011, reason="out of order")
            await until(lambda n=n: service.told.count("disconnected") > n)
        report = await looked_until(
            lambda seen: any(
                one.shortLived > 3 and one.state == "connected"
                for one in seen.listeners
            ),
            server.url,
        )
    check = trouble(report, "listener", "warn")
    assert "listener desk comes and goes: connected " in check.detail
    assert " s ago, after 4 connections that lasted for seconds only" in check.detail
    assert "out of order" in check.detail


# The cache


@told
async def test_a_cache_that_is_down():
    url = f"redis://127.0.0.1:{free_port()}"
    async with dev() as server:
        check = trouble(await looked(server.url, redis_url=url), "cache", "warn")
    assert "cannot be used" in check.detail
    assert check.detail.endswith("; tokens are kept in memory only")
    assert check.hint.startswith("check the URL, and that the server is running (")


@told
async def test_a_cache_that_wants_another_password(clean_valkey):
    clean_valkey.command("ACL", "SETUSER", "door", "on", ">right", "~*", "+@all")
    url = clean_valkey.url.replace("//", f"//door:{PASSWORD}@")
    async with dev() as server:
        check = trouble(await looked(server.url, redis_url=url), "cache", "warn")
    assert "does not accept the user or password" in check.detail
    assert check.hint.startswith("correct them in the URL (")


@contextmanager
def full(valkey):
    valkey.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    valkey.command("CONFIG", "SET", "maxmemory", "1")
    try:
        yield
    finally:
        valkey.command("CONFIG", "SET", "maxmemory", "0")


@told
async def test_a_cache_that_is_full(clean_valkey):
    async with dev() as server:
        with full(clean_valkey):
            report = await looked(server.url, redis_url=clean_valkey.url)
    check = trouble(report, "cache", "warn")
    assert "is out of memory" in check.detail
    assert check.hint.startswith("raise its maxmemory or let it evict (")
    assert report.as_json()["cache"]["ok"] is False


# As a user sees it


def test_the_command_names_the_trouble_first_and_ends_with_its_code(home: Home):
    url = f"ws://127.0.0.1:{free_port()}"
    done = home.run("status", "--check", "--url", url)
    assert done.returncode == 5
    assert done.stdout.startswith(f"✖ Not well: {urlsplit(url).netloc} refused the ")
    assert "\n    why: " in done.stdout
    assert "\n    try: start the server, or correct the port" in done.stdout


def test_a_listener_tells_the_command_what_it_does_not_understand(
    home: Home, server: Server
):
    home.listen("--name", "desk")
    server.dev("raw", {"text": '{"token": "abcdef", "evt": 1}'})
    said = in_time(
        lambda: "not understood 1 frame" in (out := home.run("status").stdout) and out,
        "what was not understood",
    )
    assert '{"token": "***", "evt": 1}' in said
    assert "    try: notifyws listen --raw, then: " in said
