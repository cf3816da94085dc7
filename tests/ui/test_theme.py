"""What the terminal can do is told by the environment, which is handed in."""

import pytest

from notifyws.ui.theme import Theme
from tests.ui.helpers import SETTINGS

XTERM = {"TERM": "xterm-256color", "LANG": "de_DE.UTF-8"}


def theme(encoding="utf-8", terminal=True, **environ):
    return Theme.of(
        SETTINGS, {**XTERM, **environ}, terminal=terminal, encoding=encoding
    )


@pytest.mark.parametrize(
    ("environ", "terminal", "can"),
    [
        ({}, True, "colour cursor"),
        ({}, False, ""),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1", "WT_SESSION": "1"}, True, "cursor"),
        ({"NO_COLOR": "", "WT_SESSION": "1"}, True, "colour hyperlinks cursor"),
        ({"FORCE_COLOR": "1"}, False, "colour"),
        ({"FORCE_COLOR": "0"}, False, ""),
        ({"TERM": "dumb"}, True, ""),
        ({"TERM": ""}, True, ""),
        ({"TERM": "unknown"}, True, ""),
    ],
)
def test_what_a_terminal_can_do_is_told_by_its_environment(environ, terminal, can):
    made = theme(terminal=terminal, **environ)
    names = ("colour", "hyperlinks", "cursor")
    assert [name for name in names if getattr(made, name)] == can.split()


def test_without_colour_nothing_is_painted():
    assert theme(NO_COLOR="1").paint("x", "red") == "x"


@pytest.mark.parametrize(
    ("environ", "known"),
    [
        ({}, False),
        ({"VTE_VERSION": "7600"}, True),
        ({"VTE_VERSION": "4600"}, False),
        ({"TERM_PROGRAM": "iTerm.app"}, True),
        ({"TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, False),
        ({"KONSOLE_VERSION": "1", "TERM": "screen-256color"}, False),
        ({"WT_SESSION": "1"}, True),
        ({"FORCE_HYPERLINK": "1"}, True),
        ({"FORCE_HYPERLINK": "0", "WT_SESSION": "1"}, False),
    ],
)
def test_hyperlinks_only_where_they_are_known_to_work(environ, known):
    assert theme(**environ).hyperlinks is known


@pytest.mark.parametrize(
    ("environ", "encoding", "utf8"),
    [
        ({}, "utf-8", True),
        ({}, "UTF8", True),
        ({}, "iso-8859-1", False),
        ({"LANG": "C"}, "utf-8", False),
        ({"LC_ALL": "POSIX"}, "utf-8", False),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, "utf-8", True),
        ({"LANG": ""}, "utf-8", True),
    ],
)
def test_the_locale_says_whether_more_than_ascii_arrives(environ, encoding, utf8):
    assert theme(encoding, **environ).utf8 is utf8


def test_text_never_fails_to_be_encoded():
    assert theme().encode("é\ud800") == "é?".encode()
    assert theme(LANG="C").encode("🟢 ✔ é 東 …") == b"* + e ? ~"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("green", "32"),
        ("bright_red", "91"),
        ("grey", "90"),
        ("208", "38;5;208"),
        ("#ff8800", "38;2;255;136;0"),
        ("bold Blue", "1;34"),
        ("puce blue", "34"),
    ],
)
def test_colours_are_known_by_name(words, code):
    assert theme().paint("x", words) == f"\x1b[{code}mx\x1b[0m"


@pytest.mark.parametrize("words", ["default", "999", "\x1b[2J", "link http://h", ""])
def test_what_is_no_colour_changes_nothing(words):
    assert theme().paint("x", words) == "x"
