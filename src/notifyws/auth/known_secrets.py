"""What a server was told, or told us, that nobody else may see in its words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from notifyws.models import as_text
from notifyws.protocol.masking import is_called_secret, spellings

_NAMES = "password|secret|token|otp"
"""What a variable's name holds that no message needs to show; a path it may need."""

if TYPE_CHECKING:
    from notifyws.auth.authenticator import Authenticator


def known_secrets(auth: Authenticator) -> tuple[str, ...]:
    """Return passwords, tokens of late and variables of an account, as spelled."""
    said = auth.settings.password, auth.settings.token
    named = (v for name, v in auth.variables.items() if re.search(_NAMES, name))
    return spellings(*said, *map(as_text, named), *auth.tokens.secrets)


def named_secrets(variables: Mapping[str, Any]) -> list[str]:
    """Return the values of variables that are called secrets by their names."""
    return [
        as_text(value) for name, value in variables.items() if is_called_secret(name)
    ]
