"""A QR code on a terminal: what is drawn is the code, and it fits."""

from __future__ import annotations

import segno

from notifyws.ui.qr_code import MARGIN, qr_rows

URL = "https://alerts.example.com/device?user_code=WDJB-MJHT"
SHOWN = {"█": (False, False), "▀": (False, True), "▄": (True, False), " ": (True, True)}
"""Dark or not, above and below: light is what is drawn."""


def drawn(rows) -> list[list[bool]]:
    """Return the modules that somebody sees, dark or not."""
    seen = []
    for row in rows:
        pairs = [SHOWN[each] for each in row.plain]
        seen += [[above for above, _ in pairs], [below for _, below in pairs]]
    return seen


def test_what_is_drawn_is_the_code_with_light_around_it():
    seen = drawn(qr_rows(URL, 80))
    code = segno.make_qr(URL, error="l").matrix_iter(border=MARGIN)
    wanted = [[bool(each) for each in row] for row in code]
    assert seen[: len(wanted)] == wanted
    assert all(all(row) for row in seen[len(wanted) :])  # nothing below it
    assert not any(seen[0])
    assert not any(row[0] for row in wanted)


def test_it_is_as_narrow_as_it_can_be_or_not_there():
    width = qr_rows(URL, 80)[0].cell_len
    assert width <= 40
    assert all(row.cell_len == width for row in qr_rows(URL, width))
    assert qr_rows(URL, width - 1) == []


def test_what_no_code_can_hold_is_not_drawn():
    assert qr_rows("x" * 5000, 1000) == []
