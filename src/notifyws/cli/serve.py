"""``notifyws serve``: the development server, to try and to test against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from notifyws.cli.options import Quiet, Verbose, examples, option
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
        int, option("--port -p PORT", "Port on 127.0.0.1; 0 for a free one.")
    ] = 8765,
    user: Annotated[
        list[str] | None,
        option(
            "--user NAME:PASSWORD",
            "Who may log in; repeat for more. demo:demo when left out.",
        ),
    ] = None,
    access_ttl: Annotated[
        float, option("--access-ttl SECONDS", "Seconds an access token lives.")
    ] = 900.0,
    refresh_ttl: Annotated[
        float, option("--refresh-ttl SECONDS", "Seconds a refresh token lives.")
    ] = 604800.0,
    traffic: Annotated[
        float, option("--traffic RATE", "Sample notifications a second.")
    ] = 0.0,
    flaky: Annotated[
        float, option("--flaky SECONDS", "Cut connections after about so long.")
    ] = 0.0,
    state: Annotated[
        Path | None, option("--state FILE", "Keep history over restarts.")
    ] = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
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
        from notifyws.devserver.server import DevServer, ServerOptions
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
