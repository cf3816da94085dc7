"""A recording of a listener's connections: what its lines are, and how they are read.

``listen --record`` writes one, ``serve --replay`` plays it. It is JSON Lines: a
:class:`Header` first, then an entry a line, each with the seconds since the beginning.
Pure: text in, values out. It knows no server, no client and no file.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field
from msgspec.structs import replace

from notifyws.errors import ConfigurationError
from notifyws.models import strict_json

VERSION = 1
"""The form of recordings; one with another meaning has another number."""
Status = Annotated[int, Meta(ge=200, le=599)]
Name = Annotated[str, Meta(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")]
"""What a header or a cookie can be called."""
Words = Annotated[str, Meta(pattern=r"^[^\x00-\x08\x0a-\x1f\x7f]*\Z")]
"""What one can hold."""
HOW = "notifyws listen --record FILE"
UNREADABLE = (ValueError, RecursionError)
"""What reading a line may raise; ``msgspec``'s errors are ValueErrors too."""


class Header(Struct, frozen=True, tag="recording", tag_field="what"):
    """The first line.

    Args:
        version: of the form.
        program: who wrote it.
        profile: how the server spoke.
        began: RFC 3339 UTC; the entries' seconds count from here.
        secrets: ``masked``, or ``kept``.
    """

    version: int
    program: str
    profile: str
    began: str
    secrets: str = "masked"


class _Entry(Struct, frozen=True, kw_only=True, tag_field="what", omit_defaults=True):
    """Something that happened ``at`` so many seconds, on the socket of this number."""

    at: float
    socket: int = 0


class Opening(_Entry, frozen=True, tag="opening"):
    """The client asks for a socket."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    subprotocols: tuple[str, ...] = ()


class Refused(_Entry, frozen=True, tag="refused"):
    """The server answers with plain HTTP instead."""

    status: Status
    words: str = ""
    location: Words = ""
    retry_after: float | None = None


class Unreached(_Entry, frozen=True, tag="unreached"):
    """It did not come to an answer."""

    reason: str


class Opened(_Entry, frozen=True, tag="opened"):
    """The socket is open."""


class Received(_Entry, frozen=True, tag="received"):
    """A frame of the server: text, or the base64 of a binary one."""

    text: str | None = None
    binary: str | None = None

    @property
    def frame(self) -> str | bytes:
        """The frame itself."""
        if self.binary is None:
            return self.text or ""
        return base64.b64decode(self.binary)


class Sent(_Entry, frozen=True, tag="sent"):
    """A frame of the client."""

    text: str


class Closed(_Entry, frozen=True, tag="closed"):
    """The socket ended.

    Args:
        by: ``server``, ``client``, or ``nobody`` where it was cut.
        code: of the close.
        reason: of the close.
        deaf_since: when the ping was sent for whose answer the client waited in vain.
    """

    by: Literal["server", "client", "nobody"]
    code: Annotated[int, Meta(ge=0, le=0xFFFF)]
    reason: str = ""
    deaf_since: float | None = None


class Exchange(_Entry, frozen=True, tag="http"):
    """A request to the HTTP side, and its answer; the path is the profile's."""

    method: str
    path: str
    status: Status
    asked: str = ""
    answer: str = ""
    headers: dict[Name, Words] = field(default_factory=dict)
    cookies: dict[Name, Words] = field(default_factory=dict)


class Happened(_Entry, frozen=True, tag="event"):
    """What people and scripts were told of the connection, as with ``--events``."""

    event: dict[str, Any]


Entry = (
    Opening
    | Refused
    | Unreached
    | Opened
    | Received
    | Sent
    | Closed
    | Exchange
    | Happened
)
Step = Received | Sent | Closed


class Visit(Struct, frozen=True):
    """One opening, and all that came of it; seconds count from when it was open.

    Args:
        number: of the socket.
        after: seconds until it was open, or refused.
        ending: why it was not opened, if it was not.
        steps: what came of it then.
    """

    number: int
    after: float = 0.0
    ending: Refused | Unreached | None = None
    steps: tuple[Step, ...] = ()


class Recording(Struct, frozen=True):
    """A whole recording."""

    header: Header
    entries: tuple[Entry, ...]

    @property
    def exchanges(self) -> list[Exchange]:
        """What the HTTP side was asked, in its order."""
        return [each for each in self.entries if isinstance(each, Exchange)]

    @property
    def visits(self) -> list[Visit]:
        """Every opening, in their order."""
        sockets: dict[int, list[Entry]] = {}
        for each in self.entries:
            if each.socket and not isinstance(each, Exchange | Happened):
                sockets.setdefault(each.socket, []).append(each)
        return [_visit(number, entries) for number, entries in sockets.items()]


def _visit(number: int, entries: list[Entry]) -> Visit:
    begun = entries[0].at
    fates = (e for e in entries if isinstance(e, Refused | Unreached | Opened))
    fate = next(fates, None)
    since = begun if fate is None else fate.at
    ending = fate if isinstance(fate, Refused | Unreached) else None
    steps = [_since(each, since) for each in entries if isinstance(each, Step)]
    return Visit(number, since - begun, ending, tuple(steps))


def _since(step: Step, since: float) -> Step:
    step = replace(step, at=max(step.at - since, 0.0))
    if isinstance(step, Closed) and step.deaf_since is not None:
        return replace(step, deaf_since=max(step.deaf_since - since, 0.0))
    return step


def line(value: Header | Entry) -> str:
    """Return a line of a recording, its end included: ASCII-safe strict JSON."""
    said = msgspec.to_builtins(value)
    first = {name: said[name] for name in ("what", "at", "socket") if name in said}
    return strict_json({**first, **said}) + "\n"


def parse(name: str, lines: Iterable[bytes], warn: Callable[[str], None]) -> Recording:
    """Return the recording that a file holds.

    Args:
        name: of the file, for sentences.
        lines: of the file, their ends included.
        warn: is told that the last line is torn, as a killed listener leaves it.

    Raises:
        ConfigurationError: it is no recording, or one that cannot be read.
    """
    numbered = enumerate(lines, 1)
    header = _header(name, next(numbered, (1, b""))[1])
    entries: list[Entry] = []
    for number, text in numbered:
        if not text.endswith(b"\n"):
            warn(f"the last line of {name} is torn, and is left out")
            break
        if text.strip():
            entries.append(_entry(f"{name}, line {number}", text))
    return Recording(header, tuple(entries))


def _header(name: str, text: bytes) -> Header:
    try:
        said = msgspec.json.decode(text)
        version = said["version"] if said["what"] == "recording" else None
    except (*UNREADABLE, TypeError, KeyError):
        version = None
    if not isinstance(version, int):
        raise ConfigurationError(f"{name} is no recording", f"make one: {HOW}")
    if version != VERSION:
        message = f"{name} is a recording of form {version}, and this reads {VERSION}"
        raise ConfigurationError(message, "play it with the notifyws that made it")
    try:
        return msgspec.json.decode(text, type=Header)
    except UNREADABLE as error:
        message = f"{name}, line 1: it is no recording's first line: {error}"
        raise ConfigurationError(message, f"make one: {HOW}") from None


def _entry(where: str, text: bytes) -> Entry:
    try:
        entry: Entry = _decoder().decode(text)
        if isinstance(entry, Received):
            _ = entry.frame
    except UNREADABLE as error:
        message = f"{where}: it is no line of a recording: {error}"
        raise ConfigurationError(message, f"correct it, or make one: {HOW}") from None
    return entry


@cache
def _decoder() -> msgspec.json.Decoder[Entry]:
    return msgspec.json.Decoder(Entry)
