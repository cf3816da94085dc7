"""``notifyws serve``: the development server, to try and to test against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifyws.cli.options import examples
from notifyws.cli.process import run
from notifyws.errors import ConfigurationError, UsageError
from notifyws.ui.streams import say

if TYPE_CHECKING:
    from notifyws.devserver.server import DevServer

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
    server = dev_server(
        -1 if quiet else verbose,
        port=port,
        users=dict(map(_user, user)) if user else {"demo": "demo"},
        access_ttl=access_ttl,
        refresh_ttl=refresh_ttl,
        traffic=traffic,
        flaky=flaky,
        state=state,
    )

    async def forever() -> None:
        import asyncio

        async with server:
            await asyncio.Event().wait()

    run(forever())


def dev_server(level: int, **options: Any) -> DevServer:
    """Return the development server, not started, with its log on stderr.

    Args:
        level: how unimportant a line of the log may be to be said.
        options: those of ``ServerOptions``.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        from notifyws.devserver.options import ServerOptions
        from notifyws.devserver.server import DevServer
    except ImportError:
        message = "the development server is not installed"
        raise ConfigurationError(message, "pip install 'notifyws[server]'") from None

    def log(importance: int, text: str) -> None:
        if importance <= level:
            say(text)

    return DevServer(ServerOptions(**options), log)


def _user(text: str) -> tuple[str, str]:
    name, colon, password = text.partition(":")
    if not (name and colon and password):
        raise UsageError(f"--user {name!r} has no password", "write it NAME:PASSWORD")
    return name, password
