"""The code of a login by device, said and drawn as a QR code for a telephone.

It goes to stderr: it is talk, also where the facts of the login are JSON.

Two rows of the code are one of the terminal, in half blocks. What is light in the code
is drawn and what is dark is not, in colours of our own where there are any: so a
telephone can read it on a dark terminal without them, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group
from rich.style import Style
from rich.text import Text

from notifyws.clock import span
from notifyws.ui.output import terminal_width
from notifyws.ui.streams import TALK, say, theme_on

if TYPE_CHECKING:
    from notifyws.auth.device_login import DeviceCode

MARGIN = 2
"""Modules of light around it, which readers need; a standard asks for four."""
LIGHT = Style(color="bright_white", bgcolor="black")
HALVES = {(False, False): "█", (False, True): "▀", (True, False): "▄"}
"""Two modules, one above the other, each dark or not."""


def show_code(code: DeviceCode) -> None:
    """Say where to enter which code; on a terminal, draw it for a telephone too."""
    say(f"Open {code.url} in any browser, and enter the code: {code.user_code}")
    if _draw_qr(code.complete_url or code.url):
        say("(or read this with a telephone; the code there must be the same)")
    say(f"Waiting for it to be approved, for {span(code.lifetime)} at most ...")


def _draw_qr(text: str) -> bool:
    """Draw a QR code; tell whether there is a terminal that can show it."""
    theme = theme_on(2)
    if not (os.isatty(2) and theme.utf8):
        return False
    rows = qr_rows(text, terminal_width(2, os.environ)())
    if not rows:
        return False
    TALK.say(theme.encode(theme.draw(Group(*rows))))
    return True


def qr_rows(text: str, width: int) -> list[Text]:
    """Return the rows of a QR code; none where it does not fit, or cannot be."""
    import segno  # 8 ms, and few ever need it
    from segno import DataOverflowError

    try:
        code = segno.make_qr(text, error="l")
    except DataOverflowError:
        return []
    dark = [[bool(one) for one in row] for row in code.matrix_iter(border=MARGIN)]
    if len(dark[0]) > width:
        return []
    return [Text(row, style=LIGHT) for row in _halves(dark)]


def _halves(dark: list[list[bool]]) -> Iterator[str]:
    beyond = [True] * len(dark[0])  # not drawn: the terminal goes on there
    for above, below in zip(dark[::2], [*dark[1::2], beyond], strict=False):
        pairs = zip(above, below, strict=True)
        yield "".join(HALVES.get(pair, " ") for pair in pairs)
