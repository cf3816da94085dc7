"""``notifyws status``: why am I not getting anything?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from notifyws.cli.options import (
    Common,
    EnvFile,
    Json,
    Profile,
    Quiet,
    Server,
    Url,
    Verbose,
)
from notifyws.cli.running import run
from notifyws.cli.streams import emit, emit_json, warner
from notifyws.errors import UsageError
from notifyws.load import Loaded
from notifyws.runtime import Runtime

if TYPE_CHECKING:
    from notifyws.checks import Check
    from notifyws.listeners import Listener
    from notifyws.report import Report

EXAMPLES = """
Examples:

  notifyws status --check

  notifyws status --json | jq .tokens.access.expiresIn
"""

MARKS = {"pass": "✔", "warn": "!", "fail": "✘", "skip": "-"}
STYLES = {"pass": "green", "warn": "yellow", "fail": "red", "skip": "bright_black"}


def status(
    check: Annotated[
        bool, typer.Option("--check", help="Try every layer up to the server.")
    ] = False,
    listening: Annotated[
        bool,
        typer.Option("--listening", help="Succeed only if a listener is connected."),
    ] = False,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="With --listening: which one."),
    ] = None,
    server: Server = None,
    profile: Profile = None,
    url: Url = None,
    env_file: EnvFile = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Say what is configured, cached and working, and what to do where it is not."""
    if name is not None and not listening:
        raise UsageError("--name goes with --listening", "notifyws status --listening")
    common = Common(server, profile, url, env_file, verbose, quiet)
    loaded = common.load()
    if listening:
        run(_want_connected(loaded, name))
        if not (json or check):
            return
    report = run(_look(loaded, thorough=check, quiet=quiet or json))
    if json:
        emit_json(report.as_json())
    else:
        emit(_drawn(report, everything=verbose > 0))
    if report.failure is not None:
        raise typer.Exit(report.failure.exit_code)


async def _want_connected(loaded: Loaded, name: str | None) -> None:
    """Raise unless a listener is connected now."""
    from notifyws.errors import CacheFailed, NetworkFailed

    runtime = Runtime(loaded.settings, lambda text: None)
    try:
        listeners = await runtime.listeners(name)
    except CacheFailed as error:
        message = f"cannot see who listens: {error.message}"
        raise NetworkFailed(message, error.hint) from None
    finally:
        await runtime.aclose()
    if not any(each.state == "connected" for each in listeners):
        who = f"no listener named {name}" if name else "no listener of this account"
        raise NetworkFailed(f"{who} is connected now", "notifyws status --check")


async def _look(loaded: Loaded, *, thorough: bool, quiet: bool) -> Report:
    from notifyws.diagnosis import diagnose

    runtime = Runtime(loaded.settings, warner(quiet))
    try:
        return await diagnose(loaded, runtime, thorough=thorough)
    finally:
        await runtime.aclose()


def _drawn(report: Report, *, everything: bool) -> str:
    """Return the report for people; where each value came from in brackets."""
    import io
    import os
    import sys

    from rich.console import Console
    from rich.text import Text

    from notifyws.view.safe import harmless

    out = io.StringIO()
    dumb = os.environ.get("TERM", "") in {"", "dumb", "unknown"}
    terminal = os.isatty(1) and not dumb
    console = Console(
        file=out,
        force_terminal=terminal,
        highlight=False,
        markup=False,
        emoji=False,
        width=None if terminal else 1000,
    )
    for line in _lines(report, everything):
        console.print(harmless(line), soft_wrap=True)
    for each in report.checks:
        console.print(Text.assemble(*_check(each)), soft_wrap=True)
    encoding = (sys.stdout.encoding if sys.stdout else None) or "utf-8"
    return out.getvalue().encode(encoding, "replace").decode(encoding)


def _lines(report: Report, everything: bool) -> Iterator[str]:
    settings, sources = report.loaded.settings, report.loaded.sources
    yield f"server    {report.url or 'not configured'}  [{_source(report)}]"
    user = f"user {report.user_id}" if report.user_id else "user unknown yet"
    name = settings.username or "no username"
    yield f"account   {name}, {user}  [{sources['username']}]"
    yield f"profile   {settings.profile}  [{sources['profile']}]"
    yield from _token_lines(report)
    yield from map(_listener_line, report.listeners)
    if everything:
        yield from _all_settings(report)
    yield ""


def _source(report: Report) -> str:
    named = "socket_url" if report.loaded.settings.socket_url else "url"
    return report.loaded.sources[named]


def _token_lines(report: Report) -> Iterator[str]:
    for name in ("access", "refresh"):
        token = report.tokens.get(name) or {"cached": False}
        left = _span(token["expiresIn"]) if token["cached"] else "not cached"
        yield f"{name:<9} {left}"


def _listener_line(each: Listener) -> str:
    from notifyws.view.safe import harmless

    said = f"{each.name or 'unnamed'} on {each.host} ({each.pid}), {each.state}"
    said += f" since {each.since}, {each.received} received"
    if each.lastNotificationAt:
        said += f" (last {each.lastNotificationAt})"
    if each.reconnects:
        said += f", {each.reconnects} reconnects"
    if each.waiting:
        said += f", {each.waiting} waiting to be handed on"
    if each.gaps:
        last = each.lastGap or {}
        said += f", {each.gaps} gaps, the last {last.get('from')} to {last.get('to')}"
        said += f": {last.get('reason')}"
    return harmless(f"listener  {said}")


def _span(seconds: int) -> str:
    days, rest = divmod(seconds, 86400)
    hours, minutes = divmod(rest // 60, 60)
    if days:
        return f"{days} d {hours} h left"
    if hours:
        return f"{hours} h {minutes} min left"
    return f"{minutes} min {seconds % 60} s left"


def _all_settings(report: Report) -> Iterator[str]:
    from notifyws.coerce import FIELDS

    for name, source in report.loaded.sources.items():
        value = getattr(report.loaded.settings, name)
        secret = FIELDS[name].metadata["secret"]
        shown = ("set" if value else "not set") if secret else value
        yield f"  {name} = {shown}  [{source}]"


def _check(check: Check) -> Iterator[tuple[str, str]]:
    from notifyws.view.safe import harmless

    style = STYLES[check.status]
    yield f"{MARKS[check.status]} {check.name:<13} ", style
    yield harmless(check.detail), "bright_black" if check.status == "skip" else ""
    if check.hint:
        yield f"\n  {'':<13} try: {harmless(check.hint)}", "bold"
