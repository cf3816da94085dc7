"""``--exec`` of a command that does nothing, beside ``xargs`` that runs the same.

Both begin with the first notification, or line, and are done when the last of the
commands is.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence

from bench.measuring import Row, in_turn
from bench.peers import NOTIFYWS
from bench.running import Blaster, blaster, home, piped

COUNT = 1000


def measured(wanted: Sequence[str]) -> Iterator[Row]:
    """Measure how many commands a second are run."""
    with blaster("--count", str(COUNT)) as server, home(server.url) as env:
        listen = [NOTIFYWS, "listen", "--json", "-q", "--exec", "true"]
        command = [*listen, "-n", str(COUNT)]
        contestants = {"ours": lambda: COUNT / handed_on(command, server, env)}
        if shutil.which("xargs"):
            contestants["xargs"] = lambda: COUNT / by_xargs()
        rounds = in_turn(contestants)
    yield rounds.row("exec", "ours", "xargs", lambda rate: f"{rate:,.0f}/s")


def handed_on(command: list[str], server: Blaster, env: dict[str, str]) -> float:
    """Return the seconds from the first frame sent to the end of the listener."""
    with piped(command, env) as process:
        process.communicate()
        ended = time.monotonic()
        assert process.returncode == 0
    return ended - float(server.said("sent"))


def by_xargs() -> float:
    """Return the seconds that ``xargs`` takes."""
    lines = "".join(f"{number}\n" for number in range(COUNT)).encode()
    started = time.monotonic()
    subprocess.run(["xargs", "-n1", "true"], input=lines, check=True)
    return time.monotonic() - started
