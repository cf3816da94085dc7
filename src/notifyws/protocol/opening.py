"""How the socket is opened: URL, headers, subprotocols and the first frames.

The URL stays exactly as configured but for what the profile adds to its query.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from notifyws.errors import ConfigurationError
from notifyws.models import strict_json
from notifyws.protocol.masking import sendable, spellings
from notifyws.protocol.profile import Profile
from notifyws.protocol.template import UNSET, fill

__all__ = ["Opening", "opening"]

_SUBPROTOCOL = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
"""A token as HTTP has it (RFC 9110, 5.6.2); RFC 6455, 4.1 asks for one."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Everything that is said before a server knows who we are.

    Args:
        url: where to connect; may hold the token.
        headers: of the upgrade request; may hold the token.
        subprotocols: to offer, in order; may hold the token.
        frames: texts to send once it is open; may hold the token.
        secrets: what must be masked in whatever the peer or the library says.
    """

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)
    subprotocols: tuple[str, ...] = field(repr=False, default=())
    frames: tuple[str, ...] = field(repr=False, default=())
    secrets: tuple[str, ...] = field(repr=False, default=(), compare=False)


def opening(
    profile: Profile,
    url: str,
    token: str,
    *,
    token_in: str = "",
    last_id: str | int | None = None,
) -> Opening:
    """Return how to open a socket.

    Args:
        profile: says where the token goes.
        url: the socket's URL, as configured.
        token: the access token.
        token_in: overrides the profile's place for it.
        last_id: resume after this notification, where the profile can.

    Raises:
        ConfigurationError: ``token_in`` names no known place, or the token cannot
            be written there.
    """
    variables = {"access_token": token, "last_id": last_id}
    query: dict[str, str] = {}
    if profile.resume is not None and last_id is not None:
        query[profile.resume.query] = str(last_id)
    place = token_in or profile.socket.token_in
    _check(token, place.partition(":")[0])
    placed = _placed(profile, url, query, variables, place)
    return replace(placed, secrets=spellings(token))


def _check(token: str, place: str) -> None:
    """Refuse a token that cannot be written in a place, without showing it."""
    if place != "message" and not sendable(token):
        message = "the access token is not printable ASCII without blanks"
        hint = "look for a stray blank or line end in NOTIFYWS_TOKEN"
        raise ConfigurationError(message, hint)
    if place == "subprotocol" and not _SUBPROTOCOL.fullmatch(token):
        message = "the access token holds characters that no subprotocol may have"
        hint = "set NOTIFYWS_TOKEN_IN to header, query:NAME or message"
        raise ConfigurationError(message, hint)


def _placed(
    profile: Profile,
    url: str,
    query: Mapping[str, str],
    variables: Mapping[str, Any],
    token_in: str,
) -> Opening:
    token = variables["access_token"]
    place, _, name = token_in.partition(":")
    match place:
        case "header" if not name:
            value = fill(profile.socket.token, variables)
            return Opening(_with(url, query), {profile.socket.header: str(value)})
        case "query" if name:
            return Opening(_with(url, {name: token, **query}))
        case "subprotocol" if _SUBPROTOCOL.fullmatch(name):
            return Opening(_with(url, query), subprotocols=(name, token))
        case "message" if not name:
            frames = _first_frames(profile, variables)
            return Opening(_with(url, query), frames=frames)
        case _:
            message = f"{token_in!r} is no place for a token"
            hint = "use header, query:NAME, subprotocol:NAME or message"
            raise ConfigurationError(message, hint)


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
