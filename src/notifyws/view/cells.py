"""How many cells text takes on a screen, and how it is cut and wrapped to fit.

Pure, and rather too wide than too narrow where terminals disagree, so that what is
said to fit does fit. Knows no colours: it measures text without escapes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

__all__ = ["cells", "clip", "wrap"]

_EMOJI = range(0x1F300, 0x1FB00)
_FLAGS = range(0x1F1E6, 0x1F200)
_EMOJI_SELECTOR = "\ufe0f"


def cells(text: str) -> int:
    """Return the cells that ``text`` takes at most."""
    return len(text) if text.isascii() else sum(map(_cell, text))


@lru_cache(maxsize=4096)
def _cell(char: str) -> int:
    if char == _EMOJI_SELECTOR:
        return 1
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    wide = unicodedata.east_asian_width(char) in "WF"
    return 2 if wide or ord(char) in _EMOJI or ord(char) in _FLAGS else 1


def clip(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` cells; an ellipsis says it was cut."""
    if cells(text) <= width:
        return text
    return _head(text, width - 1) + "…" if width > 0 else ""


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of ``text``, each in ``width`` cells, broken between words.

    A word wider than a line is broken where the line ends. A character wider than
    that stands alone.
    """
    if "\n" not in text and cells(text) <= width:
        return [text]
    return [line for part in text.split("\n") for line in _filled(part, width)]


def _filled(text: str, width: int) -> Iterator[str]:
    line, used = "", -1
    for word in text.split(" "):
        size = cells(word)
        if used + 1 + size <= width:
            line, used = f"{line} {word}" if used >= 0 else word, used + 1 + size
            continue
        if line:
            yield line
        *full, line = _folded(word, width)
        yield from full
        used = cells(line)
    yield line


def _folded(word: str, width: int) -> Iterator[str]:
    """Yield the pieces of one word, the last one not full; at least one."""
    while cells(word) > width:
        head = _head(word, width) or word[0]
        if len(head) == len(word):
            break
        yield head
        word = word[len(head) :]
    yield word


def _head(text: str, width: int) -> str:
    """Return the longest start of ``text`` that fits."""
    used = 0
    for position, char in enumerate(text):
        used += _cell(char)
        if used > width:
            return text[:position]
    return text
