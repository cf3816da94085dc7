"""What a frame means: the profile's rules, compiled once, first match wins.

A frame is a notification, the server's error, the server's word that something is
missing, nothing of interest, or not understood. It is never an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from notifyws.models import Notification, as_text
from notifyws.protocol.expressions import compiled, later, truthy
from notifyws.protocol.field_mapping import mapper, plain
from notifyws.protocol.frames import Decoder, InvalidFrame, decode
from notifyws.protocol.profile import Ack, Renewal, Rule


class ServerError(Struct, frozen=True):
    """The server says that something sent was wrong.

    Args:
        message: its words; remote text.
        id: the id of the message it speaks of, if it names one.
    """

    message: str
    id: str | None = None


class ServerGap(Struct, frozen=True):
    """The server says that it no longer has what was asked for."""

    start: str = ""
    end: str = ""


class Ignored(Struct, frozen=True):
    """A frame of no interest to people."""


class NotUnderstood(Struct, frozen=True):
    """A frame that is no strict JSON, or that no rule makes sense of."""

    reason: str


class ServerPing(Struct, frozen=True):
    """The server's own ping; ``reply`` is the answer's template, if it wants one."""

    reply: Any = None


class Pong(Struct, frozen=True):
    """The server's answer to our ping."""


class Acknowledged(Struct, frozen=True):
    """What became of a message: its number or id, whether it was taken, why not."""

    id: str
    ok: bool
    message: str = ""


class Expired(Struct, frozen=True):
    """The token has come to its end; the connection still lives."""

    message: str = ""


class AuthFailed(Struct, frozen=True):
    """The server no longer takes us for who we are."""

    message: str = ""


class RenewalAnswer(Struct, frozen=True):
    """Whether the server took the new token."""

    ok: bool
    message: str = ""


ControlFrame = ServerPing | Pong | Acknowledged | Expired | AuthFailed | RenewalAnswer
"""What is said to us, the client, and not to people."""
One = Notification | ServerError | ServerGap | Ignored | NotUnderstood | ControlFrame


class Many(Struct, frozen=True):
    """A frame that holds several things, or none."""

    arrivals: tuple[One, ...]


Arrival = One | Many


def notifications(arrival: Arrival) -> list[Notification]:
    """Return the notifications of what arrived."""
    found = arrival.arrivals if isinstance(arrival, Many) else (arrival,)
    return [each for each in found if isinstance(each, Notification)]


_Reader = Callable[[Any, "str | None", str], Arrival]
_Row = tuple[tuple[tuple[str, Any], ...], "Callable[[Any], Any] | None", _Reader]


class Rules:
    """The rules of one profile.

    Args:
        rules: in order; the first that fits is used.
        read: reads a frame's values; one strict JSON value when not given.
        ack: which frames acknowledge messages; asked before the rules.
        renewal: which frames answer a new token; asked before the rules.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        read: Decoder | None = None,
        ack: Ack | None = None,
        renewal: Renewal | None = None,
    ) -> None:
        self._decode = read
        first = [*_renewals(renewal), *_acks(ack)]
        self._rules: list[_Row] = [*first, *map(_row, rules)]

    def read(self, frame: str | bytes, received: str) -> Arrival:
        """Return what ``frame`` means.

        Args:
            frame: as it arrived; bytes when it was binary.
            received: RFC 3339 UTC time of receipt.
        """
        if isinstance(frame, bytes):
            return NotUnderstood(f"a binary frame of {len(frame)} bytes")
        try:
            if self._decode is None:
                return self._meaning(decode(frame), frame, received)
            values = self._decode(frame)
        except InvalidFrame as error:
            return NotUnderstood(str(error))
        return many(self._meaning(value, None, received) for value in values)

    def value(self, value: Any, received: str) -> Arrival:
        """Return what a value means that came some other way than in a frame."""
        return self._meaning(value, None, received)

    def _meaning(self, value: Any, frame: str | None, received: str) -> Arrival:
        fields = value if isinstance(value, dict) else {}
        for tests, when, reader in self._rules:
            for key, wanted in tests:
                if fields.get(key) != wanted:
                    break
            else:
                if when is None or truthy(when(value)):
                    return reader(value, frame, received)
        return NotUnderstood("no rule of the profile matches it")


def many(arrivals: Iterable[Arrival]) -> Arrival:
    """Return several arrivals as one, flat."""
    flat: list[One] = []
    for arrival in arrivals:
        flat.extend(arrival.arrivals if isinstance(arrival, Many) else [arrival])
    return flat[0] if len(flat) == 1 else Many(tuple(flat))


def _row(rule: Rule) -> _Row:
    when = compiled(rule.when) if rule.when else None
    return tuple(rule.match.items()), when, _reader(rule)


def _reader(rule: Rule) -> _Reader:
    match rule.then:
        case "notification":
            return _notification if plain(rule) else _mapped(rule)
        case "error":
            return _server_error(rule)
        case "gap":
            return _server_gap(rule)
        case "token expired":
            message = _field(rule.message)
            return lambda value, frame, received: Expired(message(value))
        case "auth failed":
            said = _field(rule.message)
            return lambda value, frame, received: AuthFailed(said(value))
        case other:
            words: dict[str, Arrival] = {"ping": ServerPing(rule.reply), "pong": Pong()}
            word = words.get(other, Ignored())
            return lambda value, frame, received: word


def _notification(value: Any, frame: str | None, received: str) -> Arrival:
    if not isinstance(value, dict):
        return NotUnderstood("not a JSON object")
    kind = value.get("type")
    if not isinstance(kind, str) or not kind:
        return NotUnderstood("an object without a type")
    return Notification(value, received, frame)


def _mapped(rule: Rule) -> _Reader:
    read = mapper(rule)
    return lambda value, frame, received: many(read(value, received))


def _server_error(rule: Rule) -> _Reader:
    message, ident = _field(rule.message), _field(rule.id)

    def read(value: Any, frame: str | None, received: str) -> Arrival:
        return ServerError(message(value) or "no reason given", ident(value) or None)

    return read


def _server_gap(rule: Rule) -> _Reader:
    start, end = _field(rule.start), _field(rule.end)

    def read(value: Any, frame: str | None, received: str) -> Arrival:
        return ServerGap(start(value), end(value))

    return read


def _acks(ack: Ack | None) -> list[_Row]:
    if ack is None:
        return []
    ident, message = _field(ack.id), _field(ack.message)
    ok = compiled(ack.ok) if ack.ok else None

    def read(value: Any, frame: str | None, received: str) -> Arrival:
        taken = ok is None or truthy(ok(value))
        return Acknowledged(ident(value), taken, "" if taken else message(value))

    return [((), compiled(ack.when), read)]


def _renewals(renewal: Renewal | None) -> list[_Row]:
    if renewal is None or renewal.ok is None:
        return []
    accepted: _Reader = lambda value, frame, received: RenewalAnswer(ok=True)  # noqa: E731 - a row
    rows: list[_Row] = [((), compiled(renewal.ok), accepted)]
    for failing in renewal.fail:
        rows.append(((), compiled(failing.when), _refused(_field(failing.message))))
    return rows


def _refused(message: Callable[[Any], str]) -> _Reader:
    return lambda value, frame, received: RenewalAnswer(False, message(value))


def _field(expression: str | None) -> Callable[[Any], str]:
    if expression is None:
        return lambda value: ""
    search = later(expression)
    return lambda value: as_text(search(value))
