"""What values look like: their leaves, the names by which secrets go, words of ours.

A GraphQL document is told in pieces, and stays only where all of it is understood:
names, signs and literals. What is a literal is told apart, for a secret may be one; a
comment is left out. And where values come from: which answer gave which first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from msgspec import Struct

from notifyws.config.toml_text import quoted
from notifyws.protocol.draft import dotted_key
from notifyws.protocol.har.recording import Exchange
from notifyws.protocol.profile_lint import KNOWN

Leaf = tuple[tuple[str | int, ...], Any]
"""The way to a value that is no object or list, and the value."""

MOST_LEAVES = 5_000
DEEPEST = 12
"""Levels of a value that are looked through."""
LONGEST_PATH = 200
"""Characters of an expression that is guessed."""
SHORTEST_OPAQUE = 16

SECRET = re.compile(
    r"(?i)passw|passphrase|passcode|pwd|secret|token|jwt|auth(?!or(?!iz))|credential"
    r"|session|cookie|api[-_]?key|access[-_]?key|csrf|xsrf|\bsid\b|ticket|signature|otp"
)
"""Names of secrets."""
ABOUT = re.compile(r"(?i)type|expire|expiry|lifetime|ttl|mode|method|provider|requir")
"""Names that only tell of one."""
PASSWORD = re.compile(r"(?i)passw|passphrase|passcode|^pwd$|^pass$")
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_:./-]*")
"""Words of protocols; what else a text may hold needs care in an expression."""


def leaves(value: Any) -> Iterator[Leaf]:
    """Yield what a value holds, not without end; of a key, no more than is shown."""
    rest: list[Leaf] = [((), value)]
    left = MOST_LEAVES
    while rest and left:
        left -= 1
        path, inner = rest.pop()
        if isinstance(inner, dict):
            below = [((*path, k[: LONGEST_PATH + 1]), v) for k, v in inner.items()]
        elif isinstance(inner, list):
            below = [((*path, index), each) for index, each in enumerate(inner)]
        else:
            yield path, inner
            continue
        if len(path) < DEEPEST:
            rest += reversed(below)


def texts(value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield those of its leaves that are text."""
    return ((path, leaf) for path, leaf in leaves(value) if isinstance(leaf, str))


def expression(path: tuple[str | int, ...]) -> str:
    """Return the expression that finds what a path leads to."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{dotted_key(step)}"
    return text.lstrip(".")


def last_name(path: tuple[str | int, ...]) -> str:
    """Return the last key of a path; empty where there is none."""
    return next((step for step in reversed(path) if isinstance(step, str)), "")


@lru_cache(4096)
def is_secret_name(name: str) -> bool:
    """Return whether what is called so is a secret."""
    return SECRET.search(name) is not None and ABOUT.search(name) is None


def is_opaque(text: str) -> bool:
    """Return whether a text may be a token or an id, and no word of a protocol."""
    for run in re.findall(rf"[\w+/=.~%-]{{{SHORTEST_OPAQUE},}}", text):
        odd = sum(each.isdigit() or each.isupper() for each in run)
        if 5 * odd >= len(run):
            return True
    return False


def is_plain(text: str) -> bool:
    """Return whether a text is a word that can stand in an expression as it is."""
    return len(text) <= 64 and PLAIN.fullmatch(text) is not None


def variable_name(name: str, taken: set[str]) -> str:
    """Return a new variable's name, which is added to those that are taken."""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name[:40])
    plain = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    plain = plain if plain[:1].isalpha() else f"value_{plain}".rstrip("_")
    number, chosen = 1, plain
    while chosen in KNOWN or chosen in taken:
        number += 1
        chosen = f"{plain}_{number}"
    taken.add(chosen)
    return chosen


def inline(value: Any) -> str:
    """Return a template as TOML writes it on one line."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{_key(k)} = {inline(v)}" for k, v in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    if isinstance(value, str):
        return quoted(value)
    return '"{null}"' if value is None else str(value).lower()


def _key(name: str) -> str:
    return name if re.fullmatch(r"(?a)[\w-]+", name) else quoted(name)


LONGEST = 4_000
"""Characters of a document that is kept, and of a value that ends another."""
NAMES = ("query", "mutation", "subscription", "document")
"""What a document is called in a request; elsewhere a text may only look like one."""
DOCUMENT = re.compile(r"(?a)\s*(query|mutation|subscription|fragment|\{)[\s\w({:@$]")
PIECE = re.compile(
    r'(?a)(?P<literal>"""(?:[^"\\]|\\.|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"'
    r"|-?\d[\w.+-]*)|(?P<comment>\#[^\n]*)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\.\.\.|[!$&():=@\[\]{|},]|\s+)",
    re.DOTALL,
)
COLON = re.compile(r"\s*:")
Piece = tuple[str, str, bool]
"""What it is called, its text, and whether it is a value."""


def pieces(text: str) -> list[Piece]:
    """Return a document in pieces; none if it is no document, or not understood."""
    if len(text) > LONGEST or DOCUMENT.match(text) is None:
        return []
    return _Reader(text).pieces()


class _Reader:
    """Reads a document once, and keeps in mind where it stands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._called = self._last = ""
        self._depth = 0
        self._is_type = False

    def pieces(self) -> list[Piece]:
        found: list[Piece] = []
        at = 0
        while at < len(self._text):
            piece = PIECE.match(self._text, at)
            if piece is None:
                return []
            at, said = piece.end(), piece[0]
            if piece["comment"] is None:
                is_value = self._is_value(piece)
                found.append((self._called if is_value else "", said, is_value))
            self._last = said.strip() or self._last
        signs = [said for _, said, is_value in found if not is_value]
        closed = signs.count("{") == signs.count("}") and signs.count("{") > 0
        return found if closed and self._last == "}" else []

    def _is_value(self, piece: re.Match[str]) -> bool:
        """Return whether a piece is a value, and note what the next one is called."""
        said = piece[0]
        self._depth += (said == "(") - (said == ")")
        if piece["name"] is None:
            self._is_type = self._is_type and said not in ("=", ")")
            return piece["literal"] is not None
        is_key = COLON.match(self._text, piece.end()) is not None
        if is_key or self._last == "$" or not self._depth:
            self._is_type = is_key and self._last == "$"
            self._called = said
            return False
        return not self._is_type and said not in ("true", "false", "null")


def literals(text: str) -> Iterator[tuple[str, str]]:
    """Yield the texts in a document, each with what it is called."""
    for name, said, is_value in pieces(text):
        if is_value:
            yield name, plain(said)


def plain(literal: str) -> str:
    """Return what a literal means."""
    bare = literal.strip('"') if literal.startswith('"') else literal
    return re.sub(r"\\(.)", r"\1", bare)


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

    def of(self, value: str, before: Exchange | None = None) -> Given | None:
        """Return who gave a value, if somebody did.

        Args:
            before: only an answer that came before this request counts.
        """
        given = self._given.get(value)
        if given is None or before is None:
            return given
        one, other = given.exchange, before
        earlier = (one.started, one.number) < (other.started, other.number)
        return given if earlier else None

    def within(self, text: str) -> tuple[str, Given] | None:
        """Return the longest value that a text ends with, and who gave it."""
        starts = range(max(1, len(text) - LONGEST), len(text) - SHORTEST)
        ends = (text[start:] for start in starts if not text[start - 1].isalnum())
        found = ((end, self._given[end]) for end in ends if end in self._given)
        return next(found, None)


def _answered(exchange: Exchange) -> Iterator[tuple[str, Given]]:
    for path, leaf in texts(exchange.answer):
        if path:
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
    for path, leaf in texts(exchange.body):
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
