"""The chart that the README shows, and the table that it is made of."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from bench import chart
from bench.chart import TOLD, drawn, found, number
from bench.goals import GOALS, PROGRAMS, wanted_by
from bench.measuring import Row, in_turn, missing

BENCH = Path(chart.__file__).parent
TABLE = (BENCH / "results.md").read_text("utf-8")


def test_the_chart_that_is_kept_is_that_of_the_table_that_is_kept():
    assert (BENCH / "results.svg").read_text("utf-8") == drawn(TABLE)


def test_every_program_of_the_bench_has_a_row_in_what_it_says_of_itself():
    text = (BENCH / "README.md").read_text("utf-8").partition("\n## ")[0]
    said = re.findall(r"^\| `(\w+)` \|", text, re.M)
    assert tuple(said) == PROGRAMS


def test_the_chart_is_made_of_rows_that_are_measured():
    rows = {(goal.what, goal.against) for goal in GOALS.values()}
    assert rows >= {(what, against) for what, against, _ in TOLD}


def test_rows_and_programs_are_measured_alone_in_the_order_of_the_table():
    assert wanted_by(["live-idle", "latency", "live-1000"]) == [
        *("latency", "live-1000", "live-idle"),
    ]
    assert wanted_by(["sending"]) == ["send"]
    assert wanted_by([]) == [*GOALS]
    with pytest.raises(KeyError):
        wanted_by(["nothing"])


def test_what_slows_both_for_a_while_changes_no_ratio():
    slow = iter([1, 1, 10, 10, 1, 1, 3, 3])

    def taking(seconds):
        return lambda: seconds * next(slow)

    rounds = in_turn({"ours": taking(3), "theirs": taking(2)}, 3)
    row = rounds.row("token", "ours", "theirs", str)
    assert (row.value, row.spread) == (1.5, (1.5, 1.5))


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("first-line", 1.41, "**missed**"),
        ("first-line", 1.4, "reached"),
        ("first-line", 1.1, "+"),
        ("json", 0.69, "**missed**"),
        ("json", 1.0, "+"),
        ("token", 0.1, "reached"),
        ("json-websocat", 0.1, ""),
    ],
)
def test_a_row_says_whether_it_is_as_good_as_it_must_be(name, value, verdict):
    assert Row(name, "", "", value).verdict == verdict


def test_a_row_whose_peer_cannot_be_had_says_so_and_reaches_nothing():
    row = missing("json", "5/s")
    assert (row.theirs, row.verdict) == ("not to be had here", "")


def test_each_pair_of_bars_is_as_long_as_its_figures():
    tree = ET.fromstring(drawn(TABLE))
    lengths = [
        (each.get("class"), float(each.get("width") or 0))
        for each in tree.iter("{http://www.w3.org/2000/svg}rect")
    ]
    pairs = list(zip(lengths[::2], lengths[1::2], strict=True))
    assert len(pairs) == len(TOLD)
    for (ours, theirs), bars in zip(pairs, found(TABLE), strict=True):
        assert (ours[0], theirs[0]) == ("ours", "theirs")
        figures = number(bars.ours) / number(bars.theirs)
        assert ours[1] / theirs[1] == pytest.approx(figures, rel=0.2, abs=0.02)
