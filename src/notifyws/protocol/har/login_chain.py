"""The token followed back: which requests led to it, and which renewed it.

The answer that gave it, what that request held that an earlier answer gave, and so on
to the request that held the password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from notifyws.protocol.har.recording import Exchange, Recording
from notifyws.protocol.har.sockets import SHORTEST, Placed
from notifyws.protocol.har.values import (
    PASSWORD,
    Given,
    Sources,
    expression,
    is_secret_name,
    last_name,
    requested,
    texts,
)

MOST_STEPS = 10
REFRESH = re.compile(r"(?i)refresh|renew")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PATH = re.compile(r"/([^/\\#\s][^\\#\s]*)?")
"""What a profile takes as a path."""
USERNAME = re.compile(r"(?i)user|login|e?mail|name|account|identif|phone")


class Chain(Struct):
    """The requests that led to a token.

    Args:
        exchanges: of the login, in their order.
        refresh: that renewed the token, if one did.
        access: where the login's answers hold the token.
        refresh_token: where they hold the other one.
    """

    exchanges: list[Exchange]
    refresh: Exchange | None
    access: Given | None
    refresh_token: Given | None


def chain_of(recording: Recording, placed: Placed | None, sources: Sources) -> Chain:
    """Return the requests that led to the token of a socket, if it has one."""
    found: dict[int, Exchange] = {}
    refresh, access = None, placed.given if placed else None
    if access is not None and _is_refresh(access.exchange):
        refresh = access.exchange
        access = _same(refresh, access, recording, sources) or access
        refresh = refresh if access.exchange is not refresh else None
    if access is not None:
        _follow(access.exchange, sources, found)
    if not any(map(passwords, found.values())):
        found.update(_by_password(recording, access))
    ordered = sorted(found.values(), key=lambda each: (each.started, each.number))
    refresh = refresh or next(
        (each for each in recording.exchanges if _renews(each, ordered)), None
    )
    token = _refresh_token(refresh, ordered, sources)
    if access is None and placed is not None and ordered:
        access = _guess(ordered[-1])
    return Chain(ordered, refresh, access, token)


def _follow(exchange: Exchange, sources: Sources, found: dict[int, Exchange]) -> None:
    rest = [exchange]
    while rest and len(found) < MOST_STEPS:
        each = rest.pop()
        if each.number in found or not usable(each):
            continue
        found[each.number] = each
        rest += [given.exchange for _, _, given in links(each, sources)]


def links(exchange: Exchange, sources: Sources) -> Iterator[tuple[str, str, Given]]:
    """Yield the name and value of what a request took from an earlier answer.

    A plain word is no link: it may be anybody's.
    """
    for _, name, value in requested(exchange):
        given = sources.of(value, exchange)
        if given is None or USERNAME.search(name) or PASSWORD.search(name):
            continue
        odd = len(value) >= SHORTEST and any(each.isdigit() for each in value)
        if odd or is_secret_name(given.name):
            yield name, value, given


def usable(exchange: Exchange) -> bool:
    """Return whether a profile can say a request."""
    return exchange.method in METHODS and PATH.fullmatch(exchange.path) is not None


def _by_password(recording: Recording, access: Given | None) -> dict[int, Exchange]:
    """Return the last login that went well, where nothing leads to one."""
    before = access.exchange.number if access else len(recording.exchanges) + 10**9
    good = [
        each
        for each in recording.exchanges
        if passwords(each) and each.status < 400 and each.number < before
    ]
    return {each.number: each for each in good[-1:] if usable(each)}


def _is_refresh(exchange: Exchange) -> bool:
    names = [
        name for table, name, _ in requested(exchange) if table in ("form", "body")
    ]
    grant = (exchange.form or {}).get("grant_type", "")
    return not passwords(exchange) and any(
        map(REFRESH.search, [exchange.path.rpartition("/")[2], grant, *names])
    )


def _same(
    refresh: Exchange, access: Given, recording: Recording, sources: Sources
) -> Given | None:
    """Return the first access token, where the socket has one that was refreshed."""
    led: dict[int, Exchange] = {}
    _follow(refresh, sources, led)
    logins = [each for each in led.values() if each is not refresh]
    logins += _by_password(recording, access).values()
    found = [
        Given(each, expression(path), access.name)
        for each in logins
        for path, _ in texts(each.answer)
        if last_name(path) == access.name
    ]
    cookies = [each for each in logins if access.name in each.set_cookies]
    found += [Given(each, access.place, access.name) for each in cookies]
    return next(iter(found), None)


def _renews(exchange: Exchange, logins: Sequence[Exchange]) -> bool:
    """Return whether a request renewed the token that these logins gave."""
    ends = [each for each in logins if each.number >= exchange.number]
    good = exchange.status < 400 and usable(exchange)
    same = bool(logins) and exchange.origin == logins[-1].origin
    return good and same and not ends and _is_refresh(exchange)


def _refresh_token(
    refresh: Exchange | None, logins: Sequence[Exchange], sources: Sources
) -> Given | None:
    if refresh is not None:
        for _, _, value in requested(refresh):
            given = sources.of(value, refresh)
            if given is not None and REFRESH.search(given.name):
                return given
    for each in reversed(logins):
        for path, leaf in texts(each.answer):
            name = last_name(path)
            if REFRESH.search(name) and len(leaf) >= SHORTEST:
                return Given(each, expression(path), name)
    return None


def _guess(login: Exchange) -> Given | None:
    """Return the token of an answer by its name."""
    found = [
        Given(login, expression(path), last_name(path))
        for path, _ in texts(login.answer)
        if is_secret_name(last_name(path))
    ]
    return next((each for each in found if not REFRESH.search(each.name)), None)


def passwords(exchange: Exchange) -> list[tuple[tuple[str | int, ...], str]]:
    """Return the passwords that a request holds, each with the way to it."""
    said = exchange.body if exchange.form is None else dict(exchange.form)
    return [
        (path, leaf)
        for path, leaf in texts(said)
        if leaf and PASSWORD.search(last_name(path))
    ]


def value_of(given: Given) -> str:
    """Return the value of which a place was found."""
    for path, leaf in texts(given.exchange.answer):
        if expression(path) == given.place:
            return leaf
    return given.exchange.set_cookies.get(given.name, "")
