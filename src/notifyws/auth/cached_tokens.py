"""What a token cache holds of an account: texts in the cache, values here; pure.

The text has a version and keeps the token's margin, so that whoever reads it knows
the token's own remaining life without asking a clock. What ``codec`` cannot read counts
as nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from notifyws.auth.cache import Entry
from notifyws.auth.cache.keys import VERSION, decoded
from notifyws.models import Masked, Token, TokenSource

__all__ = ["ACCESS", "AccessToken", "CachedTokens", "pack", "read_cached_tokens"]

ACCESS = ("access", "refresh", "generation")
"""Names that are read together."""


class AccessToken(Masked, frozen=True):
    """A usable access token.

    Args:
        value: the token.
        source: whether it was cached, refreshed, logged in for, or ready-made.
        remaining: seconds of the token's own life that are left.
        user_id: whose it is; ``None`` when the server did not say.
    """

    masked: ClassVar = ("value",)

    value: str
    source: TokenSource
    remaining: float
    user_id: str | None = None


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
    return json.dumps(
        {
            "v": VERSION,
            "token": token.value,
            "margin": token.margin,
            "userId": user_id,
        }
    )


def read_cached_tokens(entries: Mapping[str, Entry]) -> CachedTokens:
    """Return what entries of a cache mean; rubbish counts as nothing."""
    access, refresh = entries.get("access"), entries.get("refresh")
    a = decoded("access", access.text) if access else None
    r = decoded("refresh", refresh.text) if refresh else None
    generation = entries.get("generation")
    return CachedTokens(
        access=(access and a and _obtained(a, access.remaining)) or None,
        access_text=access.text if access else None,
        refresh=r["token"] if r else None,
        refresh_text=refresh.text if refresh else None,
        refresh_remaining=(
            refresh.remaining + float(r["margin"]) if refresh and r else None
        ),
        user_id=(a or r or {}).get("userId"),
        generation=generation.text if generation else None,
    )


def _obtained(packed: Mapping[str, Any], remaining: float) -> AccessToken:
    life_left = remaining + float(packed["margin"])
    return AccessToken(packed["token"], "cache", life_left, packed.get("userId"))
