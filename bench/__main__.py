"""Runs the measurements and prints one table; ``make bench`` is this.

python -m bench                 all of it, and write results.md and results.svg
python -m bench starting live   some of it, printed only
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
from bench.measuring import Row

ALL = ("starting", "streaming", "latency", "live", "memory", "sending", "fleet")
HEADS = ("what", "against", "ours", "theirs", "measured", "must", "worth", "")
HERE = Path(__file__).resolve().parent


def main(wanted: Sequence[str]) -> None:
    """Measure what is wanted."""
    if missing := peers.install():
        sys.exit(f"cannot be installed here: {', '.join(missing)}")
    rows: list[Row] = []
    for name in wanted or ALL:
        for row in measured(name):
            rows.append(row)
            print(" | ".join(row.cells()), flush=True)  # noqa: T201 - its purpose
    if not wanted:
        table = results(rows)
        (HERE / "results.md").write_text(table, "utf-8")
        (HERE / "results.svg").write_text(drawn(table), "utf-8")


def measured(name: str) -> Iterator[Row]:
    """Yield the rows of a program."""
    yield from importlib.import_module(f"bench.{name}").rows()


def results(rows: Sequence[Row]) -> str:
    """Return the table with the machine and the versions."""
    parts = ["websockets", "typer", "rich", "pydantic", "redis", "httpx"]
    versions = ", ".join(f"{name} {version(name)}" for name in parts)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    table = [list(HEADS), ["---"] * len(HEADS), *(row.cells() for row in rows)]
    return "\n".join(
        [
            "# The last measurements",
            "",
            f"Made by `make bench` on {date.today():%d %B %Y}: {machine}, Python",
            f"{platform.python_version()}, {versions}. Each figure is the median of",
            "five rounds or more, ours and theirs in turn; ratios are what counts.",
            "A `+` reached what was worth reaching.",
            "",
            *(f"| {' | '.join(cells)} |" for cells in table),
            "",
        ]
    )


if __name__ == "__main__":
    main(sys.argv[1:])
