"""Runs the measurements and prints one table; ``make bench`` is this.

python -m bench                      all of it, and write results.md and results.svg
python -m bench live json latency    some programs, or single rows, printed only
python -m bench -l                   the names of programs and rows
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from bench import peers
from bench.chart import drawn
from bench.goals import GOALS, PROGRAMS, wanted_by
from bench.measuring import Row
from bench.noise import Machine, watched

HEADS = (
    *("what", "against", "ours", "theirs", "measured", "in all rounds"),
    *("must", "worth", ""),
)
HERE = Path(__file__).resolve().parent


def main(names: list[str]) -> None:
    """Measure what is wanted."""
    if names == ["-l"]:
        say("\n".join(f"{x.program:10} {row}" for row, x in GOALS.items()))
        return
    try:
        wanted = wanted_by(names)
    except KeyError as error:
        sys.exit(
            f"there is no program and no row {error}; python -m bench -l lists them"
        )
    peers.install()
    rows: list[Row] = []
    with watched() as machine:
        for row in measured(wanted, machine):
            rows.append(row)
            say(f"{row.name}: {' | '.join(row.cells())}")
        noise = machine.said()
    say(noise)
    if not names:
        table = results(rows, noise)
        (HERE / "results.md").write_text(table, "utf-8")
        (HERE / "results.svg").write_text(drawn(table), "utf-8")


def measured(wanted: Sequence[str], machine: Machine) -> Iterator[Row]:
    """Yield the rows, program by program, and look at the machine after each."""
    for program in PROGRAMS:
        its = [row for row in wanted if GOALS[row].program == program]
        if its:
            yield from importlib.import_module(f"bench.{program}").measured(its)
            machine.look()


def results(rows: Sequence[Row], noise: str) -> str:
    """Return the table with the machine and the versions."""
    parts = ["websockets", "typer", "rich", "pydantic", "redis", "httpx", "msgspec"]
    versions = ", ".join(f"{name} {version(name)}" for name in parts)
    where = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    places = {name: at for at, name in enumerate(GOALS)}
    ordered = sorted(rows, key=lambda row: places[row.name])
    table = [list(HEADS), ["---"] * len(HEADS), *(row.cells() for row in ordered)]
    return "\n".join(
        [
            "# The last measurements",
            "",
            f"Made by `make bench` on {date.today():%d %B %Y}: {where}, Python"
            f" {platform.python_version()}, {versions}.",
            "",
            noise,
            "",
            "Each figure is the median of some rounds. What is measured is the median"
            " of the ratios of all rounds, beside the least and the greatest of them."
            " A `+` reached what was worth reaching; a row without a `must` tells, and"
            " is no goal.",
            "",
            *(f"| {' | '.join(cells)} |" for cells in table),
            "",
        ]
    )


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)  # noqa: T201 - its purpose


if __name__ == "__main__":
    main(sys.argv[1:])
