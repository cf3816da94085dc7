"""OAuth 2.0's tables of a profile: logging in by a device code, or as a program.

The text under each field is its reference documentation, as in ``profile``. Which
requests they stand for is ``oauth``'s.
"""

from __future__ import annotations

from typing import Literal

from notifyws.protocol.profile_schema import Path, Table, Text, table


class Device(Table, frozen=True, kw_only=True):
    """A login that a person approves in a browser, on any machine: OAuth 2.0's device
    grant (RFC 8628). ``notifyws auth login`` shows the code and where to enter it."""

    path: Path
    """Where a code is asked for: the device authorization endpoint."""
    token_path: Path
    """Where the token is asked for, until somebody has approved: the token endpoint."""
    client_id: Text
    """What this program is called at the server, as it was registered there."""
    client_secret: Text | None = None
    """Its secret, where the server gave it one; better from ``[needs]`` than here."""
    scope: Text | None = None
    """What is asked for, as in ``openid offline_access``; many servers give a refresh
    token for ``offline_access`` only."""
    more: dict[str, Text] = table()
    """Further fields of the first request, as in ``{ audience = "..." }``."""


class ClientCredentials(Table, frozen=True, kw_only=True):
    """A login of a program as itself: OAuth 2.0's client credentials grant.

    The username is its ``client_id``, the password its ``client_secret``, and the
    keyring may hold it like any other password.
    """

    token_path: Path
    """Where the token is asked for: the token endpoint."""
    secret_in: Literal["basic", "form"] = "basic"
    """How both are shown: by HTTP basic authentication, each form-encoded first as
    OAuth wants it, or as fields of the form."""
    scope: Text | None = None
    """What is asked for."""
    more: dict[str, Text] = table()
    """Further fields of the request, as in ``{ audience = "..." }``."""
