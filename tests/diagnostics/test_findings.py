"""What is wrong on the way to the server, and what to try."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from notifyws.clock import span
from notifyws.diagnostics.findings import (
    CheckContext,
    Finding,
    advice,
    of_certificate,
    of_clock,
    of_complaint,
    of_our_certificate,
    skipped,
)
from notifyws.errors import (
    ORIGIN,
    AuthenticationFailed,
    CertificateRejected,
    ConfigurationError,
    NetworkFailed,
    SessionFailed,
    UpgradeRefused,
)

URL = "wss://ws.example.com"
HERE = CheckContext(URL, "--url", "acme", "/live")
PROXIED = CheckContext(URL, "--url", proxy="p.example:3128")
AROUND = (
    "go around the proxy p.example:3128: "
    "NO_PROXY=ws.example.com notifyws status --check"
)


def refused(status: int, **facts) -> UpgradeRefused:
    hint = "check the path, and the token with: notifyws status --check"
    return UpgradeRefused(f"it answered {status}", hint, status=status, **facts)


def at(path: str, own: str | None = None) -> CheckContext:
    return CheckContext(f"{URL}{path}", "--url", "acme", own)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min 0 s"),
        (599, "9 min 59 s"),
        (600, "10 min"),
        (3599, "59 min"),
        (3600, "1 h 0 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d 0 h"),
        (700_000, "8 d 2 h"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(seconds, words):
    assert span(seconds) == words


@pytest.mark.parametrize("error", [AuthenticationFailed, ConfigurationError])
def test_what_is_not_the_networks_fault_keeps_its_own_hint(error):
    assert advice("token", error("no", "log in"), PROXIED) == "log in"


NAMED = "the URL (it comes from --url)"


@pytest.mark.parametrize(
    ("layer", "error", "hint"),
    [
        ("dns", "any", f"correct the host in {NAMED}, or see to the name server"),
        ("tcp", "any", f"start the server, or correct the port in {NAMED}"),
        (
            "tls",
            CertificateRejected("no", "put its name into the URL", reason="name"),
            f"put its name into {NAMED}",
        ),
        ("clock", "wait", "wait"),
        ("ping", "", "notifyws listen -v"),
        ("ping", "see: notifyws status --check", "notifyws listen -v"),
        ("websocket", refused(400), "notifyws listen -v"),
    ],
)
def test_what_is_wrong_is_corrected_where_it_was_said_and_nobody_goes_in_circles(
    layer, error, hint
):
    error = NetworkFailed("no", error) if isinstance(error, str) else error
    assert advice(layer, error, HERE) == hint


@pytest.mark.parametrize(
    "error",
    [
        NetworkFailed("no"),
        refused(403),
        refused(400),
        refused(404, by_proxy=True),
        CertificateRejected("not trusted"),
    ],
)
def test_a_proxy_is_gone_around_first(error):
    assert advice("websocket", error, PROXIED) == AROUND


@pytest.mark.parametrize("status", [302, 404, 410, 429, 500, 503])
def test_what_only_the_server_can_have_answered_is_not_the_proxys_fault(status):
    assert advice("websocket", refused(status), PROXIED) != AROUND


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (302, f"put where it redirects to into {NAMED}"),
        (403, f"see whether this user may listen: notifyws auth whoami; or {ORIGIN}"),
        (429, "try again later: notifyws listen goes on trying"),
        (503, "try again later: notifyws listen goes on trying"),
    ],
)
def test_a_refused_upgrade_has_a_hint_of_its_status(status, hint):
    assert advice("websocket", refused(status), HERE) == hint


def test_a_server_that_says_when_is_believed():
    hint = advice("websocket", refused(503, retry_after=90.0), HERE)
    assert hint.startswith("try again later, in 1 min 30 s")


@pytest.mark.parametrize("status", [200, 204, 404, 405, 410, 426])
def test_where_no_socket_is_the_path_is_wrong(status):
    error = refused(status)
    add = f"add the socket's path to {NAMED}, as in {URL}/ws"
    assert advice("websocket", error, at("")) == add
    assert advice("websocket", error, at("/")) == add
    correct = f"correct the path /x in {NAMED}"
    assert advice("websocket", error, at("/x")) == correct
    another = "or use another --profile: profile acme is sought at"
    correct = f"correct the path /x in {NAMED}, {another} /x/live"
    assert advice("websocket", error, at("/x", "/x/live")) == correct
    see = f"see to {NAMED}, {another} /live"
    assert advice("websocket", error, at("", "/live")) == see


@pytest.mark.parametrize(
    ("needs", "asked"),
    [
        ((), ""),
        (("channel",), "may this user have channel of NOTIFYWS_VARIABLES? "),
        (("a", "b"), "may this user have a and b of NOTIFYWS_VARIABLES? "),
    ],
)
def test_a_refused_subscription_leads_to_what_was_asked_for_and_to_each_step(
    needs, asked
):
    context = replace(HERE, needs=needs)
    error = SessionFailed("the server refused the handshake: no such channel")
    hint = f"{asked}see each step: notifyws profile check acme --url {URL}"
    assert advice("websocket", error, context) == hint
    found = of_complaint("no such channel", context)
    assert found.detail == "connected, but the server says: no such channel"
    assert (found.status, found.hint) == ("warn", hint)


def test_a_certificate_is_worth_a_word_two_weeks_before_its_end_and_so_is_ours():
    assert of_certificate(14, HERE) is of_our_certificate("me", 14) is None
    found = of_certificate(13.9, HERE)
    assert found.detail == "the certificate of ws.example.com ends in 13 d 21 h"
    found = of_our_certificate("me", 3)
    assert found.detail == "our certificate of me ends in 3 d 0 h"
    assert "NOTIFYWS_CLIENT_CERT" in found.hint


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        *((seconds, None) for seconds in (0, 60, -60)),
        (61, "this machine's clock is 61 s behind the server's"),
        (-3600, "this machine's clock is 3600 s ahead of the server's"),
    ],
)
def test_a_clock_that_is_off_by_more_than_a_minute_is_to_be_set(ahead, words):
    found = of_clock(ahead)
    assert (found and found.detail) == words


def test_a_finding_as_json_has_a_hint_only_where_there_is_one():
    facts = {"name": "dns", "status": "fail", "detail": "no such host"}
    assert Finding("dns", "fail", "no such host").as_json() == facts
    told = Finding("dns", "fail", "no such host", "check the name").as_json()
    assert told == {**facts, "hint": "check the name"}
    assert skipped("no TLS").as_json()["status"] == "skip"
