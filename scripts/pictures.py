"""The pictures of the documentation, drawn by what draws them in a terminal.

One everyday scene at four widths, on dark and light, with and without colour; and
scenes of what one meets less often. Times and names are always the same.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC

from msgspec.structs import replace
from rich.console import Console
from rich.segment import Segment, Segments
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from notifyws.config.settings import DEFAULT_STYLES, Settings, TypeStyle
from notifyws.events import Event, Gap
from notifyws.models import SAMPLES, Notification
from notifyws.ui.footer import Status, footer
from notifyws.ui.scroll import Scroll
from notifyws.ui.theme import Theme


def palette(grounds: str, usual: str, bright: str) -> TerminalTheme:
    """Return a terminal's colours, given in hexadecimal.

    Args:
        grounds: its background and foreground.
        usual: the eight that programs name, black first.
        bright: the same, brighter.
    """
    background, foreground = rgb(grounds)
    return TerminalTheme(background, foreground, rgb(usual), rgb(bright))


def rgb(written: str) -> list[tuple[int, int, int]]:
    """Return colours of their hexadecimal forms."""
    found = (bytes.fromhex(each) for each in written.split())
    return [(red, green, blue) for red, green, blue in found]


THEMES = {
    "dark": palette(
        "0d1117 e6edf3",
        "484f58 ff7b72 3fb950 d29922 58a6ff bc8cff 39c5cf b1bac4",
        "6e7681 ffa198 56d364 e3b341 79c0ff d2a8ff 56d4dd ffffff",
    ),
    "light": palette(
        "ffffff 1f2328",
        "24292f cf222e 116329 7d4e00 0969da 8250df 1b7c83 6e7781",
        "57606a a40e26 1a7f37 9a6700 218bff a475f9 3192aa 8c959f",
    ),
}
DOTS = {"🟢": "green", "🟡": "yellow", "🔴": "red"}
"""An SVG has no emoji of its own, and the reader's may be grey."""
CELL = 12.2
SPACE = "&#160;"
SPACED = re.compile(
    r'x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" textLength="(?P<length>[\d.]+)"'
    r"(?P<rest>[^>]*)>(?P<before>(?:&#160;)*)"
    r"(?P<text>[^<]*?)(?P<after>(?:&#160;)*)</text>"
)
WIDTHS = (40, 80, 120, 200)
STYLES = {**DEFAULT_STYLES, "sensor": TypeStyle("▲", "yellow")}
THEME = Theme(
    Settings(url="wss://ws.example.com", styles=STYLES),
    colour=True,
    hyperlinks=True,
    zone=UTC,
)
UP = Status(
    "connected",
    host="ws.example.com",
    user_id="42",
    received=128,
    connected_since=-753.0,
    token_expires=702.0,
    latency=0.012,
)


def at(time: str, day: int = 15, **fields: object) -> Notification:
    """Return a notification of a time of day in January 2024."""
    stamp = f"2024-01-{day:02}T{time}Z"
    return Notification({**fields, "timestamp": stamp}, stamp)


def sample(kind: str, time: str, day: int = 15) -> Notification:
    """Return the sample of a type, at a time of day."""
    return at(time, day, type=kind, **SAMPLES[kind])


LOST = at(
    "23:58:10",
    type="sensor",
    title="No signal",
    message="Sensor 7 in the cold store does not answer",
)
EVERYDAY: list[Notification | Event] = [
    sample("trip_update", "23:41:07"),
    *[LOST] * 12,
    sample("payment_approved", "00:02:31", 16),
    Gap(
        "2024-01-16T00:02:40Z",
        "2024-01-16T00:04:45Z",
        "the connection was lost and the server keeps no history",
    ),
    sample("message_received", "00:05:12", 16),
]
AWAY = Status(
    "reconnecting",
    host="ws.example.com",
    attempt=3,
    retry_at=4.0,
    reason="server closed the connection (1012)",
)
STEERED = replace(UP, paused=True, queued=17, filter="type == 'trip_update'", hidden=31)


def pictures() -> Iterator[tuple[str, str]]:
    """Yield the name of each picture and its SVG."""
    loud = replace(THEME, verbose=True)
    for ground in THEMES:
        for width in WIDTHS:
            for theme, suffix in ((THEME, ""), (without_colour(THEME), "-no-color")):
                name = f"docs/pictures/live-{width}-{ground}{suffix}.svg"
                yield name, live(EVERYDAY, UP, width, theme, ground)
        away = live(EVERYDAY[:1], AWAY, 80, THEME, ground)
        yield f"docs/pictures/reconnecting-{ground}.svg", away
        trip = [sample("trip_update", "23:41:07")]
        yield f"docs/pictures/keys-{ground}.svg", live(trip, STEERED, 100, loud, ground)
        yield f"docs/pictures/servers-{ground}.svg", several(ground)


def several(ground: str) -> str:
    """Return an SVG of what a terminal shows of two servers."""
    hosts = {"work": "ws.example.com", "home": "gotify.example.org"}
    theme = THEME.among(
        {
            name: Settings(url=f"wss://{host}", styles=STYLES)
            for name, host in hosts.items()
        }
    )
    up, away = (
        replace(status, host=hosts[name], server=(label.text, label.colour))
        for status, (name, label) in zip((UP, AWAY), theme.servers.items(), strict=True)
    )
    lost = ("2024-01-15T23:58:40Z", "2024-01-15T23:58:55Z", "no replay")
    batch = [
        replace(sample("trip_update", "23:41:07"), server="work"),
        replace(LOST, server="home"),
        Gap(*lost, server="home"),
        replace(sample("payment_approved", "23:59:31"), server="work"),
    ]
    return live(batch, up, 80, theme, ground, away, typed="notifyws listen --all")


def live(
    batch: list[Notification | Event],
    status: Status,
    width: int,
    theme: Theme,
    ground: str,
    *others: Status,
    typed: str = "notifyws listen",
) -> str:
    """Return an SVG of what a terminal of so many columns shows."""
    prompt = Text.assemble(("$", "green"), " ", (typed, "bold"), "\n")
    cards = [row for rows in Scroll(theme).pages(batch, width) for row in rows]
    parts = [part for row in cards for part in (*row, Segment.line())]
    lines = [footer(each, 0.0, width) for each in (status, *others)]
    dotted = [
        Text.assemble(("●", DOTS[line.plain[0]]), " ", line[1:]) for line in lines
    ]
    line = Text("\n").join(dotted)
    console = Console(
        file=io.StringIO(),
        record=True,
        width=width,
        force_terminal=True,
        color_system="truecolor",
        soft_wrap=True,
        legacy_windows=False,
        _environ={},
    )
    for each in (prompt, Segments(parts), line):
        console.print(each if theme.colour else Text(theme.draw(each)), end="")
    svg = console.export_svg(
        title="notifyws", theme=THEMES[ground], unique_id="notifyws"
    )
    return SPACED.sub(moved, svg)


def moved(match: re.Match[str]) -> str:
    """Return a text without spaces around it, standing where it stood.

    Some programs drop the spaces and then stretch the rest over their place.
    """
    before, after = match["before"].count(SPACE), match["after"].count(SPACE)
    left = float(match["x"]) + before * CELL
    length = float(match["length"]) - (before + after) * CELL
    return (
        f'x="{round(left, 1):g}" y="{match["y"]}" textLength="{round(length, 1):g}"'
        f"{match['rest']}>{match['text']}</text>"
    )


def without_colour(theme: Theme) -> Theme:
    """Return how the same looks with ``NO_COLOR``."""
    return replace(theme, colour=False, hyperlinks=False)
