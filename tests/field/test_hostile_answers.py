"""What a hostile server answers instead of tokens or a socket: text, on every face."""

from __future__ import annotations

import json

import pytest

from tests.e2e.support import Home
from tests.faults.test_output import EVIL, strays
from tests.support.catalogue import sample
from tests.support.httpd import Peer, in_a_thread

BODY = json.dumps({"message": EVIL, "error": EVIL, "errors": [{"message": EVIL}]})
MILD = "\x9b2J\x9d0;owned\x9c\u202e\u2066\u200b"
"""What HTTP lets through in a header: no control characters but those of C1."""


FAR = "Mon, 1 Jan 2000 00:00:00 +" + "9" * 400
"""A date that no number but Python's own can hold."""
FAR_YEAR = f"Thu, 01-Jan-{'9' * 5000} 00:00:00 GMT"


def headers(words: str) -> dict[str, str]:
    """Return all headers that are read anywhere."""
    return {
        "Location": f"https://me:sentinel@evil.example{words}/?token=sentinel",
        "Retry-After": f"{words}7",
        "WWW-Authenticate": f'Bearer error_description="{words}"',
        "Set-Cookie": f"a{words}={words}; Path=/{words}",
        "Date": words,
    }


ANSWERS = [
    ("401 Unauthorized", headers(MILD)),
    (f"500 {EVIL}", headers(EVIL)),
    ("302 Found", headers(MILD)),
    ("503 Service Unavailable", headers(MILD)),
    ("429 Too Many Requests", {"Retry-After": "9" * 400, "Location": "http://[x"}),
    ("503 Service Unavailable", {"Retry-After": FAR, "Date": FAR}),
    ("200 OK", {"Date": FAR, "Set-Cookie": f"a=b; expires={FAR_YEAR}"}),
    (f"418 {MILD}", {}),
    ("200 OK", headers(MILD)),
    ("403 Forbidden", headers(EVIL.replace("\r", "").replace("\0", ""))),
]
COMMANDS = [
    *("token", "auth login", "status --check", "status --check --json"),
    *("listen --no-reconnect --timeout 5", "listen --json --events --max-retries 0"),
    *("send -m hello --timeout 3", "profile check default --url {url}"),
]


def answering(line: str, headers: dict[str, str]):
    """Return the story of a server that has one answer to everything."""

    async def story(peer: Peer) -> None:
        await peer.request()
        head = [f"HTTP/1.1 {line}", *(f"{k}: {v}" for k, v in headers.items())]
        head += [f"Content-Length: {len(BODY)}", "Connection: close"]
        raw = "\r\n".join([*(each.replace("\n", " ") for each in head), "", BODY])
        await peer.write(raw.encode("utf-8", "surrogateescape"))

    return story


@pytest.mark.slow
@pytest.mark.parametrize("token", ["", "ready-made"])
@pytest.mark.parametrize("answered", sample(*ANSWERS))
def test_whatever_is_answered_to_a_login_or_an_upgrade_only_text_is_written(
    home: Home, answered, token
):
    env = {"WEBSOCKET_USERNAME": "me", "WEBSOCKET_PASSWORD": "sentinel-password"}
    env["NOTIFYWS_TOKEN"] = token
    with in_a_thread(answering(*answered)) as server:
        env["WEBSOCKET_SERVER_URL"] = server.url
        for command in COMMANDS:
            done = home.within(*command.format(url=server.url).split(), env=env)
            assert done.returncode in {0, 2, 4, 5, 6}, (command, done.stderr)
            assert strays(done.stdout) == strays(done.stderr) == [], command
            assert "sentinel" not in done.stdout + done.stderr, command
