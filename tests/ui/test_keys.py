"""Keys as a terminal sends them, and a line edited with them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyws.ui.keys import KeyReader, Line


def keys(*pieces):
    reader = KeyReader()
    return [key for piece in pieces for key in reader.feed(piece)]


def typed(*pressed, text=""):
    line = Line(text)
    for key in pressed:
        line = line.after(key)
    return line


@pytest.mark.parametrize(
    ("sent", "pressed"),
    [
        (b"p/d", ["p", "/", "d"]),
        (b"\r\n", ["enter", "enter"]),
        (b"\x7f\x08", ["backspace", "backspace"]),
        (b"\x1b[D\x1bOC", ["left", "right"]),
        (b"\x1b[1~\x1b[4~\x1b[3~", ["home", "end", "delete"]),
        (b"\x15\x17\x0c", ["clear", "word", "redraw"]),
        (b"\x1b", ["escape"]),
        (b"\x1b\x1b", ["escape", "escape"]),
        ("ü漢".encode(), ["ü", "漢"]),
        (b"\xff\x00\x07\t", []),
    ],
)
def test_a_key_has_a_name(sent, pressed):
    assert keys(sent) == pressed


@pytest.mark.parametrize(
    "sent",
    [b"\x1b[15~", b"\x1b[1;5C", b"\x1bx", b"\x1b[<0;3;4M", b"\x1bOP", b"\x1b[?1;2c"],
)
def test_what_nobody_asked_for_is_nothing(sent):
    assert keys(sent + b"q") == ["q"]


def test_a_paste_is_what_was_pasted():
    assert keys(b"\x1b[200~type\x1b[201~") == ["t", "y", "p", "e"]


def test_a_character_may_come_in_pieces():
    assert keys("ü".encode()[:1], "ü".encode()[1:]) == ["ü"]


@given(st.lists(st.binary()))
def test_no_bytes_break_it(pieces):
    assert all(key.isprintable() and key for key in keys(*pieces))


def test_text_is_written_where_the_cursor_stands():
    assert typed("a", "b", "left", "x").text == "axb"
    assert typed("home", "x", "end", "y", text="ab").text == "xaby"
    assert typed("left", "right", "right", "c", text="ab") == Line("abc")


def test_text_is_taken_away():
    assert typed("backspace", text="ab").text == "a"
    assert typed("home", "backspace", "delete", text="ab").text == "b"
    assert typed("delete", text="ab").text == "ab"
    assert typed("word", text="one two  ").text == "one "
    assert typed("word", text="one").text == ""
    assert typed("clear", text="ab") == Line()


def test_other_keys_change_nothing():
    assert typed("enter", "escape", "redraw", text="ab") == Line("ab")


def test_the_cursor_stands_still_at_either_end():
    assert typed("home", "left", text="ab") == Line("", "ab")
    assert typed("right", text="ab") == Line("ab", "")
