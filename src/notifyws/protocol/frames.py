"""Frames: read as strict JSON, and written from messages by a profile's template.

Python's own reader takes NaN, infinities and numbers that become infinite; a frame
that holds one is refused here, as is one too deep or with an endless integer. How a
WebSocket's bytes become frames is the transport's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from json.scanner import make_scanner
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from notifyws.errors import UsageError
from notifyws.models import Message
from notifyws.protocol.templates import (
    UNSET,
    TemplateContext,
    as_frame,
    filler,
    variables_of,
)

if TYPE_CHECKING:
    from notifyws.protocol.profile import Send

Decoder = Callable[[str], list[Any]]
"""Returns the values that a frame holds, or raises :class:`InvalidFrame`."""

DEEPEST = 200
"""Levels taken: what is read here is written again much further down a stack."""


class InvalidFrame(ValueError):
    """The frame is not strict JSON; the sentence says why."""


def _not_json(constant: str) -> Any:
    raise InvalidFrame(f"not JSON: {constant}")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise InvalidFrame("not readable: a number is too large")
    return number


_decoder = json.JSONDecoder(parse_constant=_not_json, parse_float=_finite)
_scan = make_scanner(_decoder)  # type: ignore[arg-type] # typeshed errs
"""Reads a value that stands at a place; its end comes with it."""


def decode(text: str) -> Any:
    """Return the value of a frame.

    Raises:
        InvalidFrame: it is not strict JSON, or holds what cannot be read.
    """
    try:
        value = _value(text)
    except InvalidFrame:
        raise
    except RecursionError:
        raise InvalidFrame("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise InvalidFrame(f"not JSON: {error}") from None
    except ValueError:
        raise InvalidFrame("not readable: an integer has too many digits") from None
    if len(text) > 2 * DEEPEST and _may_be_deep(text) and _depth(value) > DEEPEST:
        raise InvalidFrame("nested too deeply")
    return value


def _value(text: str) -> Any:
    """Return the value of a text; spaces around it cost a second look."""
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        return _decoder.decode(text)
    return value if end == len(text) else _decoder.decode(text)


def _may_be_deep(text: str) -> bool:
    return text.count("[") + text.count("{") > DEEPEST


def _depth(value: Any) -> int:
    """Return how many objects and lists stand inside each other."""
    depth, level = 0, _containers([value])
    while level:
        depth += 1
        level = [
            inner
            for outer in level
            for inner in _containers(
                outer.values() if isinstance(outer, dict) else outer
            )
        ]
    return depth


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, (dict, list))]


def decoder(frames: str = "json", json_in: Sequence[str] = ()) -> Decoder:
    """Return what reads the frames of a profile.

    Args:
        frames: ``json``, ``json lines`` or ``headers+json``.
        json_in: dotted paths of strings that hold JSON; ``@`` is the frame itself.
    """
    split = _SPLIT[frames]
    if not json_in:
        return split
    paths = [() if path == "@" else tuple(path.split(".")) for path in json_in]

    def read(text: str) -> list[Any]:
        values = split(text)
        for path in paths:
            values = [_unpacked(value, path) for value in values]
        return values

    return read


def _one(text: str) -> list[Any]:
    return [decode(text)]


def _lines(text: str) -> list[Any]:
    return [decode(line) for line in text.splitlines() if line.strip()]


def _headed(text: str) -> list[Any]:
    """Return ``{"headers", "body"}`` of header lines, a blank line and JSON or text."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    pairs = (line.partition(":") for line in head.split("\n") if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return [{"headers": headers, "body": json_or_text(body)}]


def json_or_text(text: str) -> Any:
    """Return the value of a text that is JSON, and any other as it is."""
    try:
        return decode(text)
    except InvalidFrame:
        return text


def _unpacked(value: Any, path: Sequence[str]) -> Any:
    """Return ``value`` with the JSON in the string at ``path`` read, if it is some."""
    if not path:
        return json_or_text(value) if isinstance(value, str) else value
    if not isinstance(value, dict) or path[0] not in value:
        return value
    return {**value, path[0]: _unpacked(value[path[0]], path[1:])}


_SPLIT = {"json": _one, "json lines": _lines, "headers+json": _headed}


class Composed(Struct, frozen=True):
    """A message as a frame, and by what its acknowledgement will name it."""

    frame: str
    key: str


class Composer:
    """Writes messages as a profile says.

    Args:
        send: the profile's table.
    """

    def __init__(self, send: Send) -> None:
        named = send.ack.equals if send.ack else ""
        self._frame, self._key = filler(send.frame), filler(named)
        templates = [send.frame, named]
        self._used = {"seq", "uuid"}.intersection(variables_of(templates))

    def compose(self, message: Message, context: TemplateContext) -> Composed:
        """Return a message as the frame that the profile makes of it.

        Args:
            message: what to send.
            context: what is known on the socket it will go over.

        Raises:
            UsageError: the payload holds what JSON or UTF-8 cannot say.
        """
        known = context.known(self._used, of_message(message))
        try:
            frame = as_frame(self._frame(known))
            if frame is not None and not frame.isascii():
                frame.encode()  # half a character would end the connection
        except UnicodeEncodeError:
            said = f"the text of {message.type} is not UTF-8"
            raise UsageError(said, "check it for half a character") from None
        except (TypeError, ValueError, RecursionError) as error:
            said = f"the payload of {message.type} is not JSON: {error}"
            raise UsageError(said, "give it text, numbers, lists ...") from None
        if frame is None:
            raise UsageError(f"nothing of {message.type} can be sent", "give it a text")
        key = self._key(known)
        return Composed(frame, "" if key is UNSET else str(key))


def of_message(message: Message) -> Mapping[str, Any]:
    """Return what a template may say of a message."""
    payload = message.payload
    if not isinstance(payload, dict):  # what JSON can write
        payload = dict(payload)
    return {"type": message.type, "payload": payload, "id": message.id}
