"""The README's picture: the development server's page beside a terminal that listens.

    .venv/bin/uv run --no-sync --with pillow python scripts/page_picture.py

Both are real: the page in Chromium, ``notifyws listen`` in a terminal of the tests,
one server, and somebody who presses buttons. It differs a little each time, so it is
not among what ``generate.py`` holds to be up to date.
"""

from __future__ import annotations

import base64
import html
import io
import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs/pictures/page-and-terminal.png"
LARGEST = 150_000
"""Bytes of the picture."""
PAGE = {"width": 740, "height": 700}
COLUMNS, ROWS = 54, 31
COLOURS = {
    **{"black": "#6e7681", "red": "#ff7b72", "green": "#3fb950", "brown": "#d29922"},
    **{"blue": "#58a6ff", "magenta": "#bc8cff", "cyan": "#39c5cf", "white": "#b1bac4"},
    **{"brightblack": "#8b949e", "default": "#e6edf3"},
}
DOTS = {"🟢": "green", "🟡": "brown", "🔴": "red"}
"""An emoji may be missing where the picture is made."""
AROUND = """<!doctype html><meta charset="utf-8"><style>
  body {{ display: flex; margin: 0; width: max-content; background: #0d1117; }}
  pre {{ margin: 0; padding: 16px; color: #e6edf3; font: 14px/21px monospace; }}
</style><img src="data:image/png;base64,{page}" width="{width}"><pre>{terminal}</pre>"""


def drawn(screen: Any) -> str:
    """Return what an emulated terminal shows, as HTML."""
    lines = []
    for row in range(screen.lines):
        cells = [screen.buffer[row][column] for column in range(screen.columns)]
        runs = groupby(cells, lambda cell: (cell.fg, cell.bold))
        texts = (span(*look, "".join(each.data for each in run)) for look, run in runs)
        lines.append("".join(texts).rstrip())
    return "\n".join(lines)


def span(colour: str, bold: bool, text: str) -> str:
    """Return text of one look as HTML."""
    if text and text[0] in DOTS:
        return span(DOTS[text[0]], bold, "●") + " " + span(colour, bold, text[1:])
    style = f"color:{COLOURS.get(colour, f'#{colour}')}"
    weight = ";font-weight:600" if bold else ""
    return f'<span style="{style}{weight}">{html.escape(text)}</span>'


def main() -> None:
    """Play the scene, and write the picture."""
    sys.path.insert(0, str(ROOT))
    import tests.conftest  # noqa: F401 - no home or keyring of the developer's
    from PIL import Image
    from tests.e2e.support import Server, home
    from tests.e2e.terminal import Terminal
    from tests.support.browser import Chromium, found

    path = found()
    if path is None:
        sys.exit("no Chromium is installed")
    server = Server()
    size = {"columns": COLUMNS, "rows": ROWS}
    with tempfile.TemporaryDirectory() as folder, home(Path(folder)) as lived_in:
        lived_in.use(server)
        lived_in.env["TZ"] = "UTC"
        terminal = Terminal("listen", env=lived_in.env, cwd=lived_in.path, **size)

        def scene(page: Any) -> None:
            page.emulate_media(reduced_motion="reduce")
            page.set_viewport_size(PAGE)
            terminal.shows("Connected")
            page.goto(f"http://127.0.0.1:{server.port}/")
            page.get_by_text("#1 demo").wait_for()
            for button in ("Trip Started", "Payment Approved", "Cut all lines"):
                page.get_by_role("button", name=button).click()
            page.get_by_text("#2 demo").wait_for()
            page.get_by_label("Title").fill("Back door")
            page.get_by_label("Message").fill("It has been open for ten minutes")
            for button in ("New Message", "Send it", "Answer 503"):
                page.get_by_role("button", name=button).click()
            terminal.shows("attempt 2")
            page.mouse.move(0, 0)
            page.evaluate("scrollTo(0, 0)")
            shot = base64.b64encode(page.screenshot()).decode()
            around = {"page": shot, "terminal": drawn(terminal.screen), **PAGE}
            page.goto("about:blank")
            page.set_content(AROUND.format(**around))
            whole = page.locator("body").bounding_box()
            page.set_viewport_size({key: round(whole[key]) for key in PAGE})
            seen = Image.open(io.BytesIO(page.screenshot()))
            few = seen.quantize(
                200, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
            )
            few.save(PICTURE, optimize=True)

        browser = Chromium(path)
        try:
            browser.run(scene, loud=True)
        finally:
            browser.stop()
            terminal.close()
            server.stop()
    if PICTURE.stat().st_size > LARGEST:
        sys.exit(f"the picture has {PICTURE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
