"""Rows fit where they are said to fit, whatever is written in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment

from notifyws.ui.rows import clip, hung, page, wrap
from notifyws.ui.sanitize import harmless
from notifyws.ui.theme import tint
from tests.ui.helpers import COLOUR

TEXT = st.text(
    st.sampled_from("ab c-\n漢字é👋❤\ufe0f\u200d👩🇩🇪\u0301x[/:\\"), max_size=60
)


@given(TEXT, st.integers(0, 30))
def test_a_clipped_text_fits(text, width):
    assert cell_len(clip(harmless(text), width)) <= width


@given(TEXT, st.integers(2, 30))
def test_wrapped_lines_fit_and_lose_no_letter(text, width):
    text = harmless(text, lines=True)
    lines = wrap(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("a\n\nb", 5, ["a", "", "b"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("  indented", 20, ["  indented"]),
        ("", 3, [""]),
    ],
)
def test_lines_break_between_words(text, width, lines):
    assert wrap(text, width) == lines


def test_further_lines_hang_below_the_first_and_keep_their_style():
    rows = hung([Segment("! ", tint("red"))], "one two", 5, tint("bold"))
    assert COLOUR.draw(page(rows)) == (
        "\x1b[31m! \x1b[0m\x1b[1mone\x1b[0m\n  \x1b[1mtwo\x1b[0m\n"
    )
