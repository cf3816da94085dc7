"""What is said to fit in so many cells does fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from notifyws.view.cells import cells, clip, wrap
from notifyws.view.safe import harmless

TEXT = st.text(st.sampled_from("ab c-\n漢字é👋❤\ufe0f\u200d👩🇩🇪\u0301x"), max_size=60)


@given(TEXT)
def test_text_is_never_wider_than_it_was_measured(text):
    assert cell_len(harmless(text)) <= cells(harmless(text))


@given(TEXT, st.integers(0, 30))
def test_a_clipped_text_fits(text, width):
    assert cells(clip(text, width)) <= width


@given(TEXT, st.integers(2, 30))
def test_wrapped_lines_fit_and_lose_no_letter(text, width):
    lines = wrap(text, width)
    assert all(cells(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_character_wider_than_the_line_stands_alone():
    assert wrap("漢字", 1) == ["漢", "字"]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("a\n\nb", 5, ["a", "", "b"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("ab cdefgh i", 3, ["ab", "cde", "fgh", "i"]),
        ("  indented", 20, ["  indented"]),
        ("", 3, [""]),
    ],
)
def test_lines_break_between_words(text, width, lines):
    assert wrap(text, width) == lines
