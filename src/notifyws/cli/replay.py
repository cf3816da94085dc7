"""What ``serve --replay`` plays, and how fast."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from notifyws.cli.serve import log_at, not_installed
from notifyws.config.recording_file import read_lines
from notifyws.errors import ConfigurationError, UsageError
from notifyws.recording import Recording, parse
from notifyws.ui.streams import say

if TYPE_CHECKING:
    from notifyws.devserver.replay import ReplayServer


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
    """Return a server that plays a recording, not started.

    Args:
        file: the recording.
        port: on loopback; 0 for a free one.
        speed: as it was typed.
        loop: whether it begins again.
        level: how unimportant a line of its log may be to be said.

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
        raise not_installed() from None
    log = log_at(level)
    server = ReplayServer(recording, port=port, speed=fast, loop=loop, log=log)
    if level >= 0:
        say(how_to_listen(recording))
    return server


def how_to_listen(recording: Recording) -> str:
    """Return what to type elsewhere."""
    return (
        f"listen with --profile {recording.header.profile}, and NOTIFYWS_TOKEN=replay"
    )
