"""Memory of a connected ``listen --json``, early and after a million notifications."""

from __future__ import annotations

import os
import re
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.measuring import ROUNDS, Row
from bench.peers import NOTIFYWS, WSCAT
from bench.running import blaster, home, piped

MANY = 1_000_000
FEW = 10
LISTEN = [NOTIFYWS, "listen", "--json"]


def rows() -> Iterator[Row]:
    """Measure after ten, how much more it is after a million, and beside a peer."""
    few, many = resident(FEW, ROUNDS), resident(MANY, ROUNDS)
    peer = resident(MANY, 1, WSCAT)
    said = [f"{few:.1f} MiB", f"{many:.1f} MiB"]
    yield Row("memory, `--json`, after 10", "", said[0], "", few, 42, 32, unit=" MiB")
    grown = many - few
    what = "memory grown after 1,000,000"
    yield Row(what, "after 10", said[1], said[0], grown, 2, unit=" MiB")
    theirs = f"{peer:.1f} MiB"
    yield Row("memory after 1,000,000", "`wscat`", said[1], theirs, many / peer, 1.0)


def resident(count: int, rounds: int, peer: str = "") -> float:
    """Return the median of the MiB that are resident once ``count`` lines are read."""
    with blaster("--count", str(count)) as server, home(server.url) as env:
        command = [peer, "-c", server.url] if peer else LISTEN
        taken = [after(command, None if peer else env, count) for _ in range(rounds)]
    return statistics.median(taken)


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
