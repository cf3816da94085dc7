"""What ``--since`` may be: an id, a duration, a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from notifyws.delivery.since import parse_since
from notifyws.errors import UsageError

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
