"""Frames as values: strict JSON in, nothing that is not JSON out.

Python's own reader takes NaN, infinities and numbers that become infinite; a frame
that holds one is refused here, as is one too deep or with an endless integer.
"""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["InvalidFrame", "decode"]


class InvalidFrame(ValueError):
    """The frame is not strict JSON; the sentence says why."""


def _not_json(constant: str) -> Any:
    raise InvalidFrame(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise InvalidFrame("a number is too large")
    return number


_decoder = json.JSONDecoder(parse_constant=_not_json, parse_float=_finite)


def decode(text: str) -> Any:
    """Return the value of a frame.

    Raises:
        InvalidFrame: it is not strict JSON, or not of this world.
    """
    try:
        return _decoder.decode(text)
    except InvalidFrame:
        raise
    except RecursionError:
        raise InvalidFrame("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise InvalidFrame(f"not JSON: {error}") from None
    except ValueError:
        raise InvalidFrame("an integer has too many digits") from None
