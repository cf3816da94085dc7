"""Where the values of a recording come from: which answer gave which first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from notifyws.protocol.har.recording import Exchange
from notifyws.protocol.har.values import (
    LONGEST_PATH,
    expression,
    is_opaque,
    is_secret_name,
    last_name,
    leaves,
)

SHORTEST = 6
"""Characters of a value that is no chance."""
STANDARD = frozenset(
    {"host", "origin", "referer", "user-agent", "content-type", "content-length"}
    | {"accept", "accept-encoding", "accept-language", "connection", "cookie"}
    | {"cache-control", "pragma", "upgrade", "dnt", "priority", "te", "date"}
    | {"upgrade-insecure-requests", "set-cookie", "content-encoding", "if-none-match"}
    | {"vary", "server", "etag", "expires", "last-modified", "transfer-encoding"}
)
"""Headers that browsers and servers send by themselves."""


class Given(Struct, frozen=True):
    """A value as an answer gave it.

    Args:
        exchange: whose answer.
        place: where in it: an expression, ``header:NAME`` or ``cookie:NAME``.
        name: what it is called there.
    """

    exchange: Exchange
    place: str
    name: str


class Sources:
    """Which answer gave which value.

    Args:
        exchanges: in their order.
    """

    def __init__(self, exchanges: Iterable[Exchange]) -> None:
        self._given: dict[str, Given] = {}
        for exchange in exchanges:
            for value, given in _answered(exchange):
                if len(value) >= SHORTEST and len(given.place) <= LONGEST_PATH:
                    self._given.setdefault(value, given)

    def of(self, value: Any, before: Exchange | None = None) -> Given | None:
        """Return who gave a value, if somebody did.

        Args:
            value: of a request or a frame.
            before: only an answer that came before this request counts.
        """
        given = self._given.get(value) if isinstance(value, str) else None
        if given is None or before is None:
            return given
        one, other = given.exchange, before
        earlier = (one.started, one.number) < (other.started, other.number)
        return given if earlier else None

    def within(self, text: str) -> tuple[str, Given] | None:
        """Return the longest value that a text ends with, and who gave it."""
        starts = range(1, len(text) - SHORTEST)
        ends = (text[start:] for start in starts if not text[start - 1].isalnum())
        found = ((end, self._given[end]) for end in ends if end in self._given)
        return next(found, None)


def _answered(exchange: Exchange) -> Iterator[tuple[str, Given]]:
    for path, leaf in leaves(exchange.answer):
        if isinstance(leaf, str) and path:
            yield leaf, Given(exchange, expression(path), last_name(path))
    for name, value in exchange.set_cookies.items():
        yield value, Given(exchange, f"cookie:{name}", name)
    for name, value in exchange.answer_headers.items():
        if name not in STANDARD and not name.startswith(("access-control-", "sec-")):
            bare = value[7:] if value[:7].lower() == "bearer " else value
            yield bare, Given(exchange, f"header:{name}", name)


def requested(exchange: Exchange) -> Iterator[tuple[str, str, str]]:
    """Yield the table, name and value of all that a request says."""
    for part in exchange.path.split("/"):
        yield "path", "", part
    for name, value in exchange.query.items():
        yield "query", name, value
    for name, value in (exchange.form or {}).items():
        yield "form", name, value
    for path, leaf in leaves(exchange.body):
        if isinstance(leaf, str):
            yield "body", last_name(path), leaf
    for name, value in own_headers(exchange).items():
        yield "headers", name, value.rpartition(" ")[2]
    for name, value in exchange.cookies.items():
        if is_secret_name(name) or is_opaque(value):
            yield "cookies", name, value


def own_headers(exchange: Exchange) -> dict[str, str]:
    """Return the headers of a request that a page set."""
    return {
        name: value
        for name, value in exchange.headers.items()
        if name not in STANDARD and not name.startswith(("sec-", ":"))
    }
