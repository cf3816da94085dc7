"""How the socket is opened: URL, headers, subprotocols and the first frames.

The URL stays exactly as configured but for what the profile adds to its query. What a
server's refusal of it means stands in ``failures`` (``STATUSES``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import chain, zip_longest
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from msgspec import field
from msgspec.structs import replace

from notifyws.errors import ConfigurationError
from notifyws.models import Masked, strict_json
from notifyws.protocol.frames import Decoder, decoder, decoder_of
from notifyws.protocol.masking import sendable, spellings
from notifyws.protocol.places import SUBPROTOCOL, Places
from notifyws.protocol.profile import Handshake, Profile, Resume
from notifyws.protocol.since import spelled
from notifyws.protocol.templates import UNSET, fill, filled_texts, shown, variables_of
from notifyws.protocol.token_replies import unsendable


class UpgradeRequest(Masked, frozen=True):
    """Everything that is said before a server knows who we are.

    Args:
        url: where to connect; may hold the token.
        headers: of the upgrade request; may hold the token.
        subprotocols: to offer, in order; may hold the token.
        frames: texts to send once it is open; may hold the token.
        secrets: gives what must be masked in whatever the peer or the library says.
        known: variables of its templates; may hold the token.
        closes: what codes in frames mean.
    """

    masked: ClassVar = (
        *("url", "headers", "subprotocols", "frames", "secrets", "steps", "known"),
        "read",
    )

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    subprotocols: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    secrets: Callable[[], tuple[str, ...]] = tuple
    steps: tuple[Handshake, ...] = ()
    known: Mapping[str, Any] = field(default_factory=dict)
    read: Decoder = decoder()
    closes: Mapping[str, str] = field(default_factory=dict)
    places: Places | None = None
    compression: bool = False


def upgrade_request(
    profile: Profile,
    url: str,
    token: str,
    *,
    token_in: str = "",
    last_id: str | int | datetime | None = None,
    places: Places | None = None,
    variables: Mapping[str, Any] = MappingProxyType({}),
    secrets: Callable[[], tuple[str, ...]] = tuple,
) -> UpgradeRequest:
    """Return how to open a socket.

    Args:
        token: the access token; empty where none is needed.
        token_in: overrides the profile's place for it.
        last_id: resume after this notification, or at this time, where the profile
            can.
        variables: the profile's constants and what the user added.
        secrets: gives what else a server knows and nobody may see.

    Raises:
        ConfigurationError: ``token_in`` names no known place, or the token cannot
            be written there.
    """
    known = {**variables, **shown(token, variables), **_standing(last_id)}
    known |= places.known() if places else {}
    place = token_in or profile.socket.token_in
    if place != "none":
        _check(token, place.partition(":")[0])
    ours = spellings(token, str(known["authorization"] or "").rpartition(" ")[2])
    placed = _placed(profile, _addressed(profile, url, known), known, place)
    return replace(
        placed,
        secrets=lambda: (*ours, *secrets()),
        steps=tuple(_asked(step, profile, variables) for step in profile.handshake),
        known=known,
        read=decoder_of(profile.socket),
        closes=profile.closes,
        places=places,
        compression=profile.socket.compression,
    )


def _asked(
    step: Handshake, profile: Profile, variables: Mapping[str, Any]
) -> Handshake:
    """Return a step, no longer optional where the user asked for what it asks for."""
    said = {name: profile.constants.get(name) for name in variables_of(step.send)}
    own = {*profile.constants, *profile.needs}
    if any(variables.get(name) != said[name] for name in own.intersection(said)):
        return replace(step, optional=False)
    return step


def _standing(place: str | int | datetime | None) -> dict[str, Any]:
    """Return what templates know of where to go on."""
    resuming = None if place is None else True
    if isinstance(place, datetime):
        return {"last_id": None, "since": spelled(place), "resuming": resuming}
    return {"last_id": place, "since": None, "resuming": resuming}


def base_path(path: str | None, url: str, known: Mapping[str, Any]) -> str:
    """Return the path of a URL below which a profile's own paths lie; may be empty.

    A server may stand below a path of a proxy (``wss://host/gotify``). A URL that ends
    in the socket's own path already has in front of it what is left.

    Args:
        path: the socket's, of the profile; ``None`` where the URL's whole path is it.
        url: as configured.
        known: variables of the path. One that stands beside a fixed part of it may
            have another value in the URL.
    """
    asked = urlsplit(url).path.rstrip("/")
    if path is None or not asked:
        return ""
    own = re.search(f"{_pattern(path, known)}$", asked)
    return asked[: own.start()] if own else asked


def _pattern(path: str, known: Mapping[str, Any]) -> str:
    """Return the regular expression of a socket's path."""
    fixed = any(part and "{" not in part for part in path.split("/"))
    parts = re.split(r"(\{[^{}]+\})", path)
    values = (known.get(part.strip("{}").partition("|")[0]) for part in parts[1::2])
    said = [re.escape(_quoted(str(v))) if v and not fixed else "[^/]+" for v in values]
    texts = map(re.escape, parts[::2])
    return "".join(chain.from_iterable(zip_longest(texts, said, fillvalue="")))


def _addressed(profile: Profile, url: str, known: Mapping[str, Any]) -> str:
    """Return the URL with the profile's path, unless it ends in that already."""
    path = profile.socket.path
    base = base_path(path, url, known)
    head, mark, query = url.partition("?")
    scheme, _, rest = head.partition("://")
    host, _, below = rest.partition("/")
    if path is None or f"/{below}".rstrip("/") != base:
        return url
    quoted = {name: _quoted(str(value)) for name, value in known.items() if value}
    filled = fill(path, quoted)
    if filled is UNSET:
        message = f"the socket's path {path} needs a variable that is not set"
        raise ConfigurationError(message, 'as in NOTIFYWS_VARIABLES="channel=news"')
    return f"{scheme}://{host}{base}{filled}{mark}{query}"


def _check(token: str, place: str) -> None:
    """Refuse a token that cannot be written in a place, without showing it."""
    if place != "message" and not sendable(token):
        raise unsendable()
    if place == "subprotocol" and not re.fullmatch(SUBPROTOCOL, token):
        message = "the access token holds characters that no subprotocol may have"
        hint = "set NOTIFYWS_TOKEN_IN to header, query:NAME or message"
        raise ConfigurationError(message, hint)


def _placed(
    profile: Profile, url: str, known: Mapping[str, Any], token_in: str
) -> UpgradeRequest:
    token = known["access_token"] or ""
    query, headers = _additions(profile, known)
    protocols = {each: each for each in profile.socket.subprotocols}
    offered = tuple(filled_texts(protocols, known).values())
    plain = UpgradeRequest(_with(url, query), headers, offered)
    place, _, name = token_in.partition(":")
    match place:
        case "none":
            return plain
        case "header" if not name:
            value = fill(profile.socket.token, known)
            added = {} if value is UNSET else {profile.socket.header: str(value)}
            return replace(plain, headers={**headers, **added})
        case "query" if name:
            return replace(plain, url=_with(url, {name: token, **query}))
        case "cookie" if name:
            return replace(plain, headers=_with_cookie(headers, f"{name}={token}"))
        case "subprotocol" if re.fullmatch(SUBPROTOCOL, name):
            return replace(plain, subprotocols=(*offered, name, token))
        case "message" if not name:
            return replace(plain, frames=_first_frames(profile, known))
        case _:
            message = f"{token_in!r} is no place for a token"
            hint = "use header, query:NAME, cookie:NAME, subprotocol:NAME or message"
            raise ConfigurationError(message, hint)


def _additions(
    profile: Profile, known: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the query parameters and headers that the profile adds."""
    socket, resume = profile.socket, profile.resume
    query = filled_texts(socket.query, known)
    headers = filled_texts(socket.headers, known)
    if resume is not None and (place := _place(resume, known)) is not None:
        query |= {resume.query: place} if resume.query else {}
        headers |= {resume.header: place} if resume.header else {}
    cookies = filled_texts(socket.cookies, known)
    said = [(f"header {name}", value) for name, value in headers.items()]
    said += [(f"cookie {name}", value) for name, value in cookies.items()]
    for what, value in said:
        if not value.isprintable() or not value.isascii():
            hint = "correct what fills it: NOTIFYWS_VARIABLES, the username or a token"
            raise ConfigurationError(f"the {what} must be printable ASCII", hint)
    for name, value in cookies.items():
        headers = _with_cookie(headers, f"{name}={value}")
    return query, headers


def _place(resume: Resume, known: Mapping[str, Any]) -> str | None:
    """Return what the server is asked to go on after, ``None`` for nothing."""
    if known["last_id"] is not None:
        return str(known["last_id"])
    if known["since"] is None or resume.since_time is None:
        return None
    filled = fill(resume.since_time, known)
    return None if filled is UNSET else str(filled)


def _with_cookie(headers: Mapping[str, str], cookie: str) -> dict[str, str]:
    before = headers.get("Cookie")
    return {**headers, "Cookie": f"{before}; {cookie}" if before else cookie}


def _first_frames(profile: Profile, variables: Mapping[str, Any]) -> tuple[str, ...]:
    frame = fill(profile.socket.first_frame or {}, variables)
    return () if frame is UNSET or not frame else (strict_json(frame),)


def _with(url: str, query: Mapping[str, str]) -> str:
    if not query:
        return url
    added = "&".join(f"{_quoted(k)}={_quoted(v)}" for k, v in query.items())
    _, mark, before = url.partition("?")
    glue = "?" if not mark else "&" if before and not before.endswith("&") else ""
    return f"{url}{glue}{added}"


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")  # an id may hold a lone surrogate
