"""What ``status`` tells people, of which report."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from notifyws.cli.status_page import parts, verdict
from notifyws.config.settings import Settings
from notifyws.config.sources import load
from notifyws.diagnostics.findings import Finding
from notifyws.diagnostics.report import Report
from notifyws.fleet.listener_entry import Listener
from notifyws.ui.rows import ENDLESS, sheet
from notifyws.ui.theme import Theme

NOW = datetime(2024, 1, 15, 10, tzinfo=UTC).timestamp()
GAP = {"from": "9:00", "to": "9:05", "reason": "too slow"}
BUSY = Listener(
    "desk",
    "web-3",
    7,
    "connected",
    "2024-01-15T08:00:00Z",
    128,
    3,
    2,
    "2024-01-15T09:59:00Z",
    1,
    GAP,
    filtered=4,
    repeats=1,
    userId="42",
)
CHECKS = (
    Finding("dns", "pass", "192.0.2.1"),
    Finding("tcp", "fail", "nobody is there", "start it", 5),
    Finding("tls", "skip", "not tried, because tcp failed", left_out=True),
    Finding("ping", "skip", "not tried, because tcp failed", left_out=True),
)


def told(*, everything: bool = False, flags=None, **facts) -> str:
    known = {"url": "wss://h", "username": "me", "password": "hunter22"}
    flags = {**known, **(flags or {})}
    loaded = load(flags, environ={})
    report = Report(loaded, url=flags["url"], now=NOW, **facts)
    theme = Theme(Settings())
    told = parts(report, everything=everything)
    return theme.page(sheet(verdict(report), told, ENDLESS))


def test_it_begins_with_the_verdict_and_says_where_values_come_from():
    cache = {"url": "sqlite:///t.db"}
    page = told(cache=cache, user_id="42", checks=CHECKS)
    assert page.startswith("✖ Not well: nobody is there\n")
    for line in (
        "  server        wss://h  [--url]",
        "  account       me, user 42  [--username]",
        "  profile       default  [default]",
        "  cache         sqlite:///t.db  [default]",
    ):
        assert f"{line}\n" in page


def test_what_was_not_tried_is_one_line():
    page = told(checks=CHECKS)
    assert page.endswith(
        "Checks\n"
        "  ✔ dns           192.0.2.1\n"
        "  ✖ tcp\n"
        "    why: nobody is there\n"
        "    try: start it\n"
        "  - not tried     tls, ping, because tcp failed\n"
    )


def test_nothing_known_is_said_as_such():
    page = told(flags={"username": None})
    assert "account       no username, user unknown yet" in page
    assert "access        not cached\n" in page
    assert "no listener runs now" in page


def test_tokens_are_told_by_what_is_left_of_them():
    lives = {"cached": True, "expiresIn": 700}
    page = told(tokens={"access": lives, "refresh": {**lives, "expiresIn": 90000}})
    assert "  access        11 min left\n" in page
    assert "  refresh       1 d 1 h left\n" in page


def test_a_listener_is_one_line_of_all_that_matters():
    page = told(listeners=(BUSY, Listener(None, "web-4", 8)))
    assert (
        "  desk          connected for 2 h 0 min, user 42, 128 received (the last "
        "1 min 0 s ago), 4 of them filtered out, 1 repeat left out, 2 reconnects, "
        "3 waiting to be handed on, 1 gap (the last 9:00 to 9:05: too slow), pid 7 on "
        "web-3\n"
    ) in page
    assert (
        "  unnamed       connecting for 0 s, nothing received yet, pid 8 on web-4\n"
        in page
    )


def test_a_listener_says_when_it_was_last_proved_to_have_missed_nothing():
    often = replace(BUSY, verifyEvery=300.0)
    proved = replace(often, verifiedAt="2024-01-15T09:58:00Z")
    deaf = replace(proved, deaf=2, recovered=7)
    page = told(listeners=(often, proved, deaf))
    assert ", not verified yet, 2 reconnects," in page
    assert ", nothing missed as of 2 min 0 s ago, 2 reconnects," in page
    assert "2 min 0 s ago, 2 deaf sockets renewed and 7 recovered, 2 rec" in page


def test_every_setting_is_told_when_asked_for_and_no_secret():
    page = told(everything=True)
    assert "  password = set  [--password-stdin]\n" in page
    assert "  token = not set  [default]\n" in page
    assert "  ping_interval = 20.0  [default]\n" in page
    assert "hunter22" not in page


def test_no_secret_of_a_url_or_among_the_variables_of_a_profile_is_told():
    url, said = "wss://h/ws?access_token=hush&v=7", "channel=news client_secret=hush"
    page = told(everything=True, flags={"url": url, "variables": said})
    assert "  server        wss://h/ws?access_token=***&v=***  [--url]\n" in page
    assert "  url = wss://h/ws?access_token=***&v=***  [--url]\n" in page
    assert "channel=news client_secret=***" in page
    assert "hush" not in page


def test_a_client_certificate_and_its_key_are_named():
    text = told(flags={"client_cert": "/me.pem", "client_key": "/me.key"})
    assert "/me.pem, its key /me.key" in text
