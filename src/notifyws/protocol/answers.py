"""Which frames answer what we sent: a message, or a new token; they are asked first.

A frame that refuses a token says what else it is, for whoever waits for no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from notifyws.models import as_text
from notifyws.protocol.arrivals import (
    Acknowledged,
    Arrival,
    Expired,
    RenewalAnswer,
    ServerError,
    SessionEnded,
)
from notifyws.protocol.expressions import compiled, later, truthy
from notifyws.protocol.failures import refused
from notifyws.protocol.profile import Ack, Failing, Renewal

Reader = Callable[[Any, "str | None", str], Arrival]
"""What a frame's value, its text and when it was received make of it."""
LeftOver = Callable[[list[Any]], list[Any]]
"""What a rule does not take of a list."""
Tests = tuple[tuple[str, Any], ...]
Row = tuple[Tests, "Callable[[Any], Any] | None", Reader, "LeftOver | None"]


def acks(ack: Ack | None) -> list[Row]:
    """Return the rows of what became of a message."""
    if ack is None:
        return []
    ident, message = text_at(ack.id), text_at(ack.message)
    ok = compiled(ack.ok) if ack.ok else None

    def read(value: Any, frame: str | None, received: str) -> Arrival:
        taken = ok is None or truthy(ok(value))
        return Acknowledged(ident(value), taken, "" if taken else message(value))

    return [((), compiled(ack.when), read, None)]


def renewals(
    renewal: Renewal | None,
    closes: Mapping[str, str],
    otherwise: Callable[[Any, str], Arrival],
) -> list[Row]:
    """Return the rows of whether a new token was taken.

    Args:
        otherwise: returns what the rules below say of a refusal.
    """
    failing = renewal.fail if renewal else ()
    rows: list[Row] = [
        ((), compiled(each.when), _refused(each, closes, otherwise), None)
        for each in failing
    ]
    if renewal and renewal.ok is not None:
        accepted: Reader = lambda value, frame, received: RenewalAnswer(ok=True)  # noqa: E731 - a row
        rows.append(((), compiled(renewal.ok), accepted, None))
    return rows


def _refused(
    failing: Failing,
    closes: Mapping[str, str],
    otherwise: Callable[[Any, str], Arrival],
) -> Reader:
    said = refused(failing, closes)

    def read(value: Any, frame: str | None, received: str) -> Arrival:
        means, message = said(value)
        other = otherwise(value, received)
        bad = other if isinstance(other, ServerError | Expired | SessionEnded) else None
        return RenewalAnswer(False, message, means or failing.means, bad)

    return read


def text_at(expression: str | None) -> Callable[[Any], str]:
    """Return what finds a text in a value; empty where it is not."""
    if expression is None:
        return lambda value: ""
    search = later(expression)
    return lambda value: as_text(search(value))
