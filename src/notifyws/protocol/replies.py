"""Replies of the HTTP side: which tokens they hold, and for how long.

Servers state a lifetime in the reply, in the token (a JWT's ``exp``), or not at
all, and some state nonsense; a statement that makes no sense counts as none, and
so does a token that no header can carry.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jmespath

from notifyws.models import Token, TokenPair
from notifyws.protocol.masking import sendable
from notifyws.protocol.profile import Tokens

__all__ = ["Lifetimes", "NoToken", "claims", "read_tokens", "static_token"]

LONGEST = 400 * 86400.0
"""Seconds beyond which a stated lifetime is not believed."""


class NoToken(ValueError):
    """The reply holds no access token where the profile says it is."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
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
        decoded = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def read_tokens(
    where: Tokens, body: Any, lifetimes: Lifetimes, now: float
) -> TokenPair:
    """Return the tokens of a login's or refresh's reply.

    Args:
        where: the profile's expressions.
        body: the decoded JSON body.
        lifetimes: for what the server does not say.
        now: unix seconds; used only for a JWT with ``exp`` but without ``iat``.

    Raises:
        NoToken: there is no access token in it that can be used.
    """
    access = _text(where.access, body)
    if access is None:
        raise NoToken("the reply holds no access token")
    if not sendable(access):
        raise NoToken("the access token is not printable ASCII without blanks")
    refresh = _text(where.refresh, body)
    stated = _seconds(_search(where.expires_in, body))
    lives = stated or _lifetime_of_jwt(access, now) or lifetimes.access
    refresh_lives = _seconds(_search(where.refresh_expires_in, body))
    return TokenPair(
        _token(access, lives, lifetimes.access_margin),
        (
            refresh
            and sendable(refresh)
            and _token(
                refresh,
                refresh_lives or _lifetime_of_jwt(refresh, now) or lifetimes.refresh,
                lifetimes.refresh_margin,
            )
        )
        or None,
        _text(where.user_id, body) or subject(access),
    )


def static_token(value: str, lifetimes: Lifetimes, now: float) -> TokenPair:
    """Return a ready-made access token with what is left of its life, if it says."""
    left = _between(now, claims(value).get("exp"))
    lives = lifetimes.access if left is None else _seconds(left) or 0.0
    return TokenPair(Token(value, lives, 0.0), None, subject(value))


def subject(token: str) -> str | None:
    """Return the ``sub`` claim of an access token, ``None`` when it has none."""
    sub = claims(token).get("sub")
    usable = isinstance(sub, (str, int)) and not isinstance(sub, bool)
    return str(sub) if usable and sub != "" else None


def _token(value: str, lives: float, margin: float) -> Token:
    return Token(value, lives, lives * margin)


def _search(expression: str | None, body: Any) -> Any:
    if expression is None:
        return None
    try:
        return jmespath.search(expression, body)
    except (ValueError, TypeError, OverflowError):  # jmespath lets them out
        return None


def _text(expression: str | None, body: Any) -> str | None:
    found = _search(expression, body)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) and found else None


def _seconds(stated: Any) -> float | None:
    try:
        seconds = float(stated)
    except (TypeError, ValueError, OverflowError):
        return None
    if isinstance(stated, bool) or not seconds > 0:
        return None
    return min(seconds, LONGEST)


def _lifetime_of_jwt(token: str, now: float) -> float | None:
    said = claims(token)
    return _seconds(_between(said.get("iat", now), said.get("exp")))


def _between(start: Any, end: Any) -> float | None:
    try:
        return float(end) - float(start)
    except (TypeError, ValueError, OverflowError):
        return None
