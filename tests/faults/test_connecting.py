"""Connecting: what may happen before a socket is open."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from tests.e2e.support import COMMAND, Home
from tests.faults.support import QUICK, peak, scripted
from tests.support.catalogue import sample
from tests.support.httpd import answer, json_answer, says, silence
from tests.support.tls import Authority
from tests.support.valkey import free_port

USER = {"WEBSOCKET_USERNAME": "demo", "WEBSOCKET_PASSWORD": "demo"}
LOGS_IN = {"NOTIFYWS_TOKEN": "", **USER}


@pytest.mark.fault(1)
def test_a_server_that_comes_up_later_is_found_and_each_change_is_one_line(home: Home):
    port = free_port()
    home.env |= {"WEBSOCKET_SERVER_URL": f"ws://127.0.0.1:{port}", **QUICK, **USER}
    listener = home.start("listen")
    listener.says("Reconnecting", times=2)
    home.serve(port=port)
    listener.says("Connected")
    *changes, last = listener.err.lines
    assert last == f"Connected to 127.0.0.1:{port} as user 42"
    assert len(changes) % 2 == 1
    for connecting, waiting in zip(changes[::2], changes[1::2], strict=False):
        assert connecting.startswith(f"Connecting to 127.0.0.1:{port}")
        assert waiting.startswith("Reconnecting in 0.")
        assert "refused the connection" in waiting or "cannot reach" in waiting


@pytest.mark.fault(2)
def test_a_name_that_does_not_resolve_is_named_and_tried_again(home: Home):
    url = "ws://no.such.host.invalid"
    listener = home.start("listen", "--url", url, NOTIFYWS_TOKEN="t", **QUICK)
    listener.says("no.such.host.invalid: the name does not resolve", times=2)
    assert "Traceback" not in listener.err.text
    assert listener.process.poll() is None


async def drips(peer):
    await peer.request()
    await peer.drip(b"HTTP/1.1 101 Switching Protocols\r\n" + b"X: y\r\n" * 99, 0.1)


@pytest.mark.fault(3)
@pytest.mark.parametrize("story", sample(silence, drips))
def test_a_handshake_without_end_is_abandoned_in_time(home: Home, story):
    with scripted(home, story, NOTIFYWS_OPEN_TIMEOUT="0.5") as server:
        listener = home.start("listen")
        words = f"{server.host} did not answer within 0.5 s"
        listener.says(words)
        listener.says("Connecting", times=2)
        connecting, waiting = listener.err.times[0], listener.err.times[1]
        assert 0.4 < waiting - connecting < 0.9
        assert server.connections >= 1


JUNK = {
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "noise": bytes(range(256)) * 4,
    "TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "a 101 that is none": answer(101),
}


@pytest.mark.fault(4)
@pytest.mark.parametrize("kind", sample(*JUNK))
def test_what_is_no_websocket_is_the_end_at_the_third_time(home: Home, kind):
    junk = JUNK[kind]
    with scripted(home, says(junk)) as server:
        listener = home.start("listen")
        assert listener.wait() == 5
        assert server.connections == 3
    assert "did not answer with a WebSocket" in listener.err.text
    assert "Traceback" not in listener.err.text


async def speaks_first(peer):
    await peer.write(answer(400))


@pytest.mark.fault(4)
def test_tls_behind_ws_and_plaintext_behind_wss_are_said_and_the_end(home: Home):
    with scripted(home, silence, Authority().good()) as server:
        url = f"ws://{server.host}"
        listener = home.within("listen", "--url", url)
        assert listener.returncode == 5
        assert server.connections <= 3
        assert listener.stderr.count("Connecting") == 3
    assert "did not answer with a WebSocket" in listener.stderr
    with scripted(home, speaks_first) as server:
        listener = home.within("listen", "--url", f"wss://{server.host}")
        assert listener.returncode == 5
        assert server.connections == 3
    assert f"{server.host} does not speak TLS" in listener.stderr
    assert "is it ws:// instead of wss://?" in listener.stderr


@pytest.mark.fault(4)
def test_so_they_are_where_the_login_meets_them_first(home: Home):
    for story, scheme, words in (
        (speaks_first, "wss", "is it ws:// instead of wss://?"),
        (says(JUNK["TLS alert"]), "ws", "ws:// against wss://"),
    ):
        with scripted(home, story, **LOGS_IN) as server:
            listener = home.within("listen", "--url", f"{scheme}://{server.host}")
            assert (listener.returncode, server.connections) == (5, 3)
        assert words in listener.stderr


async def hangs_up(peer):
    await peer.some()


async def hangs_up_at_once(peer):
    pass


@pytest.mark.fault(4)
@pytest.mark.parametrize("story", sample(hangs_up, hangs_up_at_once))
@pytest.mark.parametrize("token", ["ready-made", ""])
def test_a_line_cut_before_tls_is_agreed_on_is_tried_again(home: Home, story, token):
    """What a TCP proxy does whose backend is not up."""
    with scripted(home, story, **USER, NOTIFYWS_TOKEN=token) as server:
        url = f"wss://{server.host}"
        listener = home.within("listen", "--url", url, "--max-retries", "4")
        assert server.connections == 5
    assert listener.returncode == 5
    assert "gave up after 4 reconnects" in listener.stderr
    assert "does not speak TLS" not in listener.stderr
    assert ": \n" not in listener.stderr


@pytest.mark.slow
@pytest.mark.fault(4)
@pytest.mark.fault(7)
@pytest.mark.parametrize("status", sample(403, 200, 404, 410))
def test_an_answer_that_will_not_change_is_the_end_at_once(home: Home, status):
    with scripted(home, says(answer(status, b"<html>"))) as server:
        listener = home.start("listen")
        assert listener.wait() == 5
        assert len(server.requests) == 1
    assert f"answered {status} Said instead of opening a WebSocket" in listener.err.text


WRONG = {
    "unknown": ("unable to get local issuer", "NOTIFYWS_CA_FILE must name a PEM"),
    "expired": ("expired", "have whoever runs"),
    "for_another_host": ("IP address mismatch", "put the name that the certificate"),
}
"""A certificate, what is said of it, and how the hint begins."""


@pytest.mark.fault(5)
@pytest.mark.parametrize("served", sample(*WRONG))
def test_a_wrong_certificate_is_the_end_at_once(home: Home, tmp_path, served):
    why, hint = WRONG[served]
    trusted = Authority()
    home.env["NOTIFYWS_CA_FILE"] = str(trusted.write(tmp_path))
    tls = Authority().good() if served == "unknown" else getattr(trusted, served)()
    with scripted(home, silence, tls) as server:
        done = home.within("listen")
    assert done.returncode == 5
    assert why in done.stderr
    assert f"hint: {hint}" in done.stderr
    assert done.stderr.count("Connecting") == 1
    assert server.requests == []


async def greets(peer):
    await peer.upgrade()
    await peer.say('{"type":"t","title":"hello"}')
    await peer.hang()


@pytest.mark.fault(5)
def test_an_authority_of_ones_own_is_trusted_when_it_is_named(home: Home, tmp_path):
    authority = Authority()
    ca_file = str(authority.write(tmp_path))
    with scripted(home, greets, authority.good(), NOTIFYWS_CA_FILE=ca_file):
        done = home.within("listen", "-n", "1")
    assert done.returncode == 0
    assert '"hello"' in done.stdout


@pytest.mark.fault(5)
@pytest.mark.parametrize("text", [None, "no certificate\n"])
def test_an_authority_that_cannot_be_read_is_exit_2_before_any_network(
    home: Home, tmp_path, text
):
    path = tmp_path / "mine.pem"
    if text is not None:
        path.write_text(text)
    with scripted(home, silence, NOTIFYWS_CA_FILE=str(path)) as server:
        done = home.within("listen", "--url", f"wss://{server.host}")
        assert server.connections == 0
    assert done.returncode == 2
    assert str(path) in done.stderr


PAIR = {"refreshToken": "r", "expiresIn": 900}


def issues(*refused: str, closes: bool = False):
    """A server that gives numbered tokens, and refuses these by 401, or all by 4401."""
    count = 0

    async def story(peer):
        nonlocal count
        request = await peer.request()
        if request.target.startswith("/auth/"):
            count += 1
            await peer.write(json_answer({"accessToken": f"a{count}", **PAIR}))
            return
        token = request.headers["authorization"].removeprefix("Bearer ")
        if token in refused:
            await peer.write(answer(401))
            return
        await peer.upgrade(request)
        if closes:
            await peer.close(4401, "no")
            return
        await peer.say('{"type":"t","title":"hello"}')
        await peer.hang()

    return story


LOGIN, REFRESH, SOCKET = "/auth/login", "/auth/refresh", "/"


def asked(server) -> list[str]:
    return [request.target.partition("?")[0] for request in server.requests]


@pytest.mark.fault(6)
def test_a_stale_token_costs_one_refresh_and_one_immediate_retry(home: Home):
    with scripted(home, issues("a1"), **LOGS_IN, NOTIFYWS_RETRY_DELAYS="9") as server:
        assert home.within("token").returncode == 0  # a1, into the cache
        done = home.within("listen", "-n", "1")
        assert done.returncode == 0
        assert asked(server) == [LOGIN, SOCKET, REFRESH, SOCKET]


@pytest.mark.slow
@pytest.mark.fault(6)
def test_a_token_refused_thrice_is_the_end_and_the_server_sees_no_more(home: Home):
    story = issues("a1", "a2", "a3", "a4")
    with scripted(home, story, **LOGS_IN, NOTIFYWS_RETRY_DELAYS="9") as server:
        assert home.within("token").returncode == 0
        done = home.within("listen")
        assert done.returncode == 4
        assert asked(server) == [LOGIN, SOCKET, REFRESH, SOCKET, LOGIN, SOCKET]
        shown = [
            each.headers["authorization"]
            for each in server.requests
            if each.target == "/"
        ]
    assert shown == ["Bearer a1", "Bearer a2", "Bearer a3"]
    assert "does not accept a fresh token" in done.stderr


@pytest.mark.fault(7)
@pytest.mark.parametrize("status", sample(503, 408, 425, 429, 500, 599))
def test_an_answer_that_may_change_is_retried(home: Home, status):
    with scripted(home, says(answer(status))):
        listener = home.start("listen")
        listener.says("Connecting", times=3)
        assert f"answered {status}" in listener.err.text
        assert listener.process.poll() is None


RETRY_AFTER = {
    "huge": ("999999999999999999999999", "300 s"),
    "garbage": ("soon\t\xff", "0.2 s"),
    "seconds": ("7", "7 s"),
    "a date": ("date", "40 s"),
    "negative": ("-5", "0.2 s"),
    "no date": ("Fri, 99 Foo 99999 99:99:99 GMT", "0.2 s"),
}
"""What is said, and how long it is waited then."""


@pytest.mark.fault(7)
@pytest.mark.parametrize("kind", sample(*RETRY_AFTER))
def test_every_kind_of_retry_after_is_taken_with_sense(home: Home, kind):
    said, waits = RETRY_AFTER[kind]
    if said == "date":
        said = formatdate(time.time() + 40.5, usegmt=True)
    refusing = says(answer(503, Retry_After=said))
    with scripted(home, refusing, NOTIFYWS_JITTER="0"):
        listener = home.start("listen")
        listener.says("Reconnecting")
        waited = float(listener.err.lines[1].split()[2])
        about = 20 if kind == "a date" else 0  # which comes nearer until it is read
        assert waited == pytest.approx(float(waits.split()[0]), abs=about)
        assert "Traceback" not in listener.err.text


@pytest.mark.fault(7)
def test_the_retry_after_of_a_login_is_heeded_too(home: Home):
    busy = says(answer(429, Retry_After="7"))
    with scripted(home, busy, **LOGS_IN, NOTIFYWS_JITTER="0"):
        home.start("listen").says("Reconnecting in 7 s")


@pytest.mark.fault(8)
@pytest.mark.parametrize("status", sample(307, 301, 302, 303, 308))
def test_a_redirect_is_not_followed_and_no_credential_goes_elsewhere(home, status):
    with scripted(home, silence) as elsewhere:
        story = says(answer(status, Location=f"{elsewhere.origin}/x"))
        with scripted(home, story) as server:
            done = home.within("listen")
            assert len(server.requests) == 1
        assert elsewhere.connections == 0
    assert done.returncode == 5
    assert f"answered {status}" in done.stderr


@pytest.mark.fault(9)
def test_closing_for_the_token_over_and_over_is_three_connects_and_the_end(home: Home):
    with scripted(home, issues(closes=True), **LOGS_IN) as server:
        assert home.within("token").returncode == 0
        done = home.within("listen")
        assert done.returncode == 4
        assert asked(server).count(SOCKET) == 3


FLOODS = {
    "50 MB": (b"x" * (50 << 20), {}),
    "200 headers": (b"", {f"X-{n}": "y" for n in range(200)}),
    "64 KiB line": (b"", {"X-Long": "y" * (64 << 10)}),
}


@pytest.mark.slow
@pytest.mark.fault(10)
@pytest.mark.parametrize("flood", sample(*FLOODS))
def test_a_flood_behind_an_answer_costs_no_memory_and_is_retried(home: Home, flood):
    body, headers = FLOODS[flood]
    with scripted(home, says(answer(503, body, **headers))):
        listener = home.start("listen", program=[COMMAND])
        listener.says("Reconnecting", times=2)
        assert peak(listener.process.pid) < 120
        assert max(map(len, listener.err.lines)) < 600


@pytest.mark.slow
@pytest.mark.fault(11)
def test_the_proxy_of_the_environment_is_used_and_named(home: Home):
    async def proxy(peer):
        assert (await peer.request()).method == "CONNECT"
        await peer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await greets(peer)

    with scripted(home, proxy) as server:
        env = {"http_proxy": f"http://me:SENTINEL@{server.host}"}
        done = home.within(
            "listen", "-v", "-n", "1", "--url", "ws://h.invalid", env=env
        )
        first, second = server.requests
    assert done.returncode == 0
    assert "hello" in done.stdout
    assert f"Through the proxy {server.host}\n" in done.stderr
    assert "SENTINEL" not in done.stderr
    assert (first.target, second.target) == ("h.invalid:80", "/")
    assert "authorization" not in first.headers
    assert second.headers["authorization"] == "Bearer ready-made"


@pytest.mark.fault(11)
def test_a_407_of_the_proxy_is_named_and_the_end(home: Home):
    with scripted(home, says(answer(407))) as server:
        env = {"http_proxy": f"http://me:SENTINEL@{server.host}"}
        done = home.within("listen", "--url", "ws://h.invalid", env=env)
        assert len(server.requests) == 1
    assert done.returncode == 5
    assert "the proxy answered 407" in done.stderr
    around = "NO_PROXY=h.invalid notifyws status --check"
    assert f"hint: go around the proxy {server.host}: {around}" in done.stderr
    assert "SENTINEL" not in done.stderr
