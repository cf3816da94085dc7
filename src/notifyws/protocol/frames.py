"""Frames: read as strict JSON.

Python's own reader takes NaN, infinities and numbers that become infinite; a frame
that holds one is refused here, as is one too deep or with an endless integer. What
msgspec takes, it takes as well and reads as the same value, in a third of the time; so
only what msgspec refuses is read by it, which knows more and says why.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from json.scanner import make_scanner
from typing import TYPE_CHECKING, Any

import msgspec

from notifyws.protocol.expressions import BadExpression

if TYPE_CHECKING:
    from notifyws.protocol.profile import Socket

Decoder = Callable[[str], list[Any]]
"""Returns the values that a frame holds, or raises :class:`InvalidFrame`.

Where a part of it cannot be read, the error stands in its place, so that the others
are not lost with it.
"""

_SPACE = re.compile(r"[ \t\r\n]*")
_STEP = re.compile(r"\[\]|(?:^|(?<!^)\.)([^.\[\]@]+)")
_TOO_DEEP = "nested too deeply"
DEEPEST = 200
"""Levels taken: what is read here is written again much further down a stack."""


class InvalidFrame(ValueError):
    """A frame, or a part of it, is not strict JSON; the sentence says why.

    Args:
        text: the part; empty where it is the whole frame.
    """

    def __init__(self, reason: str, text: str = "") -> None:
        super().__init__(reason)
        self.text = text


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
_quick = msgspec.json.Decoder().decode
"""Reads a text that holds one value, unless it raises one of ``_SLOWLY``."""
_SLOWLY = (msgspec.DecodeError, UnicodeEncodeError, RecursionError)
"""What says that a text is nothing for the quick one."""


def decode(text: str, deepest: int = DEEPEST) -> Any:
    """Return the value of a text that holds one.

    Args:
        text: a frame, or what was kept of one.
        deepest: levels taken; in a frame, strings may hold more JSON.

    Raises:
        InvalidFrame: it is not strict JSON, or holds what cannot be read.
    """
    try:
        value, end = _quick(text), len(text)
    except _SLOWLY:
        value, end = _value(text, 0, deepest)
    else:
        _limit_depth(value, text, deepest)
    if end != len(text) and (end := _after_space(text, end)) != len(text):
        error = json.JSONDecodeError("Extra data", text, end)
        raise InvalidFrame(f"not JSON: {error}")
    return value


def decode_all(text: str) -> list[Any]:
    """Return the values of a text, between which there may be white space.

    Many servers write what waits into one frame, a value a line. From the first value
    on that cannot be read, the rest stands as one error.

    Raises:
        InvalidFrame: not even the first can be read.
    """
    try:
        value, end = _quick(text), len(text)
    except _SLOWLY:
        value, end = _value(text, 0)
    else:
        _limit_depth(value, text)
    values = [value]
    while end != len(text) and (start := _after_space(text, end)) != len(text):
        try:
            if start == end and text[start] not in "{[":
                raise InvalidFrame(f"not JSON: extra data at character {start}")
            value, end = _value(text, start)
        except InvalidFrame as error:
            return [*values, InvalidFrame(str(error), text[start:])]
        values.append(value)
    return values


def plain_objects(
    frames: Iterable[str | bytes],
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the objects that a burst begins with, each with all of its frame.

    They end before what is none, or takes a look: :func:`decode_all` knows about that.
    """
    quick, shallow = _quick, 2 * DEEPEST
    for frame in frames:
        try:
            value = quick(frame)
        except _SLOWLY:
            return
        if type(value) is not dict or type(frame) is not str:
            return
        if len(frame) > shallow and _is_too_deep(value, frame):
            return
        yield value, frame


def text_of(frame: str | bytes) -> str:
    """Return a frame's text, also of a binary one that holds some.

    Raises:
        InvalidFrame: it holds none.
    """
    if isinstance(frame, str):
        return frame
    try:
        return frame.decode()
    except UnicodeDecodeError:
        raise InvalidFrame(f"a binary frame of {len(frame)} bytes") from None


def _value(text: str, start: int, deepest: int = DEEPEST) -> tuple[Any, int]:
    """Return the value that stands at a place, or after blanks, and its end."""
    try:
        try:
            value, end = _scan(text, start)
        except StopIteration:
            value, end = _decoder.raw_decode(text, _after_space(text, start))
    except InvalidFrame:
        raise
    except RecursionError:
        raise InvalidFrame(_TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise InvalidFrame(f"not JSON: {error}") from None
    except ValueError:
        raise InvalidFrame("not readable: an integer has too many digits") from None
    _limit_depth(value, text[start:end], deepest)
    return value, end


def _limit_depth(value: Any, text: str, deepest: int = DEEPEST) -> None:
    if _is_too_deep(value, text, deepest):
        raise InvalidFrame(_TOO_DEEP)


def _after_space(text: str, start: int) -> int:
    found = _SPACE.match(text, start)
    assert found is not None
    return found.end()


def _is_too_deep(value: Any, text: str, deepest: int = DEEPEST) -> bool:
    if len(text) <= 2 * deepest:
        return False
    opened = text.count("[") + text.count("{")
    return opened > deepest and _depth(value) > deepest


def _depth(value: Any) -> int:
    """Return how many objects and lists stand inside each other."""
    depth, level = 0, _containers([value])
    while level:
        depth += 1
        inner = (each.values() if isinstance(each, dict) else each for each in level)
        level = _containers(chain.from_iterable(inner))
    return depth


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, (dict, list))]


def decoder(
    frames: str = "json", json_in: Sequence[str] = (), *, split_lists: bool = False
) -> Decoder:
    """Return what reads the frames of a profile.

    Args:
        frames: ``json``, ``json lines`` or ``headers+json``.
        json_in: where strings hold JSON; see :func:`json_path`.
        split_lists: whether each element of a list is a frame.
    """
    split = _SPLIT[frames]
    paths = [json_path(path) for path in json_in]
    if not paths and not split_lists:
        return split

    def read(text: str) -> list[Any]:
        values = split(text)
        for path in paths:
            values = [_unpacked(value, path) for value in values]
        if not split_lists:
            return values
        lists = [each if isinstance(each, list) else [each] for each in values]
        return list(chain.from_iterable(lists))

    return read


def decoder_of(socket: Socket) -> Decoder:
    """Return what reads the frames of a profile."""
    return decoder(socket.frames, socket.json_in, split_lists=socket.split_lists)


def json_path(path: str) -> tuple[str | None, ...]:
    """Return the steps of a path: keys, and ``None`` for every element of a list.

    Args:
        path: keys with dots between, as in ``data.body``; ``[]`` for the elements of a
            list, as in ``[].data``; ``@`` for the frame itself.

    Raises:
        BadExpression: it is no such path.
    """
    at = int(path.startswith("@"))
    steps: list[str | None] = []
    while at < len(path):
        if (found := _STEP.match(path, at)) is None:
            break
        steps.append(found[1])
        at = found.end()
    if at < len(path) or not path:
        reason = "neither @ nor a path as in data, data.body, [].data or @[]"
        raise BadExpression(reason, at)
    return tuple(steps)


def _lines(text: str) -> list[Any]:
    values: list[Any] = []
    for line in text.split("\n"):
        if line.strip():
            try:
                values += decode_all(line)
            except InvalidFrame as error:
                values.append(InvalidFrame(str(error), line))
    return values


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


def _unpacked(value: Any, path: Sequence[str | None]) -> Any:
    """Return ``value`` with the JSON in the strings at ``path`` read, if it is some."""
    if not path:
        return json_or_text(value) if isinstance(value, str) else value
    if path[0] is None:
        inside = value if isinstance(value, list) else []
        return [_unpacked(each, path[1:]) for each in inside] if inside else value
    if not isinstance(value, dict) or path[0] not in value:
        return value
    return {**value, path[0]: _unpacked(value[path[0]], path[1:])}


_SPLIT = {"json": decode_all, "json lines": _lines, "headers+json": _headed}
