"""A login that somebody approves in a browser: shows the code, and waits.

What is shown goes to stderr: it is talk, also where the facts of the login are JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from notifyws.clock import span
from notifyws.ui.streams import say, warner

if TYPE_CHECKING:
    from notifyws.auth.authenticator import Authenticator
    from notifyws.auth.cached_tokens import AccessToken
    from notifyws.auth.device_login import DeviceCode
    from notifyws.config.settings import Settings
    from notifyws.models import TokenPair

LASTS = "The login lasts for as long as the server renews it; then: notifyws auth login"


def by_device(settings: Settings) -> bool:
    """Tell whether a login with these settings needs somebody at a browser."""
    from notifyws.auth.authenticator import Authenticator

    return Authenticator(settings, warner(quiet=True)).by_device


async def logged_in(auth: Authenticator) -> tuple[AccessToken, TokenPair]:
    """Log in as the profile wants it: with a password, or by a code that is shown.

    Raises:
        AuthenticationFailed: the server does not let us in.
        NetworkFailed: no answer, or none that makes sense.
    """
    if not auth.by_device:
        return await auth.token_manager.login()
    from notifyws.auth.device_login import log_in_by_device

    return await log_in_by_device(auth, show_code)


def show_code(code: DeviceCode) -> None:
    """Say where to enter which code; on a terminal, draw it for a telephone too."""
    from notifyws.ui.qr_code import draw_qr

    say(f"Open {code.url} in any browser, and enter the code: {code.user_code}")
    if draw_qr(code.complete_url or code.url):
        say("(or read this with a telephone; the code there must be the same)")
    say(f"Waiting for it to be approved, for {span(code.lifetime)} at most ...")
