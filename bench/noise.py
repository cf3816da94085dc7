"""How quiet the machine was: a bare loop now and then, and what others took of it.

Two runs can be compared as far as their bare loops can.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers import BARE, PYTHON
from bench.running import Blaster, blaster, last_line

__all__ = ["Machine", "watched"]

COUNT = 60_000


class Machine:
    """What is seen of the machine while others are measured.

    Args:
        server: sends to the bare loop.
    """

    def __init__(self, server: Blaster) -> None:
        self._server = server
        self._began, self._load = time.monotonic(), os.getloadavg()[0]
        self._used_before = used()
        self._rates: list[float] = []

    def look(self) -> None:
        """Run the bare loop once."""
        loop = [PYTHON, BARE, "count", self._server.url, str(COUNT)]
        self._rates.append(COUNT / last_line(loop, self._server, 1, None))

    def said(self) -> str:
        """Return what was seen, for people."""
        minutes = (time.monotonic() - self._began) / 60
        least, middle, most = (
            f"{rate:,.0f}"
            for rate in (
                min(self._rates),
                statistics.median(self._rates),
                max(self._rates),
            )
        )
        spread = (max(self._rates) / min(self._rates) - 1) * 100
        said = (
            f"The run took {minutes:.1f} minutes. In it the bare loop read {middle} a"
            f" second, over {len(self._rates)} times {least} to {most}: a spread of"
            f" {spread:.0f} %. The load was {self._load:.2f} when it began"
        )
        if self._used_before is not None and (now := used()) is not None:
            all_, own = (x - y for x, y in zip(now, self._used_before, strict=True))
            cores = minutes * 60 * (os.cpu_count() or 1)
            others = max(0.0, all_ - own) / cores * 100
            said += f", and other programs took {others:.0f} % of all cores"
        return f"{said}."


@contextmanager
def watched() -> Iterator[Machine]:
    """Yield a machine that was looked at once."""
    with blaster("--count", str(COUNT)) as server:
        machine = Machine(server)
        machine.look()
        yield machine


def used() -> tuple[float, float] | None:
    """Return the seconds of CPU that all programs took, and ours and their children.

    ``None`` where the system does not tell.
    """
    try:
        first = Path("/proc/stat").read_text().partition("\n")[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, steal = map(int, first[:8])
    ticks = user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK"), sum(os.times()[:4])
