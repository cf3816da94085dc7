"""What in a recording is nobody's business: passwords, tokens, cookies.

They are known by their names, by where they stand and by their looks, and once known
wherever they stand again. And what of a login is none: ``Harmless``.
"""

from __future__ import annotations

import base64
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Set
from itertools import accumulate
from typing import Any
from urllib.parse import quote, unquote

from notifyws.protocol.har.recording import Exchange, Recording
from notifyws.protocol.har.values import (
    PASSWORD,
    is_opaque,
    is_plain,
    is_secret_name,
    last_name,
    leaves,
    literals,
    requested,
)

SHORTEST = 4
"""Characters of a secret that is looked for within other texts."""
MARK = 64
"""Characters at its beginning by which it is known there."""
SHORTEST_COOKIE = 8
"""Of a cookie that is not called a secret, and may be a setting of the page."""
WORDS = frozenset(
    {"true", "false", "null", "none", "bearer", "basic", "json", "cookie", "session"}
    | {"password", "username", "token", "auth", "login", "header", "message"}
    | {"access_token", "refresh_token", "authorization", "notification", "reconnect"}
)
"""What may stand where secrets do, and is none."""


class Marks:
    """How secrets begin, to find them within other texts, however many and long.

    None begins with another, so that one alone can stand at a place: the last one, in
    their order, that is no later than what stands there.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        self._ordered: list[str] = []
        for mark in sorted(each[:MARK] for each in secrets if len(each) >= SHORTEST):
            if not self._ordered or not mark.startswith(self._ordered[-1]):
                self._ordered.append(mark)
        self._heads = {mark[:SHORTEST] for mark in self._ordered}

    def are_in(self, text: str) -> bool:
        """Return whether one of them is in a text."""
        for start in range(len(text) - SHORTEST + 1):
            if text[start : start + SHORTEST] in self._heads:
                place = bisect_right(self._ordered, text[start : start + MARK])
                if place and text.startswith(self._ordered[place - 1], start):
                    return True
        return False


class Secrets:
    """The secrets of a recording."""

    def __init__(self, recording: Recording) -> None:
        found: set[str] = set()
        for each in recording.exchanges:
            found.update(_of_exchange(each))
        for socket in recording.sockets:
            found.update(_of_exchange(socket.opened))
            found.update(filter(is_opaque, socket.subprotocols))
            for frame in socket.frames:
                found.update(_of_value(frame.value))
        whole = {text.strip() for text in found} - {""}
        self._all = frozenset(w for w in whole if w.lower() not in WORDS)
        self._marks = Marks(self._all)
        self._others = Marks(text for text in self._all if not _ours(text))

    def hides(self, text: str) -> bool:
        """Return whether a text is a secret, holds one, or may be one."""
        whole = text in self._all or is_opaque(text)
        return whole or any(map(self._marks.are_in, {text, unquote(text)}))

    def without(self, lines: str) -> str:
        """Return a text in which a line that holds a secret is only said to be one."""
        return "\n".join(
            "# (a line was left out here: it held a secret of the recording)"
            if self._others.are_in(line)
            else line
            for line in lines.split("\n")
        )


def _ours(text: str) -> bool:
    """Return whether a secret is so plain a word that it may be one of our own."""
    return text.isalpha() and text.islower() and len(text) <= 2 * SHORTEST


def _of_exchange(exchange: Exchange) -> Iterator[str]:
    for said in (exchange.body, exchange.form, exchange.answer):
        yield from _of_value(said)
    yield from _of_names(exchange.query)
    for headers in (exchange.headers, exchange.answer_headers):
        yield from _of_names(headers, {"cookie", "set-cookie"})
    for cookies in (exchange.cookies, exchange.set_cookies):
        for name, value in cookies.items():
            if is_secret_name(name) or len(value) >= SHORTEST_COOKIE:
                yield from _spellings(value)


def _of_names(
    table: Mapping[str, str], passed: Set[str] = frozenset()
) -> Iterator[str]:
    for name, value in table.items():
        if name in passed or name.startswith(("access-control-", "sec-")):
            continue
        scheme, _, credentials = value.partition(" ")
        if name == "authorization" and credentials:
            yield from _spellings(credentials)
            yield from _of_basic(scheme, credentials)
        elif is_secret_name(name) or name == "authorization":
            yield from _spellings(value)


def _of_basic(scheme: str, credentials: str) -> Iterator[str]:
    if scheme.lower() != "basic":
        return
    try:
        _, _, password = base64.b64decode(credentials).decode().partition(":")
    except ValueError:
        return
    yield from _spellings(password)


def _of_value(value: Any) -> Iterator[str]:
    for path, leaf in leaves(value):
        if not isinstance(leaf, str | int) or isinstance(leaf, bool):
            continue
        text, name = str(leaf), last_name(path)
        secret = any(isinstance(step, str) and is_secret_name(step) for step in path)
        if PASSWORD.search(name) or (secret and isinstance(leaf, str)):
            yield from _spellings(text)
        for called, said in literals(text):
            if is_secret_name(called) or PASSWORD.search(called):
                yield from _spellings(said)


def _spellings(text: str) -> Iterator[str]:
    yield from (text, quote(text, safe="", errors="replace"), unquote(text))


_WORDS = """
    access account accounts ack active ajax alert alerts all api app application
    apps auth authenticate authentication authorization authorize authorized basic
    bearer begin browser cable callback challenge change changes channel check
    client code complete config confirm connect connection cookie create credentials
    current data default device email en event events exchange false feed flow flows
    form frontend get grant graphql hello http https hub id identifier identify
    identity ietf implicit init internal issue join json jwt listen live local login
    logon logout m message messages method mobile mode negotiate none notification
    notifications notify null oauth off offline oidc ok on op open openid operation
    params password ping pong post profile profiles protocol provider providers
    public push pwd query read ready realms realtime redirect ref refresh register
    remember renew request response rest result rpc scope send server service
    services session sessions sign signin signup socket sse sso start state status
    step stream streams sub subscribe subscribed subscription subscriptions sync
    system ticket tickets token tokens topic true type unknown update updates urn
    user username users validate verify version watch web webapp webhook websocket
    websockets ws wss www
"""
PROTOCOL_WORDS = frozenset(_WORDS.split())
"""Words of protocols: no more than what everybody says."""
SPELLED = re.compile(r"[oO][aA]uth2?|[vV]\d{1,2}(?!\d)|[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
"""The words within a text that is written as one."""
BETWEEN = re.compile(r"[\s_./:,;=+-]*")
VERSION = re.compile(r"v\d{1,2}|oauth2")
LONGEST = 200
"""Characters of what is made of such words."""
MOST_WORDS = 4
"""Of them in a row; more may be somebody's phrase."""
LISTS = re.compile(r"(?i)scope|grant_?type|response_?type")
"""Names of what may be more of them."""
SAYS_WHO = re.compile(r"(?i)(auth|log_?in|sign_?in|pass|pwd|user|token).*[.:/-]")
"""An operation that may go on with whom it is about."""
OPERATIONS = frozenset(
    {"type", "op", "event", "action", "cmd", "command", "method", "operation"}
    | {"messageType", "message_type", "msgType", "operationName", "kind"}
)
"""Names of what is to be done; it is a plain word without a digit."""
NUMBERED = re.compile(
    r"(?i)^(id|ref|seq|nonce|cid|v|ver|version|jsonrpc|protocol|op|limit|page"
    r"|(protocol|api|client)_?version|(req|request|message|correlation)_?id)$"
)
"""Names of what has a number, which is short."""
NUMBER = re.compile(r"v?\d{1,3}(\.\d{1,3}){0,2}")
LANGUAGES = re.compile(r"(?i)lang|locale")
LANGUAGE = re.compile(r"[a-z]{2}([-_][A-Z]{2})?")


class Harmless:
    """What a recording holds that is no secret.

    In whatever is sent before there is a token, or to get one, a secret may stand
    anywhere and look like anything. So nothing stays as it was but what is known to be
    harmless; all else is a variable, and when in doubt it is one.

    Args:
        recording: of what the server and the page said.
    """

    def __init__(self, recording: Recording) -> None:
        said: dict[str, float] = {}
        self._given: dict[str, float] = {}
        for each in recording.exchanges:
            for text in _texts_of(each):
                _first(said, text, each.started)
            unread = each.method != "GET" and each.body is None and each.form is None
            for _, leaf in () if unread else leaves(each.answer):
                _first(self._given, str(leaf), each.started)
        for socket in recording.sockets:
            for text in _texts_of(socket.opened):
                _first(said, text, socket.opened.started)
            for frame in socket.frames:
                found = said if frame.sent else self._given
                for _, leaf in leaves(frame.value):
                    _first(found, str(leaf), frame.at)
        ordered = sorted(said.items(), key=lambda each: each[1])
        self._said = "\0".join(text for text, _ in ordered)
        self._moments = [at for _, at in ordered]
        self._places = [*accumulate(len(text) + 1 for text, _ in ordered)]
        hosts = {each.origin.partition("://")[2] for each in recording.exchanges}
        self._hosts = hosts | {each.partition(":")[0] for each in hosts}

    def has(self, text: str, name: str = "") -> bool:
        """Return whether a text is known to be no secret where it has this name."""
        most = LONGEST if LISTS.search(name) else MOST_WORDS
        if text in self._hosts or is_protocol(text, most) or self._was_given(text):
            return True
        number = NUMBERED.search(name) and NUMBER.fullmatch(text)
        language = LANGUAGES.search(name) and LANGUAGE.fullmatch(text)
        return bool(number or language) or is_operation(name, text)

    def _was_given(self, text: str) -> bool:
        """Return whether the server said a text before the page did, even as a part."""
        at = self._given.get(text)
        if at is None:
            return False
        place = self._said.find(text)
        return place < 0 or at < self._moments[bisect_right(self._places, place)]

    def has_number(self, number: float, name: str, *, in_list: bool) -> bool:
        """Return whether a number is known to be no secret: a digit is none.

        Several of them may be one, as they stand ``in_list``.
        """
        digit = number in range(10) and not in_list
        return digit or (NUMBERED.search(name) is not None and abs(number) < 1000)


def is_operation(name: str, text: str) -> bool:
    """Return whether a text says what is to be done, by what it is called."""
    if name not in OPERATIONS or not is_plain(text) or any(map(str.isdigit, text)):
        return False
    return SAYS_WHO.search(text) is None or is_protocol(text)


def is_protocol(text: str, most: int = MOST_WORDS) -> bool:
    """Return whether a text is made of words of protocols alone, so many at most."""
    if not text or (len(text) == 1 and not text.isalnum()):
        return True
    words = [each.lower() for each in SPELLED.findall(text[:LONGEST])]
    rest = SPELLED.sub("", text[:LONGEST])
    is_long = not 0 < len(words) <= most or len(text) > LONGEST
    if is_long or BETWEEN.fullmatch(rest) is None:
        return False
    return all(each in PROTOCOL_WORDS or VERSION.fullmatch(each) for each in words)


def _first(found: dict[str, float], text: str, at: float) -> None:
    found[text] = min(at, found.get(text, at))


def _texts_of(exchange: Exchange) -> set[str]:
    """Return all that a request says, with what stands in a path as it was meant."""
    said = {value for _, _, value in requested(exchange)}
    said |= {str(leaf) for _, leaf in leaves(exchange.body)}
    said |= {exchange.path, *exchange.query, *(exchange.form or ())}
    return said | {unquote(each) for each in said}
