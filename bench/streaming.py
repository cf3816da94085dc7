"""How much comes through: notifications of 205 bytes into a pipe that is read at once.

The time is that from the first frame sent to the last line read; who loses one is
never done. What a bare loop reads it throws away, and prints one line at the end.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

from bench.measuring import Row, in_turn
from bench.peers import BARE, NOTIFYWS, PYTHON, WEBSOCAT, WSCAT, there
from bench.running import Blaster, blaster, home, last_line

COUNT = 200_000
KEPT, KEPT_ROUNDS = 60_000, 9
COMPRESSED = 40_000
RACES = {
    "json": ("json", "wscat"),
    "json-bare": ("json", "bare"),
    "json-websocat": ("json", "websocat"),
    "raw": ("raw", "bare"),
    "plain": ("plain", "bare"),
}
"""Which two a row is about."""


def measured(wanted: Sequence[str]) -> Iterator[Row]:
    """Measure, row by row."""
    races = {name: RACES[name] for name in wanted if name in RACES}
    if races:
        yield from together(races)
    if "deflate" in wanted:
        yield compressed()
    if "durable" in wanted:
        yield durable()


def together(races: dict[str, tuple[str, str]]) -> Iterator[Row]:
    """Let all of them run in turn."""
    named = {name for race in races.values() for name in race}
    with blaster("--count", str(COUNT)) as server, home(server.url) as env:
        run = Runner(server, COUNT)
        known = {
            "bare": run.bare,
            **{form: run.ours(env, f"--{form}") for form in ("json", "raw", "plain")},
            **run.peers(),
        }
        rounds = in_turn({name: run for name, run in known.items() if name in named})
    for name, (ours, theirs) in races.items():
        yield rounds.row(name, ours, theirs, rate)


def compressed() -> Row:
    """Measure with permessage-deflate."""
    options = ("--count", str(COMPRESSED), "--deflate")
    with blaster(*options) as server, home(server.url) as env:
        env["NOTIFYWS_COMPRESSION"] = "true"
        run = Runner(server, COMPRESSED)
        contestants = {"json": run.ours(env, "--json")}
        if there(WSCAT):
            contestants["wscat"] = run.peers()["wscat"]
        rounds = in_turn(contestants, 3)
    return rounds.row("deflate", "json", "wscat", rate)


def durable() -> Row:
    """Measure a listener that keeps where it stands, a new one each time."""
    numbers = itertools.count()
    with blaster("--count", str(KEPT)) as server, home(server.url) as env:
        run = Runner(server, KEPT)

        def named() -> float:
            return run.ours(env, "--json", "--name", f"n{next(numbers)}")()

        contestants = {"named": named, "json": run.ours(env, "--json")}
        rounds = in_turn(contestants, KEPT_ROUNDS)
    return rounds.row("durable", "named", "json", rate)


def rate(figure: float) -> str:
    """Return a rate for people."""
    return f"{figure:,.0f}/s"


class Runner:
    """Makes what runs a client and returns its rate.

    Args:
        server: sends.
        count: so many notifications.
    """

    def __init__(self, server: Blaster, count: int) -> None:
        self._server = server
        self._count = count

    def ours(self, env: dict[str, str], *options: str) -> Callable[[], float]:
        """Return what runs ours."""
        return lambda: self._rate([NOTIFYWS, "listen", *options], self._count, env)

    def bare(self) -> float:
        """Run a loop that does nothing."""
        command = [PYTHON, BARE, "count", self._server.url, str(self._count)]
        return self._rate(command, 1)

    def peers(self) -> dict[str, Callable[[], float]]:
        """Return what runs the peers that are there."""
        url = self._server.url
        commands = {"wscat": [WSCAT, "-c", url], "websocat": [WEBSOCAT, "-t", url]}
        return {
            name: lambda command=command: self._rate(command, self._count)
            for name, command in commands.items()
            if there(command[0])
        }

    def _rate(
        self, command: list[str], lines: int, env: dict[str, str] | None = None
    ) -> float:
        return self._count / last_line(command, self._server, lines, env)
