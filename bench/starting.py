"""How fast a command is there: help, a token, a completion, the first line."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from tests.support.valkey import Valkey

from bench.floor_app import MADE, make
from bench.measuring import Row, in_turn
from bench.peers import HTTP, NOTIFYWS, PYTHON, WEBSOCAT, WSCAT, there
from bench.running import blaster, first_line, home, wall

ROUNDS = 11


def measured(wanted: Sequence[str]) -> Iterator[Row]:
    """Measure, row by row."""
    if {"help", "tab"} & {*wanted}:
        make()
    if "help" in wanted:
        yield beside_typer("help", ["--help"], COLUMNS="100")
    if "tab" in wanted:
        words = "notifyws listen --f"
        yield beside_typer(
            *("tab", []),
            _NOTIFYWS_COMPLETE="complete_bash",
            COMP_WORDS=words,
            COMP_CWORD="2",
        )
    yield from tokens(wanted)
    yield from first_notification(wanted)


def milliseconds(seconds: float) -> str:
    """Return a time for people."""
    return f"{seconds * 1000:.0f} ms"


def beside_typer(name: str, options: list[str], **environment: str) -> Row:
    """Measure beside a bare application with the same commands, options and words."""
    env = {**os.environ, **environment}
    rounds = in_turn(
        {
            "ours": lambda: wall([NOTIFYWS, *options], env),
            "bare": lambda: wall([PYTHON, str(MADE), *options], env),
        },
        ROUNDS,
    )
    return rounds.row(name, "ours", "bare", milliseconds)


def tokens(wanted: Sequence[str]) -> Iterator[Row]:
    """A warm token beside ``http --version``."""

    def beside_http(name: str, env: dict[str, str]) -> Row:
        contestants = {"ours": lambda: wall([NOTIFYWS, "token"], env)}
        if there(HTTP):
            contestants["http"] = lambda: wall([HTTP, "--version"])
        return in_turn(contestants, ROUNDS).row(name, "ours", "http", milliseconds)

    with blaster() as server:
        if "token" in wanted:
            with home(server.url) as env:
                yield beside_http("token", env)
        if "token-redis" in wanted:
            with Valkey() as cache, home(server.url, REDIS_URL=cache.url) as env:
                yield beside_http("token-redis", env)


def first_notification(wanted: Sequence[str]) -> Iterator[Row]:
    """``listen --json`` to its first line, with a token cached."""
    rows = {"first-line": "wscat", "first-line-websocat": "websocat"}
    rows = {name: peer for name, peer in rows.items() if name in wanted}
    if not rows:
        return
    with blaster() as server, home(server.url) as env:
        listen = [NOTIFYWS, "listen", "--json"]
        contestants = {"ours": lambda: first_line(listen, env)}
        if "first-line" in rows and there(WSCAT):
            contestants["wscat"] = lambda: first_line([WSCAT, "-c", server.url])
        if "first-line-websocat" in rows and there(WEBSOCAT):
            contestants["websocat"] = lambda: first_line([WEBSOCAT, "-t", server.url])
        rounds = in_turn(contestants, ROUNDS)
    for name, peer in rows.items():
        yield rounds.row(name, "ours", peer, milliseconds)
