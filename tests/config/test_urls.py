"""URLs are taken as written or refused in words; an origin is canonical."""

import pytest

from notifyws.config.urls import (
    canonical_origin,
    checked_url,
    completed_url,
    is_plain_and_far,
    is_private,
    shown_url,
)
from notifyws.errors import ConfigurationError


@pytest.mark.parametrize(
    "url",
    [
        "wss://example.com",
        "ws://127.0.0.1:8080",
        "WSS://Example.com/Path/?a=b&c",
        "ws://[::1]:8080/x",
        "wss://example.com:65535/%20?q=%C3%A9",
        "wss://exämple.com",
    ],
)
def test_a_good_url_is_returned_as_it_is(url):
    assert checked_url(url) == url


@pytest.mark.parametrize(
    ("url", "complaint", "instead"),
    [
        ("http://h:80/x?y=z", "must be ws:// or wss://", "use ws://h:80/x?y=***"),
        ("https://h/x", "must be ws:// or wss://", "use wss://h/x"),
        ("HTTPS://h", "must be ws:// or wss://", "use wss://h"),
        ("localhost:8765", "is not a Web", "write it as ws://localhost:8765"),
        ("a.example.com/path", "is not a Web", "write it as wss://a.example.com/path"),
        ("", "is not a WebSocket URL", "write it as wss://host[:port][/path]"),
        ("ftp://h", "is not a WebSocket URL", "write it as wss://host[:port][/path]"),
    ],
)
def test_another_url_is_answered_with_what_to_write(url, complaint, instead):
    with pytest.raises(ConfigurationError, match=complaint) as caught:
        checked_url(url)
    assert caught.value.hint == instead


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("wss://h:8/ws", "wss://h:8/ws"),
        ("wss://h/ws?", "wss://h/ws?"),
        ("wss://h/ws?access_token=X", "wss://h/ws?access_token=***"),
        ("wss://h/ws?a=b&c=&d=e=f&", "wss://h/ws?a=***&c=***&d=***&"),
        ("wss://h/ws?X", "wss://h/ws?***"),
        ("wss://h/ws?a=b;c=d#e", "wss://h/ws?a=***;c=***#***"),
        ("wss://me:hush@h/ws?a=b?c", "wss://h/ws?a=***"),
        ("wss://me:hush@[::1?a=b", "wss://[::1?a=***"),
    ],
)
def test_of_a_url_that_is_shown_no_user_and_no_value_is_seen(url, shown):
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "is not a WebSocket URL"),
        ("example.com", "is not a WebSocket URL"),
        ("redis://h", "is not a WebSocket URL"),
        ("wss://", "is not a WebSocket URL"),
        ("wss:///path", "is not a WebSocket URL"),
        ("wss://[::1", "is not a URL"),
        ("wss://h\u2100", "is not a URL"),
        ("wss://h /", "holds a space or control character"),
        ("wss://h\n", "holds a space or control character"),
        ("wss://h\x7f", "holds a space or control character"),
        ("wss://user@h", "cannot be used"),
        ("wss://@h", "cannot be used"),
        ("wss://h/#part", "cannot be used"),
        ("wss://h:0", "cannot be used"),
        ("wss://h:65536", "cannot be used"),
        ("wss://h:x", "cannot be used"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_in_words(url, complaint):
    with pytest.raises(ConfigurationError, match=f"^the server's URL {complaint}"):
        checked_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "wss://anna:hush@h",
        "https://anna:hush@h/x",
        "redis://:hush@h",
        "wss://anna:hush@[::1",
        "wss://anna:hush@h\u2100",
        "wss://anna:hush@ h",
    ],
)
def test_a_password_in_a_url_is_not_repeated(url):
    with pytest.raises(ConfigurationError) as caught:
        checked_url(url)
    assert "hush" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("wss://example.com", "https://example.com"),
        ("wss://EXAMPLE.com:443/path?q", "https://example.com"),
        ("WSS://example.com/", "https://example.com"),
        ("wss://example.com:80", "https://example.com:80"),
        ("ws://example.com:80", "http://example.com"),
        ("ws://example.com:443", "http://example.com:443"),
        ("ws://[2001:DB8::1]:8080/", "http://[2001:db8::1]:8080"),
    ],
)
def test_an_origin_is_lower_case_and_has_no_default_port(url, origin):
    assert canonical_origin(url) == origin


@pytest.mark.parametrize(
    ("url", "warned_of"),
    [
        ("ws://example.com", True),
        ("WS://example.com", True),
        ("ws://10.0.0.1", True),
        ("ws://[::2]", True),
        ("ws://127.example.com", True),
        ("ws://localhost.example.com", True),
        ("wss://example.com", False),
        ("ws://localhost:8080", False),
        ("ws://LOCALHOST", False),
        ("ws://127.0.0.1", False),
        ("ws://127.8.9.1:80/x", False),
        ("ws://[::1]:8080", False),
    ],
)
def test_a_plain_url_that_leads_off_this_machine_is_one_to_warn_of(url, warned_of):
    assert is_plain_and_far(url) is warned_of


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("wss://h/x", "wss://h/x"),
        ("  wss://h \n", "wss://h"),
        ("ws.example.com", "wss://ws.example.com"),
        ("ws.example.com:8443/path?a=b", "wss://ws.example.com:8443/path?a=b"),
        ("localhost:8765", "ws://localhost:8765"),
        ("127.0.0.1:8765", "ws://127.0.0.1:8765"),
        ("[::1]:8765", "ws://[::1]:8765"),
        ("https://h:1/x", "wss://h:1/x"),
        ("HTTP://h", "ws://h"),
    ],
)
def test_what_is_typed_is_completed(typed, url):
    assert completed_url(typed) == url


@pytest.mark.parametrize("typed", ["", " ", "a b", "ftp://h", "me@h", "h:x", "wss://"])
def test_what_is_typed_and_no_url_is_refused(typed):
    with pytest.raises(ConfigurationError):
        completed_url(typed)


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("127.0.0.1:80", True),
        ("[::1]:80", True),
        ("desk:80", True),
        ("desk.local.", True),
        ("example.com", False),
        ("[::1", False),
    ],
)
def test_a_host_that_nobody_else_can_name_so_is_private(host, private):
    assert is_private(host) is private
