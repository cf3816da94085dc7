"""Memory of a connected ``listen --json``, early and after a million notifications."""

from __future__ import annotations

import os
import re
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.measuring import Row, missing, single
from bench.peers import NOTIFYWS, WEBSOCAT, WSCAT, there
from bench.running import blaster, home, piped

MANY = 1_000_000
FEW = 10
ROUNDS = 2
LISTEN = [NOTIFYWS, "listen", "--json"]
PEERS = {"memory-wscat": (WSCAT, "-c"), "memory-websocat": (WEBSOCAT, "-t")}


def measured(wanted: Sequence[str]) -> Iterator[Row]:
    """Measure after ten, how much more it is after a million, and beside peers."""
    with blaster("--count", str(FEW)) as server, home(server.url) as env:
        few = [after(LISTEN, env, FEW) for _ in range(ROUNDS)]
    if "memory-10" in wanted:
        yield single("memory-10", few, mebibytes)
    if {*wanted} == {"memory-10"}:
        return
    with blaster("--count", str(MANY)) as server, home(server.url) as env:
        many = [after(LISTEN, env, MANY) for _ in range(ROUNDS)]
        peers = {
            name: after([*peer, server.url], None, MANY)
            for name, peer in PEERS.items()
            if name in wanted and there(peer[0])
        }
    least, most = statistics.median(few), statistics.median(many)
    if "memory-grown" in wanted:
        said = mebibytes(most), mebibytes(least)
        spread = min(many) - least, max(many) - least
        yield Row("memory-grown", *said, most - least, spread)
    for name in (name for name in PEERS if name in wanted):
        if (its := peers.get(name)) is None:
            yield missing(name, mebibytes(most))
        else:
            yield Row(name, mebibytes(most), mebibytes(its), most / its)


def mebibytes(figure: float) -> str:
    """Return an amount of memory for people."""
    return f"{figure:.1f} MiB"


def after(command: Sequence[str], env: dict[str, str] | None, count: int) -> float:
    """Return the MiB of a process once so many lines of it are read."""
    with piped(command, env) as process:
        assert process.stdout is not None
        left = count
        while left > 0:
            left -= os.read(process.stdout.fileno(), 1 << 20).count(b"\n")
        return resident_now(process.pid)


def resident_now(pid: int) -> float:
    """Return the MiB that a process has in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found is not None
    return int(found[1]) / 1024
