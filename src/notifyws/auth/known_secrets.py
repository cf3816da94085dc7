"""What a server was told, or told us, that nobody else may see in its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from notifyws.config.settings import FIELDS, Settings
from notifyws.models import as_text
from notifyws.protocol.masking import is_called_secret, queried, spellings

if TYPE_CHECKING:
    from notifyws.auth.authenticator import Authenticator


def known_secrets(auth: Authenticator) -> tuple[str, ...]:
    """Return what the user gave and the tokens of late, as they may be spelled."""
    return spellings(*auth.given_secrets, *auth.tokens.secrets)


def given_secrets(settings: Settings, variables: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the secrets among settings and variables, and in the queries of URLs.

    A variable is one by its name, as ``api_key`` is, and ``auth_path`` is none.
    """
    said = [str(getattr(settings, n)) for n, each in FIELDS.items() if each.secret]
    named = (n for n in variables if is_called_secret(n) and not n.endswith("path"))
    urls = settings.url, settings.connect_url
    asked = [each for url in urls for each in queried(url)]
    return (*said, *(as_text(variables[name]) for name in named), *asked)
