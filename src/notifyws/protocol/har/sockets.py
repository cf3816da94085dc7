"""Which socket of a recording brings notifications, and if a profile can speak so."""

from __future__ import annotations

from notifyws.errors import ConfigurationError
from notifyws.protocol.har.recording import AGAIN, Recording, SocketLog

RELOADING = ("vite-hmr", "vite-ping")
RELOADING_PATHS = ("/_next/webpack-hmr", "/sockjs-node", "/__webpack", "/livereload")
"""Sockets by which tools of developers reload a page."""
UNSPEAKABLE = (
    ("/socket.io/", "Socket.IO"),
    ("/engine.io/", "Engine.IO"),
    ("/signalr", "SignalR"),
)
SHORTEST_STOMP = ("CONNECT\n", "CONNECTED\n")


def likely_sockets(recording: Recording) -> list[SocketLog]:
    """Return the sockets that may bring notifications; the likeliest first."""
    own = [each for each in recording.sockets if not _reloads(each)]

    def weight(socket: SocketLog) -> int:
        return sum(not frame.sent for frame in socket.frames)

    return sorted(own or recording.sockets, key=weight, reverse=True)


def _reloads(socket: SocketLog) -> bool:
    return any(each in RELOADING for each in socket.subprotocols) or (
        socket.opened.path.startswith(RELOADING_PATHS)
    )


def demand_speakable(socket: SocketLog) -> None:
    """Raise where no profile can speak as a socket does.

    Raises:
        ConfigurationError: names the protocol.
    """
    path = socket.opened.path.lower()
    name = next((name for part, name in UNSPEAKABLE if part in path), "")
    texts = [each.text for each in socket.frames]
    if any(each.endswith("\x1e") for each in texts):
        name = "SignalR"
    if any(each.startswith(SHORTEST_STOMP) for each in texts):
        name = "STOMP"
    if name:
        message = f"the socket that was recorded speaks {name}, which no profile can"
        hint = "see what cannot be said in docs/profiles.md"
        raise ConfigurationError(message, hint)
    if texts and all(each.value is None for each in socket.frames):
        message = "no frame that was recorded holds JSON, which profiles read"
        raise ConfigurationError(message, AGAIN)


def host_of(recording: Recording) -> str:
    """Return the host that was recorded, as a profile may be called."""
    host = likely_sockets(recording)[0].opened.origin.partition("://")[2]
    letters = (each if each.isascii() and each.isalnum() else "-" for each in host)
    return "".join(letters).strip("-").lower()[:60] or "recorded"
