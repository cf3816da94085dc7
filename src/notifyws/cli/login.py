"""What every way to log in shares: asking, logging in for real, remembering."""

from __future__ import annotations

import sys
from typing import Any

from notifyws.auth.authenticator import Authenticator
from notifyws.config.urls import shown_url
from notifyws.errors import ConfigurationError, UsageError
from notifyws.ui.streams import prompt, say

__all__ = [
    "ask",
    "can_ask",
    "log_in",
    "login_facts",
    "password_from_stdin",
    "remember_login",
    "say_logged_in",
    "where",
]


def can_ask() -> bool:
    """Tell whether there is a terminal to ask on."""
    return sys.stdin is not None and sys.stdin.isatty()


def password_from_stdin() -> str:
    """Return the first line of stdin.

    Raises:
        UsageError: there is none.
    """
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise UsageError("no password came on stdin", "echo it into the command")
    return password


def ask(what: str, whose: str) -> str:
    """Ask on the terminal; never wait for an answer where there is none.

    Raises:
        ConfigurationError: there is no terminal.
    """
    if not can_ask():
        option = "--username NAME" if what == "Username" else "--password-stdin"
        message = f"no {what.lower()} is given, and there is no terminal to ask on"
        hint = f"set WEBSOCKET_{what.upper()}, or use {option}"
        raise ConfigurationError(message, hint)
    hidden = what == "Password"
    return prompt(f"{what} for {whose}", hide_input=hidden)


async def log_in(auth: Authenticator) -> dict[str, Any]:
    """Log in, let go of everything, and return the facts that ``--json`` prints."""
    try:
        facts, _ = await login_facts(auth)
        return facts
    finally:
        await auth.aclose()


async def login_facts(auth: Authenticator) -> tuple[dict[str, Any], str]:
    """Log in, and return the facts that ``--json`` prints, and the access token."""
    token, pair = await auth.token_manager.login()
    refresh = pair.refresh
    facts = {
        "userId": auth.settings.user_id or token.user_id,
        **where(auth),
        "accessExpiresIn": int(pair.access.lifetime),
        "refreshExpiresIn": int(refresh.lifetime) if refresh else None,
        "cache": auth.cache.backend,
    }
    return facts, token.value


def where(auth: Authenticator) -> dict[str, Any]:
    """Return who and where, as ``--json`` says it."""
    return {
        "username": auth.settings.username or None,
        "server": shown_url(auth.settings.url or auth.url),
        "profile": auth.account.profile,
    }


def say_logged_in(auth: Authenticator, facts: dict[str, Any]) -> None:
    """Say it on stderr."""
    minutes = facts["accessExpiresIn"] // 60
    who = f"{facts['username']} (user {facts['userId'] or 'unknown'})"
    say(f"Logged in to {auth.origin} as {who}; the token lives {minutes} min")


def remember_login(auth: Authenticator) -> None:
    """Let later commands use this login where nothing else is said."""
    from notifyws.config.remembered_login import remember

    settings = auth.settings
    values = {
        "url": settings.url or settings.socket_url,
        "socket_url": settings.socket_url,
        "username": settings.username,
        "profile": settings.profile,
        "token_in": settings.token_in,
    }
    try:
        remember(values)
    except OSError as error:
        say(f"cannot remember this login: {error.strerror}", "warning")
