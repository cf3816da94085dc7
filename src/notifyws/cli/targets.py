"""To whom ``listen`` hands on: its options read, and refused where they are wrong."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from notifyws.config.validation import trimmed
from notifyws.delivery.targets import DeliveryTargets
from notifyws.errors import UsageError
from notifyws.ui.streams import say

HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"


def targets_of(
    command: str | None,
    url: str | None,
    headers: Sequence[str],
    secret_in: str | None,
    desktop: bool,
    apprise: Sequence[str] | None,
) -> DeliveryTargets:
    """Return to whom notifications are handed on.

    Raises:
        UsageError: something is missing, or is not what it should be.
    """
    if command is not None and not command.strip():
        raise UsageError("--exec names no command", "as in --exec 'notify-team'")
    if url == "":
        raise UsageError("--forward-to names no URL", "as in https://host/path")
    if not url and (headers or secret_in):
        what = "-H" if headers else "--sign-secret"
        raise UsageError(f"{what} goes with --forward-to", "add --forward-to URL")
    read = dict(map(_header, headers))
    return DeliveryTargets(
        command or "",
        url or "",
        read,
        _secret(secret_in),
        desktop,
        say,
        tuple(map(apprise_url, apprise or ())),
    )


def apprise_url(said: str, option: str = "--apprise") -> str:
    """Return a URL of Apprise's: what was said, or what a variable of that name holds.

    Raises:
        UsageError: it is neither.
    """
    if "://" in said:
        return said
    hint = "as in --apprise json://host/path; a variable keeps it out of ps"
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", said):  # it may hold a secret
        what = "a URL, or the name of a variable that holds one"
        raise UsageError(f"{option} takes {what}", hint)
    url = os.environ.get(said, "")
    if not url:
        message = f"{option}: the environment has no variable {said}"
        raise UsageError(message, f"{said}=... notifyws listen --apprise {said}")
    return trimmed(url, option, f"{said} in the environment")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    usable = value.isascii() and value.isprintable()
    if not (colon and re.fullmatch(HEADER_NAME, name.strip()) and usable):
        message = f"-H takes NAME:VALUE, not {name!r}"
        raise UsageError(message, "as in -H 'X-Key: 1'")
    return name.strip(), value.strip()


def _secret(variable: str | None) -> str:
    """Return the secret of an environment variable."""
    secret = os.environ.get(variable, "") if variable else ""
    if variable and not secret:
        message = f"--sign-secret: the environment has no variable {variable}"
        raise UsageError(message, f"{variable}=... notifyws listen --sign-secret ...")
    return trimmed(secret, "--sign-secret", f"{variable} in the environment")
