"""``notifyws serve``: the development server, to try and to test against."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from notifyws.cli.options import Quiet, Verbose, examples, exclude, option
from notifyws.cli.process import run
from notifyws.errors import ConfigurationError, UsageError
from notifyws.ui.streams import say

if TYPE_CHECKING:
    from notifyws.devserver.replay import ReplayServer
    from notifyws.devserver.server import DevServer

EXAMPLES = examples(
    "notifyws serve --user me:secret --traffic 1",
    "notifyws serve --port 9000 --flaky 20 --access-ttl 60",
    "notifyws serve --replay bug.jsonl --speed 10",
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
    replay: Annotated[
        Path | None, option("--replay FILE", "Play a recording of listen --record.")
    ] = None,
    speed: Annotated[
        str | None, option("--speed N|max", "So many times as fast as it was.")
    ] = None,
    loop: Annotated[bool, option("--loop", "Begin again when it is over.")] = False,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """Run a server to try and test with, and its page; not for anything real."""
    level = -1 if quiet else verbose
    if replay is not None:
        from notifyws.cli.replay import replay_server

        own = {"--user": user, "--traffic": traffic, "--flaky": flaky, "--state": state}
        for name, value in own.items():
            exclude(("--replay", replay), (name, value))
        playing = replay_server(replay, port=port, speed=speed, loop=loop, level=level)
        return run(_forever(playing))
    if speed is not None or loop:
        what = "--loop" if loop else "--speed"
        raise UsageError(f"{what} goes with --replay", "add --replay FILE")
    server = dev_server(
        level,
        port=port,
        users=dict(map(_user, user)) if user else {"demo": "demo"},
        access_ttl=access_ttl,
        refresh_ttl=refresh_ttl,
        traffic=traffic,
        flaky=flaky,
        state=state,
    )
    return run(_forever(server))


async def _forever(server: DevServer | ReplayServer) -> None:
    import asyncio

    async with server:
        await asyncio.Event().wait()


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
        raise not_installed() from None
    return DevServer(ServerOptions(**options), log_at(level))


def not_installed() -> ConfigurationError:
    """Return the error for a server that is an extra."""
    message = "the development server is not installed"
    return ConfigurationError(message, "pip install 'notifyws[server]'")


def log_at(level: int) -> Callable[[int, str], None]:
    """Return what says the lines of a server's log that are important enough."""

    def log(importance: int, text: str) -> None:
        if importance <= level:
            say(text)

    return log


def _user(text: str) -> tuple[str, str]:
    name, colon, password = text.partition(":")
    if not (name and colon and password):
        raise UsageError(f"--user {name!r} has no password", "write it NAME:PASSWORD")
    return name, password
