"""GraphQL documents in a recording: their shape, without the values in them.

A document stays only where all of it is understood: names, signs and literals. What
is a literal is told apart, for a secret may be one; a comment is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

LONGEST = 4_000
"""Characters of a document that is kept."""
NAMES = ("query", "mutation", "subscription", "document")
"""What a document is called in a request; elsewhere a text may only look like one."""
DOCUMENT = re.compile(r"(?a)\s*(query|mutation|subscription|fragment|\{)[\s\w({:@$]")
PIECE = re.compile(
    r'(?a)(?P<literal>"""(?:[^"\\]|\\.|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"'
    r"|-?\d[\w.+-]*)|(?P<comment>\#[^\n]*)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>\.\.\.|[!$&():=@\[\]{|},\s])",
    re.DOTALL,
)
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
        is_key = self._text[piece.end() :].lstrip()[:1] == ":"
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
