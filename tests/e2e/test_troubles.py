"""Every trouble, caused for real: what ``status`` says of it, and what it says to try.

Docs/troubleshooting.md, or docs/redis.md, is held against each: it shows the hint.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from datetime import datetime
from email.utils import formatdate
from time import time

import pytest
from msgspec.structs import replace

from notifyws.diagnostics.account_findings import (
    TokenLife,
    of_access,
    of_listeners,
    of_refresh,
)
from notifyws.diagnostics.findings import CheckContext
from notifyws.fleet.listener_entry import Listener
from tests.e2e.support import until as in_time
from tests.protocol.profiles.stage import stage
from tests.support.dev import PASSWORD, USER, dev, until
from tests.support.examining import (
    ACCESS,
    GIVEN,
    echo,
    in_the_page,
    listening,
    looked,
    looked_until,
    only_failure,
)
from tests.support.httpd import answer, httpd, json_answer, silence
from tests.support.proxy import proxy
from tests.support.resp import scripted
from tests.support.tls import Authority
from tests.support.valkey import free_port

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


pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture(scope="module")
def authority():
    return Authority()


def trouble(report, name: str, status: str):
    """Return the one check that is not well, whose hint stands in the page."""
    bad = [check for check in report.checks if check.status in ("warn", "fail")]
    (check,) = [each for each in bad if each.name == name] or [bad]
    assert check.status == status, check
    if status == "fail" and len(bad) == 1:
        only_failure(report, check.name, check.exit_code)
    assert in_the_page(check.hint), check.hint
    assert report.verdict[1].startswith("Not ")
    assert bad[0].detail in report.verdict[1]
    return check


# No connection


async def test_nothing_listens():
    port = free_port()
    check = trouble(await looked(f"ws://127.0.0.1:{port}"), "tcp", "fail")
    assert check.detail == f"127.0.0.1:{port} refused the connection"
    assert "start the server, or correct the port in the URL" in check.hint


async def test_a_name_that_does_not_resolve():
    check = trouble(await looked("ws://name.invalid"), "dns", "fail")
    assert check.detail == "cannot find name.invalid: the name does not resolve"
    assert check.hint.startswith("correct the host in the URL (it comes from --url)")


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
        ("good", "unable to get local issuer", "NOTIFYWS_CA_FILE must name a PEM file"),
    ],
)
async def test_a_certificate_that_is_not_trusted(
    authority, tmp_path, served, why, hint
):
    trusted = {} if served == "good" else {"ca_file": str(authority.write(tmp_path))}
    async with httpd(silence, getattr(authority, served)()) as server:
        check = trouble(await looked(server.url, **trusted), "tls", "fail")
    assert why in check.detail
    assert hint in check.hint


async def test_a_clock_that_is_an_hour_off():
    date = formatdate(time() + 3600, usegmt=True)
    async with httpd(echo(Date=date)) as server:
        check = trouble(await looked(server.url), "clock", "warn")
    assert re.fullmatch(
        r"this machine's clock is 3\d\d\d s behind the server's", check.detail
    )


async def test_a_certificate_that_is_not_valid_yet(authority, tmp_path):
    ca = str(authority.write(tmp_path))
    async with httpd(silence, authority.early(3600)) as server:
        check = trouble(await looked(server.url, ca_file=ca), "tls", "fail")
    assert "the clock of this machine may be behind" in check.detail


# Refusals


async def test_a_user_or_an_origin_that_is_forbidden():
    async with dev() as server:
        await server("mode", upgrade_status=403)
        check = trouble(await looked(server.url), "websocket", "fail")
    assert "answered 403" in check.detail
    assert "NOTIFYWS_ORIGIN=" in check.hint


async def test_an_origin_that_is_refused_in_a_frame():
    """laravel/reverb, src/Protocols/Pusher/Exceptions/InvalidOrigin.php."""

    async def story(socket):
        data = {"code": 4009, "message": "Origin not allowed"}
        await socket.say({"event": "pusher:error", "data": json.dumps(data)})
        await socket.stay()

    async with stage({}, story) as server:
        chosen = {"profile": "pusher", "variables": "app_key=k channel=news"}
        check = trouble(await looked(server.url, **chosen), "websocket", "fail")
    assert "Origin not allowed" in check.detail
    assert check.hint.startswith("name an Origin that the server allows: ")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("Invalid MFA token.", "create a personal access token at "),
        ("Your account is locked because of too many failed attempts.", "wait, or "),
    ],
)
async def test_a_login_that_is_refused_for_more_than_the_password(words, hint):
    async def story(peer):
        request = await peer.request()
        refused = request.method == "POST"
        said = json_answer({"message": words}, 401) if refused else answer(404)
        await peer.write(said)

    async with httpd(story) as server:
        check = trouble(await looked(server.url), "token", "fail")
    assert words in check.detail
    assert check.hint.startswith(hint)


# Tokens


async def test_wrong_credentials():
    async with dev() as server:
        check = trouble(await looked(server.url, password="not-it"), "token", "fail")
        assert f"refused the login of {USER}: wrong username or" in check.detail
        assert check.exit_code == 4


async def test_a_stale_token():
    async with dev() as server:
        await looked(server.url)
        await server("revoke")
        check = trouble(await looked(server.url), "websocket", "fail")
        assert (check.exit_code, "answered 401" in check.detail) == (4, True)
        assert "left by its own word" in check.detail
        assert check.hint == "notifyws token --refresh"


async def test_a_ready_made_token_that_is_stale():
    async with dev() as server:
        report = await looked(server.url, token=ACCESS)
    check = trouble(report, "websocket", "fail")
    assert check.hint.startswith("set another NOTIFYWS_TOKEN")
    assert "by its own word" not in check.detail  # it says nothing of its end
    (token,) = [each for each in report.checks if each.name == "token"]
    assert token.detail == "ready-made; how long it is good it does not say"


async def test_tokens_that_live_for_seconds_and_another_user():
    async with dev(access_ttl=10) as server:
        report = await looked(server.url, user_id="43")
    assert "are cached for 8 s" in trouble(report, "lifetimes", "warn").detail
    assert trouble(report, "user", "warn").detail.endswith("for user 42, not 43")


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


async def test_a_server_that_sends_another_shape(alone):
    (alone / "acme.toml").write_text(PROFILE, "utf-8")
    chosen = {"profile": "./acme.toml"}
    secret = base64.b64encode(bytes(range(40))).decode()
    frame = {"evt": "trip", "p": {"id": 7, "t": secret}, "note": f"{PASSWORD}\x1b[2J"}
    async with dev() as server, listening(server.url, name="desk", **chosen) as service:
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


ACCESS_LIFE = TokenLife(900.0, 0.2)
AT = "2024-01-15T10:00:00Z"
NOW = datetime.fromisoformat(AT).timestamp() + 600
CONTEXT = CheckContext(path="/live", profile="acme", user="42", source="--url")
QUIET = Listener("desk", "", 7, "connected", AT, userId="42")
LISTENERS = (
    replace(QUIET, received=1, filtered=1),
    replace(QUIET, userId="43"),
    replace(QUIET, lastFailure={"kind": "server_error", "message": "no"}),
    replace(QUIET, state="reconnecting", attempts=3),
    replace(QUIET, received=1, shortLived=4, since="2024-01-15T10:09:50Z"),
)
JUDGED = (
    of_access(TokenLife(100.0, 0.9)),
    of_access(TokenLife(900.0, 0.2, 7200.0)),
    of_refresh(TokenLife(900.0, 0.1), ACCESS_LIFE),
    of_refresh(TokenLife(1800.0, 0.6), ACCESS_LIFE),
    *of_listeners(LISTENERS, NOW, CONTEXT),
)
"""What is judged from facts alone; how they are found out is tested where they are."""


@pytest.mark.parametrize("found", JUDGED)
def test_the_page_shows_what_is_judged_from_facts(found):
    assert in_the_page(found.hint)


# The cache


async def test_a_cache_that_is_down():
    url = f"redis://127.0.0.1:{free_port()}"
    async with dev() as server:
        check = trouble(await looked(server.url, redis_url=url), "cache", "warn")
    assert "cannot be used" in check.detail
    assert check.detail.endswith("; tokens are kept in memory only")
    assert check.hint.startswith("check the URL, and that the server is running (")


async def test_a_cache_that_wants_another_password(clean_valkey):
    clean_valkey.command("ACL", "SETUSER", "door", "on", ">right", "~*", "+@all")
    url = clean_valkey.url.replace("//", f"//door:{PASSWORD}@")
    async with dev() as server:
        check = trouble(await looked(server.url, redis_url=url), "cache", "warn")
    assert "does not accept the user or password" in check.detail
    assert check.hint.startswith("correct them in the URL (")


async def test_a_cache_that_is_full(clean_valkey):
    clean_valkey.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    clean_valkey.command("CONFIG", "SET", "maxmemory", "1")
    try:
        async with dev() as server:
            report = await looked(server.url, redis_url=clean_valkey.url)
    finally:
        clean_valkey.command("CONFIG", "SET", "maxmemory", "0")
    check = trouble(report, "cache", "warn")
    assert "is out of memory" in check.detail
    assert check.hint.startswith("raise its maxmemory or let it evict (")
    assert report.as_json()["cache"]["ok"] is False


@pytest.mark.parametrize("denied", ["eval", "getrange", "pttl", "set", "del", "ping"])
async def test_a_cache_whose_user_may_not_do_all_that_is_needed(clean_valkey, denied):
    """Denied within a script, it is no NOPERM: redis/redis, src/script.c."""
    some = (">right", "~notifyws:*", "+@all", f"-{denied}")
    clean_valkey.command("ACL", "SETUSER", "half", "reset", "on", *some)
    url = clean_valkey.url.replace("//", "//half:right@")
    async with dev() as server:
        check = trouble(await looked(server.url, redis_url=url), "cache", "warn")
    assert "forbids this user what is needed" in check.detail
    assert f"+{denied}" in check.hint


async def test_a_cache_whose_sentinels_do_not_know_it(clean_sentinel):
    url = clean_sentinel.url.replace("/mine", "/other")
    async with dev() as server:
        check = trouble(await looked(server.url, redis_url=url), "cache", "warn")
    assert "its sentinels do not know that service" in check.detail
    assert "sentinel monitor" in check.hint


async def test_a_cache_that_is_a_node_of_a_cluster():
    async with dev() as server, scripted(b"-MOVED 1 127.0.0.1:1\r\n") as node:
        check = trouble(await looked(server.url, redis_url=node.url), "cache", "warn")
    assert "is a node of a cluster without our keys" in check.detail
    assert check.hint.startswith("write redis+cluster:// and some of its nodes (")


async def test_a_cache_that_has_become_a_replica(clean_valkey):
    clean_valkey.command("REPLICAOF", "127.0.0.1", "1")
    try:
        async with dev() as server:
            report = await looked(server.url, redis_url=clean_valkey.url)
    finally:
        clean_valkey.command("REPLICAOF", "NO", "ONE")
    check = trouble(report, "cache", "warn")
    assert "is a read-only replica" in check.detail
    assert check.hint.startswith("use the URL of the primary (")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("null", "it cannot be read, so it counts as empty and is replaced"),
        ('{"v": 99}', "a newer version of notifyws wrote it, so it is left alone"),
    ],
)
async def test_a_cache_with_odd_values_under_our_keys(clean_valkey, value, why):
    async with dev() as server:
        await looked(server.url, redis_url=clean_valkey.url)
        (key,) = clean_valkey.command("KEYS", "notifyws:*:access")
        clean_valkey.command("SET", key, value, "PX", "60000")
        report = await looked(server.url, redis_url=clean_valkey.url)
    check = trouble(report, "cache", "warn")
    assert why in check.detail
    assert report.as_json()["cache"]["ok"] is True


# As a user sees it


def test_a_listener_tells_the_command_what_it_does_not_understand(home, server):
    home.listen("--name", "desk")
    server.dev("raw", {"text": '{"token": "abcdef", "evt": 1}'})
    said = in_time(
        lambda: (
            "not understood 1 frame" in (out := home.within("status").stdout) and out
        ),
        "what was not understood",
    )
    assert '{"token": "***", "evt": 1}' in said
    assert "    try: notifyws listen --raw, then: " in said
