"""What a token cache holds of an account: texts in the cache, values here; pure.

When a cached token counts as expired: after its lifetime less its margin
(``Token.fresh_for``), reckoned from when the server gave it. The cache forgets it at
that moment, so what is found there is fresh, and no clock of a host is asked. The
lifetime is the server's word, or ``access_ttl`` and ``refresh_ttl``; the margin is a
share of it, ``access_margin`` (a fifth) and ``refresh_margin`` (a fourteenth). The
margin is kept with the token, so that whoever reads it knows how long it would really
live. What ``keys`` cannot read counts as nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

from notifyws.auth.cache import Entry, text_in
from notifyws.auth.cache.keys import VERSION, decoded
from notifyws.errors import AuthenticationFailed
from notifyws.models import Masked, Token, TokenSource

ACCESS = ("access", "refresh", "generation")
"""Names that are read together."""


NOT_ACCEPTED: Mapping[TokenSource, tuple[str, str]] = {
    "static": (
        "the ready-made token",
        "set another NOTIFYWS_TOKEN, or unset it and run: notifyws auth login",
    ),
    "login": (
        "a fresh token",
        "see whether this user may listen there: notifyws auth whoami",
    ),
    "refresh": ("a refreshed token", "notifyws auth login"),
    "cache": ("the cached token", "notifyws token --refresh"),
}
"""What a token is called that is not accepted, and what to try, by where it is from."""


NO_TOKEN = "the server wants a token, and there is none"
LET_IN = (
    "correct the username and password, or set NOTIFYWS_TOKEN, "
    "as the profile's page says"
)
"""What is said, and what helps, where no token was shown."""


class AccessToken(Masked, frozen=True):
    """A usable access token.

    Args:
        source: whether it was cached, refreshed, logged in for, or ready-made.
        remaining: seconds of the token's own life that are left.
        user_id: whose it is; ``None`` when the server did not say.
    """

    masked: ClassVar = ("value",)

    value: str
    source: TokenSource
    remaining: float
    user_id: str | None = None

    @property
    def life_is_known(self) -> bool:
        """Whether anybody said how long it lives: only a ready-made one itself can."""
        if self.source != "static":
            return True
        from notifyws.protocol.token_replies import says_its_end  # few ask

        return says_its_end(self.value)

    def not_accepted(self, why: str = "") -> AuthenticationFailed:
        """Return our error for a server that does not accept this token.

        Args:
            why: how the server says so; empty where it does not.
        """
        what, hint = NOT_ACCEPTED[self.source]
        said = f": {why}" if why else ""
        if not self.value:
            return AuthenticationFailed(f"{NO_TOKEN}{said}", LET_IN)
        return AuthenticationFailed(f"the server does not accept {what}{said}", hint)


class CachedTokens(Masked, frozen=True):
    """What the cache holds of an account at one moment; ``None`` for "not there"."""

    masked: ClassVar = ("access_text", "refresh", "refresh_text")

    access: AccessToken | None = None
    access_text: str | None = None
    refresh: str | None = None
    refresh_text: str | None = None
    refresh_remaining: float | None = None
    user_id: str | None = None
    generation: str | None = None

    def other_than(self, seen: str | None) -> AccessToken | None:
        """Return the access token unless it is the one that was seen."""
        fresh = self.access is not None and self.access.value != seen
        return self.access if fresh else None


def pack(token: Token, user_id: str | None) -> str:
    """Return the text that a cache keeps of a token."""
    said = {"token": token.value, "margin": token.margin, "userId": user_id}
    return json.dumps({"v": VERSION, **said})


def read_cached_tokens(entries: Mapping[str, Entry]) -> CachedTokens:
    """Return what entries of a cache mean; rubbish counts as nothing."""
    texts = {name: text_in(entries, name) for name in ACCESS}
    told = {name: decoded(name, *entry) for name, entry in entries.items()}
    a, r = told.get("access"), told.get("refresh")
    lives = {
        name: entries[name].remaining + float(token["margin"])
        for name, token in (("access", a), ("refresh", r))
        if token
    }
    return CachedTokens(
        access=a and AccessToken(a["token"], "cache", lives["access"], a.get("userId")),
        access_text=texts["access"],
        refresh=r and r["token"],
        refresh_text=texts["refresh"],
        refresh_remaining=lives.get("refresh"),
        user_id=(a or r or {}).get("userId"),
        generation=texts["generation"],
    )
