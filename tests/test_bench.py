"""The chart that the README shows, and the table that it is made of."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from bench import __main__ as bench
from bench.chart import TOLD, drawn, found, number

BENCH = Path(bench.__file__).parent
TABLE = (BENCH / "results.md").read_text("utf-8")


def test_the_chart_that_is_kept_is_that_of_the_table_that_is_kept():
    assert (BENCH / "results.svg").read_text("utf-8") == drawn(TABLE)


def test_every_program_of_the_bench_has_a_row_in_what_it_says_of_itself():
    text = (BENCH / "README.md").read_text("utf-8").partition("\n## ")[0]
    said = re.findall(r"^\| `(\w+)` \|", text, re.M)
    assert tuple(said) == bench.ALL


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
