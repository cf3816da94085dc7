"""How far a fleet goes: the model of it holds, and the page says what was measured."""

from __future__ import annotations

from statistics import fmean

import pytest
from bench.group import page
from bench.group.figures import Figure, kept
from bench.group.model import Wave, beats, reconnects, refreshes

LISTENERS = 2_000
FEW = 200


@pytest.fixture(scope="module")
def wave():
    return Wave(reconnects(LISTENERS, away=20.0))


def test_no_second_sees_over_twice_the_average_of_reconnects_after_a_restart(wave):
    assert wave.ratio <= 2.0


def test_nobody_is_away_longer_than_the_server_was(wave):
    assert wave.span <= 20


def test_delays_that_are_drawn_each_for_itself_bunch():
    assert Wave(reconnects(LISTENERS, away=20.0, afresh=True)).ratio > 3.0


def test_all_listeners_of_an_account_cause_one_refresh_a_window():
    assert refreshes(FEW, windows=3) == [1, 1, 1]


def test_members_that_began_in_one_moment_do_not_beat_in_one():
    a_minute = beats(FEW, 120)[60:]
    assert fmean(a_minute) == pytest.approx(FEW / 2.7, rel=0.03)
    assert max(a_minute) <= 2 * fmean(a_minute)


def test_the_page_says_what_was_measured():
    text = page.PAGE.read_text("utf-8")
    assert page.written(text, kept()) == text


def test_what_was_measured_reached_all_that_it_must():
    assert [each.what for each in kept().figures if not each.reached] == []


@pytest.mark.parametrize(("value", "verdict"), [(4.0, "reached"), (4.1, "**missed**")])
def test_a_figure_says_whether_it_is_as_good_as_it_must_be(value, verdict):
    assert Figure("n", "commands", value, most=4).cells()[-1] == verdict
