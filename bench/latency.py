"""How late a line is: from the moment a frame is sent to that when its line is read.

Each notification carries the moment it left as its title; both clocks are the same.
"""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Iterator, Sequence

from bench.measuring import Row, in_turn
from bench.peers import BARE, NOTIFYWS, PYTHON
from bench.running import blaster, home, piped

ROUNDS = 9
COUNT = 400
RATE = 200
FIRST = 50
"""Lines that do not count."""
SENT = re.compile(rb'"title":"(\d+\.\d+)"')


def measured(wanted: Sequence[str]) -> Iterator[Row]:
    """Measure the median at 200 a second."""
    options = ("--count", str(COUNT), "--rate", str(RATE))
    with blaster(*options) as server, home(server.url) as env:
        listen = [NOTIFYWS, "listen", "--json", "-n", str(COUNT)]
        loop = [PYTHON, BARE, "print", server.url, str(COUNT)]
        contestants = {
            "ours": lambda: median(listen, env),
            "loop": lambda: median(loop, None),
        }
        rounds = in_turn(contestants, ROUNDS, warm=False)
    yield rounds.row("latency", "ours", "loop", lambda took: f"{took * 1e6:.0f} us")


def median(command: list[str], env: dict[str, str] | None) -> float:
    """Return the median of the seconds that lines are late."""
    late: list[float] = []
    with piped(command, env) as process:
        assert process.stdout is not None
        while piece := os.read(process.stdout.fileno(), 65536):
            now = time.monotonic()
            late += [now - float(moment) for moment in SENT.findall(piece)]
    return statistics.median(late[FIRST:])
