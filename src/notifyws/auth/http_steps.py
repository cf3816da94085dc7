"""Carries out steps of a profile at one origin, one after the other.

A request cannot leave the origin. What one captures, the next ones know; what is not as
hoped for is raised; and nobody is shown what was sent. Which steps, and what comes of
their answers, is ``http_api``'s.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from msgspec.structs import replace

from notifyws import __version__
from notifyws.auth.http_client import (
    LARGEST,
    Exchanged,
    Request,
    exchange,
    http_client,
    import_httpx,
)
from notifyws.auth.http_refusals import Refusal, refused
from notifyws.errors import ConfigurationError, ReplyLost
from notifyws.models import as_text, strict_json
from notifyws.protocol.expressions import holds
from notifyws.protocol.masking import masked, spellings
from notifyws.protocol.profile import Failure, Profile, Step
from notifyws.protocol.templates import UNSET, fill, filled_texts, mentions
from notifyws.protocol.token_replies import Answer, captured

OTHER_KIND = "is it this kind of server? try another --profile"
SEE = "see: notifyws profile show"
CHOSEN = ("last_id", "before")
"""Variables that notifications fill."""
_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PATH_VARIABLE = r"(?<!\{)\{[^{}]+\}"
_SECRET = r"password|secret|token|code|key|otp"


class HttpSteps:
    """Carries out HTTP steps.

    Args:
        origin: scheme, host, port, and the path below which the server stands;
            requests go nowhere else.
        variables: the profile's constants, and what the user gave.
        timeout: seconds for all steps of one run together.
        tls: whom to trust on ``https://``; ``None`` when it is plain.
        secrets: gives what no error may show, besides what goes with a request.

    Attributes:
        on_exchange: is told of every exchange, if set.
    """

    def __init__(
        self,
        origin: str,
        profile: Profile,
        *,
        variables: Mapping[str, Any] = MappingProxyType({}),
        timeout: float = 10.0,
        tls: ssl.SSLContext | None = None,
        secrets: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self.origin, self._secrets = origin, secrets
        self.variables = variables
        self._profile, self._timeout, self._tls = profile, timeout, tls
        self.on_exchange: Exchanged | None = None

    def taking(self, *failures: Failure) -> HttpSteps:
        """Return the same, with what some answers mean said before the profile."""
        other = copy(self)
        http = self._profile.http
        failures = (*failures, *http.failures)
        other._profile = replace(self._profile, http=replace(http, failures=failures))
        return other

    async def run(
        self,
        steps: Sequence[Step],
        known: Mapping[str, Any],
        refusal: Refusal,
        largest: int = LARGEST,
    ) -> list[Answer]:
        """Return the answers to steps, carried out in their order.

        Args:
            refusal: what it means that what was shown is not accepted.
            largest: bytes that a reply may have.

        Raises:
            NotifyError: one was not answered as hoped for: see ``http_refusals``.
        """
        moment = {"now": int(time.time()), "uuid": secrets.token_hex(16)}
        variables = {**self.variables, "origin": self.origin, **moment, **known}
        named = (name for name in variables if re.search(_SECRET, name))
        hidden = spellings(*(as_text(variables[name]) for name in named))
        hidden += self._secrets()
        replies: list[Answer] = []
        import_httpx()
        end = asyncio.get_running_loop().time() + self._timeout
        for step in steps:
            if not holds(step.only_if, variables):
                continue
            self._demand_captured(step, steps, variables)
            request = self._request(step, steps, variables)
            hidden += request.credentials
            client = http_client(self.origin, self._tls, self._timeout)
            reply = await exchange(client, request, end, hidden, largest)
            found = captured(step.capture, reply)
            hidden += self._given(reply, found)
            path = request.url.removeprefix(self.origin).partition("?")[0]
            asked = replace(step, path=masked(path, hidden))
            error = refused(self.origin, self._profile, asked, reply, refusal, hidden)
            if self.on_exchange is not None:
                self.on_exchange(request, reply, tuple(found), hidden)
            if error is not None:
                raise error
            variables |= found
            replies.append(reply)
        return replies

    def _request(
        self, step: Step, steps: Sequence[Step], variables: Mapping[str, Any]
    ) -> Request:
        """Return a step's request.

        Raises:
            ReplyLost: what the server chose cannot stand where it should.
            ConfigurationError: what we were given cannot.
        """
        try:
            return step_request(self.origin, step, variables)
        except ConfigurationError as error:
            others = {name: "x" for name in self._chosen(steps) if variables.get(name)}
            step_request(self.origin, step, {**variables, **others})
            said = f"{self.origin} named what no request can carry: {error.message}"
            raise ReplyLost(said, OTHER_KIND) from None

    def _chosen(self, steps: Sequence[Step]) -> set[str]:
        """Return the names of variables that the server fills."""
        hands, follow = self._profile.handshake, self._profile.follow
        requests = [*steps, *(each.http for each in hands if each.http is not None)]
        filled = {*CHOSEN, *(follow.variables if follow else ())}
        filled.update(*(each.capture for each in hands))
        return filled.union(*(each.capture for each in requests))

    def _demand_captured(
        self, step: Step, steps: Sequence[Step], variables: Mapping[str, Any]
    ) -> None:
        """Raise where a path needs what an earlier answer, a proxy's say, did not hold.

        Raises:
            ReplyLost: it does.
        """
        for earlier in steps:
            for name in earlier.capture:
                if mentions(step.path, name) and variables.get(name, "") is None:
                    missing = f"answered, but the reply holds no {name}"
                    message = f"{self.origin}{earlier.path} {missing}"
                    raise ReplyLost(message, OTHER_KIND)

    def _given(self, reply: Answer, found: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what an answer gave that others must not see."""
        where = self._profile.tokens
        names = ("access", "refresh", "id_token")
        places = {name: getattr(where, name) for name in names} if where else {}
        sought = {name: place for name, place in places.items() if place}
        tokens = captured(sought, reply).values()
        return spellings(*map(as_text, tokens), *map(as_text, found.values()))


def step_request(origin: str, step: Step, variables: Mapping[str, Any]) -> Request:
    """Return a step with its variables filled in; it cannot leave the origin.

    Raises:
        ConfigurationError: a variable of the path is not set, or what is filled in
            cannot stand where it should.
    """
    path = _path(step.path, variables)
    asked = filled_texts(step.query, variables)
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
        **filled_texts(step.headers, variables),
    }
    basic = UNSET if step.basic is None else fill(step.basic, variables)
    if basic is not UNSET:
        headers["Authorization"] = fill("Basic {it|b64}", {"it": str(basic)})
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
        fields = filled_texts(step.form, variables)
        return "application/x-www-form-urlencoded", urlencode(fields, errors="replace")
    if step.body is None:
        return "", ""
    body = fill(step.body, variables)
    return "application/json", strict_json({} if body is UNSET else body)
