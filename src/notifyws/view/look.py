"""What a terminal can do and how each type looks on it, as plain values.

Pure: it is handed the environment and reads nothing itself. Colours are the
terminal's own palette, so that they fit its theme. Where the locale is not UTF-8
everything leaves as ASCII: our own marks by their likeness, letters less accents.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import tzinfo
from functools import lru_cache

from notifyws.patterns import pattern
from notifyws.settings import Settings, TypeStyle
from notifyws.values import frozen

__all__ = ["Look", "colour_code"]

_NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_STYLES = {"bold": "1", "dim": "2", "italic": "3", "underline": "4"}
_ASCII = str.maketrans(
    {
        **dict.fromkeys("•●🟢ℹ✉", "*"),
        **{
            "✔": "+",
            "✓": "+",
            "✖": "x",
            "×": "x",
            "·": "-",
            "→": ">",
            "↗": ">",
            "…": "~",
        },
        **{"─": "-", "—": "-", "–": "-", "🟡": "~", "🔴": "!", "⚠": "!"},
        **{"‘": "'", "’": "'", "“": '"', "”": '"', "\xa0": " "},
    }
)
_ACCENTS = pattern(r"[\u0300-\u036f]")
_LINKING_TERMS = pattern(r"alacritty|contour|foot|ghostty|kitty|rio|wezterm")
_LINKING_PROGRAMS = frozenset(
    {"Hyper", "Tabby", "WarpTerminal", "WezTerm", "ghostty", "iTerm.app", "vscode"}
)
_LINKING_VARIABLES = ("DOMTERM", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "WT_SESSION")


@frozen
class Look:
    """How things are drawn.

    Args:
        settings: types' styles, and what links are resolved against.
        colour: whether any colour or weight is used.
        hyperlinks: whether a label can hide its URL; else the URL is printed.
        utf8: whether more than ASCII arrives at the other side.
        cursor: whether the cursor can be moved; without it there is no footer.
        zone: whose local time is shown; ``None`` for the machine's.
        verbose: whether ``data`` is shown.
    """

    settings: Settings
    colour: bool = False
    hyperlinks: bool = False
    utf8: bool = True
    cursor: bool = True
    zone: tzinfo | None = None
    verbose: bool = False

    @classmethod
    def of(
        cls,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        terminal: bool,
        encoding: str = "utf-8",
        verbose: bool = False,
    ) -> Look:
        """Return what suits the output.

        Args:
            settings: see above.
            environ: the process's environment.
            terminal: whether the output is one.
            encoding: what Python would write text to it in.
            verbose: see above.
        """
        dumb = environ.get("TERM", "") in {"", "dumb", "unknown"}
        forced = environ.get("FORCE_COLOR", "") not in {"", "0"}
        colour = not environ.get("NO_COLOR") and (forced or (terminal and not dumb))
        return cls(
            settings,
            colour=colour,
            hyperlinks=terminal and colour and _links(environ),
            utf8=_utf8(environ, encoding),
            cursor=terminal and not dumb,
            verbose=verbose,
        )

    @property
    def link_base(self) -> str:
        """What relative links are resolved against."""
        return self.settings.link_base or self.settings.url

    def style(self, type_name: str) -> TypeStyle:
        """Return how notifications of ``type_name`` look."""
        return self.settings.style(type_name)

    def paint(self, text: str, code: str) -> str:
        """Return ``text`` in the colour or weight of an SGR code."""
        if self.colour and code and text:
            return f"\x1b[{code}m{text}\x1b[0m"
        return text

    def encode(self, text: str) -> bytes:
        """Return drawn text as bytes for the output; this never fails."""
        if self.utf8:
            return text.encode("utf-8", "replace")
        plain = unicodedata.normalize("NFD", text.translate(_ASCII))
        return _ACCENTS.sub("", plain).encode("ascii", "replace")


@lru_cache(maxsize=256)
def colour_code(name: str) -> str:
    """Return the SGR code of ``name``, nothing for the default or an unknown one.

    Known are the sixteen of the palette (``red``, ``bright_red``), 0 to 255,
    ``#rrggbb``, and ``bold``, ``dim``, ``italic``, ``underline`` beside them.
    """
    return ";".join(filter(None, map(_code, name.lower().split())))


def _code(word: str) -> str:
    base = word.removeprefix("bright_").replace("grey", "bright_black")
    if base in _NAMES:
        return str((90 if word != base else 30) + _NAMES.index(base))
    if word in {"grey", "gray"}:
        return "90"
    if word.isdecimal() and word.isascii() and int(word) < 256:
        return f"38;5;{int(word)}"
    if re.fullmatch(r"#[0-9a-f]{6}", word):
        red, green, blue = bytes.fromhex(word[1:])
        return f"38;2;{red};{green};{blue}"
    return _STYLES.get(word, "")


def _links(environ: Mapping[str, str]) -> bool:
    """Tell whether this terminal is known for hyperlinks; it cannot be asked."""
    forced = environ.get("FORCE_HYPERLINK", "")
    if forced:
        return forced != "0"
    if environ.get("TMUX") or environ.get("TERM", "").startswith(("screen", "tmux")):
        return False
    version = environ.get("VTE_VERSION", "")
    if version.isdecimal() and int(version) >= 5000:
        return True
    return (
        any(environ.get(name) for name in _LINKING_VARIABLES)
        or environ.get("TERM_PROGRAM") in _LINKING_PROGRAMS
        or _LINKING_TERMS.search(environ.get("TERM", "")) is not None
    )


def _utf8(environ: Mapping[str, str], encoding: str) -> bool:
    """Tell whether the output is UTF-8; ``LANG=C`` says no, whatever Python thinks."""
    if encoding.lower().replace("-", "").replace("_", "") != "utf8":
        return False
    names = ("LC_ALL", "LC_CTYPE", "LANG")
    locale = next((environ[name] for name in names if environ.get(name)), "")
    return "." in locale or locale not in {"C", "POSIX"}
