"""Where the token stands on a socket: header, query, subprotocol, frame or cookie."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from notifyws.protocol.har.recording import SocketLog
from notifyws.protocol.har.sources import Given, Sources, own_headers
from notifyws.protocol.har.values import (
    is_opaque,
    is_secret_name,
    last_name,
    leaves,
)

SHORTEST = 8
"""Characters of a token."""
FIRST = 10
"""Frames sent at first among which one may hold the token."""


class Placed(Struct, frozen=True):
    """A token on a socket.

    Args:
        value: the token.
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
        for path, leaf in leaves(frame.value):
            if isinstance(leaf, str):
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
