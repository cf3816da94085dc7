"""Values of a recording written as templates: what is constant, what is a variable.

What a user, an answer or a frame gave is a variable; what may be a secret is one that
the user must say (``needs``); a channel is a constant, which a user may override. Of
what is said to get a token only that stays which ``Harmless`` knows; of what comes
later, short words and numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any
from urllib.parse import unquote

from notifyws.errors import ConfigurationError
from notifyws.protocol.har.secrets import Harmless, Secrets, is_protocol
from notifyws.protocol.har.values import (
    DEEPEST,
    NAMES,
    SHORTEST,
    Piece,
    is_secret_name,
    pieces,
    plain,
    variable_name,
)

UUID = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FRESH = re.compile(
    r"(?i)^(id|uid|uuid|ref|nonce|(request|req|message|msg|corr\w*)_?id)$"
)
"""Names of an id that whoever asks makes up."""
ONCE = re.compile(r"(?i)otp|mfa|2fa|one_?time")
"""Names of a code that is given for one login."""
CHANNEL = re.compile(
    r"(?i)channel|topic|room|collection|stream|queue|feed|subject|event_?type|pattern|subscri"
)
"""Names of what a user may want to choose."""
PERSON = re.compile(r"(?i)^(user|account|member|person|customer|tenant|device)_?(id)?$")
"""Names of what is another one's at another user."""
LONGEST = 300
"""Characters of a text that stays as it is, as a GraphQL document may."""
SHORTEST_SHARED = 4
"""Characters of a value that is the same one where another request says it."""
NEAR = 120
"""Seconds within which a number is the time of the request."""
MOST_VALUES = 1_000
"""Texts of one profile; each is compared with all that is known by then."""

_OFFERED = """
    actioncable-v1-json actioncable-unsupported amqp base64.channel.k8s.io
    base64.binary.k8s.io channel.k8s.io v4.channel.k8s.io v5.channel.k8s.io
    centrifuge-json centrifuge-protobuf mqtt mqttv3.1 ocpp1.5 ocpp1.6 ocpp2.0 ocpp2.0.1
    sip soap stomp v10.stomp v11.stomp v12.stomp wamp wamp.2.json wamp.2.msgpack xmpp
"""
SUBPROTOCOLS = frozenset(_OFFERED.split())
"""Those that are registered, or widely used, beside what is made of plain words."""


class Variables:
    """The templates of one profile.

    Args:
        known: values, each with the name of the variable that holds it.
        origin: of the server's HTTP side; empty where it is not known.
        harmless: what stays as it is; ``None`` for what is said once there is a token.

    Attributes:
        needs: what the user must say, each with what it is.
        constants: what a user may say.
    """

    def __init__(
        self,
        secrets: Secrets,
        known: Mapping[str, str],
        origin: str = "",
        harmless: Harmless | None = None,
    ) -> None:
        self.known = dict(known)
        self.needs: dict[str, str] = {}
        self.constants: dict[str, str] = {}
        self._secrets = secrets
        self._origin = origin
        self._harmless = harmless
        self._channels = False
        self._found: dict[str, str] = {}
        self._taken: set[str] = set(known.values())
        self._values = count(1)

    def beside(
        self, known: Mapping[str, str], origin: str, *, later: bool = False
    ) -> Variables:
        """Return those of another request, with the same needs and constants.

        ``later`` is for what is said once there is a token.
        """
        harmless = None if later else self._harmless
        other = Variables(self._secrets, {**self._found, **known}, origin, harmless)
        other.needs, other.constants = self.needs, self.constants
        other._taken, other._found = self._taken, self._found
        other._values = self._values
        self._taken.update(known.values())
        return other

    def _count(self) -> None:
        """Count a text, or a variable.

        Raises:
            ConfigurationError: there are too many.
        """
        if next(self._values) > MOST_VALUES:
            message = f"a profile would have more than {MOST_VALUES} values of the page"
            raise ConfigurationError(message, "leave out of the HAR what is no login")

    def new(self, name: str) -> str:
        """Return the name of a new variable."""
        self._count()
        return variable_name(name, self._taken)

    def template(
        self, value: Any, name: str = "", *, at: float = 0.0, channels: bool = False
    ) -> Any:
        """Return the template of a value.

        Args:
            at: when it was sent, in unix seconds.
            channels: whether it may choose some, and is no login.
        """
        self._channels = channels
        return self._template(value, name, at, DEEPEST)

    def _template(self, value: Any, name: str, at: float, deeper: int) -> Any:
        if isinstance(value, str):
            return self.text(value, name)
        if isinstance(value, bool) or value is None or not deeper:
            return value if isinstance(value, bool) else None
        if isinstance(value, dict):
            return {
                key: self._template(inner, key, at, deeper - 1)
                for key, inner in value.items()
                if not self._secrets.hides(key)
            }
        if isinstance(value, list):
            return [
                self._template(each, name, at, deeper - 1)
                if isinstance(each, str | dict | list | bool | None)
                else self._number(each, name, at, in_list=True)
                for each in value
            ]
        return self._number(value, name, at)

    def _number(
        self, value: float, name: str, at: float, *, in_list: bool = False
    ) -> Any:
        if at > NEAR and abs(value - at) < NEAR:
            return "{now}"
        text = str(value)
        if text in self.known:
            return f"{{{self.known[text]}}}"
        if PERSON.match(name) or self._secrets.hides(text):
            return self._needed(name, text)
        allowed = self._harmless
        if allowed and not allowed.has_number(value, name, in_list=in_list):
            return self._needed(name, text)
        return value

    def text(self, value: str, name: str = "") -> str:
        """Return the template of a text."""
        self._count()
        if value in self.known:
            return f"{{{self.known[value]}}}"
        if document := pieces(value) if name in NAMES else []:
            return self._document(value, document)
        if within := [each for each in self._long() if each in value]:
            parts = re.split(f"({'|'.join(map(re.escape, within))})", value)
            made = {part: self.text(part) for part in dict.fromkeys(parts)}
            return "".join(map(made.__getitem__, parts))
        path = value.removeprefix(self._origin)
        if self._origin and path != value and path[:1] in ("", "/"):
            return "{origin}" + self.text(path)
        return self._unknown(value, name)

    def subprotocol(self, value: str) -> str:
        """Return the template of one that is offered; it stays if it is a known one.

        It may be a secret of any form, also once there is a token.
        """
        said = self.text(value, "subprotocol")
        known = said != value or value in SUBPROTOCOLS or is_protocol(value)
        return said if known else self._needed("subprotocol", value)

    def _unknown(self, value: str, name: str) -> str:
        if UUID.fullmatch(value) and FRESH.search(name):
            return "{uuid}"
        if ONCE.search(name):
            return self._constant(name, "")
        if value and (PERSON.match(name) or self._is_private(value, name)):
            return self._needed(name, value)
        allowed = self._harmless
        if CHANNEL.search(name) and value and (self._channels or allowed is None):
            return self._constant(name, value)
        if allowed and not allowed.has(value, name):
            return self._needed(name, value)
        return _escaped(value)

    def _document(self, value: str, document: Sequence[Piece]) -> str:
        """Return the template of a GraphQL document: its values are variables."""
        shape = "".join(said for _, said, is_value in document if not is_value)
        if self._secrets.hides(shape) or any(k in shape for k in self._long()):
            return self._needed("query", value)
        made = [
            self._literal(name, said) if is_value else _escaped(said)
            for name, said, is_value in document
        ]
        return "".join(made)

    def _literal(self, name: str, said: str) -> str:
        value = plain(said)
        made = self.text(value, name)
        if made == value:
            return said
        if re.fullmatch(r"\{\w+\}", made) is None:
            made = self._needed(name, value)
        return made.replace("}", "|json}") if said.startswith('"') else made

    def _long(self) -> list[str]:
        """Return the values that are known within others; the longest first."""
        whole = [each for each in self.known if len(each) >= SHORTEST]
        return sorted(whole, key=len, reverse=True)

    def _is_private(self, value: str, name: str) -> bool:
        secret = is_secret_name(name) or self._secrets.hides(value)
        return secret or len(value) > LONGEST

    def _needed(self, name: str, value: str) -> str:
        variable = self.known[value] = self.new(name or "value")
        if len(value) >= SHORTEST_SHARED:
            self._found[value] = variable
        what = "what the page said here" if not name else f"the page's {variable}"
        self.needs[variable] = f"{what}: look it up in the developer tools"
        return f"{{{variable}}}"

    def _constant(self, name: str, value: str) -> str:
        variable = self.new(name)
        self.constants[variable] = value
        if value:
            self.known[value] = variable
        return f"{{{variable}}}"

    def table(
        self, said: Mapping[str, str], at: float = 0.0, *, channels: bool = False
    ) -> dict[str, str]:
        """Return the templates of a query or a form; as ``template`` does."""
        return {
            name: str(self.template(value, name, at=at, channels=channels))
            for name, value in said.items()
            if not self._secrets.hides(name) and (value or self._stays(name))
        }

    def _stays(self, text: str) -> bool:
        """Return whether a text of a table or a path is as it was."""
        self._count()
        return self._harmless is None or self._harmless.has(text)

    def path(self, path: str) -> str:
        """Return the template of a path; its parts are percent-encoded when filled."""
        parts = [unquote(part) for part in path.split("/")]
        for part in parts:
            if UUID.fullmatch(part) and part not in self.known:
                self._needed("id", part)
        filled = [
            self.text(part, "part") if self._is_variable(part) else _as_it_is(raw)
            for part, raw in zip(parts, path.split("/"), strict=True)
        ]
        return re.sub("^/+", "/", "/".join(filled))

    def _is_variable(self, part: str) -> bool:
        hidden = part in self.known or self._secrets.hides(part)
        return bool(part) and (hidden or not self._stays(part))


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _as_it_is(part: str) -> str:
    """Return a part of a path without what no path of a profile may have."""
    plain = re.sub(r"[\\#\s{}]", "", part)
    return plain if plain.isprintable() else ""
