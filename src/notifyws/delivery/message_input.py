"""Makes messages out of what people type: options, pairs, JSON, lines; pure.

A pair is ``key=text`` or ``key:=json``. Everything but the type belongs to the
payload, and the payload holds nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from notifyws.config.validation import nearest
from notifyws.errors import UsageError
from notifyws.models import SAMPLES, Message
from notifyws.protocol.frames import InvalidFrame, decode

GIVE = "give --message TEXT, key=value, or pipe a text"
SHAPE = 'a message is {"type": "...", "payload": {...}}'
EXAMPLE = 'as in \'{"title": "T"}\''
PAIR_HINT = "with := the value is JSON; with = it is text"
PARTS = {"type", "payload", "id"}
_PAIR = r"(?s)(?P<key>[^=:]+)(?P<kind>:?=)(?P<value>.*)"


def from_parts(
    kind: str,
    texts: Mapping[str, str | None],
    pairs: Sequence[str] = (),
    payload: Mapping[str, Any] | None = None,
    *,
    sample: bool = False,
) -> Message | None:
    """Return the message that options and pairs make; ``None`` when they make none.

    Args:
        texts: title, message and link, where they were given.
        pairs: ``key=text`` and ``key:=json``.
        payload: a whole payload, which the others add to.
        sample: begin with the example of this type.

    Raises:
        UsageError: a pair is none, or there is no example of this type.
    """
    given = {key: value for key, value in texts.items() if value is not None}
    body = {**(_sample(kind) if sample else {}), **(payload or {}), **given}
    body |= dict(map(_pair, pairs))
    _demand_type(kind)
    if not (sample or given or pairs) and payload is None:
        return None
    if payload is None and not pairs and not any(body.values()):
        raise UsageError("an empty message is not sent", GIVE)
    return Message(kind, _encodable(body))


def from_stdin(kind: str, text: str) -> Message:
    """Return the message that was piped: a JSON object is the payload, else text.

    Raises:
        UsageError: nothing was piped.
    """
    if not text.strip():
        raise UsageError("there is nothing to send: stdin was empty", GIVE)
    _demand_type(kind)
    try:
        value = decode(text)
    except InvalidFrame:
        value = None
    if isinstance(value, dict):
        if not value:
            raise UsageError("an empty message is not sent", GIVE)
        return Message(kind, value)
    return Message(kind, {"message": text.rstrip("\r\n")})


def from_line(line: str, number: int) -> Message:
    """Return the message of one JSON line, ``{"type", "payload"}`` and an ``id``.

    Args:
        number: the line's, from 1, for messages.

    Raises:
        UsageError: it is no such object.
    """
    if not (line.isascii() or _is_utf_8(line)):
        raise UsageError(f"line {number}: not UTF-8 text", "save it as UTF-8")
    try:
        return as_message(decode(line), f"line {number}: ")
    except InvalidFrame as error:
        raise UsageError(f"line {number}: {error}", SHAPE) from None


def as_message(value: Any, where: str = "") -> Message:
    """Return a message from an object of its shape.

    Args:
        value: a :class:`Message`, or ``{"type", "payload"}`` and perhaps an ``id``.
        where: the beginning of a complaint.

    Raises:
        UsageError: it has another shape; says what is wrong.
    """
    if isinstance(value, Message):
        return value
    if not isinstance(value, (dict, Mapping)):  # asking an ABC is slow
        raise UsageError(f"{where}a message must be an object", SHAPE)
    kind, payload, ident = value.get("type"), value.get("payload", {}), value.get("id")
    if not isinstance(kind, str) or not kind:
        raise UsageError(f"{where}a message needs a type", SHAPE)
    if not isinstance(payload, (dict, Mapping)):
        raise UsageError(f"{where}a message's payload must be an object", SHAPE)
    if not value.keys() <= PARTS:
        unknown = min(value.keys() - PARTS)
        raise UsageError(f"{where}a message has no {unknown!r}", SHAPE)
    return Message(kind, payload, None if ident is None else str(ident))


def payload_of(text: str, where: str) -> Mapping[str, Any]:
    """Return the payload that was given whole.

    Raises:
        UsageError: it is not a JSON object.
    """
    value = _decoded(text, where, EXAMPLE)
    if not isinstance(value, dict):
        raise UsageError(f"{where} is not a JSON object", EXAMPLE)
    return value


def _decoded(text: str, where: str, hint: str) -> Any:
    try:
        return decode(text)
    except InvalidFrame as error:
        raise UsageError(f"{where} is {error}", hint) from None


def _demand_type(kind: str) -> None:
    if not kind:
        raise UsageError("a message needs a type", "as in --type notification")


def _encodable(body: dict[str, Any]) -> dict[str, Any]:
    """Refuse text of the command line that was not UTF-8."""
    for key, value in body.items():
        if not _is_utf_8(f"{key}{value}"):
            raise UsageError(f"{key!a} is not UTF-8 text", "check it")
    return body


def _is_utf_8(text: str) -> bool:
    """Return whether a text was UTF-8 before it was read."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sample(kind: str) -> Mapping[str, Any]:
    if kind not in SAMPLES:
        near = nearest(kind, SAMPLES)
        hint = f"did you mean {near}?" if near else f"known: {', '.join(SAMPLES)}"
        raise UsageError(f"there is no sample of type {kind!r}", hint)
    return SAMPLES[kind]


def _pair(text: str) -> tuple[str, Any]:
    found = re.fullmatch(_PAIR, text)
    if found is None:
        hint = "write key=text or key:=json, and --message for a text"
        raise UsageError(f"{text!r} is no pair", hint)
    key, value = found["key"], found["value"]
    if found["kind"] == "=":
        return key, value
    return key, _decoded(value, f"{key}:=", PAIR_HINT)
