"""``notifyws routes``: check, which shows what goes where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from notifyws.cli.completion import types
from notifyws.cli.input import frames_of
from notifyws.cli.listen_options import routes_of
from notifyws.cli.options import ENV_FILE, JSON, examples, group, option
from notifyws.delivery.targets import DeliveryTargets, Route
from notifyws.errors import UsageError, command
from notifyws.models import SAMPLES, Notification
from notifyws.protocol.frames import decode
from notifyws.ui.streams import emit_json, emit_line, say, warner

EXAMPLES = examples(
    "notifyws routes check", "notifyws routes check --sample trip_update"
)

app = group(EXAMPLES)


@app.command(
    "check",
    epilog=examples(
        "notifyws routes check --sample trip_update",
        "notifyws routes check seen.jsonl --routes routes.toml --json",
    ),
)
def check(
    file: Path | None = typer.Argument(
        None,
        metavar="[FILE]",
        help="Notifications, one JSON object a line; - for stdin.",
    ),
    sample: list[str] | None = option(
        "--sample TYPE", "An example of this type.", autocompletion=types
    ),
    routes: Path | None = option("--routes FILE", "Read this instead of config.toml."),
    env_file: Path | None = ENV_FILE,
    json: bool = JSON,
) -> None:
    """Check the routes, and show which one takes what."""
    from notifyws.clock import real_clock
    from notifyws.config.settings import Settings
    from notifyws.delivery.build_sinks import build_sinks
    from notifyws.delivery.routing import Routing

    if file is not None and file.suffix == ".toml":
        message = f"{file} would be a file of notifications, not of routes"
        raise UsageError(message, command("routes", "check", "--routes", file))
    if file is not None and sample:
        raise UsageError("FILE and --sample exclude each other", "give one of them")
    found = routes_of(routes or Path(), env_file)
    deliver = DeliveryTargets(routes=found)
    sinks = build_sinks(Settings(), deliver, real_clock(), say)
    routing = Routing(found, [sink.name for sink in sinks], warner(quiet=False))
    if file is not None:
        notes = list(_read(file))
    else:
        kinds = sample or SAMPLES
        notes = [Notification({"type": k, **SAMPLES.get(k, {})}, "") for k in kinds]
    if not json:
        for route in found:
            emit_line(_described(route, routing.sinks_of(route.name)))
        emit_line("")
    for note in notes:
        taken = routing.routes_of(note)
        names = [name for route in taken for name in routing.sinks_of(route.name)]
        if json:
            ways = [each.name for each in taken]
            told = {"type": note.type, "title": note.title}
            emit_json({**told, "routes": ways, "sinks": names})
        else:
            emit_line(_went(note, taken, names))


def _described(route: Route, sinks: Sequence[str]) -> str:
    """Return a line about a route: what goes it, to whom, and when."""
    when, timing = route.when, route.timing
    what = when if isinstance(when, str) else ", ".join(when) or "everything"
    to = [name.partition("/")[2] for name in sinks]
    line = f"{route.name}: {what} -> {', '.join(to) or 'nobody'}"
    if timing and timing.digest:
        line += f"; a digest every {timing.digest:g} s"
    if timing and timing.quiet:
        line += f"; quiet {timing.quiet}"
    return f"{line}; the last asked" if route.stop else line


def _went(note: Notification, taken: Sequence[Route], sinks: Sequence[str]) -> str:
    ways = ", ".join(sinks) or "nobody"
    if taken and taken[-1].stop:
        ways += f" (stopped by {taken[-1].name})"
    return f"{note.type}{': ' if note.title else ''}{note.title} -> {ways}"


def _read(file: Path) -> Iterator[Notification]:
    """Yield the notifications of a file.

    Raises:
        UsageError: a line of it is none.
    """
    for number, line in enumerate(frames_of(str(file)).splitlines(), 1):
        if not line.strip():
            continue
        try:
            value: Any = decode(line)
        except ValueError:
            value = None
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            if isinstance(value, dict) and "event" in value:
                continue  # of --events
            message = f"{file}:{number} is no notification"
            hint = "give it what notifyws listen --json printed"
            raise UsageError(message, hint)
        yield Notification(value, "")
