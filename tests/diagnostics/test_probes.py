"""DNS, TCP, TLS and the clock, looked at on real sockets."""

from __future__ import annotations

import asyncio
import selectors
import socket
from email.utils import formatdate
from functools import wraps
from time import time

import pytest

from notifyws.diagnostics.probes import (
    Target,
    clock_skew,
    reach,
    resolve,
    target_of,
    tls_days_left,
)
from notifyws.errors import (
    CertificateRejected,
    ConfigurationError,
    NetworkFailed,
    NotWebSocket,
)
from tests.support.httpd import answer, httpd, says, silence
from tests.support.tls import Authority
from tests.support.valkey import free_port

HASTE = 100.0


class HastySelector(selectors.DefaultSelector):
    """Waits a hundredth of what it is asked for."""

    def select(self, timeout=None):
        return super().select(timeout and max(timeout, 0) / HASTE)


class HastyLoop(asyncio.SelectorEventLoop):
    """A loop with real sockets on which ten seconds take a tenth of one."""

    def __init__(self):
        super().__init__(HastySelector())

    def time(self):
        return super().time() * HASTE


def on_a_hasty_loop(test):
    @wraps(test)
    def run(*args, **kwargs):
        with asyncio.Runner(loop_factory=HastyLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


@pytest.fixture(scope="module")
def authority():
    return Authority()


def at(server) -> Target:
    return Target("127.0.0.1", server.port, server.secure)


async def failed(looking, kind=NetworkFailed) -> NetworkFailed:
    """Return why a look comes to nothing, which has a hint."""
    with pytest.raises(kind) as caught:
        await looking
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("ws://Example.com/x", Target("example.com", 80, False)),
        ("wss://example.com", Target("example.com", 443, True)),
        ("WSS://example.com:8443/?a=b", Target("example.com", 8443, True)),
        ("ws://[::1]:9", Target("::1", 9, False)),
    ],
)
def test_a_url_leads_to_a_host_and_a_port(url, target):
    assert target_of(url) == target


async def test_addresses_are_found_once_each():
    assert await resolve(Target("127.0.0.1", 80, False)) == ["127.0.0.1"]
    found = await resolve(Target("localhost", 80, False))
    assert "127.0.0.1" in found or "::1" in found
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", ["name.invalid", "a..b", "x" * 64 + ".invalid"])
async def test_a_name_that_does_not_resolve_is_named(name):
    error = await failed(resolve(Target(name, 80, False)))
    assert error.message == f"cannot find {name}: the name does not resolve"


async def test_reaching_takes_the_time_it_takes():
    async with httpd(silence) as server:
        assert 0 <= await reach(at(server)) < 1
        await asyncio.sleep(0.01)
        assert all(task.done() for task in server.tasks)


async def test_a_refused_port_is_named():
    port = free_port()
    error = await failed(reach(Target("127.0.0.1", port, False)))
    assert error.message == f"127.0.0.1:{port} refused the connection"


@on_a_hasty_loop
async def test_one_who_never_accepts_is_left_after_ten_seconds():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        try:
            error = await failed(reach(Target("127.0.0.1", port, False)))
        finally:
            for each in waiting:
                each.close()
    assert error.message == f"127.0.0.1:{port} did not answer within 10 s"
    assert "firewall" in error.hint


async def test_the_days_of_a_good_certificate_are_counted(authority):
    async with httpd(silence, authority.good(days=30)) as server:
        days = await tls_days_left(at(server), authority.trusted())
    assert 29.9 < days <= 30.01


@pytest.mark.parametrize(
    ("served", "reason"),
    [("expired", "expired"), ("for_another_host", "name"), ("good", "untrusted")],
)
async def test_a_certificate_that_is_not_right_is_rejected(authority, served, reason):
    trusting = Authority() if served == "good" else authority
    async with httpd(silence, getattr(authority, served)()) as server:
        looking = tls_days_left(at(server), trusting.trusted())
        error = await failed(looking, CertificateRejected)
    assert error.reason == reason


async def test_plaintext_is_said_to_be_no_tls(authority):
    async def story(peer):
        await peer.write(b"220 mail.example.com ESMTP\r\n")

    async with httpd(story) as server:
        looking = tls_days_left(at(server), authority.trusted())
        error = await failed(looking, NotWebSocket)
    assert "does not speak TLS" in error.message
    assert "ws://" in error.hint


async def test_one_who_hangs_up_in_the_tls_handshake_is_a_network_error(authority):
    async def story(peer):
        peer.cut()

    async with httpd(story) as server:
        error = await failed(tls_days_left(at(server), authority.trusted()))
    assert server.host in error.message


@on_a_hasty_loop
async def test_a_tls_handshake_that_never_ends_is_left(authority):
    async with httpd(silence) as server:
        error = await failed(tls_days_left(at(server), authority.trusted()))
    assert error.message == f"{server.host} did not finish its TLS handshake"


@pytest.mark.parametrize("off", [0, 600, -600])
async def test_the_skew_is_how_far_the_server_is_ahead(off):
    date = formatdate(time() + off, usegmt=True)
    async with httpd(says(answer(404, Date=date))) as server:
        skew = await clock_skew(server.origin, None)
        (asked,) = server.requests
    assert abs(skew - off) < 1.1
    assert asked.method == "HEAD"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Date": ""},
        {"Date": "soon"},
        {"Date": "Thu, 01 Jan 99999 00:00:00 GMT"},
        {"Date": "Mon, 01 Jan 9999999999999 00:00:00 GMT"},
    ],
)
async def test_no_date_or_one_of_no_sense_tells_nothing(headers):
    async with httpd(says(answer(200, **headers))) as server:
        assert await clock_skew(server.origin, None) is None


async def test_the_clock_is_read_over_tls_too(authority):
    date = formatdate(time(), usegmt=True)
    async with httpd(says(answer(200, Date=date)), authority.good()) as server:
        skew = await clock_skew(server.origin, authority.trusted())
    assert abs(skew) < 1.1


async def test_a_redirect_is_not_followed():
    date = formatdate(time(), usegmt=True)
    async with httpd(silence) as elsewhere:
        said = answer(302, Location=elsewhere.origin, Date=date)
        async with httpd(says(said)) as server:
            assert await clock_skew(server.origin, None) is not None
        assert elsewhere.connections == 0


async def test_one_who_speaks_no_http_is_a_network_error_with_a_hint():
    async with httpd(says(b"junk\r\n\r\n")) as server:
        error = await failed(clock_skew(server.origin, None))
    assert server.origin in error.message


@on_a_hasty_loop
async def test_one_who_never_answers_is_left():
    async with httpd(silence) as server:
        error = await failed(clock_skew(server.origin, None))
    assert error.message.startswith(f"{server.origin} gave no HTTP answer: ")
    assert not error.message.endswith(": ")


async def test_a_proxy_that_cannot_be_used_is_a_matter_of_configuration(monkeypatch):
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1")
    with pytest.raises(ConfigurationError):
        await clock_skew("http://ws.example.com", None)
