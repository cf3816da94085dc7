"""Memory of a connected ``listen --json``, early and after a million notifications."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from bench.measuring import Row
from bench.peers import NOTIFYWS
from bench.running import blaster, home, piped

MANY = 1_000_000
FEW = 10


def rows() -> Iterator[Row]:
    """Measure after ten, and how much more it is after a million."""
    few, many = resident(FEW), resident(MANY)
    said = [f"{few:.1f} MiB", f"{many:.1f} MiB"]
    yield Row("memory, `--json`, after 10", "", said[0], "", few, 42, 32, unit=" MiB")
    grown = many - few
    what = "memory grown after 1,000,000"
    yield Row(what, "after 10", said[1], said[0], grown, 2, unit=" MiB")


def resident(count: int) -> float:
    """Return the MiB that are resident once ``count`` lines have been read."""
    with blaster("--count", str(count)) as server, home(server.url) as env:
        command = [NOTIFYWS, "listen", "--json"]
        with piped(command, env) as process:
            assert process.stdout is not None
            left = count
            while left > 0:
                left -= os.read(process.stdout.fileno(), 1 << 20).count(b"\n")
            status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found is not None
    return int(found[1]) / 1024
