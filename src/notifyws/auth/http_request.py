"""What a profile's step asks of a server: its variables filled in; pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from notifyws import __version__
from notifyws.errors import ConfigurationError
from notifyws.models import Masked, as_text, strict_json
from notifyws.protocol.masking import spellings
from notifyws.protocol.profile import Step
from notifyws.protocol.templates import UNSET, fill

SEE = "see: notifyws profile show"
_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PATH_VARIABLE = r"(?<!\{)\{[^{}]+\}"


class Request(Masked, frozen=True):
    """What is asked; the body is text, empty for none."""

    masked: ClassVar = ("headers", "body")

    method: str
    url: str
    headers: Mapping[str, str]
    body: str = ""

    @property
    def credentials(self) -> tuple[str, ...]:
        """What stands behind ``Basic`` or ``Bearer``, for no one to see."""
        values = {name.lower(): value for name, value in self.headers.items()}
        return spellings(values.get("authorization", "").rpartition(" ")[2])


def step_request(origin: str, step: Step, variables: Mapping[str, Any]) -> Request:
    """Return a step with its variables filled in; it cannot leave the origin.

    Raises:
        ConfigurationError: a variable of the path is not set, or what is filled in
            cannot stand where it should.
    """
    path = _path(step.path, variables)
    asked = _texts(step.query, variables)
    query = urlencode(asked, quote_via=quote, errors="replace")
    kind, body = _content(step, variables)
    glue = "" if not query else "&" if "?" in path else "?"
    url = f"{origin}{path}{glue}{query}"
    return Request(step.method, url, _headers(step, kind, variables), body)


def _path(template: str, variables: Mapping[str, Any]) -> str:
    def quoted(found: re.Match[str]) -> str:
        value = fill(found[0], variables)
        if value is UNSET or value is None:
            message = f"the path {template} needs a variable that is not set"
            raise ConfigurationError(f"{message}: {found[0]}", SEE)
        safe = "/" if found[0].endswith("|path}") else ""
        return quote(as_text(value), safe=safe, errors="replace")

    path = str(fill(re.sub(_PATH_VARIABLE, quoted, template), {}))
    if {".", ".."} & set(path.partition("?")[0].split("/")):
        # no encoding helps: a dot that is encoded still means one
        message = f"what fills the path {template} would lead to another one"
        raise ConfigurationError(message, SEE)
    return path


def _headers(step: Step, kind: str, variables: Mapping[str, Any]) -> dict[str, str]:
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": f"notifyws/{__version__}",
        **({"Content-Type": kind} if kind else {}),
        **_texts(step.headers, variables),
    }
    basic = UNSET if step.basic is None else fill(step.basic, variables)
    if basic is not UNSET:
        coded = base64.b64encode(str(basic).encode("utf-8", "surrogatepass"))
        headers["Authorization"] = f"Basic {coded.decode()}"
    for name, value in headers.items():
        if not re.fullmatch(_HEADER_NAME, name):
            message = f"{name!r} cannot be the name of a header"
            raise ConfigurationError(message, SEE)
        if not (value.isascii() and value.isprintable() and value == value.strip()):
            message = f"the header {name} would hold more than printable ASCII"
            raise ConfigurationError(message, "a username cannot stand there as it is")
    return headers


def _content(step: Step, variables: Mapping[str, Any]) -> tuple[str, str]:
    """Return the body's type and text."""
    if step.form is not None:
        fields = _texts(step.form, variables)
        return "application/x-www-form-urlencoded", urlencode(fields, errors="replace")
    if step.body is None:
        return "", ""
    body = fill(step.body, variables)
    return "application/json", strict_json({} if body is UNSET else body)


def _texts(table: Mapping[str, str], variables: Mapping[str, Any]) -> dict[str, str]:
    filled = {name: fill(value, variables) for name, value in table.items()}
    return {
        name: as_text(value) for name, value in filled.items() if value is not UNSET
    }
