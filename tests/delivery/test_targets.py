"""Quiet hours and digests: as people write them, and what they mean on a wall clock."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from notifyws.delivery.targets import Quiet, Timing

HOUR = 3600.0


@pytest.fixture
def berlin(monkeypatch):
    """A zone whose clocks are changed twice a year."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def left(hours: str, moment: str) -> float:
    return Quiet.of(hours).left(datetime.fromisoformat(moment).timestamp())


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        ("21:59:59", 0),
        ("22:00:00", 9),
        ("23:30:00", 7.5),
        ("00:00:00", 7),
        ("06:59:00", 1 / 60),
        ("07:00:00", 0),
        ("12:00:00", 0),
    ],
)
def test_a_night_goes_over_midnight(berlin, moment, hours):
    assert left("22:00-07:00", f"2026-01-15T{moment}") == pytest.approx(hours * HOUR)


@pytest.mark.parametrize(("moment", "hours"), [("11", 0), ("12", 2), ("13", 1)])
def test_a_rest_at_noon_does_not(berlin, moment, hours):
    assert left("12:00-14:00", f"2026-01-15T{moment}:00:00") == hours * HOUR
    assert left("12:00-14:00", "2026-01-15T14:00:00") == 0


def test_a_night_on_which_clocks_are_changed_ends_when_clocks_say_so(berlin):
    assert left("22:00-07:00", "2026-03-28T22:00:00") == 8 * HOUR
    assert left("22:00-07:00", "2026-10-24T22:00:00") == 10 * HOUR


@pytest.mark.parametrize("moment", ["02:30+02:00", "02:10+01:00", "06:59+01:00"])
def test_a_night_that_begins_in_the_hour_that_comes_twice_is_not_interrupted(
    berlin, moment
):
    begun = datetime.fromisoformat(f"2026-10-25T{moment}").timestamp()
    end = datetime.fromisoformat("2026-10-25T07:00+01:00").timestamp()
    assert Quiet.of("02:30-07:00").left(begun) == end - begun
    before = datetime.fromisoformat("2026-10-25T02:29+02:00").timestamp()
    assert Quiet.of("02:30-07:00").left(before) == 0


@pytest.mark.parametrize(
    "text", ["", "22:00", "22-07", "24:00-07:00", "22:60-07:00", "8:00-8:00", "a-b"]
)
def test_hours_that_are_none_are_refused(text):
    with pytest.raises(ValueError, match=r"must be|must begin|in range|must be in"):
        Quiet.of(text)


def test_hours_are_told_as_they_are_written():
    assert str(Quiet.of(" 8:00 - 09:30 ")) == "08:00-09:30"


def test_without_hours_it_is_never_quiet():
    assert Timing(digest=1.0).quiet_for(0.0) == 0.0
