"""Replies of the HTTP side: which tokens they hold, and for how long.

Servers state a lifetime in the reply, in the token (a JWT's ``exp``), or not at
all, and some state nonsense; a statement that makes no sense counts as none, and
so does a token that no header can carry.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from msgspec import Struct, field

from notifyws.errors import ConfigurationError
from notifyws.models import Masked, Token, TokenPair, as_number
from notifyws.protocol.expressions import finder
from notifyws.protocol.frames import decode
from notifyws.protocol.masking import sendable
from notifyws.protocol.profile import Tokens
from notifyws.protocol.since import MILLISECONDS, moment_of

LONGEST = 400 * 86400.0
"""Seconds beyond which a stated lifetime is not believed."""
UNITS = {"s": 1, "ms": 1000}


class NoToken(ValueError):
    """The reply holds no access token where the profile says it is."""


class Lifetimes(Struct, frozen=True):
    """Seconds a token lives when the server does not say, and shares kept as margin."""

    access: float = 900.0
    refresh: float = 604800.0
    access_margin: float = 0.2
    refresh_margin: float = 1 / 14


def claims(token: str) -> Mapping[str, Any]:
    """Return a JWT's claims, unverified; empty when it is no JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        written = base64.b64decode(padded, altchars=b"-_", validate=True)
        decoded = decode(written.decode())
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


class Answer(Masked, frozen=True):
    """What an HTTP answer holds: decoded JSON, headers (lower case), cookies, text.

    A page for people (``is_page``) has neither JSON nor text.
    """

    masked: ClassVar = ("body", "headers", "cookies", "text")

    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    text: str = ""
    is_page: bool = False


def captured(places: Mapping[str, str], answer: Answer) -> dict[str, Any]:
    """Return the variables that a step takes from its answer."""
    return {name: _find(place, answer) for name, place in places.items()}


def read_tokens(
    where: Tokens, answers: Sequence[Answer], lifetimes: Lifetimes, now: float
) -> TokenPair:
    """Return the tokens of a login's or refresh's answers.

    Args:
        answers: of every step; the last that holds an access token counts.
        lifetimes: for what neither the server nor the profile says.
        now: unix seconds.

    Raises:
        NoToken: there is no access token in them that can be used.
    """
    holding = [each for each in answers if _text(where.access, each) is not None]
    if not holding:
        place, _, name = where.access.partition(":")
        named = place in ("header", "cookie") and name
        missing = f": it has no {place} {name}" if named else ""
        raise NoToken(f"the reply holds no access token{missing}")
    answer = holding[-1]
    access = _bare(_text(where.access, answer) or "")
    if not sendable(access):
        raise NoToken("the access token is not printable ASCII without blanks")
    refresh = _text(where.refresh, answer)
    user_ids = [_text(where.user_id, each) for each in reversed(answers)]
    tokens = access, _text(where.id_token, answer) or ""
    user_ids += [subject(each, where.user_claim) for each in tokens]
    return TokenPair(
        _access_token(where, access, answer, lifetimes, now),
        _refresh_token(where, refresh, answer, lifetimes, now),
        next(filter(None, user_ids), None),
    )


def _access_token(
    where: Tokens, token: str, answer: Answer, lifetimes: Lifetimes, now: float
) -> Token:
    ends = _moment(_find(where.expires_at, answer))
    lives = (
        _stated(where, where.expires_in, answer)
        or (_lifetime(ends - now) if ends is not None else None)
        or _lifetime_of_jwt(token, now)
        or where.lifetime
        or lifetimes.access
    )
    return Token(token, lives, lives * lifetimes.access_margin)


def _refresh_token(
    where: Tokens, token: str | None, answer: Answer, lifetimes: Lifetimes, now: float
) -> Token | None:
    if not token or not sendable(token):
        return None
    lives = (
        _stated(where, where.refresh_expires_in, answer)
        or _lifetime_of_jwt(token, now)
        or where.refresh_lifetime
        or lifetimes.refresh
    )
    return Token(token, lives, lives * lifetimes.refresh_margin)


def _stated(where: Tokens, place: str | None, answer: Answer) -> float | None:
    found = as_number(_find(place, answer))
    return None if found is None else _lifetime(found / UNITS[where.unit])


def _moment(stated: Any) -> float | None:
    """Return unix seconds of unix seconds, unix milliseconds or ISO 8601 text."""
    seconds = as_number(stated)
    if seconds is None:
        moment = moment_of(stated)
        return None if moment is None else moment.timestamp()
    return seconds / 1000 if seconds > MILLISECONDS else seconds


def _bare(token: str) -> str:
    """Return a token without the ``Bearer`` that a header has in front of it."""
    return token[7:].strip() if token[:7].lower() == "bearer " else token


def unsendable() -> ConfigurationError:
    """Return the error for a token that cannot be shown to a server."""
    message = "the access token is not printable ASCII without blanks"
    hint = "look for a stray blank or line end in NOTIFYWS_TOKEN"
    return ConfigurationError(message, hint)


def static_token(
    value: str, lifetimes: Lifetimes, now: float, claim: str = "sub"
) -> TokenPair:
    """Return a ready-made access token with what is left of its life, if it says.

    Raises:
        ConfigurationError: no server can be shown it, and no terminal.
    """
    if not value.isprintable():
        raise unsendable()
    ends = _end(value)
    lives = lifetimes.access if ends is None else _lifetime(ends - now) or 0.0
    return TokenPair(Token(value, lives, 0.0), None, subject(value, claim))


def says_its_end(token: str) -> bool:
    """Return whether a token itself says until when it is good."""
    return _end(token) is not None


def _end(token: str) -> float | None:
    return as_number(claims(token).get("exp"))


def subject(token: str, claim: str = "sub") -> str | None:
    """Return a claim of an access token as text, ``None`` when it has none."""
    sub = claims(token).get(claim)
    usable = isinstance(sub, (str, int)) and not isinstance(sub, bool)
    return str(sub) if usable and sub != "" else None


def _find(place: str | None, answer: Answer) -> Any:
    if place is None:
        return None
    return finder(place)(answer.body, answer.headers, answer.cookies)


def _text(place: str | None, answer: Answer) -> str | None:
    found = _find(place, answer)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) and found else None


def _lifetime(seconds: float | None) -> float | None:
    """Return a lifetime that makes sense; one that is no number does not."""
    return min(seconds, LONGEST) if seconds is not None and seconds > 0 else None


def _lifetime_of_jwt(token: str, now: float) -> float | None:
    said = claims(token)
    start, end = as_number(said.get("iat", now)), as_number(said.get("exp"))
    return None if start is None or end is None else _lifetime(end - start)
