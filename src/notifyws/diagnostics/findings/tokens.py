"""What is wrong with tokens that work: their lives, their renewal, their user; pure."""

from __future__ import annotations

from msgspec import Struct

from notifyws.diagnostics.findings import Finding, span

__all__ = ["Life", "of_access", "of_refresh", "of_renewal", "of_user"]

BRIEF = 30.0
"""Seconds; a token that is cached for less is fetched all the time."""


class Life(Struct, frozen=True):
    """How long tokens live.

    Args:
        seconds: as the server says, or where it does not, as the settings do.
        margin: share of it at whose end a token is not used any more.
        configured: seconds that the user set; ``None`` where nobody did.
    """

    seconds: float
    margin: float
    configured: float | None = None

    @property
    def kept(self) -> float:
        """Seconds for which a token is cached."""
        return round(self.seconds * (1 - self.margin), 3)


def of_user(taken_for: str | None, configured: str) -> Finding | None:
    """Judge whom the server takes us for, against who we said we are."""
    if taken_for is None or configured in ("", taken_for):
        return None
    said = f"the server takes us for user {taken_for}, not {configured}"
    return Finding("user", said, "correct NOTIFYWS_USER_ID, or: notifyws auth login")


def of_access(life: Life) -> Finding | None:
    """Judge how long access tokens live and are cached."""
    said = f"access tokens live {span(life.seconds)} and are cached for {_kept(life)}"
    if life.kept < BRIEF <= life.seconds / 2:
        return Finding(
            "lifetimes",
            f"{said}: the margin leaves hardly anything",
            f"lower NOTIFYWS_ACCESS_MARGIN: it is {life.margin:g}, by default 0.2",
        )
    if life.kept < BRIEF:
        what = f"{said}, so that nearly every command fetches a new one"
        return Finding("lifetimes", what, "have the server give tokens of some minutes")
    return _of_configured(life, "access", "NOTIFYWS_ACCESS_TTL")


def of_refresh(life: Life, access: Life | None) -> Finding | None:
    """Judge how long refresh tokens are cached, against access tokens."""
    if access is not None and life.kept <= access.seconds:
        said = f"refresh tokens are cached for {_kept(life)}, no longer than access "
        said += f"tokens live ({span(access.seconds)}): each renewal is a login"
        hint = f"lower NOTIFYWS_REFRESH_MARGIN: it is {life.margin:.2g}"
        if life.seconds <= access.seconds:
            hint = "have the server give refresh tokens that live longer"
        return Finding("lifetimes", said, hint)
    return _of_configured(life, "refresh", "NOTIFYWS_REFRESH_TTL")


def _kept(life: Life) -> str:
    return span(life.kept) if life.kept >= 1 else "less than 1 s"


def _of_configured(life: Life, kind: str, variable: str) -> Finding | None:
    """Judge a lifetime that somebody configured and the server does not go by."""
    if not life.configured or 0.5 <= life.seconds / life.configured <= 2:
        return None
    said = f"{kind} tokens live {span(life.seconds)} by the server's own word, "
    said += f"not {span(life.configured)} as configured"
    hint = f"unset {variable}, which is only for servers that do not say"
    return Finding("lifetimes", said, hint)


def of_renewal(left: float, can_renew: bool) -> Finding | None:
    """Judge whether the cached access token can be followed by another one.

    Args:
        left: seconds that it is still good for.
        can_renew: whether there is a refresh token, or a password to log in with.
    """
    if can_renew:
        return None
    said = f"the access token ends in {span(left)} and nothing can renew it: "
    said += "no refresh token is cached, and no password is configured"
    hint = "set WEBSOCKET_PASSWORD, or when it has ended: notifyws auth login"
    return Finding("lifetimes", said, hint)
