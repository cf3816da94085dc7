"""What a profile can say: the model behind every ``profiles/*.toml``.

A profile is data. It is validated whole before anything is sent, unknown keys are
errors, and no part of it can name a host, a file or a command.
"""

from __future__ import annotations

import tomllib
from typing import Annotated, Any, Literal

import jmespath
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from notifyws.errors import ConfigurationError

__all__ = ["Http", "Profile", "Resume", "Rule", "Send", "Socket", "Step", "Tokens"]


def _compiles(expression: str) -> str:
    try:
        jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"not a JMESPath expression: {reason}") from None
    return expression


Expression = Annotated[str, AfterValidator(_compiles)]
Codes = Annotated[str, Field(pattern=r"^[0-9]{1,4}(-[0-9]{1,4})?$")]
Place = Annotated[str, Field(pattern=r"^(header|message|(query|subprotocol):.+)$")]
VerdictName = Literal["retry", "retry now", "renew", "renew once", "strike", "stop"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Step(_Part):
    """One HTTP exchange: what to send, and which statuses mean success."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str = Field(pattern=r"^/")
    headers: dict[str, str] = {}
    body: dict[str, Any] | None = None
    accept: tuple[int, ...] = (200,)


class Http(_Part):
    """The HTTP side: how to log in, refresh and log out."""

    login: Step | None = None
    refresh: Step | None = None
    logout: Step | None = None
    refused: tuple[int, ...] = (401,)
    """Statuses that mean: these credentials, or this refresh token, are no good."""


class Tokens(_Part):
    """Where a login's or a refresh's reply holds what (JMESPath expressions)."""

    access: Expression
    refresh: Expression | None = None
    expires_in: Expression | None = None
    refresh_expires_in: Expression | None = None
    user_id: Expression | None = None


class Socket(_Part):
    """How the WebSocket is opened and where the token goes."""

    token_in: Place = "header"
    """``header``, ``query:NAME``, ``subprotocol:NAME`` or ``message``."""
    header: str = "Authorization"
    token: str = "Bearer {access_token}"
    """The header's value."""
    first_frame: dict[str, Any] | None = None
    """What ``message`` sends first."""


class Rule(_Part):
    """What a frame means that has these values; the first match wins."""

    match: dict[str, str | int | bool] = {}
    then: Literal["notification", "error", "gap", "ignore"]
    message: Expression | None = None
    id: Expression | None = None
    start: Expression | None = None
    end: Expression | None = None


class Resume(_Part):
    """How a reconnect asks for what was missed."""

    query: str
    """The query parameter that takes the id of the last notification seen."""


class Send(_Part):
    """How a message is written as a frame."""

    frame: dict[str, Any]


class Profile(_Part):
    """How one kind of server speaks."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    description: str = ""
    http: Http = Http()
    tokens: Tokens | None = None
    socket: Socket = Socket()
    rules: tuple[Rule, ...]
    closes: dict[Codes, VerdictName] = {}
    """Close code, or range of codes, to what it means, before the general table."""
    statuses: dict[Codes, VerdictName] = {}
    """The same for the HTTP status of a refused upgrade."""
    resume: Resume | None = None
    send: Send | None = None


def parse(text: str, where: str) -> Profile:
    """Return the profile written in ``text``.

    Args:
        text: TOML.
        where: its file's name, for messages.

    Raises:
        ConfigurationError: it is not TOML, or not a profile; says which key.
    """
    try:
        return Profile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        message = f"profile {where} is not valid TOML: {error}"
        raise ConfigurationError(message, "correct that line and try again") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the profile"
        message = f"profile {where}: {key}: {first['msg']}"
        hint = "compare it with a built-in profile; unknown keys are errors"
        raise ConfigurationError(message, hint) from None
