"""Who may come in: signed access tokens, rotated refresh tokens, sessions.

Pure: the time is a parameter, in seconds since 1970. A session is one login. An
access token is good while its signature, its expiry and its session are, and its
serial is not below the session's ``floor``; so revoking is raising a number, and a
session that was written down is still good after a restart.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from notifyws.models import strict_json

__all__ = ["Grant", "Session", "Sessions", "read_jwt", "sign_jwt"]

HEADER = {"alg": "HS256", "typ": "JWT"}


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _signature(body: str, secret: bytes) -> bytes:
    return hmac.new(secret, body.encode("ascii"), hashlib.sha256).digest()


def sign_jwt(claims: dict[str, Any], secret: bytes) -> str:
    """Return ``claims`` as a JWT signed with HS256."""
    parts = (strict_json(part).encode("ascii") for part in (HEADER, claims))
    body = ".".join(_encode(part) for part in parts)
    return f"{body}.{_encode(_signature(body, secret))}"


def read_jwt(token: str, secret: bytes) -> dict[str, Any] | None:
    """Return the claims of a token that was signed here, ``None`` for any other."""
    body, _, signature = token.rpartition(".")
    try:
        if not hmac.compare_digest(_decode(signature), _signature(body, secret)):
            return None
        claims = json.loads(_decode(body.partition(".")[2]))
    except ValueError:  # base64's errors and JSON's are such
        return None
    return claims if isinstance(claims, dict) else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _seconds(value: float) -> float:
    """Return a whole number as an ``int``: strict clients expect no fraction."""
    return int(value) if value == int(value) else round(value, 3)


@dataclass(frozen=True, slots=True)
class Session:
    """One login and the only refresh token that continues it.

    Args:
        id: what the access tokens of this session name in their ``jti``.
        user: the name that logged in.
        refresh: SHA-256 of the refresh token; the token itself is kept nowhere.
        refresh_ends: when that token is over.
        ends: when all of its tokens are over.
        floor: the lowest serial of an access token that is still accepted.
    """

    id: str
    user: str
    refresh: str
    refresh_ends: float
    ends: float
    floor: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What a login or a refresh gives to a client."""

    user: str
    access: str
    refresh: str


class Sessions:
    """Every live session of the server.

    Args:
        secret: signs the access tokens.
        access_ttl, refresh_ttl: lifetimes in seconds.
        subject: name -> the identity that the ``sub`` claim gives.
        changed: told of each session that is new, different or (``None``) over.
    """

    def __init__(
        self,
        secret: bytes,
        access_ttl: float,
        refresh_ttl: float,
        subject: Callable[[str], str],
        changed: Callable[[str, Session | None], None],
    ) -> None:
        self._secret = secret
        self._access_ttl = access_ttl
        self._refresh_ttl = refresh_ttl
        self._subject = subject
        self._changed = changed
        self._sessions: dict[str, Session] = {}
        self._by_refresh: dict[str, str] = {}
        self._serial = 0

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions.values())

    def restore(self, session: Session) -> None:
        """Take up a session that an earlier process wrote down."""
        self._sessions[session.id] = session
        self._by_refresh[session.refresh] = session.id

    def open(self, user: str, now: float) -> Grant:
        """Start a session for a user whose password was right."""
        self._sweep(now)
        return self._grant(secrets.token_hex(8), user, 0, now)

    def renew(self, refresh: str, now: float) -> Grant | None:
        """Spend a refresh token; ``None`` when spent, unknown or expired."""
        session = self._find(refresh)
        if session is None or session.refresh_ends <= now:
            return None
        del self._by_refresh[session.refresh]
        return self._grant(session.id, session.user, session.floor, now)

    def close(self, refresh: str) -> str | None:
        """End the session of a refresh token; return its user, if there was one."""
        session = self._find(refresh)
        if session is None:
            return None
        self._drop(session)
        return session.user

    def revoke(self, user: str, now: float) -> int:
        """Refuse all access tokens ``user`` has; return of how many sessions."""
        mine = [one for one in self._sessions.values() if one.user == user]
        for session in mine:
            self._keep(replace(session, floor=self._next_serial(now)))
        return len(mine)

    def whose(self, access: str, now: float) -> str | None:
        """Return the user of an access token that is good now."""
        claims = read_jwt(access, self._secret)
        if claims is None or claims["exp"] <= now:
            return None
        ident, _, serial = claims["jti"].partition(".")
        session = self._sessions.get(ident)
        if session is None or int(serial) < session.floor:
            return None
        return session.user

    def _find(self, refresh: str) -> Session | None:
        ident = self._by_refresh.get(_digest(refresh))
        return None if ident is None else self._sessions[ident]

    def _grant(self, ident: str, user: str, floor: int, now: float) -> Grant:
        refresh = secrets.token_urlsafe(32)
        refresh_ends = now + self._refresh_ttl
        ends = max(refresh_ends, now + self._access_ttl)
        self._keep(Session(ident, user, _digest(refresh), refresh_ends, ends, floor))
        return Grant(user, self._access_token(ident, user, now), refresh)

    def _access_token(self, ident: str, user: str, now: float) -> str:
        issued = _seconds(now if self._access_ttl % 1 else int(now))
        claims = {
            "sub": self._subject(user),
            "iat": issued,
            "exp": _seconds(issued + self._access_ttl),
            "jti": f"{ident}.{self._next_serial(now)}",
        }
        return sign_jwt(claims, self._secret)

    def _next_serial(self, now: float) -> int:
        """Serials follow the clock, so they go on rising after a restart."""
        self._serial = max(self._serial + 1, int(now * 1_000_000))
        return self._serial

    def _keep(self, session: Session) -> None:
        self.restore(session)
        self._changed(session.id, session)

    def _drop(self, session: Session) -> None:
        del self._sessions[session.id]
        self._by_refresh.pop(session.refresh, None)
        self._changed(session.id, None)

    def _sweep(self, now: float) -> None:
        for session in [one for one in self._sessions.values() if one.ends <= now]:
            self._drop(session)
