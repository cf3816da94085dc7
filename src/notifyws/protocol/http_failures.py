"""What an HTTP answer means that is no success, as the profile's table says."""

from __future__ import annotations

from typing import Any

from notifyws.models import as_text
from notifyws.protocol.expressions import compiled, truthy
from notifyws.protocol.profile import Failure, Http, Meaning

__all__ = ["meaning"]

LONGEST = 300
"""Characters of a server's words that are told."""


def meaning(
    http: Http, status: int, body: Any, refused: Meaning
) -> tuple[Meaning | None, str]:
    """Return what an answer means, and the server's own words if it has some.

    Args:
        http: the profile's HTTP side.
        status: of the answer.
        body: its decoded JSON.
        refused: what a refused status means in this place.
    """
    for failure in http.failures:
        if _fits(failure, status, body):
            said = compiled(failure.message)(body) if failure.message else None
            return failure.means, as_text(said)[:LONGEST]
    if status in http.refused:
        return refused, ""
    return None, ""


def _fits(failure: Failure, status: int, body: Any) -> bool:
    if failure.status is not None:
        first, _, last = failure.status.partition("-")
        if not int(first) <= status <= int(last or first):
            return False
    return failure.when is None or truthy(compiled(failure.when)(body))
