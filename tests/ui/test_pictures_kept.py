"""Every picture that is kept shows what a real terminal shows, word for word."""

import html
import re
import runpy
from pathlib import Path

import pytest

from tests.ui.helpers import Terminal, seen_on

ROOT = Path(__file__).resolve().parents[2]
DRAWN = runpy.run_path(str(ROOT / "scripts/pictures.py"))
TEXT = re.compile(
    r'<text class="[^"]*-r\d+"[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>(.*?)<'
)


def rows_of(svg):
    """The words of each row of a picture, without the spaces between them."""
    rows = {}
    for x, y, text in TEXT.findall(svg):
        rows.setdefault(float(y), []).append((float(x), html.unescape(text)))
    return ["".join(w for _, w in sorted(rows[y])) for y in sorted(rows)]


def squeezed(lines):
    return [re.sub(r"[\s\xa0]", "", line) for line in lines if line.strip()]


@pytest.mark.parametrize("width", DRAWN["WIDTHS"])
@pytest.mark.parametrize("suffix", ["", "-no-color"])
async def test_a_picture_of_the_live_view_is_what_a_terminal_shows(width, suffix):
    theme = DRAWN["THEME"] if not suffix else DRAWN["without_colour"](DRAWN["THEME"])
    terminal = Terminal(width, 40)
    async with terminal.showing(theme, DRAWN["UP"]) as view:
        await view.show(DRAWN["EVERYDAY"])
    shown = squeezed(seen_on(terminal.screen()))
    terminal.close()
    for ground in ("dark", "light"):
        path = ROOT / f"docs/pictures/live-{width}-{ground}{suffix}.svg"
        prompt, *drawn = squeezed(rows_of(path.read_text("utf-8")))
        assert prompt == "$notifywslisten"
        assert [row.replace("●", "🟢") for row in drawn] == shown


def test_every_picture_is_made_here_and_is_the_same_every_time():
    kept = {
        f"docs/pictures/{path.name}": path.read_text("utf-8")
        for path in ROOT.glob("docs/pictures/*.svg")
    }
    assert kept == dict(DRAWN["pictures"]())


def test_without_colour_a_picture_has_only_the_grounds_and_grey():
    svg = (ROOT / "docs/pictures/live-80-dark-no-color.svg").read_text("utf-8")
    assert "●" in svg
    assert "#58a6ff" not in svg


def test_every_picture_that_a_page_shows_is_there():
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
    for page in pages:
        for name in re.findall(r'(?:src|srcset)="([^"]+)"', page.read_text("utf-8")):
            assert (page.parent / name).is_file(), (page.name, name)
