"""Pages of a listener over HTTP: whoever asks is answered, and nobody else hears it."""

from __future__ import annotations

import asyncio
import http.client
import os
import resource
import signal
import socket
import threading
import time
from contextlib import closing, contextmanager

import pytest

from notifyws.cli.process import ENDING
from notifyws.errors import ConfigurationError, UsageError
from notifyws.fleet.health import STALLED, Health
from notifyws.fleet.metrics_server import MOST, MetricsServer, Page, parse_address

PAGES = {
    "/metrics": lambda: Page("one 1\n", "text/plain; version=0.0.4"),
    "/readyz": lambda: Page("reconnecting\n", status=503),
    "/bug": lambda: Page(1 / 0),
}


@contextmanager
def served(pages=PAGES, host="127.0.0.1"):
    server = MetricsServer(host, 0, pages)
    server.start()
    try:
        yield server
    finally:
        server.close()


def ask(server, path="/metrics", method="GET"):
    """Return status, headers and body of an answer."""
    host, port = server.server_address[:2]
    with closing(http.client.HTTPConnection(host, port, timeout=10)) as client:
        client.request(method, path)
        answer = client.getresponse()
        return answer.status, answer.headers, answer.read().decode()


def raw(server, sent: bytes) -> bytes:
    with socket.create_connection(server.server_address[:2], timeout=10) as line:
        line.sendall(sent)
        with line.makefile("rb") as answer:
            return answer.read()


OWN = ["127.0.0.1:9100", "[::1]:9100", "localhost", "LOCALHOST.:1", "box", ""]
OWN += ["10.1.1.1", "host.docker.internal:9100", "x.localhost"]


@pytest.mark.parametrize(
    ("host", "status"),
    [*((each, 200) for each in OWN)]
    + [(each, 403) for each in ("evil.example:9100", "127.0.0.1.evil.example", "[::1")],
)
def test_on_the_loopback_a_page_of_another_site_reads_nothing(host, status):
    """A site may have its name lead to 127.0.0.1 once its page is loaded."""
    asked = f"GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    with served() as server:
        assert raw(server, asked).startswith(b"HTTP/1.0 %d" % status)
    with served(host="0.0.0.0") as server:
        host, port = "127.0.0.1", server.server_address[1]
        with socket.create_connection((host, port), timeout=10) as line:
            line.sendall(asked)
            assert line.recv(100).startswith(b"HTTP/1.0 200")


ADDRESSES = {
    "9100": ("127.0.0.1", 9100),
    "0": ("127.0.0.1", 0),
    "0.0.0.0:9100": ("0.0.0.0", 9100),
    "[::1]:9100": ("::1", 9100),
    "[::]:65535": ("::", 65535),
    "metrics.example:80": ("metrics.example", 80),
}
NO_ADDRESSES = [
    *("", "x", ":9100", "::1:9100", "[::1]", "[::1]9100", "host:", "65536"),
    *("-1", "1.5", " 9100", "\u0663", "9" * 5000, "[]:9100"),
]


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_is_a_port_and_before_it_perhaps_a_host(text):
    assert parse_address(text) == ADDRESSES[text]


@pytest.mark.parametrize("text", NO_ADDRESSES, ids=lambda text: text[:10])
def test_what_is_no_address_is_said_with_how_one_looks(text):
    with pytest.raises(UsageError, match=r"--metrics takes \[HOST:\]PORT") as said:
        parse_address(text)
    assert "--metrics [::1]:9100" in said.value.hint


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


ipv6 = pytest.mark.skipif(not has_ipv6(), reason="there is no IPv6 here")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", pytest.param("::1", marks=ipv6), "localhost"]
)
def test_a_page_is_served_where_it_was_asked_for(host):
    with served(host=host) as server:
        status, headers, body = ask(server, "/metrics?x=1")
        assert (status, body) == (200, "one 1\n")
        assert headers["Content-Type"] == "text/plain; version=0.0.4"
        port = server.server_address[1]
        assert server.url.endswith(f":{port}")
        assert ("[::1]" in server.url) == (":" in server.server_address[0])


def test_the_port_can_be_had_again_once_it_is_closed():
    with served() as server:
        port = server.server_address[1]
        ask(server)
    with closing(MetricsServer("127.0.0.1", port, PAGES)) as again:
        again.start()
        assert ask(again)[0] == 200


def test_no_thread_is_left():
    with served() as server:
        ask(server)
        names = [thread.name for thread in threading.enumerate()]
        assert "notifyws metrics" in names
    assert "notifyws metrics" not in [x.name for x in threading.enumerate()]


@pytest.mark.parametrize("path", ["/", "/metrics/", "/..", "*", "/METRICS", "//"])
def test_there_are_no_other_pages(path):
    with served() as server:
        status, _, body = ask(server, path)
        assert (status, body) == (404, "not found\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_there_are_no_other_methods(method):
    with served() as server:
        status, headers, body = ask(server, method=method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
        assert body == "method not allowed\n"


def test_a_head_has_no_body():
    with served() as server:
        answer = raw(server, b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.0 200")
    assert b"Content-Length: 6\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


RUBBISH = [b"\x16\x03\x01\x02", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
RUBBISH += [
    b"G" * 70_000 + b"\r\n",
    b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n",
]


def test_rubbish_and_clients_that_go_away_are_nobody_s_concern(capfd):
    with served() as server:
        for sent in RUBBISH:
            line = socket.create_connection(server.server_address[:2])
            line.sendall(sent)
            line.close()
            assert b" 200 " not in raw(server, sent + b"\r\n\r\n")
        ask(server, "/bug")
        assert ask(server)[0] == 200
    assert capfd.readouterr() == ("", "")


def test_a_bug_in_a_page_is_said_to_who_asks():
    with served() as server:
        status, _, body = ask(server, "/bug")
        assert (status, body) == (500, "failed unexpectedly: ZeroDivisionError\n")


def test_clients_that_hang_keep_nobody_out():
    with served() as server:
        address = server.server_address[:2]
        hanging = [socket.create_connection(address) for _ in range(2 * MOST)]
        for line in hanging:
            line.sendall(b"GET /metr")
        assert ask(server)[0] == 200
        assert threading.active_count() < 2 * MOST
        for line in hanging:
            line.close()


def test_without_a_descriptor_for_a_client_it_waits_and_burns_nothing():
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    with served() as server, socket.socket() as line:
        line.settimeout(10)
        os.close(lowest_free := os.dup(line.fileno()))
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, usual[1]))
        try:
            line.connect(server.server_address[:2])
            line.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            began = time.thread_time(), time.process_time()
            time.sleep(0.3)
            ours, all_ = time.thread_time() - began[0], time.process_time() - began[1]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, usual)
        assert line.recv(100).startswith(b"HTTP/1.0 200")
        assert all_ - ours < 0.15


def test_a_signal_is_never_taken_from_the_main_thread():
    def page():
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        return Page(",".join(str(int(each)) for each in blocked))

    with served({"/": page}) as server:
        blocked = {int(number) for number in ask(server, "/")[2].split(",")}
    assert blocked >= {*ENDING, signal.SIGALRM, signal.SIGCHLD}
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


def test_a_port_in_use_is_said_with_what_to_do():
    with served() as server, pytest.raises(ConfigurationError) as said:
        MetricsServer("127.0.0.1", server.server_address[1], PAGES)
    where = server.url.removeprefix("http://")
    assert said.value.message == (
        f"cannot serve metrics on {where}: address already in use"
    )
    assert said.value.hint == "give another port, or 0 for a free one: --metrics 0"


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("nowhere.invalid", "nowhere.invalid:9100: there is no such host"),
        ("a" * 70 + ".example", "there is no such host"),
        ("192.0.2.1", "192.0.2.1:9100: cannot assign requested address"),
        ("2001:db8::1", r"\[2001:db8::1\]:9100: "),
    ],
)
def test_an_address_that_cannot_be_had_is_said(host, why):
    with pytest.raises(ConfigurationError, match=why) as said:
        MetricsServer(host, 9100, PAGES)
    assert said.value.hint
    assert said.value.exit_code == 2


def test_a_blocked_loop_is_told_by_a_thread_that_is_not():
    """The test itself is what blocks the loop."""
    clock = [0.0]
    health = Health([], lambda: clock[0])

    def page():
        alive, word = health.alive()
        return Page(word, status=200 if alive else 503)

    async def blocking():
        with served({"/healthz": page}) as server:
            ticking = asyncio.create_task(health.tick())
            await asyncio.sleep(0)
            assert ask(server, "/healthz")[::2] == (200, "ok")
            clock[0] += STALLED + 1
            assert ask(server, "/healthz")[::2] == (503, "stalled")
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)

    asyncio.run(blocking())
