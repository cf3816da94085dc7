"""Runs all of it and prints one table; ``make fleet`` is this.

python -m bench.group           print it, part by part
python -m bench.group --write   and keep it: results.json, part of docs/fleet-scale.md
python -m bench.group --page    write that part anew, from what is kept
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from bench.group import figures, page

PARTS = ("listeners", "throughput", "load", "model")


def main(options: Sequence[str]) -> None:
    """Measure, print, and keep it if asked to."""
    if "--page" not in options:
        found = []
        for part in PARTS:
            for figure in import_module(f"bench.group.{part}").figures():
                found.append(figure)
                print(" | ".join(figure.cells()), flush=True)  # noqa: T201
        results = figures.of_today(found)
        print("", *page.needs(results), sep="\n")  # noqa: T201 - its purpose
        if "--write" not in options:
            return
        figures.keep(results)
    text = page.PAGE.read_text("utf-8")
    page.PAGE.write_text(page.written(text, figures.kept()), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
