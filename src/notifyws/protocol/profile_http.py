"""The HTTP side's tables of a profile: logging in, and where the tokens are.

Of OAuth 2.0 as well: logging in by a device code, or as a program; which requests these
tables stand for is ``oauth``'s.

The text under each field is its reference documentation, as in ``profile``.
"""

from typing import Literal

from notifyws.protocol.profile_schema import (
    Codes,
    Expression,
    Finder,
    Meaning,
    Path,
    Seconds,
    Table,
    Text,
    table,
)
from notifyws.protocol.profile_socket import Step

Steps = Step | tuple[Step, ...]


class Failure(Table, frozen=True, kw_only=True):
    """What an answer means that is no success; the first that fits is used."""

    status: Codes | None = None
    """A status or a range of them, as in ``400`` or ``400-403``; any when not set."""
    when: Expression | None = None
    """An expression over the answer's body that must be true."""
    means: Meaning
    """``bad credentials`` (the password is wrong), ``expired`` (the token is not
    accepted), ``log in again`` (the refresh token is not), ``retry``, ``throttled``
    or ``stop``."""
    message: Expression | None = None
    """Where the answer's body says why; else in the places where servers say it."""
    hint: str = ""
    """What helps, in place of a general word."""


class Tokens(Table, frozen=True, kw_only=True):
    """Where the answers of ``login`` and ``refresh`` hold what.

    Each is an expression over the body, ``header:NAME`` or ``cookie:NAME``. With
    several steps, the last answer that holds a token counts.
    """

    access: Finder
    """The access token. A ``Bearer`` in front of it is taken off."""
    refresh: Finder | None = None
    """The refresh token; an answer without one keeps the old one."""
    expires_in: Finder | None = None
    """How long the access token lives, from now."""
    refresh_expires_in: Finder | None = None
    """How long the refresh token lives, from now."""
    unit: Literal["s", "ms"] = "s"
    """What ``expires_in`` and ``refresh_expires_in`` count."""
    expires_at: Finder | None = None
    """When the access token ends: unix seconds or milliseconds, or ISO 8601."""
    lifetime: Seconds | None = None
    """Seconds the access token lives where neither the answer nor the token tells
    (a JWT's ``exp`` does)."""
    refresh_lifetime: Seconds | None = None
    """Seconds the refresh token lives where nothing tells."""
    user_id: Finder | None = None
    """The user's id in the answer."""
    user_claim: str = "sub"
    """The JWT claim that holds the user's id, where the answer does not."""
    id_token: Finder | None = None
    """A JWT that is asked for that claim where the access token is none, as OpenID
    Connect's ID token; it is used for nothing else."""


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


class Http(Table, frozen=True, kw_only=True):
    """The HTTP side: logging in and out, refreshing, and asking about a token."""

    login: Steps | None = None
    """One step, or several in their order; without it a ready-made token is needed."""
    device: Device | None = None
    """A login that a person approves in a browser; beside ``login`` or
    ``client_credentials`` it is the way in where no password is given."""
    client_credentials: ClientCredentials | None = None
    """A login of a program as itself, in place of ``login``."""
    refresh: Steps | None = None
    """How a refresh token gives new tokens; without it, expiry means a new login."""
    logout: Steps | None = None
    """How to end the session."""
    verify: Steps | None = None
    """Asks whether the access token is good, before the socket is opened: for servers
    that accept any socket and stay silent without a good token."""
    verify_when: Literal["always", "in doubt"] = "always"
    """``in doubt``: only after a handshake that the server ended as a step's ``closed``
    says, to learn whether the token was the reason."""
    refused: tuple[int, ...] = (401,)
    """Statuses that mean: these credentials, or this token, are no good."""
    failures: tuple[Failure, ...] = ()
    """What other answers mean; asked before ``refused``."""
