"""A page of facts reads well on any screen, and is plain lines in a pipe."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from notifyws.config.settings import Settings
from notifyws.ui.rows import ENDLESS, page
from notifyws.ui.tables import Fact, Part, listed, sheet
from notifyws.ui.theme import Look

PLAIN = Look(Settings())
COLOURED = Look(Settings(), colour=True)
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


def drawn(verdict, parts, look, width):
    return look.draw(page(sheet(verdict, parts, width)))


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


@pytest.mark.parametrize("width", [ENDLESS, 200, 80])
def test_labels_stand_beside_their_texts(width):
    assert drawn(BAD, PARTS, PLAIN, width) == PAGE


def test_on_a_narrow_screen_labels_stand_above_their_texts():
    assert drawn(BAD, PARTS, PLAIN, 40) == NARROW


@pytest.mark.parametrize(("width", "shown"), [(80, PAGE), (40, NARROW)])
def test_colours_change_nothing_else(width, shown):
    coloured = drawn(BAD, PARTS, COLOURED, width)
    assert uncoloured(coloured) == shown
    assert "\x1b[31m✖\x1b[0m tcp" in coloured
    assert "\x1b[32m✔\x1b[0m dns" in coloured
    assert "\x1b[1mstart the server\x1b[0m" in coloured


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("look", [PLAIN, COLOURED])
def test_no_line_is_wider_than_the_screen_and_every_word_is_there(width, look):
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
        drawn(Fact("v", text, status="warn"), [Part("P", facts)], look, width)
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
    look = Look(Settings(), utf8=False)
    shown = look.encode(drawn(BAD, PARTS, look, 80)).decode("ascii")
    assert "x Not well" in shown
    assert "  + dns" in shown


def test_a_list_has_its_names_under_each_other_and_wraps_beside_them():
    things = [("a", "word " * 6, "more"), ("longer", "b\x1b[2J", "")]
    assert PLAIN.draw(page(listed(things, 20))) == (
        "a       word word\n        word word\n        word word\n  more\n"
        "longer  b\n  \n"
    )
