"""``notifyws serve``: the development server: to try, to test, to play recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notifyws.cli.options import QUIET, VERBOSE, belong_to, examples, exclude, option
from notifyws.cli.process import run
from notifyws.config.extras import needs_extra
from notifyws.config.recording_file import read_lines
from notifyws.errors import ConfigurationError, UsageError
from notifyws.recording import parse
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
    port: int = option(
        "--port -p PORT", "Port on 127.0.0.1; 0 for a free one.", default=8765
    ),
    user: list[str] | None = option(
        "--user NAME:PASSWORD",
        "Who may log in; repeat for more. demo:demo when left out.",
    ),
    access_ttl: float = option(
        "--access-ttl SECONDS", "Seconds an access token lives.", default=900.0
    ),
    refresh_ttl: float = option(
        "--refresh-ttl SECONDS", "Seconds a refresh token lives.", default=604800.0
    ),
    traffic: float = option(
        "--traffic RATE", "Sample notifications a second.", default=0.0
    ),
    flaky: float = option(
        "--flaky SECONDS", "Cut connections after about so long.", default=0.0
    ),
    state: Path | None = option("--state FILE", "Keep history over restarts."),
    replay: Path | None = option(
        "--replay FILE", "Play a recording of listen --record."
    ),
    speed: str | None = option("--speed N|max", "So many times as fast as it was."),
    loop: bool = option("--loop", "Begin again when it is over.", default=False),
    verbose: int = VERBOSE,
    quiet: bool = QUIET,
) -> None:
    """Run a server to try and test with, and its page; not for anything real."""
    level = -1 if quiet else verbose
    if replay is not None:
        own = {"--user": user, "--traffic": traffic, "--flaky": flaky, "--state": state}
        for name, value in own.items():
            exclude(("--replay", replay), (name, value))
        playing = replay_server(replay, port=port, speed=speed, loop=loop, level=level)
        return run(_forever(playing))
    belong_to("--replay FILE", ("--loop", loop), ("--speed", speed))
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
        raise needs_extra("the development server", "server") from None
    return DevServer(ServerOptions(**options), _log_at(level))


def speed_of(text: str | None) -> float:
    """Return how many times as fast as it was; infinity for ``max``.

    Raises:
        UsageError: it is no speed.
    """
    try:
        speed = {None: 1.0, "max": float("inf")}.get(text) or float(text or "")
    except ValueError:
        speed = 0.0
    if not speed > 0:
        message = f"--speed {text} is no speed"
        raise UsageError(message, "as in --speed 10, or --speed max")
    return speed


def replay_server(
    file: Path, *, port: int, speed: str | None, loop: bool, level: int
) -> ReplayServer:
    """Return a server that plays a recording on a port of loopback, not started.

    Lines of its log are said that are as important as ``level``, or more.

    Raises:
        UsageError: the speed is none.
        ConfigurationError: it is no recording, or the server is not installed.
    """
    fast = speed_of(speed)
    recording = parse(str(file), read_lines(file), say)
    if not recording.visits:
        message = f"{file} opens no socket: there is nothing to play"
        raise ConfigurationError(message, "record until the listener has connected")
    try:
        from notifyws.devserver.replay import ReplayServer
    except ImportError:
        raise needs_extra("the development server", "server") from None
    log = _log_at(level)
    server = ReplayServer(recording, port=port, speed=fast, loop=loop, log=log)
    if level >= 0:
        profile = recording.header.profile
        say(f"listen with --profile {profile}, and NOTIFYWS_TOKEN=replay")
    return server


def _log_at(level: int) -> Callable[[int, str], None]:
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
