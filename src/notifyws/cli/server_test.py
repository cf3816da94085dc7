"""Tries a server as a whole: the login, and then the socket, opened once.

A login alone proves little: the socket's path, and most of a profile, come into play
only afterwards. Nothing is written down here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from notifyws.auth.authenticator import Authenticator
from notifyws.cli.login import ask, login_facts
from notifyws.cli.process import run
from notifyws.config.settings import Settings
from notifyws.errors import AuthenticationFailed, NetworkFailed, NotifyError
from notifyws.ui.streams import say, warner

__all__ = ["TRIES", "try_server"]

TRIES = 3
"""How often something is asked for before it is an error."""

CORRECT = "correct the server's URL, or name another --profile"
LATER = "notifyws status --check"
"""A hint that is of use once the server is saved."""


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
        facts, token = await login_facts(auth)
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
        refused = server_protocol.classifier.of(error) in (
            Verdict.RENEW,
            Verdict.RENEW_ONCE,
        )
        kind = AuthenticationFailed if refused else NetworkFailed
        message = f"the login works, but the socket does not open: {error.message}"
        return kind(message, _hint(error))
    await connection.close()
    return None


def _hint(error: NetworkFailed) -> str:
    return CORRECT if not error.hint or LATER in error.hint else error.hint
