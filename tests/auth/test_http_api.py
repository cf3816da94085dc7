"""The HTTP side on real sockets: what is asked, and what comes of each answer."""

from __future__ import annotations

import asyncio
import base64
import gc
import gzip
import json
import traceback
import tracemalloc
from email.utils import formatdate
from functools import cache
from time import time

import pytest

from notifyws.auth.http_api import HttpApi
from notifyws.errors import (
    AuthenticationFailed,
    CertificateRejected,
    ConfigurationError,
    HttpRefused,
    NetworkFailed,
    NotHttp,
    NotifyError,
    ReplyLost,
)
from notifyws.protocol.loader import profile_text
from notifyws.protocol.profile_text import parse
from notifyws.protocol.token_replies import Lifetimes
from tests.support.httpd import answer, httpd, json_answer, says, silence
from tests.support.tls import Authority
from tests.support.valkey import free_port

PASSWORD = "sentinel-password-77aa"
REFRESH = "sentinel-refresh-1b2c"
ACCESS = "sentinel-access-9d8e"
GIVEN = {
    "accessToken": ACCESS,
    "refreshToken": REFRESH,
    "expiresIn": 600,
    "refreshExpiresIn": 6000,
    "userId": 42,
}
DEFAULT = parse(*profile_text("default"))


@pytest.fixture(scope="module")
def authority():
    return Authority()


def side(origin, profile=DEFAULT, **options):
    return HttpApi(origin, profile, Lifetimes(), **{"timeout": 5.0, **options})


def profiled(toml: str):
    """Return a profile with these HTTP steps."""
    return parse(f'name = "odd"\n{toml}\n[[rules]]\nthen = "notification"\n', "odd")


async def failing(call, kind=NotifyError):
    """Return the error of a call that must fail; no secret is in any part of it."""
    with pytest.raises(kind) as caught:
        await call
    error = caught.value
    shown = "".join(traceback.format_exception(error))
    facts = json.dumps(error.as_json()) + repr(error) + str(vars(error).get("headers"))
    for secret in (PASSWORD, REFRESH, ACCESS):
        assert secret not in shown + facts
    return error


async def refused(said: bytes, kind=NotifyError):
    """Return the error of a login that is answered so, and the server."""
    async with httpd(says(said)) as server:
        return await failing(side(server.origin).login("demo", PASSWORD), kind), server


# What is asked


async def test_a_login_asks_as_the_profile_says_and_returns_the_tokens():
    async with httpd(says(json_answer(GIVEN))) as server:
        pair = await side(server.origin).login("demo", PASSWORD)
        (asked,) = server.requests
    assert (asked.method, asked.target) == ("POST", "/auth/login")
    assert asked.json == {"username": "demo", "password": PASSWORD}
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["accept"] == "application/json"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["user-agent"].startswith("notifyws/")
    assert "authorization" not in asked.headers
    assert (pair.access.value, pair.access.lifetime) == (ACCESS, 600)
    assert pair.refresh is not None
    assert (pair.refresh.value, pair.refresh.lifetime) == (REFRESH, 6000)
    assert pair.user_id == "42"
    for secret in (ACCESS, REFRESH):
        assert secret not in repr(pair)


async def test_a_refresh_shows_the_refresh_token_and_nothing_else():
    async with httpd(says(json_answer({"accessToken": ACCESS}))) as server:
        pair = await side(server.origin).refresh(REFRESH)
        (asked,) = server.requests
    assert (asked.method, asked.target) == ("POST", "/auth/refresh")
    assert asked.json == {"refreshToken": REFRESH}
    assert pair.access.lifetime == 900
    assert pair.refresh is None


@pytest.mark.parametrize("status", [200, 204, 401, 404])
async def test_a_logout_is_done_when_the_session_is_gone_either_way(status):
    async with httpd(says(answer(status))) as server:
        await side(server.origin).logout(ACCESS, REFRESH)
        (asked,) = server.requests
    assert (asked.method, asked.target) == ("POST", "/auth/logout")
    assert asked.json == {"refreshToken": REFRESH}


async def test_a_logout_that_the_server_cannot_do_says_so():
    async with httpd(says(answer(500))) as server:
        call = side(server.origin).logout(ACCESS, REFRESH)
        assert (await failing(call, HttpRefused)).status == 500


async def test_method_headers_and_body_are_the_profiles():
    profile = profiled(
        """
        [http.login]
        method = "PUT"
        path = "/session?x=1"
        headers = { X-User = "{username}", Accept = "text/json" }
        body = { deep = { who = "{username}", list = ["{password}", 1] } }
        accept = [201]
        [http.refresh]
        method = "GET"
        path = "/again"
        headers = { Authorization = "Bearer {refresh_token}" }
        [tokens]
        access = "a.b"
        """
    )
    async with httpd(says(json_answer({"a": {"b": ACCESS}}, 201))) as server:
        await side(server.origin, profile).login("me", PASSWORD)
        asked = server.requests[0]
    assert (asked.method, asked.target) == ("PUT", "/session?x=1")
    assert asked.headers["x-user"] == "me"
    assert asked.headers["accept"] == "text/json"
    assert asked.json == {"deep": {"who": "me", "list": [PASSWORD, 1]}}
    async with httpd(says(json_answer({"a": {"b": ACCESS}}))) as server:
        await side(server.origin, profile).refresh(REFRESH)
        asked = server.requests[0]
    assert asked.headers["authorization"] == f"Bearer {REFRESH}"
    assert asked.body == b""


async def test_a_request_is_left_out_unless_its_condition_is_true():
    profile = profiled(
        """
        [constants]
        otp = ""
        [tokens]
        access = "token"
        [[http.login]]
        path = "/login"
        capture = { flow = "flow" }
        [[http.login]]
        path = "/code"
        only_if = "otp"
        body = { flow = "{flow}", code = "{otp}" }
        """
    )
    given = says(json_answer({"token": ACCESS, "flow": "f"}))
    async with httpd(given) as server:
        await side(server.origin, profile).login("me", PASSWORD)
        await side(server.origin, profile, variables={"otp": "42"}).login("me", "x")
        paths = [request.target for request in server.requests]
        assert paths == ["/login", "/login", "/code"]
        assert server.requests[-1].json == {"flow": "f", "code": "42"}


async def test_a_path_keeps_the_slashes_of_a_variable_that_is_one():
    profile = profiled(
        """
        [constants]
        where = "broadcasting/auth now"
        [tokens]
        access = "token"
        [http.login]
        path = "/{where|path}/{where}"
        """
    )
    async with httpd(says(json_answer({"token": ACCESS}))) as server:
        variables = profile.constants
        await side(server.origin, profile, variables=variables).login("me", PASSWORD)
        asked = "/broadcasting/auth%20now/broadcasting%2Fauth%20now"
        assert server.requests[0].target == asked


async def test_a_username_like_another_host_stays_at_the_origin():
    profile = profiled(
        '[http.login]\npath = "/{username}"\n[tokens]\naccess = "accessToken"'
    )
    async with httpd(says(json_answer(GIVEN))) as server:
        await side(server.origin, profile).login("/evil.invalid/../x?y", PASSWORD)
        assert server.requests[0].headers["host"] == server.host
        assert server.requests[0].target == "/%2Fevil.invalid%2F..%2Fx%3Fy"


ODD_ANSWERS = """
[tokens]
access = "token"
[[http.login]]
path = "/begin"
capture = { flow = "flow" }
[[http.login]]
path = "/{flow}"
headers = { X-User = "{username}", X-Flow = "{flow}" }
[resume.catchup.step]
method = "GET"
path = "/after/{last_id}"
"""


@pytest.mark.parametrize("flow", ["..", "\u00e9", "a\r\nX: y", "."])
async def test_what_a_server_chose_and_no_request_can_carry_is_the_servers_fault(flow):
    """Seen: it was exit code 2, for which nobody starts a listener again."""
    profile = profiled(ODD_ANSWERS)
    async with httpd(says(json_answer({"flow": flow}))) as server:
        here = side(server.origin, profile)
        error = await failing(here.login("me", PASSWORD), ReplyLost)
        assert "named what no request can carry" in error.message
        with pytest.raises(ConfigurationError, match="X-User"):
            await here.login("m\u00e9", PASSWORD)


async def test_an_id_that_leads_elsewhere_is_no_wrong_profile():
    profile = profiled(ODD_ANSWERS)
    async with httpd(silence) as server:
        here = side(server.origin, profile)
        await failing(here.catch_up(ACCESS, {"last_id": ".."}), NetworkFailed)
        assert server.connections == 0


async def test_unknown_steps_are_said_and_nothing_is_asked():
    profile = profiled("")
    async with httpd(silence) as server:
        here = side(server.origin, profile)
        await failing(here.login("me", PASSWORD), ConfigurationError)
        await failing(here.refresh(REFRESH), AuthenticationFailed)
        await here.logout(ACCESS, REFRESH)
        assert server.connections == 0


# What is answered


async def test_a_401_to_a_login_is_a_wrong_password_and_names_the_user():
    error, server = await refused(json_answer({"error": PASSWORD}, 401))
    assert type(error) is AuthenticationFailed
    assert "demo" in error.message
    assert server.origin in error.message
    assert error.hint.endswith("notifyws auth login")
    assert server.connections == 1


async def test_a_401_to_a_refresh_is_a_spent_token():
    async with httpd(says(answer(401))) as server:
        error = await failing(side(server.origin).refresh(REFRESH))
    assert type(error) is AuthenticationFailed
    assert error.hint == "notifyws auth login"


@pytest.mark.parametrize("status", [201, 204, 400, 403, 404, 418, 429, 500, 503])
async def test_any_other_status_is_refused_with_its_facts(status):
    said = json_answer({"why": "so"}, status, Retry_After="9")
    error, server = await refused(said)
    assert type(error) is HttpRefused
    assert error.status == status
    assert error.message == f"{server.origin}/auth/login answered {status}"
    assert error.retry_after == 9.0
    assert error.hint


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_carries_the_password_nowhere(status):
    async with httpd(silence) as elsewhere:
        there = f"{elsewhere.origin}/x"
        error, server = await refused(answer(status, Location=there))
        assert server.connections == 1
        await asyncio.sleep(0.01)
        assert elsewhere.connections == 0
    assert type(error) is HttpRefused
    assert error.message.endswith(
        f"answered {status} (a redirect to {elsewhere.origin}, not followed)"
    )


@pytest.mark.parametrize(
    "there",
    [f"https://h/?password={PASSWORD}", f"/?{PASSWORD}", f"https://{PASSWORD}.example"],
)
async def test_a_redirect_that_repeats_the_body_does_not_show_it(there):
    error, _ = await refused(answer(302, Location=there))
    assert "not followed" in error.message
    there = there.replace(PASSWORD, REFRESH)
    async with httpd(says(answer(302, Location=there))) as server:
        error = await failing(side(server.origin).refresh(REFRESH))
    assert "not followed" in error.message


async def test_junk_that_repeats_the_body_does_not_show_it():
    error, _ = await refused(f"{PASSWORD}\r\n\r\n".encode())
    assert type(error) is NotHttp
    assert error.message.endswith("illegal status line")


@pytest.mark.parametrize(
    ("status", "said", "hint"),
    [
        (429, {}, "try again later"),
        (500, {}, "try again later"),
        (503, {"Retry_After": "9"}, "try again later, in 9 s"),
        (429, {"Retry_After": "soon"}, "try again later"),
        (404, {"Retry_After": "9"}, "check the server's URL and --profile"),
    ],
)
async def test_a_server_that_is_busy_is_asked_again_later(status, said, hint):
    async with httpd(says(answer(status, **said))) as server:
        here = side(server.origin)
        assert (await failing(here.login("demo", PASSWORD))).hint == hint
        assert (await failing(here.refresh(REFRESH))).hint == hint


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Welcome</body></html>",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"accessToken": null}',
        b'{"accessToken": ""}',
        b'{"accessToken": ["x"]}',
        b'{"accessToken": {"a": 1}}',
        b'{"accessToken": true}',
        b'{"data": 7}',
        b'{"accessToken": "cut',
        b"\xff\xfe\x00",
        b"[" * 60_000,
        b'{"accessToken": ' + b"1" * 5000 + b"}",
    ],
)
async def test_an_answer_without_a_token_is_a_clear_error(body):
    error, server = await refused(answer(200, body))
    assert type(error) is ReplyLost
    assert error.message.startswith(f"{server.origin}/auth/login answered, but")
    assert "--profile" in error.hint


@pytest.mark.fault(29)
async def test_nonsense_beside_a_token_counts_as_not_said():
    said = {**GIVEN, "expiresIn": "soon", "refreshToken": [], "userId": {"a": 1}}
    async with httpd(says(json_answer(said))) as server:
        pair = await side(server.origin).login("demo", PASSWORD)
    assert (pair.access.lifetime, pair.refresh, pair.user_id) == (900, None, None)


async def ten_megabytes(peer):
    await peer.request()
    await peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n")
    for _ in range(160):
        await peer.write(b"x" * (64 << 10))


@cache
def bomb() -> bytes:
    return answer(200, gzip.compress(bytes(50 << 20)), Content_Encoding="gzip")


async def gzip_bomb(peer):
    await peer.request()
    await peer.write(bomb())


async def chunked_for_ever(peer):
    await peer.request()
    await peer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await peer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")


@pytest.mark.parametrize("story", [ten_megabytes, gzip_bomb, chunked_for_ever])
async def test_an_answer_larger_than_any_should_be_is_bounded(story):
    async with httpd(story) as server:
        bomb()
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        try:
            error = await failing(side(server.origin).login("demo", PASSWORD))
            peak = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
        assert peak < 4 << 20  # the pieces that the story writes are in it
        assert type(error) is ReplyLost
        assert server.origin.partition("://")[2] in error.message


@pytest.mark.parametrize(
    ("junk", "kind"),
    [
        (b"", ReplyLost),
        (b"junk\r\n\r\n", NotHttp),
        (b"\x16\x03\x01" + bytes(100), NotHttp),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", ReplyLost),
        (b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 50_000 + b"\r\n", ReplyLost),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * (200 << 10) + b"\r\n\r\n", ReplyLost),
    ],
    ids=["nothing", "junk", "TLS", "half", "50,000 headers", "200 KiB line"],
)
async def test_what_is_no_http_is_a_network_error(junk, kind):
    error, server = await refused(junk)
    assert type(error) is kind
    assert server.host in error.message
    assert len(error.message) < 300


async def drip_body(peer):
    await peer.request()
    await peer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
    await peer.drip(b"x" * 9999)


async def drip_head(peer):
    await peer.request()
    await peer.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9999)


@pytest.mark.parametrize("story", [silence, drip_body, drip_head])
async def test_one_limit_is_over_the_whole_exchange(story):
    async with httpd(story) as server:
        started = time()
        call = side(server.origin, timeout=0.1).login("demo", PASSWORD)
        error = await failing(call, NetworkFailed)
        assert time() - started < 1
        assert error.message == f"{server.host} did not answer within 0.1 s"


async def test_a_line_that_is_cut_is_a_network_error():
    async def story(peer):
        await peer.request()
        peer.cut()

    async with httpd(story) as server:
        error = await failing(side(server.origin).login("demo", PASSWORD))
        assert type(error) is ReplyLost
        assert server.host in error.message


async def test_a_refused_port_and_an_unknown_name_are_said():
    port = free_port()
    error = await failing(side(f"http://127.0.0.1:{port}").login("me", PASSWORD))
    assert error.message == f"127.0.0.1:{port} refused the connection"
    error = await failing(side(f"http://localhost:{port}").login("me", PASSWORD))
    assert f"localhost:{port}" in error.message
    assert "refused" in error.message or "failed" in error.message
    error = await failing(side("http://name.invalid").login("me", PASSWORD))
    assert error.message == "cannot find name.invalid: the name does not resolve"


@pytest.mark.parametrize(
    "host", ["a..b", "x" * 64 + ".invalid", "bücher.invalid", "xn--"]
)
async def test_a_name_that_cannot_be_one_is_a_network_error(host):
    error = await failing(side(f"http://{host}").login("me", PASSWORD))
    assert type(error) is NetworkFailed
    assert host in error.message


# Certificates and proxies


@pytest.mark.parametrize(
    ("served", "hint"),
    [
        ("expired", "renew it"),
        ("for_another_host", "put the name"),
        ("good", "NOTIFYWS_CA_FILE"),
    ],
)
async def test_a_certificate_that_is_not_right_gets_no_password(
    authority, served, hint
):
    trusting = Authority() if served == "good" else authority
    async with httpd(says(b""), getattr(authority, served)()) as server:
        here = side(server.origin, tls=trusting.trusted())
        error = await failing(here.login("me", PASSWORD), CertificateRejected)
        assert server.host in error.message
        assert hint in error.hint
        assert server.requests == []


async def test_plaintext_where_tls_is_expected_is_a_network_error(authority):
    async def story(peer):
        await peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with httpd(story) as server:
        here = side(f"https://{server.host}", tls=authority.trusted())
        error = await failing(here.login("me", PASSWORD), NetworkFailed)
        assert server.host in error.message


async def test_the_proxy_of_the_environment_is_used(monkeypatch):
    async with httpd(says(json_answer(GIVEN))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.origin)
        await side("http://ws.example.com").login("me", PASSWORD)
        assert proxy.requests[0].target == "http://ws.example.com/auth/login"


async def test_who_needs_no_proxy_may_be_named_in_every_spelling(monkeypatch):
    async with httpd(says(json_answer(GIVEN))) as server:
        monkeypatch.setenv("all_proxy", "ftp://nowhere:port")
        monkeypatch.setenv("no_proxy", "localhost,fd00::/8,::1,[::1],127.0.0.1")
        await side(server.origin).login("me", PASSWORD)
        assert server.connections == 1


@pytest.mark.parametrize("scheme", ["socks5", "ftp"])
async def test_a_proxy_that_cannot_be_used_is_a_matter_of_configuration(
    monkeypatch, scheme
):
    monkeypatch.setenv("all_proxy", f"{scheme}://me:{PASSWORD}@127.0.0.1:1")
    call = side("http://ws.example.com").login("me", PASSWORD)
    error = await failing(call, ConfigurationError)
    assert "proxy" in error.message
    assert "PROXY" in error.hint


async def test_nothing_is_left_open_when_an_exchange_is_cancelled():
    async with httpd(silence) as server:
        going = asyncio.create_task(side(server.origin).login("me", PASSWORD))
        await asyncio.sleep(0.05)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        await asyncio.sleep(0.02)
        assert all(task.done() for task in server.tasks)


@pytest.mark.fault(28)
async def test_what_never_reached_the_server_is_no_lost_reply():
    with pytest.raises(NetworkFailed) as caught:
        await side(f"http://127.0.0.1:{free_port()}").refresh(REFRESH)
    assert not isinstance(caught.value, ReplyLost)


async def test_what_a_proxy_did_not_pass_on_is_no_lost_reply(monkeypatch):
    async with httpd(says(answer(502))) as proxy:
        monkeypatch.setenv("https_proxy", proxy.origin)
        with pytest.raises(NetworkFailed) as caught:
            await side("https://ws.example.com").refresh(REFRESH)
    assert [each.method for each in proxy.requests] == ["CONNECT"]
    assert not isinstance(caught.value, ReplyLost)


@pytest.mark.parametrize(
    ("date", "lives"),
    [
        (formatdate(1_000_000, usegmt=True), 900),
        ("Mon, 12 Jan 1970 13:46:40 -0000", 900),
        ("yesterday", 400 * 86400),
        ("Mon, 12 Jan 99999 13:46:40 GMT", 400 * 86400),
        ("", 400 * 86400),
    ],
)
async def test_an_end_is_read_by_the_clock_of_the_server_that_said_it(date, lives):
    exp = 1_000_900 if lives == 900 else 99_999_999_999
    claims = base64.urlsafe_b64encode(json.dumps({"exp": exp}).encode()).decode()
    given = json_answer({"accessToken": f"e30.{claims}.c2ln"}, Date=date)
    async with httpd(says(given)) as server:
        pair = await side(server.origin).login("me", PASSWORD)
    assert pair.access.lifetime == lives
