"""What a ``.env`` that merely lies in the working directory may say.

Somebody else may have written it. What it says of the server (each setting declares
whether it belongs there) is used only with credentials of that same file, and it leads
to no file. A file named with ``--env-file``, and whatever else is said, is trusted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from notifyws.config.settings import FIELDS, LOGIN, environment_name
from notifyws.errors import ConfigurationError

FOUND = ".env"
"""Where a value comes from that merely lies in the folder."""

SERVER = [n for n, f in FIELDS.items() if f.side == "server"]
SHOWN = ("client_cert", "client_key")
"""What shows a server who we are, by a file: as good as a credential."""
CREDENTIALS = [n for n, f in FIELDS.items() if f.side == "credential"]
CREDENTIALS += SHOWN
ADDRESS = ("url", "socket_url")
"""Where the server is; always from one source."""
ORIGIN_BOUND = {"url", "server"}
"""What a kept password is bound to already."""
TOKEN_BOUND = {*ADDRESS, "server", "profile", "redis_url", "cache_url", "cache_key"}
"""What parts cached tokens already: the account's own names, and other caches."""
OF_ONE_SERVER = {*ADDRESS, *CREDENTIALS, *LOGIN, "variables", "origin", "user_id"}
OF_ONE_SERVER |= {"server", "link_base"}
"""What is meant for one server, and for no other that is listened to beside it."""
NO_MATTER = {"link_base"}
"""What no token meets."""


def guard(sources: Mapping[str, str]) -> None:
    """Refuse what a folder's ``.env`` says of the server beside foreign credentials.

    The tokens of a server that is named elsewhere may lie in the cache, so its address
    counts as one. An entry that the file chooses brings its own credentials.

    Args:
        sources: setting -> the words that say where it came from.

    Raises:
        ConfigurationError: the credentials are not that file's.
    """
    places = _found(sources)
    own = {FOUND, "default"}
    if places == {"server"}:
        own |= {said for said in sources.values() if said.startswith("servers.")}
    foreign = [n for n in (*CREDENTIALS, *ADDRESS) if sources[n] not in own]
    if places and foreign:
        first = next(name for name in SERVER if name in places)
        message = (
            f"{environment_name(first)} comes from .env in this folder, but the "
            f"credentials ({sources[foreign[0]]}) do not; they are not sent there"
        )
        typed = ", or --url" if first in ADDRESS else ""
        raise ConfigurationError(message, f"if that is meant: --env-file .env{typed}")


def no_paths(values: Mapping[str, Any], sources: Mapping[str, str]) -> None:
    """Refuse a file that a folder's ``.env`` leads to.

    Raises:
        ConfigurationError: it names one.
    """
    for name in sorted(_found(sources)):
        pattern = FIELDS[name].path
        if pattern and re.match(pattern, values[name], re.DOTALL):
            variable = environment_name(name)
            message = f"{variable} comes from .env in this folder and names a file"
            raise ConfigurationError(message, "if that is meant: --env-file .env")


def keyring_may_answer(sources: Mapping[str, str]) -> bool:
    """Tell whether a folder's ``.env`` says no more of the server than its origin.

    A kept password is bound to that and cannot be lured elsewhere.
    """
    return _found(sources) <= ORIGIN_BOUND


def kept_apart(values: Mapping[str, Any], sources: Mapping[str, str]) -> str:
    """Return what parts tokens of a folder's ``.env`` from all others; else nothing.

    Its credentials may be made up: what is cached for them may be somebody else's,
    and would travel as that file says.
    """
    names = sorted(_found(sources) - TOKEN_BOUND - NO_MATTER)
    said = "\n".join(f"{name}={values[name]}" for name in names)
    return hashlib.sha256(said.encode()).hexdigest()[:16] if names else ""


def _found(sources: Mapping[str, str]) -> set[str]:
    return {name for name in SERVER if sources[name] == FOUND}
