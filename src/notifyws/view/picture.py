"""A picture of the live view, drawn from the very text that a terminal gets.

The only module of the view that uses rich, imported when a picture is wanted.
The same things, clock and width always give the same SVG.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from notifyws.events import Event
from notifyws.models import Notification
from notifyws.view.footer import Status, footer, paint_footer
from notifyws.view.look import Look
from notifyws.view.scroll import Scroll

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["export_svg"]

_BACKGROUND, _FOREGROUND = (13, 17, 23), (230, 237, 243)
_DARK = [
    (72, 79, 88),
    (255, 123, 114),
    (63, 185, 80),
    (210, 153, 34),
    (88, 166, 255),
    (188, 140, 255),
    (57, 197, 207),
    (177, 186, 196),
]
_BRIGHT = [
    (110, 118, 129),
    (255, 161, 152),
    (86, 211, 100),
    (227, 179, 65),
    (121, 192, 255),
    (210, 168, 255),
    (86, 212, 221),
    (255, 255, 255),
]
_DOTS = {"🟢": "32", "🟡": "33", "🔴": "31"}
"""An SVG has no emoji of its own, and the reader's may be grey."""
_CELL = 12.2
_SPACE = "&#160;"
_SPACED = re.compile(
    r'x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" textLength="(?P<length>[\d.]+)"'
    r"(?P<rest>[^>]*)>(?P<before>(?:&#160;)*)"
    r"(?P<text>[^<]*?)(?P<after>(?:&#160;)*)</text>"
)


def export_svg(
    batch: Sequence[Notification | Event],
    status: Status,
    width: int,
    *,
    look: Look,
    now: float = 0.0,
    command: str = "",
) -> str:
    """Return an SVG of a terminal that shows ``batch`` and the footer.

    Args:
        batch: what has scrolled by, oldest first.
        status: what the footer tells.
        width: columns of the terminal.
        look: how things are drawn; give it a zone, or the machine's is taken.
        now: the moment of ``status``'s clock.
        command: what was typed at the prompt; empty for no prompt.
    """
    from rich.terminal_theme import TerminalTheme
    from rich.text import Text

    console = _recorder(width)
    prompt = f"{look.paint('$', '32')} {look.paint(command, '1')}\n" if command else ""
    cards = "".join(Scroll(look).pages(batch, width))
    line = paint_footer(footer(status, now, width), look)
    for emoji, code in _DOTS.items():
        line = line.replace(emoji, f"{look.paint('●', code)} ")
    console.print(Text.from_ansi(prompt + cards + line), soft_wrap=True)
    theme = TerminalTheme(_BACKGROUND, _FOREGROUND, _DARK, _BRIGHT)
    svg = console.export_svg(title="notifyws listen", theme=theme, unique_id="notifyws")
    return _SPACED.sub(_moved, svg)


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
