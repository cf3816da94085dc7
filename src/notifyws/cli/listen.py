"""``notifyws listen``: notifications as they arrive, until told to stop."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from notifyws.cli.completion import types
from notifyws.cli.format_options import Format, Query, exclude, shape_of
from notifyws.cli.options import (
    Common,
    EnvFile,
    Profile,
    Quiet,
    Server,
    Url,
    Verbose,
)
from notifyws.cli.process import run
from notifyws.config.settings import Settings
from notifyws.delivery.filters import Selection
from notifyws.errors import UsageError
from notifyws.models import DeliveryTargets
from notifyws.ui.streams import say, warner

EXAMPLES = """
Examples:

  notifyws listen --demo

  notifyws listen --json -t trip_update -n 1 --timeout 60 | jq .title
"""

SHOW = "What is shown"
ENDING = "When it ends"
HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
HANDING = "Handing on"


Json = Annotated[bool, typer.Option("--json", help="JSON Lines.", rich_help_panel=SHOW)]
Plain = Annotated[
    bool,
    typer.Option("--plain", help="One readable line each.", rich_help_panel=SHOW),
]
Raw = Annotated[
    bool, typer.Option("--raw", help="Frames as received.", rich_help_panel=SHOW)
]
Type = Annotated[
    list[str] | None,
    typer.Option(
        "--type",
        "-t",
        metavar="TYPE",
        autocompletion=types,
        help="Only this type; repeat for more.",
        rich_help_panel=SHOW,
    ),
]
Filter = Annotated[
    str | None,
    typer.Option(
        "--filter",
        metavar="EXPR",
        help="Only where this JMESPath expression is true.",
        rich_help_panel=SHOW,
    ),
]
Events = Annotated[
    bool,
    typer.Option(
        "--events",
        help="Connection events among the JSON Lines.",
        rich_help_panel=SHOW,
    ),
]
Tee = Annotated[
    Path | None,
    typer.Option(
        "--tee",
        metavar="FILE",
        help="Append JSON Lines to a file as well.",
        rich_help_panel=SHOW,
    ),
]
GapStart = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="ID|TIME",
        help="Begin after this one, or so long ago: 30s, 10m, 2h, 1d, a time.",
        rich_help_panel=SHOW,
    ),
]
Count = Annotated[
    int | None,
    typer.Option(
        "--count", "-n", metavar="N", help="End after N.", rich_help_panel=ENDING
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="EXPR",
        help="End with the first where this is true.",
        rich_help_panel=ENDING,
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout",
        metavar="SECONDS",
        help="Give up after so long: exit code 3.",
        rich_help_panel=ENDING,
    ),
]
MaxRetries = Annotated[
    int | None,
    typer.Option(
        "--max-retries",
        metavar="N",
        help="Reconnects before giving up; unlimited when left out.",
        rich_help_panel=ENDING,
    ),
]
NoReconnect = Annotated[
    bool,
    typer.Option(
        "--no-reconnect", help="Same as --max-retries 0.", rich_help_panel=ENDING
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Resume where the listener of this name stopped.",
        rich_help_panel=HANDING,
    ),
]
Exec = Annotated[
    str | None,
    typer.Option(
        "--exec",
        metavar="CMD",
        help="Run this for each one: JSON on stdin, fields as NOTIFICATION_*.",
        rich_help_panel=HANDING,
    ),
]
ExecTimeout = Annotated[
    float | None,
    typer.Option(
        "--exec-timeout",
        metavar="SECONDS",
        help="Kill the command after so long; 30 when left out.",
        rich_help_panel=HANDING,
    ),
]
ForwardTo = Annotated[
    str | None,
    typer.Option(
        "--forward-to",
        metavar="URL",
        help="POST each one there.",
        rich_help_panel=HANDING,
    ),
]
Header = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        "-H",
        metavar="NAME:VALUE",
        help="A header for that; repeat for more.",
        rich_help_panel=HANDING,
    ),
]
SignSecret = Annotated[
    str | None,
    typer.Option(
        "--sign-secret",
        metavar="VARIABLE",
        help="Sign it with the secret in this environment variable.",
        rich_help_panel=HANDING,
    ),
]
Notify = Annotated[
    bool,
    typer.Option(
        "--notify", help="Show each one on the desktop.", rich_help_panel=HANDING
    ),
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        "--concurrency",
        metavar="N",
        help="Hand on N at a time; 1, in order, when left out.",
        rich_help_panel=HANDING,
    ),
]
Replay = Annotated[
    Path | None,
    typer.Option(
        "--replay",
        metavar="FILE",
        help="Hand on the dead letters of a file, and end.",
        rich_help_panel=HANDING,
    ),
]
Demo = Annotated[
    bool,
    typer.Option("--demo", help="Show it with a server of its own, right now."),
]


def listen(
    json: Json = False,
    plain: Plain = False,
    raw: Raw = False,
    format_: Format = None,
    query: Query = None,
    type_: Type = None,
    filter_: Filter = None,
    events: Events = False,
    tee: Tee = None,
    since: GapStart = None,
    count: Count = None,
    until: Until = None,
    timeout: Timeout = None,
    max_retries: MaxRetries = None,
    no_reconnect: NoReconnect = False,
    name: Name = None,
    exec_: Exec = None,
    exec_timeout: ExecTimeout = None,
    forward_to: ForwardTo = None,
    header: Header = None,
    sign_secret: SignSecret = None,
    notify: Notify = False,
    concurrency: Concurrency = None,
    replay: Replay = None,
    demo: Demo = False,
    server: Server = None,
    profile: Profile = None,
    url: Url = None,
    env_file: EnvFile = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Show notifications as they arrive: live in a terminal, JSON Lines in a pipe."""
    from notifyws.cli.listener import Request, listen_to, redeliver
    from notifyws.ui.renderer_choice import DisplayOptions

    _check(timeout, max_retries)
    _check_handing(exec_, forward_to, header, sign_secret)
    _check_numbers(exec_timeout, concurrency)
    form = _form(json=json, plain=plain, raw=raw, format=format_)
    exclude(("--plain", plain), ("--raw", raw), ("--query", query))
    exclude(("--events", events), ("--format", format_), ("--query", query))
    shape = shape_of(format_, query, json=json, warn=warner(quiet))
    selection = Selection(type_ or (), filter_, count, until, warner(quiet))
    deliver = DeliveryTargets(
        exec_ or "",
        forward_to or "",
        _headers(header or ()),
        _secret(sign_secret),
        notify,
        say,
    )
    common = Common(server, profile, url, env_file, verbose, quiet)
    flags: dict[str, Any] = {
        "max_retries": max_retries,
        "exec_timeout": exec_timeout,
        "concurrency": concurrency,
    }
    if demo:
        given = {key: value for key, value in flags.items() if value is not None}
        settings = replace(Settings(), **given)
    else:
        settings = common.load(**flags).settings
    if replay is not None:
        run(redeliver(replay, settings, deliver, quiet=quiet))
        return
    retries = 0 if no_reconnect else settings.max_retries
    show = DisplayOptions(
        "shape" if shape else form, events, tee, verbose, quiet, shape
    )
    begin = _beginning(since)
    wish = Request(selection, show, timeout, retries, begin, name, deliver, demo)
    run(listen_to(wish, settings))


def _headers(given: Sequence[str]) -> dict[str, str]:
    """Return headers from ``NAME:VALUE``.

    Raises:
        UsageError: one is none.
    """
    headers = {}
    for each in given:
        name, colon, value = each.partition(":")
        usable = value.isascii() and value.isprintable()
        if not (colon and re.fullmatch(HEADER_NAME, name.strip()) and usable):
            raise UsageError(
                f"-H takes NAME:VALUE, not {name!r}", "as in -H 'X-Key: 1'"
            )
        headers[name.strip()] = value.strip()
    return headers


def _secret(variable: str | None) -> str:
    """Return the secret of an environment variable.

    Raises:
        UsageError: it is not set.
    """
    secret = os.environ.get(variable, "") if variable else ""
    if variable and not secret:
        message = f"--sign-secret: the environment has no variable {variable}"
        raise UsageError(message, f"{variable}=... notifyws listen --sign-secret ...")
    return secret


def _check_numbers(exec_timeout: float | None, concurrency: int | None) -> None:
    if exec_timeout is not None and not exec_timeout > 0:
        message = f"--exec-timeout must be more than 0, not {exec_timeout:g}"
        raise UsageError(message, "give it seconds, as in --exec-timeout 30")
    if concurrency is not None and concurrency < 1:
        message = f"--concurrency must be 1 or more, not {concurrency}"
        raise UsageError(message, "leave it out to keep the order")


def _check_handing(
    exec_: str | None,
    forward_to: str | None,
    header: Sequence[str] | None,
    sign_secret: str | None,
) -> None:
    if exec_ is not None and not exec_.strip():
        raise UsageError("--exec names no command", "as in --exec 'notify-team'")
    if forward_to == "":
        raise UsageError("--forward-to names no URL", "as in https://host/path")
    if not forward_to and (header or sign_secret):
        what = "-H" if header else "--sign-secret"
        raise UsageError(f"{what} goes with --forward-to", "add --forward-to URL")


def _form(**wanted: bool | str | None) -> str:
    exclude(*((f"--{name}", on) for name, on in wanted.items()))
    forms = [name for name, on in wanted.items() if on not in (None, False)]
    return forms[0] if forms else ""


def _beginning(since: str | None) -> str | datetime | None:
    from notifyws.protocol.since import parse_since

    return None if since is None else parse_since(since, datetime.now(UTC))


def _check(timeout: float | None, max_retries: int | None) -> None:
    if timeout is not None and not timeout > 0:
        message = f"--timeout must be more than 0, not {timeout:g}"
        raise UsageError(message, "give it seconds, as in --timeout 60")
    if max_retries is not None and max_retries < 0:
        message = f"--max-retries must be 0 or more, not {max_retries}"
        raise UsageError(message, "leave it out to try for ever")
