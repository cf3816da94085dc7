"""What a profile leaves open, and what the user says to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from notifyws.config.validation import nearest
from notifyws.errors import ConfigurationError
from notifyws.protocol.profile import Profile

__all__ = ["given_variables"]

_PAIR = r"([a-z][a-z0-9_]*)=(\"[^\"]*\"|'[^']*'|[^\s,\"']*)"


def given_variables(profile: Profile, text: str) -> Mapping[str, Any]:
    """Return the profile's constants with what the user gave.

    Args:
        profile: says which variables there are.
        text: as in ``transport=news title="my own"``.

    Raises:
        ConfigurationError: one is missing, unknown, or cannot be read.
    """
    given = _pairs(text)
    all_of_them = {**profile.constants, **given}
    known = {k: v for k, v in all_of_them.items() if v != ""}
    for name in given:
        if name not in profile.constants and name not in profile.needs:
            near = nearest(name, [*profile.constants, *profile.needs])
            hint = f"did you mean {near}?" if near else "see: notifyws profile show"
            message = f"profile {profile.name} has no variable {name}"
            raise ConfigurationError(message, hint)
    for name, what in profile.needs.items():
        if not known.get(name):
            message = f"profile {profile.name} needs {name}: {what}"
            hint = f'set NOTIFYWS_VARIABLES="{name}=..."'
            raise ConfigurationError(message, hint)
    return known


def _pairs(text: str) -> dict[str, str]:
    pairs = {name: value.strip("\"'") for name, value in re.findall(_PAIR, text)}
    rest = re.sub(_PAIR, "", text).strip(" ,\t\n")
    if rest:
        message = "NOTIFYWS_VARIABLES is not a list of name=value"
        raise ConfigurationError(message, 'as in: channel=news title="my own"')
    return pairs
