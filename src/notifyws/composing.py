"""Makes messages out of what people type: options, pairs, JSON, lines; pure.

A pair is ``key=text`` or ``key:=json``. Everything but the type belongs to the
payload, and the payload holds nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from notifyws.errors import UsageError
from notifyws.models import Message
from notifyws.protocol.frames import InvalidFrame, decode
from notifyws.samples import SAMPLES

__all__ = ["from_line", "from_parts", "from_stdin", "payload_of"]

_PAIR = re.compile(r"(?P<key>[^=:]+)(?P<kind>:?=)(?P<value>.*)", re.DOTALL)


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
        kind: the message's type.
        texts: title, message and link, where they were given.
        pairs: ``key=text`` and ``key:=json``.
        payload: a whole payload, which the others add to.
        sample: begin with the example of this type.

    Raises:
        UsageError: a pair is none, or there is no example of this type.
    """
    given = {key: value for key, value in texts.items() if value is not None}
    body = {**(_sample(kind) if sample else {}), **(payload or {}), **given}
    body |= dict(_pair(text) for text in pairs)
    nothing = not (sample or given or pairs) and payload is None
    return None if nothing else Message(kind, body)


def from_stdin(kind: str, text: str) -> Message:
    """Return the message that was piped: a JSON object is the payload, else text.

    Raises:
        UsageError: nothing was piped.
    """
    if not text.strip():
        message = "there is nothing to send: stdin was empty"
        raise UsageError(message, "give --message TEXT, key=value, or pipe a text")
    try:
        value = decode(text)
    except InvalidFrame:
        value = None
    if isinstance(value, dict):
        return Message(kind, value)
    return Message(kind, {"message": text.rstrip("\r\n")})


def from_line(line: str, number: int) -> Message:
    """Return the message of one JSON line, ``{"type", "payload"}`` and an ``id``.

    Args:
        number: the line's, from 1, for messages.

    Raises:
        UsageError: it is no such object.
    """
    where = f"line {number}"
    hint = 'each line is {"type": "...", "payload": {...}}'
    try:
        value = decode(line)
    except InvalidFrame as error:
        raise UsageError(f"{where}: {error}", hint) from None
    if not isinstance(value, dict):
        raise UsageError(f"{where}: not a JSON object", hint)
    kind, payload, ident = value.get("type"), value.get("payload", {}), value.get("id")
    if not isinstance(kind, str) or not kind:
        raise UsageError(f"{where}: there is no type", hint)
    if not isinstance(payload, dict):
        raise UsageError(f"{where}: the payload is not an object", hint)
    if unknown := sorted(value.keys() - {"type", "payload", "id"}):
        raise UsageError(f"{where}: unknown key {unknown[0]!r}", hint)
    return Message(kind, payload, None if ident is None else str(ident))


def payload_of(text: str, where: str) -> Mapping[str, Any]:
    """Return the payload that was given whole.

    Raises:
        UsageError: it is not a JSON object.
    """
    try:
        value = decode(text)
    except InvalidFrame as error:
        raise UsageError(f"{where} is {error}", 'as in \'{"title": "T"}\'') from None
    if not isinstance(value, dict):
        raise UsageError(f"{where} is not a JSON object", 'as in \'{"title": "T"}\'')
    return value


def _sample(kind: str) -> Mapping[str, Any]:
    if kind not in SAMPLES:
        known = ", ".join(SAMPLES)
        raise UsageError(f"there is no sample of type {kind!r}", f"known: {known}")
    return SAMPLES[kind]


def _pair(text: str) -> tuple[str, Any]:
    found = _PAIR.fullmatch(text)
    if found is None:
        hint = "write key=text or key:=json, and --message for a text"
        raise UsageError(f"{text!r} is no pair", hint)
    key, value = found["key"], found["value"]
    if found["kind"] == "=":
        return key, value
    try:
        return key, decode(value)
    except InvalidFrame as error:
        hint = "with := the value is JSON; with = it is text"
        raise UsageError(f"{key}:= is {error}", hint) from None
