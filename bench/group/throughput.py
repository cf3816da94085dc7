"""What a group brings through beside one listener, and how late it is.

Everything is the installed command, with ``--json`` into pipes that are read at once.
The server sends as fast as it is read, or 200 a second; and not before all are there.
A group and one listener take turns for a while, and the ratio is the median of all of
them: what else the machine does at a moment, it does to both.
"""

from __future__ import annotations

import operator
import os
import re
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from tests.support.valkey import Valkey

from bench.group.figures import Figure
from bench.group.valkey_use import Look, look
from bench.memory import resident_now
from bench.peers import NOTIFYWS
from bench.running import Blaster, blaster, home, piped

MEMBERS = 4
COUNT = 200_000
A_WHILE = 75.0
"""Seconds in which they take turns."""
RATE, SLOW = 200, 2_000
"""Notifications a second, and how many of them."""
FIRST = 100
"""Of those, so many are not counted: everything is slower the first time."""
PATIENCE = 60.0
"""Seconds after which what is missing counts as lost."""
LISTEN = [NOTIFYWS, "listen", "--json", "--quiet"]
GROUP = [*LISTEN, "--group", "workers", "--claim-after", "10"]
ALONE = [*LISTEN, "--name", "alone"]
SENT = re.compile(rb'"title":"(\d+\.\d+)"')
PIPE = 65536
"""Bytes that a pipe holds."""


def figures() -> Iterator[Figure]:
    """Measure it."""
    group, alone, uses = [], [], []
    end = time.monotonic() + A_WHILE
    while time.monotonic() < end:
        run = Run(GROUP, MEMBERS, COUNT)
        group.append(COUNT / run.seconds)
        uses.append(run.use)
        alone.append(COUNT / Run(ALONE, 1, COUNT).seconds)
    ours, theirs = statistics.median(group), statistics.median(alone)
    ratio = statistics.median(map(operator.truediv, group, alone))
    one = f"one listener with `--name`, {COUNT:,} of 205 bytes"
    yield Figure("alone_rate", one, theirs, "/s")
    yield Figure("group_rate", f"a group of {MEMBERS}, all together", ours, "/s")
    yield Figure("ratio", "the group beside the one", ratio, least=0.5)
    yield from commands_of(uses[-1], COUNT, "blast", "as fast as it reads")
    cpu = uses[-1].cpu / COUNT * 1e6
    yield Figure("blast_cpu", "Valkey's time a notification, so", cpu, "us")
    slow = Run(GROUP, MEMBERS, SLOW, RATE)
    late = sorted(slow.late)
    name = f"server to member at {RATE}/s"
    yield Figure("late_half", f"{name}, half of them", late[len(late) // 2], "ms")
    last = late[len(late) * 99 // 100]
    yield Figure("late_most", f"{name}, 99 %", last, "ms", most=25)
    yield from commands_of(slow.use, SLOW, "slow", f"at {RATE}/s")
    yield Figure(
        "resident",
        "memory of a listener's process, with what it shares",
        slow.resident,
        "MiB",
    )


def commands_of(use: Look, count: int, name: str, how: str) -> Iterator[Figure]:
    """Yield what a notification costs in commands."""
    what = f"commands sent a notification, {how}"
    yield Figure(f"{name}_sent", what, use.sent / count)
    yield Figure(f"{name}_all", "with those inside scripts", use.all / count, most=4)


class Run:
    """One run: all members are there, then the server sends.

    Args:
        command: of each member.
        members: how many.
        count: how much the server sends.
        rate: notifications a second; 0 for as fast as they are read.

    Attributes:
        seconds: from the first frame sent to the last line read.
        late: milliseconds of each line, where there is a rate.
        use: what Valkey did meanwhile.
        resident: MiB of the smallest process when all were there, shared ones too.
    """

    def __init__(
        self, command: Sequence[str], members: int, count: int, rate: int = 0
    ) -> None:
        self.late: list[float] = []
        self._left, self._timed = count, bool(rate)
        self._rest, self._whole = threading.Lock(), threading.Event()
        with ExitStack() as stack:
            valkey = stack.enter_context(Valkey())
            options = ("--held", "--count", str(count), "--rate", str(rate))
            server = stack.enter_context(blaster(*options))
            env = stack.enter_context(home(server.url, REDIS_URL=valkey.url))
            processes = []
            for number in range(members):
                processes.append(stack.enter_context(piped(command, env)))
                self._read_in_background(processes[-1])
                if not number:
                    server.said("open")
            until_all_are_there(valkey, members)
            self.resident = min(resident_now(each.pid) for each in processes)
            before = look(valkey)
            self.seconds = self._time(server)
            time.sleep(0.2)  # the last are acknowledged
            self.use = look(valkey).since(before)
        self.late = self.late[FIRST:]

    def _time(self, server: Blaster) -> float:
        server.go()
        began = float(server.said("sent"))
        if not self._whole.wait(PATIENCE):
            raise RuntimeError(f"{self._left} lines are missing")
        return time.monotonic() - began

    def _read_in_background(self, process: subprocess.Popen[bytes]) -> None:
        threading.Thread(target=self._read, args=(process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        fd = process.stdout.fileno()
        while piece := os.read(fd, PIPE):
            now = time.monotonic()
            sent = SENT.findall(piece) if self._timed else []
            with self._rest:
                self.late += [1000 * (now - float(moment)) for moment in sent]
                self._left -= piece.count(b"\n")
                if self._left <= 0:
                    self._whole.set()


def until_all_are_there(valkey: Valkey, members: int) -> None:
    """Wait until every member has joined and is at rest."""
    if members > 1:
        [key] = valkey.command("KEYS", "*:members")
        valkey.until(lambda: valkey.command("ZCARD", key) == members)
    time.sleep(1.0)
