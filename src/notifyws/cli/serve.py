"""``notifyws serve``: the development server, to try and to test against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from notifyws.cli.options import examples
from notifyws.cli.process import run
from notifyws.errors import ConfigurationError, UsageError
from notifyws.ui.streams import say

EXAMPLES = examples(
    "notifyws serve --user me:secret --traffic 1",
    "notifyws serve --port 9000 --flaky 20 --access-ttl 60",
)


def serve(
    port: Annotated[
        int,
        typer.Option(
            "--port", "-p", metavar="PORT", help="Port on 127.0.0.1; 0 for a free one."
        ),
    ] = 8765,
    user: Annotated[
        list[str] | None,
        typer.Option(
            "--user",
            metavar="NAME:PASSWORD",
            help="Who may log in; repeat for more. demo:demo when left out.",
        ),
    ] = None,
    access_ttl: Annotated[
        float,
        typer.Option(
            "--access-ttl", metavar="SECONDS", help="Seconds an access token lives."
        ),
    ] = 900.0,
    refresh_ttl: Annotated[
        float,
        typer.Option(
            "--refresh-ttl", metavar="SECONDS", help="Seconds a refresh token lives."
        ),
    ] = 604800.0,
    traffic: Annotated[
        float,
        typer.Option(
            "--traffic", metavar="RATE", help="Sample notifications a second."
        ),
    ] = 0.0,
    flaky: Annotated[
        float,
        typer.Option(
            "--flaky", metavar="SECONDS", help="Cut connections after about so long."
        ),
    ] = 0.0,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="FILE", help="Keep history over restarts."),
    ] = None,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            show_default=False,
            metavar="",
            help="Say each request.",
        ),
    ] = 0,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")
    ] = False,
) -> None:
    """Run a server to try, test and demonstrate with; not for anything real."""
    try:
        from notifyws.devserver.options import ServerOptions
        from notifyws.devserver.server import DevServer
    except ImportError:
        raise missing_extra() from None
    users = dict(map(_user, user)) if user else {"demo": "demo"}
    options = ServerOptions(
        port=port,
        users=users,
        access_ttl=access_ttl,
        refresh_ttl=refresh_ttl,
        traffic=traffic,
        flaky=flaky,
        state=state,
    )
    level = -1 if quiet else verbose

    def log(importance: int, text: str) -> None:
        if importance <= level:
            say(text)

    async def forever() -> None:
        import asyncio

        async with DevServer(options, log):
            await asyncio.Event().wait()

    run(forever())


def missing_extra() -> ConfigurationError:
    """Return the error for an install without the development server."""
    message = "the development server is not installed"
    return ConfigurationError(message, "pip install 'notifyws[server]'")


def _user(text: str) -> tuple[str, str]:
    name, colon, password = text.partition(":")
    if not (name and colon and password):
        raise UsageError(f"--user {name!r} has no password", "write it NAME:PASSWORD")
    return name, password
