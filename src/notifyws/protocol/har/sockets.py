"""Which socket of a recording brings notifications, and if a profile can speak so.

And where the token stands there: header, query, subprotocol, frame or cookie.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from notifyws.errors import ConfigurationError
from notifyws.protocol.har.recording import AGAIN, Recording, SocketLog
from notifyws.protocol.har.values import (
    Given,
    Sources,
    is_opaque,
    is_secret_name,
    last_name,
    own_headers,
    texts,
)

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


SHORTEST = 8
"""Characters of a token."""
FIRST = 10
"""Frames sent at first among which one may hold the token."""


class Placed(Struct, frozen=True):
    """A token on a socket.

    Args:
        token_in: where, as a profile says it.
        given: who gave it, if that was recorded.
        header: the header, where it is one.
        before: what stands before it there.
    """

    value: str
    token_in: str
    given: Given | None = None
    header: str = ""
    before: str = ""


def placed_token(socket: SocketLog, sources: Sources) -> Placed | None:
    """Return where the token is; one that a recorded answer gave goes before others."""
    found = [each for each in _candidates(socket, sources) if each is not None]
    known = [each for each in found if each.given is not None]
    return next(iter([*known, *found]), None)


def _candidates(socket: SocketLog, sources: Sources) -> Iterator[Placed | None]:
    opened = socket.opened
    for name, value in own_headers(opened).items():
        before, blank, token = value.rpartition(" ")
        yield _placed(name, token, "header", sources, name, f"{before}{blank}")
    for name, value in opened.query.items():
        if not {"{", "}"} & {*name}:
            yield _placed(name, value, f"query:{name}", sources)
    offered = socket.subprotocols
    for before, each in zip(["", *offered], offered, strict=False):
        inner = None if sources.of(each) else sources.within(each)
        if inner is not None:
            yield Placed(inner[0], "none", inner[1])
        elif is_opaque(each):
            place = f"subprotocol:{before}" if before else "none"
            yield _placed("token", each, place, sources)
    sent = [frame for frame in socket.frames if frame.sent][:FIRST]
    for frame in sent:
        for path, leaf in texts(frame.value):
            yield _placed(last_name(path), leaf, "message", sources)
    for name, value in opened.cookies.items():
        if not {"{", "}"} & {*name}:
            yield _placed(name, value, f"cookie:{name}", sources)


def _placed(
    name: str,
    value: str,
    token_in: str,
    sources: Sources,
    header: str = "",
    before: str = "",
) -> Placed | None:
    """Return a value as a token, if it can be one."""
    bare = value
    if value[:7].lower() == "bearer ":
        bare, before = value[7:], value[:7]
    given = sources.of(bare)
    named = is_secret_name(name) and len(bare) >= SHORTEST
    if not named and not (given is not None and is_opaque(bare)):
        return None
    return Placed(bare, token_in, given, header, before)
