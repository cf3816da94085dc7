"""What in a recording is nobody's business: passwords, tokens, cookies.

They are known by their names, by where they stand and by their looks, and once known
wherever they stand again.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

from notifyws.protocol.har.documents import literals
from notifyws.protocol.har.recording import Exchange, Recording
from notifyws.protocol.har.values import (
    PASSWORD,
    is_opaque,
    is_secret_name,
    last_name,
    leaves,
)

SHORTEST = 4
"""Characters of a secret that is looked for within other texts."""
SHORTEST_COOKIE = 8
"""Of a cookie that is not called a secret, and may be a setting of the page."""
WORDS = frozenset(
    {"true", "false", "null", "none", "bearer", "basic", "json", "cookie", "session"}
    | {"password", "username", "token", "auth", "login", "header", "message"}
    | {"access_token", "refresh_token", "authorization", "notification", "reconnect"}
)
"""What may stand where secrets do, and is none."""


class Secrets:
    """The secrets of a recording.

    Args:
        recording: in which they are.
    """

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
        self._marks: dict[str, list[str]] = {}
        for text in filter(lambda text: len(text) >= SHORTEST, self._all):
            self._marks.setdefault(text[:SHORTEST], []).append(text)

    def _within(self, text: str) -> Iterator[str]:
        """Yield the secrets in a text, known by how they begin."""
        for start in range(len(text) - SHORTEST + 1):
            for each in self._marks.get(text[start : start + SHORTEST], ()):
                if text.startswith(each, start):
                    yield each

    def hides(self, text: str) -> bool:
        """Return whether a text is a secret, holds one, or may be one."""
        if text in self._all or is_opaque(text):
            return True
        plain = unquote(text)
        return any(True for each in (text, plain) for _ in self._within(each))

    def without(self, lines: str) -> str:
        """Return a text in which a line that holds a secret is only said to be one."""
        return "\n".join(
            "# (a line was left out here: it held a secret of the recording)"
            if not all(map(_ours, self._within(line)))
            else line
            for line in lines.split("\n")
        )


def _ours(text: str) -> bool:
    """Return whether a secret is so plain a word that it may be one of our own."""
    return text.isalpha() and text.islower() and len(text) <= 2 * SHORTEST


def _of_exchange(exchange: Exchange) -> Iterator[str]:
    yield from _of_value(exchange.body)
    yield from _of_value(exchange.form)
    yield from _of_value(exchange.answer)
    yield from _of_names(exchange.query)
    for headers in (exchange.headers, exchange.answer_headers):
        yield from _of_names(headers, {"cookie", "set-cookie"})
    for cookies in (exchange.cookies, exchange.set_cookies):
        for name, value in cookies.items():
            if is_secret_name(name) or len(value) >= SHORTEST_COOKIE:
                yield from _spellings(value)


def _of_names(
    table: Mapping[str, str], passed: set[str] | None = None
) -> Iterator[str]:
    for name, value in table.items():
        if name in (passed or ()) or name.startswith(("access-control-", "sec-")):
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
    except (binascii.Error, ValueError):
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
    yield text
    yield quote(text, safe="", errors="replace")
    yield unquote(text)
