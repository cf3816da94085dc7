"""What is wrong with listeners, by what they say of themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from notifyws.diagnostics.account_findings import of_group, of_listeners, since
from notifyws.diagnostics.findings import CheckContext
from notifyws.fleet.group.standing import GroupStanding
from notifyws.fleet.listener_entry import Listener

SINCE = "2024-01-15T10:00:00Z"
START = datetime(2024, 1, 15, 10, tzinfo=UTC).timestamp()
GROUND = CheckContext("wss://ws.example.com", "--url", "acme", "/live", here="here")
WELL = Listener("desk", "here", 7, "connected", SINCE, received=5)
QUIET = replace(WELL, received=0, userId="42")
FAILED = {"at": SINCE, "kind": "network_error", "message": "cut"}
COMPLAINT = {"at": SINCE, "kind": "server_error", "message": "no such channel"}
REFUSED = replace(QUIET, lastFailure=COMPLAINT)
LOST = replace(WELL, state="reconnecting", attempts=14, lastFailure=FAILED)


def told(one: Listener, after: float = 600.0, ground: CheckContext = GROUND):
    return [(t.detail, t.hint) for t in of_listeners([one], START + after, ground)]


@pytest.mark.parametrize(
    "one",
    [
        WELL,
        replace(WELL, filtered=4),
        replace(WELL, reconnects=9, shortLived=2),
        replace(WELL, verifyEvery=300.0),
        replace(WELL, verifyEvery=60.0, verifiedAt="2024-01-15T10:07:00Z", deaf=3),
        replace(WELL, state="connecting", received=0),
        replace(WELL, state="disconnected", received=0),
        QUIET,
        replace(QUIET, lastFailure=FAILED),
    ],
)
def test_one_that_gets_something_or_may_have_been_sent_nothing_is_well(one):
    assert told(one) == []
    assert told(one, ground=replace(GROUND, user="42")) == []


def test_one_that_cannot_prove_that_it_misses_nothing_is_said():
    [(said, hint)] = told(replace(WELL, verifyEvery=60.0))
    assert said == (
        "listener desk has not been proved to miss nothing for 10 min, "
        "though it tries every 1 min 0 s"
    )
    assert "--verify-every" in hint


def test_each_of_many_is_looked_at():
    assert len(of_listeners([WELL, LOST, REFUSED], START + 60, GROUND)) == 2


def test_listeners_of_one_name_on_two_hosts_are_said_once():
    there = replace(WELL, host="there")
    [found] = of_listeners([WELL, there, replace(WELL, pid=8)], START + 600, GROUND)
    assert found.detail == (
        "2 listeners named desk run at once (here, there): "
        "each hands on every notification"
    )
    assert "--group" in found.hint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (WELL, replace(WELL, pid=8)),
        (WELL, replace(WELL, host="there", name="door")),
        (WELL, replace(WELL, host="there", state="connecting")),
        (WELL, replace(WELL, host="there", since="2024-01-15T10:09:50Z")),
        (replace(WELL, name=None), replace(WELL, name=None, host="there")),
    ],
    ids=["one host", "another name", "not connected", "a successor", "nameless"],
)
def test_whoever_is_no_second_one_of_a_name_is_well(one, other):
    assert of_listeners([one, other], START + 600, GROUND) == []


def test_one_that_reconnects_says_for_how_long_how_often_and_why_if_it_can():
    [(said, _)] = told(LOST)
    assert said == (
        "listener desk has been reconnecting for 10 min, 14 tries so far: cut"
    )
    one = replace(LOST, name=None, attempts=1, lastFailure=None)
    [(said, _)] = told(one, 2)
    assert said == "listener 7 on here has been reconnecting for 2 s"


@pytest.mark.parametrize(
    ("host", "checked", "hint"),
    [
        ("here", False, "notifyws status --check"),
        ("here", True, "notifyws listen -v"),
        ("there", True, "on there: notifyws status --check"),
    ],
)
def test_what_to_try_depends_on_where_it_runs_and_what_was_tried(host, checked, hint):
    one = replace(LOST, host=host)
    assert told(one, ground=replace(GROUND, checked=checked))[0][1] == hint


def test_one_that_comes_and_goes_is_told_while_it_is_there():
    one = replace(WELL, shortLived=3, lastFailure=FAILED)
    [(said, _)] = told(one, 29)
    assert said == (
        "listener desk comes and goes: connected 29 s ago, after 3 connections that "
        "lasted for seconds only: cut"
    )
    assert told(one, 31) == []


def test_frames_that_it_does_not_understand_are_shown():
    one = replace(WELL, notUnderstood=1, lastNotUnderstood='{"evt":1}')
    [(said, hint)] = told(one)
    assert said == 'listener desk has not understood 1 frame, the last: {"evt":1}'
    assert "notifyws listen --raw, then: notifyws profile check acme" in hint
    [(said, _)] = told(replace(one, notUnderstood=3, lastNotUnderstood=None))
    assert said == "listener desk has not understood 3 frames"


def test_one_whose_filter_lets_nothing_through_says_so():
    [(said, _)] = told(replace(WELL, filtered=5))
    assert said == (
        "listener desk has received 5, and its --filter or --type let none of them "
        "through"
    )


def test_silence_after_an_error_of_the_server_is_told_after_a_minute_with_its_words():
    assert told(REFUSED, 59) == []
    [(said, hint)] = told(REFUSED, 60)
    assert said == (
        "listener desk has been connected for 1 min 0 s as user 42 and got nothing; "
        "the server said: no such channel"
    )
    assert "notifyws auth whoami" in hint
    assert " as user " not in told(replace(REFUSED, userId=None))[0][0]


def test_silence_as_another_user_than_the_configured_one_is_told():
    [(said, hint)] = told(QUIET, ground=replace(GROUND, user="43"))
    assert said == (
        "listener desk has been connected for 10 min as user 42, not 43, and got "
        "nothing"
    )
    assert hint == "correct NOTIFYWS_USER_ID, or: notifyws auth login"
    unknown = replace(QUIET, userId=None)
    assert told(unknown, ground=replace(GROUND, user="43")) == []


def test_frames_that_are_not_understood_are_no_silence():
    [(said, _)] = told(replace(QUIET, notUnderstood=2))
    assert "not understood 2 frames" in said


@pytest.mark.parametrize("text", ["", "soon", "9999-99-99", "2024-01-15"])
def test_a_moment_of_no_sense_or_zone_is_harmless(text):
    assert since(text, START) >= 0.0


def test_a_moment_to_come_is_now():
    assert since(SINCE, START - 5) == 0.0


@pytest.mark.parametrize(
    ("group", "said"),
    [
        (GroupStanding("trips", "here:7", oldest_pending=60.0), []),
        (GroupStanding("trips"), ["nobody of the group trips holds the socket"]),
        (
            GroupStanding("trips", "here:7", oldest_pending=61.0),
            ["the group trips is behind: the oldest waits for 1 min 1 s"],
        ),
    ],
)
def test_a_group_without_a_leader_or_that_is_behind_is_said(group, said):
    assert [found.detail for found in of_group(group)] == said
