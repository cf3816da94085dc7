"""The pictures of the documentation, drawn by what draws them in a terminal.

One everyday scene at four widths, on dark and light, with and without colour; and
scenes of what one meets less often. Times and names are always the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC

from notifyws.events import Event, Gap
from notifyws.models import Notification
from notifyws.samples import SAMPLES
from notifyws.settings import DEFAULT_STYLES, Settings, TypeStyle
from notifyws.view.footer import Status
from notifyws.view.look import Look
from notifyws.view.picture import DARK, LIGHT, export_svg, live_text

WIDTHS = (40, 80, 120, 200)
PALETTES = {"dark": DARK, "light": LIGHT}
STYLES = {**DEFAULT_STYLES, "sensor": TypeStyle("▲", "yellow")}
LOOK = Look(
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
    for width in WIDTHS:
        for ground, palette in PALETTES.items():
            for look, suffix in ((LOOK, ""), (without_colour(LOOK), "-no-color")):
                text = live(EVERYDAY, UP, width, look)
                svg = export_svg(text, width, title="notifyws", palette=palette)
                yield f"docs/pictures/live-{width}-{ground}{suffix}.svg", svg
    loud = replace(LOOK, verbose=True)
    scenes = {
        "reconnecting": live(EVERYDAY[:1], AWAY, 80, LOOK),
        "keys": live([sample("trip_update", "23:41:07")], STEERED, 100, loud),
    }
    for name, text in scenes.items():
        width = 100 if name == "keys" else 80
        for ground, palette in PALETTES.items():
            svg = export_svg(text, width, title="notifyws", palette=palette)
            yield f"docs/pictures/{name}-{ground}.svg", svg


def live(
    batch: list[Notification | Event], status: Status, width: int, look: Look
) -> str:
    """Return what a terminal of so many columns shows."""
    return live_text(batch, status, width, look=look, command="notifyws listen")


def without_colour(look: Look) -> Look:
    """Return how the same looks with ``NO_COLOR``."""
    return replace(look, colour=False, hyperlinks=False)
