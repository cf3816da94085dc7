"""``notifyws listen``: notifications as they arrive, until told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from notifyws.cli.options import (
    Common,
    EnvFile,
    Profile,
    Quiet,
    Server,
    Url,
    Verbose,
)
from notifyws.cli.running import run
from notifyws.cli.streams import warner
from notifyws.errors import UsageError
from notifyws.selection import Selection
from notifyws.settings import Settings

EXAMPLES = """
Examples:

  notifyws listen --demo

  notifyws listen --json -t trip_update -n 1 --timeout 60 | jq .title
"""

SHOW = "What is shown"
ENDING = "When it ends"


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
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="ID",
        help="Begin after this notification.",
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
Demo = Annotated[
    bool,
    typer.Option("--demo", help="Show it with a server of its own, right now."),
]


def listen(
    json: Json = False,
    plain: Plain = False,
    raw: Raw = False,
    type_: Type = None,
    filter_: Filter = None,
    events: Events = False,
    tee: Tee = None,
    since: Since = None,
    count: Count = None,
    until: Until = None,
    timeout: Timeout = None,
    max_retries: MaxRetries = None,
    no_reconnect: NoReconnect = False,
    demo: Demo = False,
    server: Server = None,
    profile: Profile = None,
    url: Url = None,
    env_file: EnvFile = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Show notifications as they arrive: live in a terminal, JSON Lines in a pipe."""
    from notifyws.cli.listening import Request, Show, listen_to

    _check(timeout, max_retries)
    form = _form(json=json, plain=plain, raw=raw)
    selection = Selection(type_ or (), filter_, count, until, warner(quiet))
    common = Common(server, profile, url, env_file, verbose, quiet)
    settings = (
        Settings(max_retries=max_retries)
        if demo
        else common.load(max_retries=max_retries).settings
    )
    retries = 0 if no_reconnect else settings.max_retries
    show = Show(form, events, tee, verbose, quiet)
    run(listen_to(Request(selection, show, timeout, retries, since, demo), settings))


def _form(**wanted: bool) -> str:
    forms = [f"--{name}" for name, on in wanted.items() if on]
    if len(forms) > 1:
        both = " and ".join(forms)
        raise UsageError(f"{both} exclude each other", "give one of them")
    return forms[0].removeprefix("--") if forms else ""


def _check(timeout: float | None, max_retries: int | None) -> None:
    if timeout is not None and not timeout > 0:
        message = f"--timeout must be more than 0, not {timeout:g}"
        raise UsageError(message, "give it seconds, as in --timeout 60")
    if max_retries is not None and max_retries < 0:
        message = f"--max-retries must be 0 or more, not {max_retries}"
        raise UsageError(message, "leave it out to try for ever")
