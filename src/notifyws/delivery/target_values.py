"""What is said of a target, by an option or by a key of a route: read, or refused.

What holds a secret may be the name of an environment variable: what is typed can be
seen by everybody on the machine.
"""

from __future__ import annotations

import os
import re

from notifyws.config.validation import trimmed
from notifyws.errors import UsageError

HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"


def is_header(name: str, value: str) -> bool:
    """Return whether a request can carry a header."""
    usable = value.isascii() and value.isprintable()
    return usable and re.fullmatch(HEADER_NAME, name) is not None


def secret_of(variable: str, option: str) -> str:
    """Return the secret that an environment variable holds.

    Args:
        variable: its name.
        option: where it was said.

    Raises:
        UsageError: there is none.
        ConfigurationError: it begins or ends with what cannot be seen.
    """
    secret = os.environ.get(variable, "")
    if not secret:
        message = f"{option}: the environment has no variable {variable}"
        given = f" {option} {variable}" if option.startswith("--") else " --routes"
        raise UsageError(message, f"{variable}=... notifyws listen{given}")
    return trimmed(secret, option, f"{variable} in the environment")


def apprise_url(said: str, option: str) -> str:
    """Return a URL of Apprise's: what was said, or what a variable of that name holds.

    Raises:
        UsageError: it is neither.
        ConfigurationError: it begins or ends with what cannot be seen.
    """
    if "://" in said:
        return said
    if not re.fullmatch(VARIABLE, said):  # nor is it shown: it may hold a secret
        what = "a URL, or the name of a variable that holds one"
        hint = "as in json://host/path; a variable keeps it out of ps"
        raise UsageError(f"{option} takes {what}", hint)
    return secret_of(said, option)
