"""How fast a command is there: help, a token, a completion, the first line."""

from __future__ import annotations

import os
from collections.abc import Iterator

from tests.support.valkey import Valkey

from bench.floor_app import MADE, make
from bench.measuring import Pair, Row, side_by_side
from bench.peers import HTTP, NOTIFYWS, PYTHON, WSCAT
from bench.running import blaster, first_line, home, wall

ROUNDS = 11


def rows() -> Iterator[Row]:
    """Measure, row by row."""
    make()
    yield help_screen()
    yield from tokens()
    yield completion()
    yield first_notification()


def milliseconds(what: str, against: str, pair: Pair, limit: float, worth=None) -> Row:
    """Return a row about seconds, told in milliseconds."""
    ours, theirs = f"{pair.ours * 1000:.0f} ms", f"{pair.theirs * 1000:.0f} ms"
    return Row(what, against, ours, theirs, pair.ratio, limit, worth)


def help_screen() -> Row:
    """``--help`` beside a bare application with the same help."""
    env = {**os.environ, "COLUMNS": "100"}
    pair = side_by_side(
        lambda: wall([NOTIFYWS, "--help"], env),
        lambda: wall([PYTHON, str(MADE), "--help"], env),
        ROUNDS,
    )
    return milliseconds("`--help`", "a bare Typer app", pair, 1.15)


def tokens() -> Iterator[Row]:
    """A warm token beside ``http --version``."""
    with blaster() as server:
        with home(server.url) as env:
            pair = side_by_side(
                lambda: wall([NOTIFYWS, "token"], env),
                lambda: wall([HTTP, "--version"]),
                ROUNDS,
            )
            what = "`token`, warm embedded cache"
            yield milliseconds(what, "`http --version`", pair, 0.6, 0.45)
        with Valkey() as cache, home(server.url, REDIS_URL=cache.url) as env:
            pair = side_by_side(
                lambda: wall([NOTIFYWS, "token"], env),
                lambda: wall([HTTP, "--version"]),
                ROUNDS,
            )
            yield milliseconds(
                "`token`, warm Redis", "`http --version`", pair, 1.0, 0.8
            )


def completion() -> Row:
    """One TAB after ``listen --`` beside the bare application's."""

    tab = {
        **os.environ,
        "_NOTIFYWS_COMPLETE": "complete_bash",
        "COMP_WORDS": "notifyws listen --f",
        "COMP_CWORD": "2",
    }
    pair = side_by_side(
        lambda: wall([NOTIFYWS], tab),
        lambda: wall([PYTHON, str(MADE)], tab),
        ROUNDS,
    )
    return milliseconds("one TAB", "the bare Typer app", pair, 1.15)


def first_notification() -> Row:
    """``listen --json`` to its first line, with a token cached, beside ``wscat``."""
    with blaster() as server, home(server.url) as env:
        pair = side_by_side(
            lambda: first_line([NOTIFYWS, "listen", "--json"], env),
            lambda: first_line([WSCAT, "-c", server.url]),
            ROUNDS,
        )
    return milliseconds("`listen --json` to its first line", "`wscat`", pair, 1.5, 1.1)
