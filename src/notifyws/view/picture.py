"""Pictures of a terminal, drawn from the very text that it gets.

The only module of the view that uses rich, imported when a picture is wanted.
The same things, clock and width always give the same SVG.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from notifyws.events import Event
from notifyws.models import Notification
from notifyws.view.footer import Status, footer, paint_footer
from notifyws.view.look import Look
from notifyws.view.scroll import Scroll

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["DARK", "LIGHT", "Palette", "export_svg", "live_text"]


@dataclass(frozen=True, slots=True)
class Palette:
    """A terminal's colours in hexadecimal.

    Args:
        grounds: its background and foreground.
        usual: the eight that programs name, black first.
        bright: the same, brighter.
    """

    grounds: str
    usual: str
    bright: str


DARK = Palette(
    "0d1117 e6edf3",
    "484f58 ff7b72 3fb950 d29922 58a6ff bc8cff 39c5cf b1bac4",
    "6e7681 ffa198 56d364 e3b341 79c0ff d2a8ff 56d4dd ffffff",
)
LIGHT = Palette(
    "ffffff 1f2328",
    "24292f cf222e 116329 7d4e00 0969da 8250df 1b7c83 6e7781",
    "57606a a40e26 1a7f37 9a6700 218bff a475f9 3192aa 8c959f",
)
_DOTS = {"🟢": "32", "🟡": "33", "🔴": "31"}
"""An SVG has no emoji of its own, and the reader's may be grey."""
_CELL = 12.2
_SPACE = "&#160;"
_SPACED = re.compile(
    r'x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" textLength="(?P<length>[\d.]+)"'
    r"(?P<rest>[^>]*)>(?P<before>(?:&#160;)*)"
    r"(?P<text>[^<]*?)(?P<after>(?:&#160;)*)</text>"
)


def live_text(
    batch: Sequence[Notification | Event],
    status: Status,
    width: int,
    *,
    look: Look,
    now: float = 0.0,
    command: str = "",
) -> str:
    """Return what a terminal shows: ``batch``, and the footer under it.

    Args:
        batch: what has scrolled by, oldest first.
        status: what the footer tells.
        width: columns of the terminal.
        look: how things are drawn; give it a zone, or the machine's is taken.
        now: the moment of ``status``'s clock.
        command: what was typed at the prompt; empty for no prompt.
    """
    prompt = f"{look.paint('$', '32')} {look.paint(command, '1')}\n" if command else ""
    cards = "".join(Scroll(look).pages(batch, width))
    return prompt + cards + paint_footer(footer(status, now, width), look)


def export_svg(
    text: str, width: int, *, title: str = "notifyws", palette: Palette = DARK
) -> str:
    """Return an SVG of a terminal that shows ``text``, escapes and all.

    Args:
        text: what is drawn.
        width: columns of the terminal.
        title: stands above it.
        palette: its colours.
    """
    from rich.terminal_theme import TerminalTheme
    from rich.text import Text

    console = _recorder(width)
    for emoji, code in _DOTS.items():
        dot = f"\x1b[{code}m●\x1b[0m" if "\x1b[" in text else "●"
        text = text.replace(emoji, f"{dot} ")
    console.print(Text.from_ansi(text), soft_wrap=True)
    background, foreground = _colours(palette.grounds)
    usual, bright = _colours(palette.usual), _colours(palette.bright)
    theme = TerminalTheme(background, foreground, usual, bright)
    svg = console.export_svg(title=title, theme=theme, unique_id="notifyws")
    return _SPACED.sub(_moved, svg)


def _colours(written: str) -> list[tuple[int, int, int]]:
    found = (bytes.fromhex(each) for each in written.split())
    return [(red, green, blue) for red, green, blue in found]


def _recorder(width: int) -> Console:
    """Return a console that remembers, whatever terminal we run in."""
    from rich.console import Console

    return Console(
        file=io.StringIO(),
        record=True,
        width=width,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        _environ={},
    )


def _moved(match: re.Match[str]) -> str:
    """Return a text without spaces around it, standing where it stood.

    Some programs drop the spaces and then stretch the rest over their place.
    """
    before, after = match["before"].count(_SPACE), match["after"].count(_SPACE)
    left = float(match["x"]) + before * _CELL
    length = float(match["length"]) - (before + after) * _CELL
    return (
        f'x="{round(left, 1):g}" y="{match["y"]}" textLength="{round(length, 1):g}"'
        f"{match['rest']}>{match['text']}</text>"
    )
