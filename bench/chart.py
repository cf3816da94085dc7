"""Draws the rows of results.md that a user cares about, each as two bars.

python -m bench.chart   draws results.svg anew from results.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["drawn"]

HERE = Path(__file__).resolve().parent
TOLD = (
    ("`token`, warm embedded cache", "`http --version`", "A cached token"),
    ("`listen --json` to its first line", "`wscat`", "Start to first line"),
    ("`listen --json`", "`wscat`, raw text", "JSON into a pipe"),
    ("`listen --json`, deflate", "`wscat`", "Compressed, JSON into a pipe"),
    ("memory after 1,000,000", "`wscat`", "Memory after a million"),
)
"""What a row of the table is, beside what, and what it is called for users."""
WIDTH, LABELS, BARS = 720, 230, 300
ROW, TOP, BAR = 56, 34, 14
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .quiet { fill: #59636e }
  .ours { fill: #0a7c55 }
  .theirs { fill: #afb8c1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .quiet { fill: #9198a1 }
    .ours { fill: #3fb98a }
    .theirs { fill: #57606a }
  }
"""


@dataclass(frozen=True, slots=True)
class Bars:
    """Two figures of one kind.

    Args:
        label: what they are of.
        peer: whose the second is.
        ours, theirs: as they are told, with a unit.
    """

    label: str
    peer: str
    ours: str
    theirs: str

    @property
    def more_is_better(self) -> bool:
        """Whether these are rates."""
        return self.ours.endswith("/s")


def drawn(table: str) -> str:
    """Return the chart of a table, as SVG."""
    bars = found(table)
    height = TOP + ROW * len(bars)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" role="img"'
        ' aria-label="notifyws beside other programs">',
        f"<style>{STYLE}</style>",
        text(LABELS, 18, "notifyws above, the other below; measured side by side"),
        *(row(TOP + ROW * at, each) for at, each in enumerate(bars)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def found(table: str) -> list[Bars]:
    """Return the rows that are told, in the order in which they are told."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("|")
    ]
    rows = {(row[0], row[1]): row[2:4] for row in cells}
    return [
        Bars(label, against.partition(",")[0].strip("`"), *rows[what, against])
        for what, against, label in TOLD
    ]


def row(top: int, bars: Bars) -> str:
    """Return two bars, what they are, and their figures."""
    ours, theirs = number(bars.ours), number(bars.theirs)
    longest = max(ours, theirs)
    better = "more is better" if bars.more_is_better else "less is better"
    return "\n".join(
        [
            text(0, top + 12, bars.label, quiet=False),
            text(0, top + 30, better),
            bar(top, ours / longest, "ours", bars.ours),
            bar(top + 18, theirs / longest, "theirs", f"{bars.theirs}  {bars.peer}"),
        ]
    )


def bar(top: int, share: float, kind: str, said: str) -> str:
    """Return one bar and the figure behind it."""
    length = max(2, round(BARS * share))
    rect = (
        f'<rect class="{kind}" x="{LABELS}" y="{top}" width="{length}"'
        f' height="{BAR}" rx="2"/>'
    )
    return rect + text(LABELS + length + 8, top + 12, said, quiet=kind == "theirs")


def text(x: int, y: int, said: str, *, quiet: bool = True) -> str:
    """Return a line of text."""
    marked = ' class="quiet"' if quiet else ""
    return f'<text x="{x}" y="{y}"{marked}>{said}</text>'


def number(said: str) -> float:
    """Return the number of a figure such as ``66,312/s``."""
    match = re.match(r"[\d,.]+", said)
    assert match is not None, said
    return float(match[0].replace(",", ""))


def main() -> None:
    """Draw the last results."""
    table = (HERE / "results.md").read_text("utf-8")
    (HERE / "results.svg").write_text(drawn(table), "utf-8")


if __name__ == "__main__":
    main()
