"""Keys as a terminal sends them, and a line of text edited with them.

Pure: bytes go in, names of keys come out; a key that writes is its own character.
What no one asked for (function keys, pastes' brackets, a mouse) is nothing.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping

from msgspec import Struct

__all__ = ["KeyReader", "Line"]

_NAMES = {
    **{"\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace"},
    **{"\x01": "home", "\x05": "end", "\x02": "left", "\x06": "right"},
    **{"\x04": "delete", "\x15": "clear", "\x17": "word", "\x0c": "redraw"},
    **{"\x1b": "escape", "\x03": "escape"},
    **{"\x1b[D": "left", "\x1b[C": "right", "\x1b[H": "home", "\x1b[F": "end"},
    **{"\x1bOD": "left", "\x1bOC": "right", "\x1bOH": "home", "\x1bOF": "end"},
    **{"\x1b[1~": "home", "\x1b[4~": "end", "\x1b[3~": "delete"},
}
_KEY = r"(?s)\x1b(?:\[[0-?]*[ -/]*[@-~]|O[@-~]|[^\x1b\[O])?|."
_WORD = r"\S*\s*$"


class KeyReader:
    """Turns what a terminal sends into names of keys."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")

    def feed(self, data: bytes) -> list[str]:
        """Return the keys in ``data``: characters, or names as ``enter``, ``left``.

        An escape that stands alone is the key itself, since nobody waits for more.
        """
        text = self._decoder.decode(data)
        found = (_key(match[0]) for match in re.finditer(_KEY, text))
        return [key for key in found if key]


def _key(text: str) -> str:
    named = _NAMES.get(text)
    if named is not None:
        return named
    return text if len(text) == 1 and text.isprintable() else ""


class Line(Struct, frozen=True):
    """A line of text with a cursor in it: what stands before it, and behind."""

    before: str = ""
    behind: str = ""

    @property
    def text(self) -> str:
        """All of it."""
        return self.before + self.behind

    def after(self, key: str) -> Line:
        """Return the line as a key leaves it; most keys with a name change nothing."""
        edit = _EDITS.get(key)
        if edit is not None:
            return Line(*edit(self.before, self.behind))
        return Line(self.before + key, self.behind) if len(key) == 1 else self


_EDITS: Mapping[str, Callable[[str, str], tuple[str, str]]] = {
    "left": lambda before, behind: (before[:-1], before[-1:] + behind),
    "right": lambda before, behind: (before + behind[:1], behind[1:]),
    "home": lambda before, behind: ("", before + behind),
    "end": lambda before, behind: (before + behind, ""),
    "backspace": lambda before, behind: (before[:-1], behind),
    "delete": lambda before, behind: (before, behind[1:]),
    "word": lambda before, behind: (re.sub(_WORD, "", before, count=1), behind),
    "clear": lambda before, behind: ("", ""),
}
