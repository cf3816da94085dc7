"""What the live view costs on a real terminal: CPU of one core, and late ticks."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import statistics
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator

from bench.measuring import ROUNDS, Row
from bench.peers import NOTIFYWS, PYTHON
from bench.running import ROOT, blaster, home

SECONDS = 4.0
BLAST = 100_000


def rows() -> Iterator[Row]:
    """Measure, row by row."""
    yield share("live view, 1,000/s", 1000, 15, 5)
    yield share("live view, 10,000/s", 10_000, 50, 10)
    yield share("live view, idle", 0, 0.5)
    yield late("event loop in a blast, live view", 50)


def share(what: str, rate: int, limit: float, worth: float | None = None) -> Row:
    """Return a row about the share of a core that the live view takes."""
    count = str(int(rate * SECONDS * 3) or 1)
    options = ("--count", count, "--rate", str(rate or 1))
    with blaster(*options) as server, home(server.url) as env:
        shares = [cpu(env) for _ in range(ROUNDS)]
    value = statistics.median(shares) * 100
    return Row(what, "one core", f"{value:.2g} %", "", value, limit, worth, unit=" %")


def cpu(env: dict[str, str]) -> float:
    """Return the share of a core that a listener took in the middle of its run."""
    master, process = on_a_terminal([NOTIFYWS, "listen"], env)
    reading = threading.Thread(target=drain, args=(master,), daemon=True)
    reading.start()
    time.sleep(1.5)  # connected, with all it imports
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
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def late(what: str, limit: float) -> Row:
    """Return a row about how late a 5 ms ticker is while a blast is drawn."""
    with blaster("--count", str(BLAST)) as server, home(server.url) as env:
        worst = [ticked(env) for _ in range(ROUNDS)]
    value = statistics.median(worst)
    return Row(
        what, "a 5 ms ticker", f"{value:.0f} ms late", "", value, limit, unit=" ms"
    )


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
