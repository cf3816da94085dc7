"""Beginning at a time: how it is spelt, who can be asked, and what is too old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import partial

import pytest
from msgspec.structs import replace

from notifyws.errors import UsageError
from notifyws.protocol.loader import built_in, read_profile
from notifyws.protocol.since import (
    can_begin,
    is_before,
    parse_duration,
    parse_since,
    spelled,
)
from notifyws.protocol.upgrade import upgrade_request
from tests.protocol import DEFAULT, profiled

MOMENT = datetime(2024, 1, 15, 10, 30, 0, 250_000, UTC)
URL = "wss://h/ws"


TOLD_A_TIME = ("default", "directus", "gotify", "home-assistant", "nchan", "ntfy")


@pytest.mark.parametrize("name", built_in())
def test_a_profile_tells_whether_its_server_can_be_asked(name):
    assert can_begin(read_profile(name)) is (name in TOLD_A_TIME)


FORWARDS = {"step": {"path": "/x", "query": {"after": "{last_id}"}}}
BY_TIME = {"step": {"path": "/x", "query": {"from": "{since.iso}"}}}


@pytest.mark.parametrize(
    ("more", "can"),
    [
        ({"resume": {"query": "since"}}, False),
        ({"resume": {"query": "since", "since_time": "{since.ms}"}}, True),
        ({"resume": {"catchup": FORWARDS}}, False),
        ({"resume": {"catchup": BY_TIME}}, True),
        (
            {
                "resume": {"by_template": True},
                "socket": {"query": {"from": "{since.unix}"}},
            },
            True,
        ),
        ({"resume": {"by_template": True}}, False),
    ],
)
def test_a_catch_up_or_the_socket_may_name_the_time(more, can):
    assert can_begin(profiled(**more)) is can


def test_a_time_is_spelled_as_servers_know_it_and_never_later():
    said = spelled(MOMENT)
    assert said == {
        "unix": 1_705_314_599,
        "ms": 1_705_314_600_250,
        "iso": "2024-01-15T10:30:00.250Z",
    }


@pytest.mark.parametrize(
    ("name", "asked"), [("default", "?since=0"), ("ntfy", "?since=1705314599")]
)
def test_the_query_takes_what_the_profile_says_for_a_time(name, asked):
    ask = partial(
        upgrade_request, read_profile(name), URL, "T", variables={"topic": "t"}
    )
    assert ask(last_id=MOMENT).url.endswith(asked)
    assert ask(last_id="7").url.endswith("?since=7")
    assert "since" not in ask().url


def test_the_header_does_too():
    there = upgrade_request(read_profile("nchan"), f"{URL}/a", "T", last_id=MOMENT)
    assert there.headers["Last-Event-ID"] == "1705314599:0"


@pytest.mark.parametrize("word", [None, "{since.nonesuch}"])
def test_a_profile_without_a_word_for_a_time_is_not_asked(word):
    bare = replace(DEFAULT, resume=replace(DEFAULT.resume, since_time=word))
    assert upgrade_request(bare, URL, "T", last_id=MOMENT).url == URL


@pytest.mark.parametrize(
    ("place", "known"),
    [
        (None, {"last_id": None, "since": None, "resuming": None}),
        (0, {"last_id": 0, "since": None, "resuming": True}),
        (MOMENT, {"last_id": None, "since": spelled(MOMENT), "resuming": True}),
    ],
)
def test_templates_know_where_to_go_on(place, known):
    said = upgrade_request(DEFAULT, URL, "T", last_id=place).known
    assert {name: said[name] for name in known} == known


@pytest.mark.parametrize(
    ("timestamp", "before"),
    [
        ("2024-01-15T10:30:00.249Z", True),
        ("2024-01-15T10:30:00.250Z", False),
        ("2024-01-15T11:30:00+02:00", True),
        ("2024-01-15T10:29:59", True),
        ("2024-01-15T10:31:00", False),
        ("yesterday", False),
        ("", False),
    ],
)
def test_what_is_older_is_told_by_its_timestamp_if_that_can_be_read(timestamp, before):
    assert is_before(timestamp, MOMENT) is before


NOW = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("30s", timedelta(seconds=30)),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("1h30m", timedelta(minutes=90)),
        ("0s", timedelta()),
    ],
)
def test_a_duration_is_so_long_ago(text, ago):
    assert parse_since(text, NOW) == NOW - ago


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-15T10:00:00Z", datetime(2024, 1, 15, 10, tzinfo=UTC)),
        ("2024-01-15t10:00z", datetime(2024, 1, 15, 10, tzinfo=UTC)),
        ("2024-01-15 10:00:00.5Z", datetime(2024, 1, 15, 10, 0, 0, 500_000, UTC)),
        (
            "2024-01-15T10:00:00+01:00",
            datetime(2024, 1, 15, 10, tzinfo=timezone(timedelta(hours=1))),
        ),
    ],
)
def test_a_time_is_that_time(text, moment):
    assert parse_since(text, NOW) == moment


@pytest.mark.parametrize(
    ("text", "ident"),
    [
        ("7", "7"),
        ("0", "0"),
        ("", ""),
        ("1705314600000000", "1705314600000000"),
        ("10x", "10x"),
        ("m10", "m10"),
        ("10M", "10M"),
        ("-10m", "-10m"),
        ("1.5h", "1.5h"),
        ("2024-01-15", "2024-01-15"),
        ("hwQ2YpKdmg", "hwQ2YpKdmg"),
        ("id:10m", "10m"),
        ("id:id:x", "id:x"),
        ("id:2024-01-15T10:00:00Z", "2024-01-15T10:00:00Z"),
    ],
)
def test_anything_else_is_an_id_and_so_is_what_says_that_it_is(text, ident):
    assert parse_since(text, NOW) == ident


@pytest.mark.parametrize("text", ["2024-01-15T10:00:00+01:00", "10m"])
def test_a_time_is_told_in_utc_whatever_zone_it_was_written_in(text):
    now = NOW.astimezone(timezone(timedelta(hours=9)))
    found = parse_since(text, now)
    assert isinstance(found, datetime)
    assert found.tzinfo is UTC


def test_the_first_moment_of_the_calendar_is_a_time_like_any_other():
    assert parse_since("0001-01-01T00:00:00Z", NOW) == datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("1h30m", 5400), ("90", 90), ("0.5", 0.5), ("0", 0)],
)
def test_a_duration_is_told_in_seconds(text, seconds):
    assert parse_duration(text, "--every") == seconds


@pytest.mark.parametrize("text", ["", "often", "-5m", "5 m", "1e3", "inf", "٣m"])
def test_what_is_no_duration_is_a_wrong_use_that_names_the_option(text):
    with pytest.raises(UsageError, match=r"^--every takes a duration") as caught:
        parse_duration(text, "--every")
    assert caught.value.hint == "as in --every 5m"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("2024-01-15T10:00:00", "says no zone"),
        ("2024-13-15T10:00:00Z", "there is no such time"),
        ("2024-01-15T25:00:00Z", "there is no such time"),
        ("999999999d", "there is no such time"),
        ("0001-01-01T00:00:00+23:59", "there is no such time"),
        ("2024-01-15T10:30:01Z", "is still to come"),
    ],
)
def test_a_time_that_cannot_be_is_a_wrong_use(text, complaint):
    with pytest.raises(UsageError, match=f"^--since: .*{complaint}") as caught:
        parse_since(text, NOW)
    assert caught.value.hint
