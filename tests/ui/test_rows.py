"""Rows fit where they are said to fit, whatever is written in them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment

from notifyws.ui.rows import ENDLESS, Fact, Part, clip, hung, listed, sheet, wrap
from notifyws.ui.sanitize import harmless
from notifyws.ui.theme import Theme, tint
from tests.ui.helpers import COLOUR, PLAIN, SETTINGS

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
    assert COLOUR.page(rows) == (
        "\x1b[31m! \x1b[0m\x1b[1mone\x1b[0m\n  \x1b[1mtwo\x1b[0m\n"
    )


BAD = Fact("verdict", "Not well: nobody is there", status="fail")
PARTS = [
    Part("Configured", [Fact("server", "wss://ws.example.com", "--url")]),
    Part("Settings", []),
    Part(
        "Checks",
        [
            Fact("dns", "ws.example.com is 192.0.2.1", status="pass"),
            Fact("tcp", "nobody is there", status="fail", hint="start the server"),
            Fact("not tried", "tls, because tcp failed", status="skip"),
        ],
    ),
]


def drawn(verdict, parts, theme, width):
    return theme.page(sheet(verdict, parts, width))


PAGE = """\
✖ Not well: nobody is there

Configured
  server        wss://ws.example.com  [--url]

Checks
  ✔ dns           ws.example.com is 192.0.2.1
  ✖ tcp
    why: nobody is there
    try: start the server
  - not tried     tls, because tcp failed
"""
NARROW = """\
✖ Not well: nobody is there

Configured
  server
      wss://ws.example.com  [--url]

Checks
  ✔ dns
      ws.example.com is 192.0.2.1
  ✖ tcp
    why: nobody is there
    try: start the server
  - not tried
      tls, because tcp failed
"""


def uncoloured(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


@pytest.mark.parametrize(
    ("width", "shown"), [(ENDLESS, PAGE), (200, PAGE), (80, PAGE), (40, NARROW)]
)
def test_labels_stand_beside_their_texts_or_above_where_it_is_narrow(width, shown):
    assert drawn(BAD, PARTS, PLAIN, width) == shown
    coloured = drawn(BAD, PARTS, COLOUR, width)
    assert uncoloured(coloured) == shown
    assert "\x1b[31m✖\x1b[0m tcp" in coloured
    assert "\x1b[32m✔\x1b[0m dns" in coloured
    assert "\x1b[1mstart the server\x1b[0m" in coloured


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("theme", [PLAIN, COLOUR])
def test_no_line_is_wider_than_the_screen_and_every_word_is_there(width, theme):
    words = [f"word{n}" for n in range(60)]
    text = " ".join(words)
    facts = [
        Fact("plain", text, "somewhere"),
        Fact("", text),
        Fact("good", text, status="pass"),
        Fact("a label that is longer than others", "x", status="warn"),
        Fact("bad", text, status="fail", hint=text),
        Fact("long", "x" * 500, status="warn", hint="y" * 500),
    ]
    shown = uncoloured(
        drawn(Fact("v", text, status="warn"), [Part("P", facts)], theme, width)
    )
    assert max(map(cell_len, shown.splitlines())) <= width
    for word in words:
        assert len(re.findall(rf"\b{word}\b", shown)) == 6
    assert shown.count("x") - shown.count("x is") >= 500


def test_in_a_pipe_a_fact_is_one_line_however_long():
    fact = Fact("dns", "x " * 3000, status="warn", hint="y " * 900)
    shown = drawn(BAD, [Part("Checks", [fact])], PLAIN, ENDLESS)
    assert len(shown.splitlines()) == 6


def test_further_lines_begin_below_the_text():
    shown = drawn(
        BAD, [Part("P", [Fact("dns", "word " * 30, status="pass")])], PLAIN, 80
    )
    second = shown.splitlines()[4]
    assert second.startswith(" " * 18 + "word")


def test_nothing_that_acts_on_a_terminal_comes_through():
    evil = "a\x1b[2J\u202eb\x07"
    fact = Fact(evil, evil, evil, "warn", evil)
    shown = drawn(Fact("v", evil, status="fail"), [Part(evil, [fact])], PLAIN, 80)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)


def test_where_there_is_only_ascii_marks_are_told_apart_still():
    theme = Theme(SETTINGS, utf8=False)
    shown = theme.encode(drawn(BAD, PARTS, theme, 80)).decode("ascii")
    assert "x Not well" in shown
    assert "  + dns" in shown


def test_a_list_has_its_names_under_each_other_and_wraps_beside_them():
    things = [("a", "word " * 6, "more"), ("longer", "b\x1b[2J", "")]
    assert PLAIN.page(listed(things, 20)) == (
        "a       word word\n        word word\n        word word\n  more\n"
        "longer  b\n  \n"
    )
