"""What the live view costs on a real terminal: CPU of one core, and late ticks."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.measuring import Row, single
from bench.peers import NOTIFYWS, PYTHON
from bench.running import ROOT, blaster, home

ROUNDS = 3
CONNECTED = 1.5
"""Seconds after which it is connected, with all that it imports."""
SECONDS = 2.5
BLAST = 60_000
RATES = {"live-1000": 1000, "live-10000": 10_000, "live-idle": 0}


def measured(wanted: Sequence[str]) -> Iterator[Row]:
    """Measure, row by row."""
    for name, rate in RATES.items():
        if name in wanted:
            yield share(name, rate)
    if "live-late" in wanted:
        yield late()


def share(name: str, rate: int) -> Row:
    """Return a row about the share of a core that the live view takes."""
    count = str(int(rate * (CONNECTED + SECONDS) * 2) or 1)
    options = ("--count", count, "--rate", str(rate or 1))
    with blaster(*options) as server, home(server.url) as env:
        shares = [cpu(env) * 100 for _ in range(ROUNDS)]
    return single(name, shares, lambda value: f"{value:.2g} %")


def cpu(env: dict[str, str]) -> float:
    """Return the share of a core that a listener took in the middle of its run."""
    master, process = on_a_terminal([NOTIFYWS, "listen"], env)
    reading = threading.Thread(target=drain, args=(master,), daemon=True)
    reading.start()
    time.sleep(CONNECTED)
    before, started = cpu_of(process.pid), time.monotonic()
    time.sleep(SECONDS)
    took = (cpu_of(process.pid) - before) / (time.monotonic() - started)
    process.kill()
    process.wait()
    os.close(master)
    return took


def on_a_terminal(
    command: list[str], env: dict[str, str] | None
) -> tuple[int, subprocess.Popen[bytes]]:
    """Start a command on a terminal of its own; return our end of it."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(
        command,
        env=env,
        cwd=ROOT,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    return master, process


def drain(master: int) -> bytes:
    """Read all that is written to a terminal; return the end of it."""
    tail = b""
    try:
        while piece := os.read(master, 1 << 16):
            tail = (tail + piece)[-4096:]
    except OSError:
        pass
    return tail


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process took so far."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def late() -> Row:
    """Return a row about how late a 5 ms ticker is while a blast is drawn."""
    with blaster("--count", str(BLAST)) as server, home(server.url) as env:
        worst = [ticked(env) for _ in range(ROUNDS)]
    return single("live-late", worst, lambda value: f"{value:.0f} ms late")


def ticked(env: dict[str, str]) -> float:
    """Return the milliseconds by which a ticker was late at most."""
    command = [PYTHON, "-m", "bench.ticking", "-n", str(BLAST)]
    master, process = on_a_terminal(command, env)
    tail = drain(master)
    process.wait()
    os.close(master)
    found = re.search(rb"late ([\d.]+)", tail)
    assert found is not None, tail
    return float(found[1])
