"""What a terminal can do and how each type looks on it, as plain values.

Pure: it is handed the environment and reads nothing itself. Colours are the
terminal's own palette, so that they fit its theme. Where the locale is not UTF-8
everything leaves as ASCII: our own marks by their likeness, letters less accents.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import tzinfo
from functools import cache, lru_cache
from itertools import cycle
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from notifyws.config.settings import Settings
from notifyws.ui.sanitize import harmless

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.segment import Segment
    from rich.style import Style

_ALIASES = {"grey": "bright_black", "gray": "bright_black", "default": "none"}
_ASCII = str.maketrans(
    "•●🟢ℹ✉✔✓✖×→↗…🟡·─—–━╸╺│🔴⚠‘’“”\xa0", "*****++xx>>~~-------|!!''\"\" "
)
_ACCENTS = r"[\u0300-\u036f]"
_LINKING_TERMS = r"alacritty|contour|foot|ghostty|kitty|rio|wezterm"
_LINKING_PROGRAMS = frozenset(
    {"Hyper", "Tabby", "WarpTerminal", "WezTerm", "ghostty", "iTerm.app", "vscode"}
)
_LINKING_VARIABLES = ("DOMTERM", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "WT_SESSION")


SERVER_COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "bright_black")
"""By their places; of more than that, some have the same."""
SERVER_CELLS = 20
"""Cells of a server's name that are shown."""


class ServerLabel(Struct, frozen=True):
    """How one of several servers is told apart.

    Args:
        settings: its types' styles, and what its links are resolved against.
        text: its name, in as many cells as all of them have.
    """

    settings: Settings
    text: str
    colour: str


class Theme(Struct, frozen=True):
    """How things are drawn.

    Args:
        settings: types' styles, and what links are resolved against.
        colour: whether any colour or weight is used.
        hyperlinks: whether a label can hide its URL; else the URL is printed.
        utf8: whether more than ASCII arrives at the other side.
        cursor: whether the cursor can be moved; without it there is no footer.
        zone: whose local time is shown; ``None`` for the machine's.
        verbose: whether ``data`` is shown.
        servers: how each is told apart where there are several, by its name.
    """

    settings: Settings
    colour: bool = False
    hyperlinks: bool = False
    utf8: bool = True
    cursor: bool = True
    zone: tzinfo | None = None
    verbose: bool = False
    servers: Mapping[str, ServerLabel] = {}

    @classmethod
    def of(
        cls,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        terminal: bool,
        encoding: str = "utf-8",
    ) -> Theme:
        """Return what suits the output.

        Args:
            encoding: what Python would write text to it in.
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
        )

    @property
    def link_base(self) -> str:
        """What relative links are resolved against."""
        return self.settings.link_base or self.settings.url

    def among(self, servers: Mapping[str, Settings]) -> Theme:
        """Return the theme of several servers, each by our own name for it."""
        from rich.cells import cell_len, set_cell_size

        names = {name: harmless(name) for name in servers}
        width = min(max(map(cell_len, names.values()), default=0), SERVER_CELLS)
        colours = cycle(SERVER_COLOURS)
        labels = {
            name: ServerLabel(settings, set_cell_size(names[name], width), colour)
            for (name, settings), colour in zip(servers.items(), colours, strict=False)
        }
        return replace(self, servers=labels)

    def for_server(self, server: str) -> Theme:
        """Return the theme for what came from one of several servers."""
        label = self.servers.get(server) if server else None
        return replace(self, settings=label.settings) if label else self

    def paint(self, text: str, words: str) -> str:
        """Return ``text`` in the style of ``words`` where colour is wanted."""
        return tint(words).render(text) if self.colour else text

    def page(self, rows: Iterable[Iterable[Segment]]) -> str:
        """Return rows as text for the terminal, each with a newline behind it.

        A console that is printed to does the same in three times the time.
        """
        texts: list[str] = []
        for row in rows:
            if self.colour:
                texts += [s.render(t) if s is not None else t for t, s, _ in row]
            else:
                texts += [t for t, _, _ in row]
            texts.append("\n")
        return "".join(texts)

    def draw(self, what: RenderableType) -> str:
        """Return what Rich makes of it, as text for the terminal."""
        console = _console(colour=self.colour)
        with console.capture() as captured:
            console.print(what, end="")
        return captured.get()

    def encode(self, text: str) -> bytes:
        """Return drawn text as bytes for the output; this never fails."""
        if self.utf8:
            return text.encode("utf-8", "replace")
        plain = unicodedata.normalize("NFD", text.translate(_ASCII))
        return re.sub(_ACCENTS, "", plain).encode("ascii", "replace")


@cache
def _console(*, colour: bool) -> Console:
    """Return what draws, whatever terminal we run in, and writes nowhere itself."""
    from rich.console import Console

    return Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor" if colour else None,
        soft_wrap=True,
        legacy_windows=False,
        _environ={},
    )


@lru_cache(maxsize=256)
def tint(words: str) -> Style:
    """Return the style of ``words``, plain where they say nothing that is known.

    Known are Rich's names (``red``, ``bright_red``), 0 to 255, ``#rrggbb``, ``grey``,
    and ``bold``, ``dim``, ``italic``, ``underline`` beside them.
    """
    from rich.errors import StyleSyntaxError
    from rich.style import Style

    found = Style()
    for word in words.lower().split():
        name = f"color({word})" if word.isdecimal() else _ALIASES.get(word, word)
        with suppress(StyleSyntaxError):
            found += Style.parse(name)
    return found


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
        or re.search(_LINKING_TERMS, environ.get("TERM", "")) is not None
    )


def _utf8(environ: Mapping[str, str], encoding: str) -> bool:
    """Tell whether the output is UTF-8; ``LANG=C`` says no, whatever Python thinks."""
    if encoding.lower().replace("-", "").replace("_", "") != "utf8":
        return False
    names = ("LC_ALL", "LC_CTYPE", "LANG")
    locale = next((environ[name] for name in names if environ.get(name)), "")
    return "." in locale or locale not in {"C", "POSIX"}
