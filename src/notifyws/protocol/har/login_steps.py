"""Login, refresh and logout as steps of a profile, and where answers hold tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct, field

from notifyws.protocol.har.login_chain import (
    USERNAME,
    Chain,
    chain_of,
    links,
    passwords,
    usable,
    value_of,
)
from notifyws.protocol.har.recording import Exchange, Recording
from notifyws.protocol.har.sockets import Placed
from notifyws.protocol.har.values import (
    PASSWORD,
    Sources,
    expression,
    last_name,
    leaves,
    literals,
    own_headers,
    texts,
)
from notifyws.protocol.har.variables import Variables

LOGOUT = re.compile(r"(?i)/(log_?-?out|sign_?-?out|revoke)$")
LIFETIMES = (
    ("expires_in", re.compile(r"(?i)^(access_?)?(token_?)?(expires(_?in)?|ttl)$")),
    (
        "refresh_expires_in",
        re.compile(r"(?i)^refresh_?(token_?)?(expires(_?in)?|ttl)$"),
    ),
    ("expires_at", re.compile(r"(?i)^(access_?)?(token_?)?(expires_?at|expiry|exp)$")),
)
USER_ID = re.compile(r"(?i)^(user_?id|uid)$")
MILLISECONDS = 100_000
"""A round lifetime beyond it is in milliseconds: as seconds it is more than a day."""


class DraftStep(Struct):
    """A request as a step: what it sends, and what is taken from its answer."""

    exchange: Exchange
    keys: dict[str, Any] = field(default_factory=dict)
    capture: dict[str, str] = field(default_factory=dict)


class Login(Struct):
    """How one gets and renews the token.

    Args:
        steps: in their order; none where that was not recorded.
        tokens: the profile's table of where answers hold what.
        known: values of the socket, each with the name of its variable.
        failed: status of a recorded login that was refused, and where it says why.
        by_cookie: whether the refresh was recorded and is the cookie's alone.
    """

    steps: list[DraftStep]
    refresh: DraftStep | None
    logout: DraftStep | None
    tokens: dict[str, str]
    known: dict[str, str]
    failed: tuple[int, str] | None = None
    by_cookie: bool = False


def login_of(
    recording: Recording, placed: Placed | None, sources: Sources, variables: Variables
) -> Login:
    """Return how the token of a socket was got, if it has one."""
    chain = chain_of(recording, placed, sources)
    known = _credentials(chain.exchanges)
    login = Login([], None, None, {}, known)
    if chain.exchanges:
        of = variables.beside(known, chain.exchanges[0].origin)
        login.steps = _steps(chain, sources, of)
        login.failed = _failed(recording, chain.exchanges)
    login.tokens = _tokens(chain)
    if placed is not None:
        login.known[placed.value] = "access_token"
    named = {"access_token": chain.access, "refresh_token": chain.refresh_token}
    for name, given in named.items():
        if given is not None:
            login.known[value_of(given)] = name
    if placed is not None:
        _add_later(login, chain, recording, variables)
    return login


def _add_later(
    login: Login, chain: Chain, recording: Recording, variables: Variables
) -> None:
    """Add what was asked once there was a token."""
    if chain.refresh is not None:
        of = variables.beside(login.known, chain.refresh.origin)
        login.refresh = _step(chain.refresh, of)
        login.by_cookie = "{refresh_token}" not in str(login.refresh.keys)
    origin = chain.exchanges[0].origin if chain.exchanges else ""
    for each in recording.exchanges:
        if LOGOUT.search(each.path) and each.origin == origin and usable(each):
            of = variables.beside(login.known, origin, later=True)
            login.logout = _step(each, of)


def _credentials(logins: Iterable[Exchange]) -> dict[str, str]:
    """Return username and password, each with the name of its variable."""
    known: dict[str, str] = {}
    for each in logins:
        said = each.body if each.form is None else dict(each.form)
        users: dict[tuple[str | int, ...], dict[str, None]] = {}
        for path, leaf in texts(said):
            if leaf and USERNAME.search(last_name(path)):
                users.setdefault(path[:-1], {})[leaf] = None
        for path, password in passwords(each):
            known[password] = "password"
            names = (name for name in users.get(path[:-1], ()) if name != password)
            known.update(dict.fromkeys(islice(names, 1), "username"))
        for _, leaf in texts(said):
            known.update(_in_document(leaf))
    return known


def _in_document(text: str) -> dict[str, str]:
    """Return the credentials that stand in a GraphQL document itself."""
    said = list(literals(text))
    secret = [value for name, value in said if PASSWORD.search(name)]
    users = [value for name, value in said if USERNAME.search(name)] if secret else []
    return dict.fromkeys(users[:1], "username") | dict.fromkeys(secret, "password")


def _steps(chain: Chain, sources: Sources, variables: Variables) -> list[DraftStep]:
    steps = {each.number: DraftStep(each) for each in chain.exchanges}
    for step in steps.values():
        found = links(step.exchange, sources)
        for name, value, given in [e for e in found if e[2].exchange.number in steps]:
            if value not in variables.known:
                variables.known[value] = variables.new(given.name or name)
            captured = variables.known[value]
            steps[given.exchange.number].capture[captured] = given.place
        step.keys = _step(step.exchange, variables).keys
    return list(steps.values())


def _step(exchange: Exchange, variables: Variables) -> DraftStep:
    """Return a request as a step, without what browsers send by themselves."""
    keys: dict[str, Any] = {}
    if exchange.method != "POST":
        keys["method"] = exchange.method
    keys["path"] = variables.path(exchange.path)
    if query := variables.table(exchange.query):
        keys["query"] = query
    headers = _headers(exchange, variables)
    if exchange.headers.get("authorization", "").lower().startswith("basic "):
        keys["basic"] = "{username}:{password}"
    if headers:
        keys["headers"] = headers
    if exchange.form is not None:
        keys["form"] = variables.table(exchange.form, exchange.started)
    elif exchange.body is not None:
        keys["body"] = variables.template(exchange.body, at=exchange.started)
    if exchange.status not in (0, 200):
        keys["accept"] = [exchange.status]
    return DraftStep(exchange, keys)


def _headers(exchange: Exchange, variables: Variables) -> dict[str, str]:
    """Return the headers and cookies of a request that hold what is known."""
    own = {
        name: value
        for name, value in own_headers(exchange).items()
        if not value.lower().startswith("basic ")
    }
    headers = {
        name: variables.text(value, name)
        for name, value in own.items()
        if name == "authorization"
        or any(k in value for k in variables.known if len(k) > 7)
    }
    cookies = [
        f"{name}={{{variables.known[value]}}}"
        for name, value in exchange.cookies.items()
        if value in variables.known and len(value) > 7
    ]
    return headers | ({"Cookie": "; ".join(cookies)} if cookies else {})


def _tokens(chain: Chain) -> dict[str, str]:
    if chain.access is None or not chain.exchanges:
        return {}
    tokens = {"access": chain.access.place}
    if chain.refresh_token is not None:
        tokens["refresh"] = chain.refresh_token.place
    for path, leaf in leaves(chain.access.exchange.answer):
        if isinstance(leaf, bool) or not isinstance(leaf, int | float | str):
            continue
        for key, names in LIFETIMES:
            text = isinstance(leaf, str) and key != "expires_at"
            if names.search(last_name(path)) and not text:
                tokens.setdefault(key, expression(path))
                if key == "expires_in" and leaf >= MILLISECONDS and leaf % 1000 == 0:  # type: ignore[operator]
                    tokens["unit"] = "ms"
        if USER_ID.search(last_name(path)):
            tokens.setdefault("user_id", expression(path))
    return tokens


def _failed(recording: Recording, logins: Sequence[Exchange]) -> tuple[int, str] | None:
    """Return how a login was refused that was tried with a wrong password."""
    steps = {(each.method, each.path) for each in logins if passwords(each)}
    for each in recording.exchanges:
        if 400 <= each.status < 500 and (each.method, each.path) in steps:
            places = (
                expression(path)
                for path, _ in texts(each.answer)
                if re.search("(?i)messag|error|detail", last_name(path))
            )
            return each.status, next(places, "")
    return None
