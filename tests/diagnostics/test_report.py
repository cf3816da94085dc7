"""A report's verdict: one sentence, and the worst first."""

from __future__ import annotations

import pytest

from notifyws.config.sources import load
from notifyws.diagnostics.findings import Finding
from notifyws.diagnostics.report import Report
from notifyws.fleet.listener_entry import Listener

GOOD = Finding("dns", "pass", "found")
SOCKET = Finding("websocket", "pass", "connected to h in 3 ms")
DOUBT = Finding("clock", "warn", "it is late", "set it")
BAD = Finding("tcp", "fail", "nobody is there", "start it", 5)
WORSE = Finding("tls", "fail", "worse", "look", 4)
ON = Listener("a", "h", 1, "connected")
OFF = Listener("b", "h", 2, "reconnecting")
TOKEN = {"access": {"cached": True, "expiresIn": 720}}


def report(*checks: Finding, **facts) -> Report:
    return Report(load(environ={}), checks=checks, **facts)


def test_no_token_of_the_url_stands_in_the_json():
    said = report(url="wss://h/ws?access_token=hush").as_json()
    assert said["server"]["url"] == "wss://h/ws?access_token=***"
    assert report().as_json()["server"]["url"] is None


@pytest.mark.parametrize(
    ("seen", "status", "sentence"),
    [
        (report(BAD, DOUBT, WORSE), "fail", "Not well: nobody is there"),
        (report(GOOD, DOUBT, BAD), "fail", "Not well: nobody is there"),
        (report(GOOD, DOUBT), "warn", "Not quite well: it is late"),
        (
            report(DOUBT, GOOD, DOUBT),
            "warn",
            "Not quite well: it is late (and 1 more below)",
        ),
        (
            report(GOOD, tokens=TOKEN),
            "pass",
            "All is well with the configuration and the cache; to ask the server: "
            "notifyws status --check",
        ),
        (
            report(GOOD, listeners=(ON, OFF), tokens=TOKEN),
            "pass",
            "All is well: 1 listener is connected, token good for 12 min",
        ),
        (
            report(GOOD, SOCKET, listeners=(ON, ON), user_id="42", thorough=True),
            "pass",
            "All is well: 2 listeners are connected, connected to h in 3 ms as user 42",
        ),
        (
            report(GOOD, SOCKET, thorough=True),
            "pass",
            "All is well: connected to h in 3 ms",
        ),
        (report(GOOD, thorough=True), "pass", "All is well: what was tried answers"),
    ],
)
def test_the_verdict_is_one_sentence(seen, status, sentence):
    assert seen.verdict == (status, sentence)
    assert seen.as_json()["ok"] is (status != "fail")
