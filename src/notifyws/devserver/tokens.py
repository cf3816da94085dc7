"""Who may come in: signed access tokens, rotated refresh tokens, sessions.

The time is a parameter, in seconds since 1970. A session is one login. An access
token is good while its signature, its expiry and its session are, and its generation
is the session's; so revoking is counting on, and a session that was written down is
still good after a restart.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING, Any

import jwt

from notifyws.devserver.state import Session, State

if TYPE_CHECKING:
    from jwt.types import Options

    from notifyws.devserver.server import ServerOptions

Grant = dict[str, Any]
"""What a login or a refresh gives to a client."""

UNCHECKED: Options = {"verify_exp": False, "verify_iat": False}
"""What PyJWT would compare with a clock of its own, and in whole seconds."""


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _seconds(value: float) -> float:
    """Return a whole number as an ``int``: strict clients expect no fraction."""
    return int(value) if value == int(value) else round(value, 3)


class Sessions:
    """Every live session of the server."""

    def __init__(self, state: State, options: ServerOptions) -> None:
        self._state = state
        self._options = options
        self._secret = bytes.fromhex(state.secret)
        self._by_refresh = {one.refresh: one.id for one in self._all()}
        for session in self._all():
            if session.user not in options.users:
                self._drop(session)

    def open(self, user: str, now: float) -> Grant:
        """Start a session for a user whose password was right."""
        for session in self._all():
            if session.ends <= now:
                self._drop(session)
        return self._grant(secrets.token_hex(8), user, 0, now)

    def renew(self, refresh: str, now: float) -> Grant | None:
        """Spend a refresh token; ``None`` when spent, unknown or expired."""
        session = self._find(refresh)
        if session is None or session.refresh_ends <= now:
            return None
        del self._by_refresh[session.refresh]
        return self._grant(session.id, session.user, session.generation, now)

    def close(self, refresh: str) -> bool:
        """End the session of a refresh token; tell whether there was one."""
        session = self._find(refresh)
        if session is not None:
            self._drop(session)
        return session is not None

    def revoke(self, user: str) -> int:
        """Refuse all access tokens ``user`` has; return of how many sessions."""
        mine = [one for one in self._all() if one.user == user]
        for session in mine:
            self._state.keep(session._replace(generation=session.generation + 1))
        return len(mine)

    def whose(self, access: str, now: float) -> str | None:
        """Return the user of an access token that is good now."""
        try:
            claims = jwt.decode(access, self._secret, ["HS256"], UNCHECKED)
        except (jwt.PyJWTError, ValueError, RecursionError):
            return None
        ident, generation, _ = claims["jti"].split(".")
        session = self._state.sessions.get(ident)
        if session is None or session.generation != int(generation):
            return None
        return session.user if now < claims["exp"] else None

    def _all(self) -> list[Session]:
        return list(self._state.sessions.values())

    def _find(self, refresh: str) -> Session | None:
        return self._state.sessions.get(self._by_refresh.get(_digest(refresh), ""))

    def _drop(self, session: Session) -> None:
        del self._by_refresh[session.refresh]
        self._state.drop(session)

    def _grant(self, ident: str, user: str, generation: int, now: float) -> Grant:
        access_ttl, refresh_ttl = self._options.access_ttl, self._options.refresh_ttl
        refresh, subject = secrets.token_urlsafe(32), self._options.user_id(user)
        digest = _digest(refresh)
        issued = _seconds(now if access_ttl % 1 else int(now))
        claims = {
            "sub": subject,
            "iat": issued,
            "exp": _seconds(issued + access_ttl),
            "jti": f"{ident}.{generation}.{secrets.token_hex(4)}",
        }
        ends = (now + refresh_ttl, now + max(access_ttl, refresh_ttl))
        self._by_refresh[digest] = ident
        self._state.keep(Session(ident, user, digest, *ends, generation))
        return {
            "accessToken": jwt.encode(claims, self._secret, "HS256"),
            "refreshToken": refresh,
            "expiresIn": _seconds(access_ttl),
            "refreshExpiresIn": _seconds(refresh_ttl),
            "userId": subject,
        }
