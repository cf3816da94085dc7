"""Frames as values: strict JSON in, nothing that is not JSON out.

Python's own reader takes NaN, infinities and numbers that become infinite; a frame
that holds one is refused here, as is one too deep or with an endless integer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

__all__ = ["InvalidFrame", "decode"]

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


def decode(text: str) -> Any:
    """Return the value of a frame.

    Raises:
        InvalidFrame: it is not strict JSON, or not of this world.
    """
    try:
        value = _decoder.decode(text)
    except InvalidFrame:
        raise
    except RecursionError:
        raise InvalidFrame("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise InvalidFrame(f"not JSON: {error}") from None
    except ValueError:
        raise InvalidFrame("not readable: an integer has too many digits") from None
    if text.count("[") + text.count("{") > DEEPEST and _depth(value) > DEEPEST:
        raise InvalidFrame("nested too deeply")
    return value


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
