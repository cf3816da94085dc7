"""How much comes through: notifications of 205 bytes into a pipe that is read at once.

The time is that from the first frame sent to the last line read. What a bare loop
reads it throws away, and prints one line at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.measuring import Row, side_by_side
from bench.peers import BARE, NOTIFYWS, PYTHON, WSCAT
from bench.running import Blaster, blaster, home, last_line

COUNT = 200_000
COMPRESSED = 60_000


def rows() -> Iterator[Row]:
    """Measure, row by row."""
    with blaster("--count", str(COUNT)) as server, home(server.url) as env:
        loop = bare(server, COUNT)
        listen = [NOTIFYWS, "listen", "-n", str(COUNT)]
        yield faster("`listen --json`", "a bare loop", COUNT, 0.45, 0.6)(
            ours(server, env, [*listen, "--json"], COUNT), loop
        )
        yield faster("`listen --json`", "`wscat`, raw text", COUNT, 0.4, 1.0)(
            ours(server, env, [*listen, "--json"], COUNT), wscat(server, COUNT)
        )
        yield faster("`listen --raw`", "a bare loop", COUNT, 0.75)(
            ours(server, env, [*listen, "--raw"], COUNT), loop
        )
        yield faster("`listen --plain`", "a bare loop", COUNT, 0.25, 0.33)(
            ours(server, env, [*listen, "--plain"], COUNT), loop
        )
    options = ("--count", str(COMPRESSED), "--deflate")
    with blaster(*options) as server, home(server.url) as env:
        env["NOTIFYWS_COMPRESSION"] = "true"
        listen = [NOTIFYWS, "listen", "--json", "-n", str(COMPRESSED)]
        yield faster("`listen --json`, deflate", "`wscat`", COMPRESSED, 5.0)(
            ours(server, env, listen, COMPRESSED), wscat(server, COMPRESSED)
        )


def faster(what: str, against: str, count: int, limit: float, worth=None):
    """Return what makes a row of two rates."""

    def made(ours, theirs) -> Row:
        pair = side_by_side(lambda: count / ours(), lambda: count / theirs())
        said = [f"{rate:,.0f}/s" for rate in (pair.ours, pair.theirs)]
        return Row(what, against, *said, pair.ratio, limit, worth, at_least=True)

    return made


def ours(server: Blaster, env: dict[str, str], command: list[str], count: int):
    """Return what takes the time of ours."""
    return lambda: last_line(command, server, count, env)


def bare(server: Blaster, count: int):
    """Return what takes the time of a loop that does nothing."""
    command = [PYTHON, BARE, "count", server.url, str(count)]
    return lambda: last_line(command, server, 1, None)


def wscat(server: Blaster, count: int):
    """Return what takes the time of ``wscat``, which is kept from losing lines."""
    return lambda: last_line([WSCAT, "-c", server.url], server, count, None)
