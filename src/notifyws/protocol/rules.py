"""What a frame means: the profile's rules, compiled once, first match wins.

A frame is a notification, the server's error, the server's word that something is
missing, nothing of interest, or not understood. It is never an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from notifyws.models import Notification
from notifyws.protocol.answers import (
    LeftOver,
    Reader,
    Row,
    acks,
    renewals,
    text_at,
)
from notifyws.protocol.arrivals import (
    Arrival,
    Expired,
    Ignored,
    NotUnderstood,
    Pong,
    ServerError,
    ServerGap,
    ServerPing,
    SessionEnded,
    many,
)
from notifyws.protocol.expressions import compiled, later, truthy
from notifyws.protocol.failures import refused
from notifyws.protocol.field_mapping import mapper, plain
from notifyws.protocol.frames import (
    Decoder,
    InvalidFrame,
    decode_all,
    plain_objects,
    text_of,
)
from notifyws.protocol.profile import Ack, Renewal, Rule

_ODD = NotUnderstood("an element of a list that is not a JSON object")


class Rules:
    """The rules of one profile.

    Args:
        read: reads a frame's values; one strict JSON value when not given.
        ack, renewal: which frames answer a message, or a new token; asked first.
        closes: what codes mean, of closes and in frames.
        follow: is told of every value that was read.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        read: Decoder | None = None,
        ack: Ack | None = None,
        renewal: Renewal | None = None,
        closes: Mapping[str, str] = MappingProxyType({}),
        follow: Callable[[Any], None] | None = None,
    ) -> None:
        self._follow, self._plain = follow, read is None
        self._decode = read or decode_all
        first = [*renewals(renewal, closes, self._below_renewals)]
        self._renewals = len(first)
        first += acks(ack)
        self._rows: list[Row] = [*first, *(_row(each, closes) for each in rules)]
        taken = _taken_types(self._rows)
        self._taken = taken or frozenset()
        self._is_simple = self._plain and follow is None and taken is not None

    def plain(self, frames: Iterable[str | bytes], received: str) -> list[Notification]:
        """Return the notifications that a burst begins with, each all of its frame.

        Where notifications are objects with a type, most bursts are made of these.
        """
        found: list[Notification] = []
        if self._is_simple:
            taken = self._taken
            for value, frame in plain_objects(frames):
                kind = value.get("type")
                if type(kind) is not str or not kind or kind in taken:
                    break
                found.append(Notification(value, received, frame))
        return found

    def read(self, frame: str | bytes, received: str) -> Arrival:
        """Return what a frame means that was received then (RFC 3339 UTC)."""
        try:
            text = frame if isinstance(frame, str) else text_of(frame)
            values = self._decode(text)
        except InvalidFrame as error:
            return NotUnderstood(str(error))
        if self._follow is not None:
            for value in values:
                self._follow(value)
        if self._plain and len(values) == 1:
            return self._meaning(values[0], text, received)
        return many(
            NotUnderstood(str(value))
            if isinstance(value, InvalidFrame)
            else self._meaning(value, None, received)
            for value in values
        )

    def value(self, value: Any, received: str) -> Arrival:
        """Return what a value means that came some other way than in a frame."""
        return self._meaning(value, None, received)

    def _meaning(
        self, value: Any, frame: str | None, received: str, first: int = 0
    ) -> Arrival:
        fields = value if isinstance(value, dict) else {}
        rows = self._rows[first:] if first else self._rows
        for tests, when, reader, left_over in rows:
            for key, wanted in tests:
                if fields.get(key) != wanted:
                    break
            else:
                if when is None or truthy(when(value)):
                    if left_over is not None and isinstance(value, list):
                        return self._of_list(value, received, reader, left_over)
                    return reader(value, frame, received)
        return NotUnderstood("no rule of the profile matches it")

    def _below_renewals(self, value: Any, received: str) -> Arrival:
        return self._meaning(value, None, received, self._renewals)

    def _of_list(
        self, value: list[Any], received: str, reader: Reader, left_over: LeftOver
    ) -> Arrival:
        """Return what the elements of a list mean to a rule of notifications.

        It may take some of them only: the rules below it are asked about the others.
        """
        if reader is _notification:
            each = (
                self._meaning(one, None, received) if isinstance(one, dict) else _ODD
                for one in value
            )
            return many(each) if value else NotUnderstood("an empty list")
        taken = reader(value, None, received)
        if not (left := left_over(value)):
            return taken
        below = next(n for n, row in enumerate(self._rows, 1) if row[2] is reader)
        others = self._meaning(left, None, received, below)
        if isinstance(others, NotUnderstood):
            others = NotUnderstood(f"no rule takes {len(left)} elements of the list")
        return many([taken, others])


def _taken_types(rows: Sequence[Row]) -> frozenset[str] | None:
    """Return the types that are no notifications; ``None`` where rules look further."""
    taken = set[str]()
    for tests, when, reader, _ in rows:
        if reader is _notification and not (tests or when):
            return frozenset(taken)
        if not isinstance(kind := dict(tests).get("type"), str):
            break
        taken.add(kind)
    return None


def _row(rule: Rule, closes: Mapping[str, str]) -> Row:
    when = compiled(rule.when) if rule.when else None
    left_over = _left_over(rule) if rule.then == "notification" else None
    return tuple(rule.match.items()), when, _reader(rule, closes), left_over


def _left_over(rule: Rule) -> LeftOver:
    if rule.items is None or rule.children is not None or rule.values:
        return lambda value: []
    items = later(rule.items)

    def left_over(value: list[Any]) -> list[Any]:
        found = items(value)
        taken = {id(each) for each in (found if isinstance(found, list) else [found])}
        left = [each for each in value if id(each) not in taken]
        return left if len(left) < len(value) else []  # what it made is not theirs

    return left_over


def _reader(rule: Rule, closes: Mapping[str, str]) -> Reader:
    match rule.then:
        case "notification":
            return _notification if plain(rule) else _mapped(rule)
        case "error":
            return _server_error(rule, closes)
        case "unsubscribed" | "auth failed":
            return _ended(rule, closes, *ENDS[rule.then])
        case "gap":
            return _server_gap(rule)
        case "token expired":
            message = text_at(rule.message)
            return lambda value, frame, received: Expired(message(value))
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


def _mapped(rule: Rule) -> Reader:
    failures: list[str] = []
    map_fields = mapper(rule, failures.append)

    def read(value: Any, frame: str | None, received: str) -> Arrival:
        try:
            found = many(map_fields(value, received))
        except InvalidFrame as error:
            found = NotUnderstood(str(error))
        if failures:
            found = many([found, NotUnderstood(f"no id: {failures[0]}")])
            failures.clear()
        return found

    return read


def _server_error(rule: Rule, closes: Mapping[str, str]) -> Reader:
    said, ident = refused(rule, closes), text_at(rule.id)

    def read(value: Any, frame: str | None, received: str) -> Arrival:
        means, message = said(value)
        if means is not None:
            return SessionEnded(means, message)
        return ServerError(message or "no reason given", ident(value) or None)

    return read


ENDS = {
    "unsubscribed": ("the server ended the subscription", "retry"),
    "auth failed": ("the server ended the session", "renew"),
}
"""What is said of a rule's word, and what it means where the rule does not say."""


def _ended(rule: Rule, closes: Mapping[str, str], what: str, means: str) -> Reader:
    said = refused(rule, closes)

    def read(value: Any, frame: str | None, received: str) -> Arrival:
        found, message = said(value)
        return SessionEnded(found or means, message, what)

    return read


def _server_gap(rule: Rule) -> Reader:
    start, end = text_at(rule.start), text_at(rule.end)
    return lambda value, frame, received: ServerGap(start(value), end(value))
