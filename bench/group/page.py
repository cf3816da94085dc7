"""The part of docs/fleet-scale.md that is made of figures: measured, and what follows.

What follows is arithmetic, and is written down with it: each row of the second table
says how it is made of the first one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

from bench.group.figures import Results, shown
from bench.group.listeners import LISTENERS
from bench.group.model import LISTENERS as MODELLED
from bench.group.processes import GROUPS

PAGE = Path(__file__).resolve().parents[2] / "docs/fleet-scale.md"
BEGIN, END = "<!-- how far -->", "<!-- end of how far -->"
FLEETS = (100, 10_000, 1_000_000)
IN_A_GROUP = LISTENERS // GROUPS
LOOKS, ENTRIES = 1 / 5.0, 1 / 9.0
"""A second and listener: a look for news waits 5 s; 8 to 10 s lie between entries."""
FULL = 0.7
"""Of a core is as much as a Valkey should have to do all the time."""
CLIENTS = 10_000
"""Connections that a Valkey takes where nobody says otherwise."""
KIBI, MEBI, GIBI = 1 / 1024, 1024, 1024**2
"""Of a MiB: a KiB; and how many MiB are a GiB, a TiB."""


def told(results: Results) -> str:
    """Return the two tables, with the day and the machine."""
    made = f"Made by `make fleet WITH=--write` on {results.made}: {results.machine}"
    said = "Other programs ran beside it on this machine."
    after = [
        f"What follows for fleets in groups of {IN_A_GROUP}; `N` is the listeners:"
    ]
    first = [f"{made}. {said}", "", *results.table(), "", *after, "", *needs(results)]
    return "\n".join([*first, "", "Where it ends:", "", *limits(results)])


def written(page: str, results: Results) -> str:
    """Return the page with these results."""
    pattern = f"{re.escape(BEGIN)}.*?{re.escape(END)}"
    part = f"{BEGIN}\n{told(results)}\n{END}"
    return re.sub(pattern, lambda _: part, page, flags=re.S)


def busy_cost(results: Results) -> float:
    """Return the microseconds a second that an idle listener costs a busy Valkey."""
    beats = results["beats"] / MODELLED
    return (
        beats * results["beat_cost"]
        + LOOKS * results["read_cost"]
        + ENTRIES * results["entry_cost"]
    )


def needs(results: Results) -> list[str]:
    """Return the lines of the table of what fleets need."""
    heads = ["what", "made of", *(f"N = {fleet:,}" for fleet in FLEETS)]
    rows = [heads, ["---"] * len(heads)]
    for what, of, how in ROWS:
        made = of(results) if callable(of) else of
        rows.append([what, made, *(how(results, fleet) for fleet in FLEETS)])
    return [f"| {' | '.join(row)} |" for row in rows]


def limits(results: Results) -> list[str]:
    """Return what ends first, one line each."""
    connections, cost = results["connections"], busy_cost(results)
    idle = results["idle_cpu"]
    single, blast = results["busy_cpu"], results["blast_cpu"]
    full = f"{FULL} of a core"
    return [
        f"- connections: {CLIENTS:,} (`maxclients` as it comes) / {connections:.3g}"
        f" = {about(CLIENTS / connections)} listeners;",
        f"- beats: {full} / {cost:.3g} us = {about(FULL * 1e6 / cost)} listeners (by"
        f" what an idle Valkey took, {idle:.3g} us, {about(FULL * 1e6 / idle)});",
        f"- notifications: {full} / {blast:.3g} us = {about(FULL * 1e6 / blast)} a"
        f" second where hundreds come together, {full} / {single:.3g} us ="
        f" {about(FULL * 1e6 / single)} where each comes alone;",
        f"- one group: {about(results['group_rate'])} a second, on two cores with all"
        " else, for one member reads the socket.",
    ]


def about(value: float) -> str:
    """Return a figure with the three digits that can be believed."""
    return shown(float(f"{value:.3g}"))


def cores(microseconds: float) -> str:
    """Return microseconds a second as cores."""
    return shown(microseconds / 1e6)


def sized(mebibytes: float) -> str:
    """Return a size in the unit that fits."""
    if mebibytes >= GIBI:
        return shown(mebibytes / GIBI, "TiB")
    return (
        shown(mebibytes / MEBI, "GiB") if mebibytes >= MEBI else shown(mebibytes, "MiB")
    )


def _each(text: str, name: str, unit: str = "") -> Callable[[Results], str]:
    return lambda r: text.format(shown(r[name], unit))


def _beats(r: Results) -> str:
    rate = r["beats"] / MODELLED
    return (
        f"N x ({rate:.2f} x {r['beat_cost']:.3g} + {LOOKS:.1f} x {r['read_cost']:.3g}"
        f" + {ENTRIES:.2f} x {r['entry_cost']:.3g}) us"
    )


def _valkeys(r: Results, fleet: int) -> str:
    return str(math.ceil(fleet * busy_cost(r) / 1e6 / FULL))


ROWS: tuple[tuple[str, str | Callable[[Results], str], Callable[..., str]], ...] = (
    (
        "hosts: memory",
        _each("N x {}", "resident", "MiB"),
        lambda r, n: sized(n * r["resident"]),
    ),
    (
        f"hosts: memory, {GROUPS} listeners in each process",
        _each("N x {}", "shared_memory", "MiB"),
        lambda r, n: sized(n * r["shared_memory"]),
    ),
    (
        "hosts: cores, idle",
        _each("N x {}", "idle_host", "ms/s"),
        lambda r, n: cores(n * r["idle_host"] * 1e3),
    ),
    ("server: sockets", f"N / {IN_A_GROUP}", lambda r, n: shown(n / IN_A_GROUP)),
    (
        "server: reconnects in the worst second, away 20 s",
        lambda r: f"sockets x {r['wave_most'] / MODELLED:.3f}",
        lambda r, n: about(n / IN_A_GROUP * r["wave_most"] / MODELLED),
    ),
    (
        "server: token refreshes an hour, of one account",
        "60 / 12",
        lambda r, n: shown(r["refreshes"] * 5),
    ),
    (
        "Valkey: connections",
        _each("N x {}", "connections"),
        lambda r, n: about(n * r["connections"]),
    ),
    (
        "Valkey: memory, beside what groups keep",
        lambda r: f"N x {r['listener_memory']:.3g} KiB",
        lambda r, n: sized(n * r["listener_memory"] * KIBI),
    ),
    (
        "Valkey: memory, each group full",
        lambda r: f"N / {IN_A_GROUP} x 100,000 x {r['kept_memory']:.3g} B",
        lambda r, n: sized(n / IN_A_GROUP * 1e5 * r["kept_memory"] / 2**20),
    ),
    (
        "Valkey: bytes a second that come in, idle",
        _each("N x {}", "idle_read"),
        lambda r, n: f"{sized(n * r['idle_read'] / 2**20)}/s",
    ),
    ("Valkey: cores, idle", _beats, lambda r, n: cores(n * busy_cost(r))),
    ("Valkey: primaries for that", f"cores / {FULL}, each has one", _valkeys),
)
