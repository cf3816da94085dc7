"""The way to a server: which proxy the environment names, and how it is asked."""

from __future__ import annotations

import asyncio
import socket
import sys
from base64 import b64encode
from types import SimpleNamespace

import pytest

from notifyws.auth.proxies import proxy_name, proxy_url
from notifyws.config.settings import Settings
from notifyws.connection.dialer import dial
from notifyws.errors import ConfigurationError, NetworkFailed, NotWebSocket
from notifyws.protocol.upgrade import UpgradeRequest
from tests.support.httpd import httpd, says
from tests.support.tls import Authority

PATIENT = Settings(open_timeout=5.0, close_timeout=0.05)


@pytest.mark.parametrize(
    ("url", "variables", "proxy"),
    [
        ("wss://h", {}, None),
        ("wss://h", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ("wss://h", {"HTTP_PROXY": "http://p:1"}, None),
        ("ws://h", {"HTTP_PROXY": "http://p:1"}, "http://p:1"),
        ("wss://h", {"HTTP_PROXY": "http://p", "ALL_PROXY": "http://q"}, "http://q"),
        ("ws://h", {"HTTP_PROXY": "http://p:1", "https_proxy": "http://q"}, "http://q"),
        (
            "wss://h",
            {"https_proxy": "http://p", "socks_proxy": "socks5://q"},
            "socks5://q",
        ),
        ("wss://h", {"wss_proxy": "http://p", "socks_proxy": "socks5://q"}, "http://p"),
        ("wss://h", {"https_proxy": "", "HTTPS_PROXY": "http://p"}, None),
        ("wss://h", {"https_proxy": "p:3128"}, "http://p:3128"),
        (
            "https://h/x",
            {"https_proxy": "http://p", "all_proxy": "http://q"},
            "http://p",
        ),
        ("http://h", {"https_proxy": "http://p", "ALL_PROXY": "http://q"}, "http://q"),
    ],
)
def test_a_url_has_the_proxy_that_the_environment_names(
    monkeypatch, url, variables, proxy
):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_url(url) == proxy


def test_the_proxy_of_the_environment_is_named_without_its_password(monkeypatch):
    assert proxy_name("wss://example.com") is None
    monkeypatch.setenv("https_proxy", "http://me:secret@proxy.example:3128")
    assert proxy_name("wss://example.com") == "proxy.example:3128"
    monkeypatch.setenv("no_proxy", "example.com")
    assert proxy_name("wss://example.com") is None


NONSENSE = "::1,[::1]x,fd00::/129,http://h,:::,[,a:port,%,, ,*.,."


@pytest.mark.parametrize(
    ("entries", "url", "goes_round"),
    [
        ("*", "ws://h", True),
        ("localhost 127.0.0.1\th", "ws://h", True),
        ("localhost,127.0.0.1,::1,[::1]", "ws://127.0.0.1:8080", True),
        ("localhost,127.0.0.1,::1,[::1]", "ws://[::1]:8080", True),
        ("localhost,127.0.0.1,::1,[::1]", "ws://h.example", False),
        ("fd00::/8", "wss://[fd12::1]", True),
        ("fd00::/8", "wss://10.0.0.1", False),
        ("10.0.0.0/8", "wss://10.1.2.3", True),
        ("10.0.0.0/8", "wss://11.1.2.3", False),
        ("10.0.0.1/8", "wss://10.1.2.3", True),
        (" Example.COM ", "wss://example.com", True),
        (".example.com", "wss://example.com", True),
        ("*.example.com", "wss://a.example.com", True),
        ("example.com", "wss://a.example.com", True),
        ("example.com", "wss://notexample.com", False),
        ("example.com:443", "wss://example.com", True),
        ("example.com:80", "wss://example.com", False),
        ("[::1]:8080", "ws://[::1]:8080", True),
        (NONSENSE, "ws://127.0.0.1", False),
        (f"{NONSENSE},h", "ws://h", True),
    ],
)
def test_no_proxy_names_hosts_ports_and_ranges_and_nonsense_names_none(
    monkeypatch, entries, url, goes_round
):
    monkeypatch.setenv("NO_PROXY", entries)
    monkeypatch.setenv("https_proxy", "http://p")
    assert (proxy_url(url) is None) == goes_round


async def greets(peer):
    await peer.upgrade()
    await peer.say("through")
    await peer.close(1000)


async def said_to(url, tls=None):
    one = await dial(UpgradeRequest(url), PATIENT, tls)
    try:
        return await one.burst()
    finally:
        await one.close(1000, "")


@pytest.mark.parametrize("secure", [False, True])
async def test_a_proxy_is_asked_with_its_password_and_tls_goes_through_it(
    monkeypatch, secure
):
    authority = Authority()

    async def story(peer):
        await peer.request()
        await peer.write(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n")
        await peer.relay(server.port)

    served = authority.good() if secure else None
    async with httpd(greets, served) as server, httpd(story) as proxy:
        monkeypatch.setenv("https_proxy", f"http://m%20e:p%40ss@{proxy.host}")
        assert await said_to(server.url, authority.trusted()) == ["through"]
        (asked,) = proxy.requests
    assert (asked.method, asked.target) == ("CONNECT", server.host)
    secret = b64encode(b"m e:p@ss").decode()
    assert asked.headers["proxy-authorization"] == f"Basic {secret}"
    assert asked.headers["host"] == server.host


@pytest.mark.parametrize(
    "junk", [b"", b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"x" * (1 << 20), b"HTTP/1.1 200 OK"]
)
async def test_what_is_no_proxy_is_said_to_be_none(monkeypatch, junk):
    async with httpd(says(junk)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.origin)
        with pytest.raises(NotWebSocket, match="the proxy does not speak HTTP"):
            await said_to("ws://ws.example.com")


NO_PROXIES = [
    *("http://", "http://h:port", "http://h/x", "http://h?x", "ftp://h", "http://h:0"),
    *("http://me:sek/ret@h:1", "http://me:sek#ret@h:1", "http://me:sek ret@h:1"),
    *("http://[::1", "http://h\u200b:1", "http://h:99999", "http://me:sek\nret@h:1"),
]


@pytest.mark.parametrize("proxy", NO_PROXIES)
@pytest.mark.parametrize("url", ["ws://ws.example.com", "https://ws.example.com"])
def test_a_url_that_names_no_proxy_is_refused_unseen(monkeypatch, url, proxy):
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(ConfigurationError) as caught:
        proxy_url(url)
    assert caught.value.message.startswith("the proxy named in the environment")
    assert "sek" not in caught.value.message


@pytest.mark.parametrize("proxy", ["http://p:1\n", " http://p:1 ", "http://p:1\r\n"])
def test_blanks_around_a_proxy_are_none_of_its_url(monkeypatch, proxy):
    monkeypatch.setenv("https_proxy", proxy)
    assert proxy_url("wss://h") == "http://p:1"


async def test_a_proxy_whose_name_cannot_be_one_is_said_to_be_unknown(monkeypatch):
    monkeypatch.setenv("https_proxy", f"http://{'x' * 64}:1")
    with pytest.raises(NetworkFailed, match="cannot find the proxy x"):
        await said_to("ws://ws.example.com")


@pytest.mark.parametrize(
    ("scheme", "kind", "resolves"),
    [
        ("socks5h", "SOCKS5", True),
        ("socks5", "SOCKS5", False),
        ("socks4a", "SOCKS4", True),
        ("socks4", "SOCKS4", False),
    ],
)
async def test_socks_is_left_to_those_who_speak_it(monkeypatch, scheme, kind, resolves):
    asked = []

    class Proxy:
        def __init__(self, *args, rdns):
            asked.append((*args, rdns))

        async def connect(self, host, port):
            asked.append((host, port))
            sock = socket.socket()
            sock.setblocking(False)
            where = "127.0.0.1", server.port
            await asyncio.get_running_loop().sock_connect(sock, where)
            return sock

    kinds = SimpleNamespace(ProxyType={"SOCKS5": "SOCKS5", "SOCKS4": "SOCKS4"})
    monkeypatch.setitem(sys.modules, "python_socks", kinds)
    monkeypatch.setitem(sys.modules, "python_socks.async_", SimpleNamespace())
    monkeypatch.setitem(
        sys.modules, "python_socks.async_.asyncio", SimpleNamespace(Proxy=Proxy)
    )
    monkeypatch.setenv("socks_proxy", f"{scheme}://me:secret@127.0.0.1")
    async with httpd(greets) as server:
        assert await said_to("ws://ws.example.com:99") == ["through"]
    assert asked == [
        (kind, "127.0.0.1", 1080, "me", "secret", resolves),
        ("ws.example.com", 99),
    ]
