"""What every way to log in shares: asking, logging in for real, remembering.

A login alone proves little: the socket's path, and most of a profile, come into play
only afterwards. So a server is tried as a whole, by opening the socket once as well.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from notifyws.auth.authenticator import Authenticator
from notifyws.cli.process import run
from notifyws.config.settings import Settings
from notifyws.config.urls import shown_url
from notifyws.errors import (
    AuthenticationFailed,
    ConfigurationError,
    NetworkFailed,
    NotifyError,
    UsageError,
)
from notifyws.ui.streams import prompt, say, warner

TRIES = 3
"""How often something is asked for before it is an error."""

CORRECT = "correct the server's URL, or name another --profile"
LATER = "notifyws status --check"
"""A hint that is of use once the server is saved."""


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
        facts, _ = await _login_facts(auth)
        return facts
    finally:
        await auth.aclose()


async def _login_facts(auth: Authenticator) -> tuple[dict[str, Any], str]:
    """Log in; return what ``--json`` prints, and the access token."""
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
    from notifyws.config.saved_login import remember

    settings = auth.settings
    try:
        remember({**settings.login, "url": settings.url or settings.socket_url})
    except OSError as error:
        say(f"cannot remember this login: {error.strerror}", "warning")


def try_server(
    settings: Settings,
) -> tuple[Settings, dict[str, Any], NotifyError | None]:
    """Log in and open the socket; a password that was typed wrong is asked for again.

    Returns:
        The settings with the password that was typed, the facts of the login, and why
        the server cannot be used: ``None`` when all is well.

    Raises:
        AuthenticationFailed: the server does not take the password.
        ConfigurationError: something is missing, and there is nobody to ask.
    """
    host = urlsplit(settings.url).netloc
    typed = not settings.password
    for left in reversed(range(TRIES)):
        if typed:
            answer = ask("Password", f"{settings.username} at {host}")
            settings = replace(settings, password=answer)
        try:
            return settings, *run(_tried(Authenticator(settings, warner(quiet=True))))
        except AuthenticationFailed as error:
            if not (typed and left):
                raise
            say(error.message)
    raise AssertionError


async def _tried(auth: Authenticator) -> tuple[dict[str, Any], NotifyError | None]:
    try:
        facts, token = await _login_facts(auth)
        return facts, await _wrong_with_socket(auth, token)
    except NetworkFailed as error:
        return {}, NetworkFailed(f"cannot log in: {error.message}", _hint(error))
    finally:
        await auth.aclose()


async def _wrong_with_socket(auth: Authenticator, token: str) -> NotifyError | None:
    """Open the socket, handshake and all; return why that cannot be done."""
    from notifyws.connection.build import build_server_protocol, open_connection
    from notifyws.protocol.failures import Verdict

    server_protocol = build_server_protocol(auth)
    try:
        if server_protocol.verify is not None:
            await server_protocol.verify(token)
        connection = await open_connection(auth, token)
    except NetworkFailed as error:
        verdict = server_protocol.classifier.of(error)
        refused = verdict in (Verdict.RENEW, Verdict.RENEW_ONCE)
        kind = AuthenticationFailed if refused else NetworkFailed
        message = f"the login works, but the socket does not open: {error.message}"
        return kind(message, _hint(error))
    await connection.close()
    return None


def _hint(error: NetworkFailed) -> str:
    return CORRECT if not error.hint or LATER in error.hint else error.hint
