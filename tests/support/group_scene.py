"""A group at work: members as a user starts them, a Redis, and a server of numbers.

The invariant of a group is looked at here, once: every number was printed by some
member or lies in a gap that was said, hardly any was printed twice and only around
what went wrong, and one socket was open but for a known overlap.
"""

from __future__ import annotations

import itertools
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from redis.crc import key_slot

from notifyws.models import Account
from tests.e2e.support import Home, Running, until
from tests.faults.support import QUICK, without_resume
from tests.support import numbers
from tests.support.aio import InAThread
from tests.support.forks import Forks
from tests.support.proxy import Proxy, proxy
from tests.support.valkey import Nodes, Valkey, Watched

GROUP = "workers"
Shared = Valkey | Watched | Nodes
"""Whom the members share."""
SLACK = 0.3
"""Seconds by which clocks and the time on the wire may blur a gap's ends."""
HANDFUL = 5
"""What a killed member may have printed and had no time to acknowledge."""
AROUND = 2.0
"""Seconds about a fault in which something may come twice."""


class NumberServer(Running):
    """The server, as a process; told what to do by its stdin."""

    def __init__(self, home: Home) -> None:
        python = [sys.executable, numbers.__file__]
        super().__init__(env=home.env, program=python, stdin=-1)
        home.keep(self)
        self.port = until(self._facts, "the server's port")[0]["port"]

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def rate(self, per_second: float) -> None:
        """Send so many a second from now on."""
        self._order(f"rate {per_second}")

    def bar(self, origin: str) -> None:
        """Let nobody in who names this origin, and cut them."""
        self._order(f"bar {origin}")

    def admit(self, origin: str) -> None:
        """Let them in again."""
        self._order(f"admit {origin}")

    def ignore(self, origin: str) -> None:
        """Neither answer nor send to whoever names this origin."""
        self._order(f"ignore {origin}")

    def stop_sending(self) -> dict[int, float]:
        """Send no more; return when each number was sent, unix seconds."""
        self._order("rate 0\nreport")
        born = until(lambda: [f for f in self._facts() if "born" in f], "the report")
        return dict(enumerate(born[-1]["born"], 1))

    @property
    def open(self) -> int:
        """How many sockets are open."""
        facts = self._facts()
        return sum("opened" in f for f in facts) - sum("closed" in f for f in facts)

    def overlaps(self) -> list[tuple[float, float]]:
        """Return from when to when (monotonic) several sockets were open."""
        found, began, count = [], 0.0, 0
        for fact in self._facts():
            if "at" not in fact:
                continue
            before, count = count, count + (1 if "opened" in fact else -1)
            if (before, count) == (1, 2):
                began = fact["at"]
            elif (before, count) == (2, 1):
                found.append((began, fact["at"]))
        return [*found, (began, time.monotonic())] if count > 1 else found

    def _order(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()

    def _facts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in list(self.out.lines)]


class Member(Running):
    """One member, in a home of its own as on a host of its own."""

    def __init__(self, home: Home, *args: str) -> None:
        listen = "listen", "--group", GROUP, "--json", "--events"
        how = {"cwd": home.path, "forks": home.forks_for({})}
        super().__init__(*listen, *args, env=home.env, **how)
        self.home, self.args = home, args
        self._lines: list[dict[str, Any]] = []
        self._looked_at = 0
        home.keep(self)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it printed; a killed one may have left half a line."""
        for line in self.out.lines[self._looked_at :]:  # each once: it is asked often
            self._looked_at += 1
            with suppress(ValueError):
                self._lines.append(json.loads(line))
        return self._lines

    @property
    def numbers(self) -> list[int]:
        return [line["id"] for line in self.lines if "id" in line]

    @property
    def printed(self) -> list[tuple[float, int]]:
        """Its numbers, each with the moment (monotonic) when it was printed."""
        said = zip(list(self.out.times), list(self.out.lines), strict=False)
        return [(at, json.loads(line)["id"]) for at, line in said if '"id":' in line]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line.get("event") == name]

    @property
    def leads(self) -> bool:
        """Whether it leads, by what it said last."""
        roles = self.events("group")
        return bool(roles) and roles[-1]["role"] == "leader"

    def led_after(self, moment: float) -> float | None:
        """Return when (monotonic) it said that it leads, first after a moment."""
        said = list(zip(self.out.times, self.out.lines, strict=False))
        told = (at for at, line in said if at > moment and '"role":"leader"' in line)
        return next(told, None)

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class GroupScene:
    """The group of one test.

    Args:
        path: a folder for homes.
        redis: whom the members share.
        replays: whether the server is asked for what was missed.
        lease: seconds.
        forks: makes copies of a command.
    """

    def __init__(
        self,
        path: Path,
        redis: Shared,
        *,
        replays: bool = True,
        lease: float = 10.0,
        forks: Forks | None = None,
    ) -> None:
        self._path, self.redis, self._forks = path, redis, forks
        self._homes: list[Home] = []
        self._names = itertools.count(1)
        self.server = NumberServer(self._home("server"))
        self._env = {
            **QUICK,
            "WEBSOCKET_SERVER_URL": self.server.url,
            "NOTIFYWS_TOKEN": self._token("default" if replays else "forgetful"),
            "REDIS_URL": redis.url,
            "NOTIFYWS_GROUP_LEASE": str(lease),
        }
        if not replays:
            self._env["NOTIFYWS_PROFILE"] = without_resume(path)
        self.members: list[Member] = []
        self.faults: list[tuple[float, float]] = []

    def _token(self, profile: str) -> str:
        """Return a token whose account lies in the first third of a cluster's slots."""
        origin = self.server.url.replace("ws:", "http:")
        tokens = (f"ready-made-{n}" for n in itertools.count())
        ids = ((token, Account(origin, profile, token).id) for token in tokens)
        return next(token for token, id_ in ids if key_slot(id_.encode()) < 5000)

    def join(self, *args: str, home: Home | None = None, **env: str) -> Member:
        """Start a member and wait until it has a place."""
        home = home or self._home(f"host-{next(self._names)}")
        home.env |= self._env | env
        member = Member(home, *args)
        self.members.append(member)
        until(lambda: member.events("group"), f"a place: {member.err.text!r}")
        return member

    def begin(
        self,
        count: int,
        rate: float,
        *args: str,
        leads: Mapping[str, str] = MappingProxyType({}),
        **env: str,
    ) -> tuple[Member, list[Member]]:
        """Start members, and the numbers; return the leader and the others.

        Args:
            leads: what only the environment of the leader says.
        """
        leader = self.join(*args, **{**env, **leads})
        until(lambda: leader.events("connected"), "a connection")
        others = [self.join(*args, **env) for _ in range(count - 1)]
        self.server.rate(rate)
        self.flows(2.0 * rate / 10)
        return leader, others

    def flows(self, more: float = 50) -> None:
        """Wait until so many more were printed."""
        before = self.handled.total()
        until(lambda: self.handled.total() >= before + more, f"{more} more")

    @contextmanager
    def through(self, port: int) -> Iterator[tuple[Proxy, InAThread]]:
        """Put a proxy before a port; who uses it has left when it ends."""
        with proxy(port) as both:
            try:
                yield both
            finally:
                self.leave()

    def hook(self, code: str) -> str:
        """Write a command for ``--exec`` in Python; return it."""
        path = self._path / "hook.py"
        path.write_text(f"import json, sys, time\n{code}\n")
        return f"{sys.executable} -S -E {path}"

    @property
    def handled(self) -> Counter[int]:
        """How often each number was printed."""
        return Counter(n for each in self.members for n in each.numbers)

    @contextmanager
    def fault(self) -> Iterator[None]:
        """Something goes wrong meanwhile, and around it numbers may come twice."""
        began = time.time()
        try:
            yield
        finally:
            self.faults.append((began - AROUND, time.time() + AROUND))

    def leader_after(
        self, moment: float, within: float, among: Sequence[Member] | None = None
    ) -> Member:
        """Return who leads first after a moment; wants that in time."""
        candidates = self.members if among is None else among

        def found() -> Member | None:
            return next((m for m in candidates if m.led_after(moment)), None)

        leader = until(found, "a new leader", within + 10)
        took = leader.led_after(moment) - moment
        assert took <= within, f"a new leader after {took:.1f} s"
        return leader

    def gaps(self) -> list[tuple[float, float]]:
        """Return what was said to be missing, in unix seconds."""
        said = [gap for m in self.members for gap in m.events("gap")]
        missing = [gap for gap in said if not gap["recovered"]]
        return [(_unix(gap["from"]), _unix(gap["to"])) for gap in missing]

    def end(self, *, twice: float = 0.001, gaps: bool = False) -> dict[int, float]:
        """Send no more, look at the invariant, and return when each was sent.

        Args:
            twice: the share that may have come twice.
            gaps: whether something may be missing, in a gap that was said.
        """
        born = self.server.stop_sending()

        def missing() -> list[int]:
            handled, said = self.handled, self.gaps() if gaps else []
            left = [n for n in born if n not in handled]
            return [n for n in left if not _lies_in(born[n], said)]

        with suppress(AssertionError):
            until(lambda: not missing(), "every number", 25)
        time.sleep(1.0)
        lost = missing()
        words = "\n".join(each.err.text for each in self.members)
        few = f"{lost[:5]}...{lost[-5:]}"
        assert not lost, f"{len(lost)} of {len(born)} lost: {few}\n{words}"
        again = {n for n, count in self.handled.items() if count > 1}
        allowed = max(HANDFUL, round(twice * len(born)))
        assert len(again) <= allowed, f"{len(again)} of {len(born)} came twice"
        far = [n for n in again if not _lies_in(born[n], self.faults)]
        assert not far, f"twice, and no fault was near: {far}"
        if not gaps:
            assert not self.gaps(), self.gaps()
        return born

    @property
    def stream(self) -> str:
        """The key of a plain server's stream."""
        assert isinstance(self.redis, Valkey)
        (key,) = self.redis.command("KEYS", f"notifyws:*:group:{GROUP}")
        return key

    @property
    def in_stream(self) -> int:
        """How many entries a plain server's stream holds."""
        return self.redis.command("XLEN", self.stream)

    def once_in_stream(self, server: Valkey | None = None) -> None:
        """Demand that the stream holds nothing twice."""
        if server is None:
            assert isinstance(self.redis, Valkey)
            server = self.redis
        keys = server.command("KEYS", f"notifyws:*:group:{GROUP}")
        entries = [e for key in keys for e in server.command("XRANGE", key, "-", "+")]
        ids = Counter(json.loads(fields[b"n"])["id"] for _, fields in entries)
        twice = [n for n, count in ids.items() if count > 1]
        assert ids
        assert not twice, f"twice in the stream: {sorted(twice)[:10]}"

    def in_order(self, member: Member) -> None:
        """Demand that a member printed what it printed in order."""
        found = member.numbers
        late = [n for n, after in itertools.pairwise(found) if after <= n]
        assert not late, f"out of order after {late[:10]}"

    def in_order_by_key(self) -> None:
        """Demand that the group printed what has the same key in order."""
        said = sorted(each for member in self.members for each in member.printed)
        for key in range(numbers.KEYS):
            found = [n for _, n in said if n % numbers.KEYS == key]
            late = [n for n, after in itertools.pairwise(found) if after < n]
            assert not late, f"out of order after {late[:10]}"

    def one_socket(self, *but: tuple[float, float]) -> None:
        """Demand that one socket was open at most, but for (monotonic) overlaps."""
        for began, ended in self.server.overlaps():
            known = any(a <= began and ended <= b for a, b in but)
            assert known, f"two sockets for {ended - began:.2f} s"

    def leave(self) -> None:
        for home in reversed(self._homes):
            home.leave()

    def _home(self, name: str) -> Home:
        path = self._path / name
        path.mkdir()
        self._homes.append(Home(path, self._forks))
        return self._homes[-1]


def _lies_in(moment: float, spans: Sequence[tuple[float, float]]) -> bool:
    return any(a - SLACK <= moment <= b + SLACK for a, b in spans)


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
