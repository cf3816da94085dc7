"""What a frame means: the profile's rules, compiled once, first match wins.

A frame is a notification, the server's error, the server's word that something is
missing, nothing of interest, or not understood. It is never an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jmespath

from notifyws.models import Notification, as_text
from notifyws.protocol.frames import InvalidFrame, decode
from notifyws.protocol.profile import Rule

__all__ = ["Arrival", "Ignored", "NotUnderstood", "Rules", "ServerError", "ServerGap"]


@dataclass(frozen=True, slots=True)
class ServerError:
    """The server says that something sent was wrong.

    Args:
        message: its words; remote text.
        id: the id of the message it speaks of, if it names one.
    """

    message: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ServerGap:
    """The server says that it no longer has what was asked for."""

    start: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A frame of no interest to people."""


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """A frame that is no strict JSON, or that no rule makes sense of."""

    reason: str


Arrival = Notification | ServerError | ServerGap | Ignored | NotUnderstood
_Reader = Callable[[dict[str, Any], str, str], Arrival]


class Rules:
    """The rules of one profile.

    Args:
        rules: in order; the first whose ``match`` holds is used.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [(tuple(rule.match.items()), _reader(rule)) for rule in rules]

    def read(self, frame: str | bytes, received: str) -> Arrival:
        """Return what ``frame`` means.

        Args:
            frame: as it arrived; bytes when it was binary.
            received: RFC 3339 UTC time of receipt.
        """
        if isinstance(frame, bytes):
            return NotUnderstood(f"a binary frame of {len(frame)} bytes")
        try:
            value = decode(frame)
        except InvalidFrame as error:
            return NotUnderstood(str(error))
        if not isinstance(value, dict):
            return NotUnderstood("not a JSON object")
        for tests, reader in self._rules:
            for key, wanted in tests:
                if value.get(key) != wanted:
                    break
            else:
                return reader(value, frame, received)
        return NotUnderstood("no rule of the profile matches it")


def _reader(rule: Rule) -> _Reader:
    match rule.then:
        case "notification":
            return _notification
        case "error":
            return _server_error(rule)
        case "gap":
            return _server_gap(rule)
        case _:
            return lambda value, frame, received: Ignored()


def _notification(value: dict[str, Any], frame: str, received: str) -> Arrival:
    kind = value.get("type")
    if not isinstance(kind, str) or not kind:
        return NotUnderstood("an object without a type")
    return Notification(value, received, frame, _is_line(value, frame))


def _is_line(value: Mapping[str, Any], frame: str) -> bool:
    complete = "title" in value and "message" in value and "timestamp" in value
    return complete and frame.isascii() and "\n" not in frame and "\r" not in frame


def _server_error(rule: Rule) -> _Reader:
    message, ident = _field(rule.message), _field(rule.id)

    def read(value: dict[str, Any], frame: str, received: str) -> Arrival:
        return ServerError(message(value) or "no reason given", ident(value) or None)

    return read


def _server_gap(rule: Rule) -> _Reader:
    start, end = _field(rule.start), _field(rule.end)

    def read(value: dict[str, Any], frame: str, received: str) -> Arrival:
        return ServerGap(start(value), end(value))

    return read


def _field(expression: str | None) -> Callable[[Mapping[str, Any]], str]:
    if expression is None:
        return lambda value: ""
    compiled = jmespath.compile(expression)

    def field(value: Mapping[str, Any]) -> str:
        try:
            return as_text(compiled.search(value))
        except (ValueError, TypeError, OverflowError):  # jmespath lets them out
            return ""

    return field
