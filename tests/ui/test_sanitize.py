"""Remote text is text: a terminal obeys no byte of it."""

from __future__ import annotations

import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyws.models import Notification
from notifyws.ui.sanitize import (
    FRAME_LIMIT,
    LIMIT,
    LONGEST,
    as_data,
    as_json,
    harmless,
    link_target,
    notification_data,
    safe_frame,
)
from tests.ui.helpers import screen_of, seen_on

FORBIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
NASTY = st.text(
    st.sampled_from(
        "ab;0[]P\\X^_ \x07\x18\x1b\x1b\x9b\x9d\x9c\x90\x85\r\n\t\b\x00\x7f"
        "\u200c\u200d\u200d\ufe0f\u202e\u0301\u0301\u2028é👩\U000e0041\ud800"
    )
)
ANYTHING = st.one_of(st.text(st.characters(exclude_categories=())), NASTY)

ATTACKS = {
    "CSI colour": ("\x1b[31mred\x1b[0m", "red"),
    "CSI clear": ("a\x1b[2J\x1b[Hb", "ab"),
    "CSI 8-bit": ("a\x9b31mb", "ab"),
    "CSI with intermediates": ("a\x1b[1;2 qb", "ab"),
    "CSI that never ends": ("a\x1b[12", "a12"),
    "OSC title, BEL": ("a\x1b]0;owned\x07b", "ab"),
    "OSC title, ST": ("a\x1b]2;owned\x1b\\b", "ab"),
    "OSC 8 hyperlink": ("\x1b]8;;http://evil\x07bank\x1b]8;;\x07", "bank"),
    "OSC 52 clipboard": ("a\x1b]52;c;cm0gLXJm\x07b", "ab"),
    "OSC 8-bit": ("a\x9d52;c;cm0\x9cb", "ab"),
    "OSC that never ends": ("a\x1b]0;shown", "a0;shown"),
    "DCS": ("a\x1bP1$r0m\x1b\\b", "ab"),
    "DCS 8-bit": ("a\x90q#0\x9cb", "ab"),
    "tmux passthrough": ("\x1bPtmux;\x1b\x1b]52;c;YQ\x07\x1b\\x", "tmux;\ufffdx"),
    "APC": ("a\x1b_Gi=1;AAAA\x1b\\b", "ab"),
    "PM": ("a\x1b^secret\x1b\\b", "ab"),
    "SOS": ("a\x1bXsecret\x1b\\b", "ab"),
    "charset": ("a\x1b(0b", "ab"),
    "reset": ("a\x1bcb", "ab"),
    "escape split by a zero-width space": ("\x1b\u200b[2Ja", "\ufffd[2Ja"),
    "backspaces": ("rm\b\bls", "rm\ufffd\ufffdls"),
    "carriage return": ("evil\rgood", "evil good"),
    "newlines": ("a\r\nb\nc\x0bd\x85e", "a b c d e"),
    "tab": ("a\tb", "a b"),
    "NUL, BEL, DEL": ("\x00\x07\x7f", "\ufffd\ufffd\ufffd"),
    "bidi override": ("\u202egnp.exe\u202c", "gnp.exe"),
    "bidi isolates": ("\u2066a\u2069\u200fb\u061c", "ab"),
    "zero width": ("pay\u200bpal\ufeff\u2060", "paypal"),
    "joiner between letters": ("pay\u200dpal", "paypal"),
    "soft hyphen and fillers": ("a\u00ad\u3164\u115f\u034fb", "ab"),
    "tags": ("hi\U000e0068\U000e0069", "hi"),
    "smuggled selectors": ("x\ufe00\U000e0101\ufe0f\ufe0f\ufe0f", "x"),
    "lone surrogate": ("a\ud83db", "a\ufffdb"),
    "separators": ("a\u2028b\u2029c", "a b c"),
    "piled accents": ("Z" + "\u0301" * 50, "Z" + "\u0301" * 3),
}
BENIGN = [
    "",
    "Your driver has started the trip",
    "[bold]not markup[/] :smile: \\",
    "Grüße, Привет, 東京, नमस्ते, שלום, مرحبا",
    "می\u200cخواهم",
    "👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 1\ufe0f\u20e3 ✔ 🟢",
]


@pytest.mark.parametrize(("text", "left"), ATTACKS.values(), ids=ATTACKS)
def test_every_family_of_attack_leaves_text_only(text, left):
    assert harmless(text) == left


@pytest.mark.parametrize("text", [text for text, _ in ATTACKS.values()], ids=ATTACKS)
def test_a_terminal_shows_the_text_and_obeys_nothing(text):
    shown = harmless(f"<{text}>")
    screen = screen_of(b"keep\r\n" + shown.encode() + b"\r\n")
    assert screen.display[0].rstrip() == "keep"
    assert screen.display[1].startswith("<")
    assert screen.display[1].rstrip().endswith(">")
    assert screen.cursor.y == 2
    assert screen.title == ""
    assert not any(line.strip() for line in seen_on(screen)[2:])
    assert all(
        c.fg == "default" for row in screen.buffer.values() for c in row.values()
    )


@pytest.mark.parametrize("text", BENIGN)
def test_what_people_write_stays_as_it_is(text):
    assert harmless(text) == text
    assert harmless(text, lines=True) == text


@given(ANYTHING)
def test_no_text_at_all_gets_a_control_through(text):
    assert not FORBIDDEN.search(harmless(text))
    assert "\n" not in harmless(text)
    assert not FORBIDDEN.search(harmless(text, lines=True))
    assert not FORBIDDEN.search(safe_frame(text))
    harmless(text).encode()
    safe_frame(text).encode()


@given(ANYTHING)
def test_making_it_harmless_twice_changes_nothing(text):
    once = harmless(text)
    assert harmless(once) == once
    several = harmless(text, lines=True)
    assert harmless(several, lines=True) == several


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_is_never_touched(text):
    assert harmless(text) == text == safe_frame(text)


def test_lines_are_kept_when_asked_for():
    assert harmless("a\r\nb\u2028\tc", lines=True) == "a\nb\n    c"


def test_a_text_too_long_says_how_much_was_left_out():
    shown = harmless("x" * 2_000_000)
    assert len(shown) <= LIMIT
    assert shown.endswith("x… (1,995,944 characters more)")
    assert harmless(shown) == shown


def test_a_text_of_exactly_the_limit_is_whole():
    assert harmless("é" * LIMIT) == "é" * LIMIT


@pytest.mark.parametrize(
    "unit",
    ["\x1b]", "\x9d", "\x1b[", "0\x1b[0", "\u200d", "\u0301", "\x1bP;", " ", "a"],
)
def test_two_megabytes_of_anything_take_linear_time(unit):
    started = time.process_time()
    assert len(harmless(unit * (2_000_000 // len(unit)))) <= LIMIT
    assert time.process_time() - started < 0.5


def test_a_raw_frame_spells_out_what_would_act():
    frame = '{"a":"\x1b[2J\u202eb\x9b\ud800"}\n\r'
    assert safe_frame(frame) == '{"a":"\\x1b[2J\\u202eb\\x9b\\ud800"}\n\\r'
    assert len(safe_frame("x" * 2_000_000)) <= FRAME_LIMIT


BASE = "https://app.example.com/home"
LINKS = {
    "/trips/123": "https://app.example.com/trips/123",
    "/a/../b": "https://app.example.com/b",
    "chat?id=1#x": "https://app.example.com/chat?id=1#x",
    "http://other.example/x": "http://other.example/x",
    "HTTPS://Other.Example:8443/X": "https://other.example:8443/X",
    "//cdn.example/x": "https://cdn.example/x",
    "/weg/zürich": "https://app.example.com/weg/z%C3%BCrich",
    "https://bücher.example/": "https://xn--bcher-kva.example/",
    "https://аррle.com/": "https://xn--le-6kc8da.com/",
    "https://google.com@evil.example/": "https://evil.example/",
    "http://[::1]:8080/x": "http://[::1]:8080/x",
    "mailto:a@example.com?subject=x": "mailto:a@example.com?subject=x",
    "javascript:alert(1)": None,
    "JaVaScRiPt:alert(1)": None,
    "java\nscript:alert(1)": None,
    "data:text/html,x": None,
    "file:///etc/passwd": None,
    "ssh://host": None,
    "vbscript:x": None,
    "https://good.example\\@evil.example": None,
    "https://evil.example/\x1b]8;;\x07": None,
    "https://exa mple.com": None,
    "/a b": None,
    "/\u202ea": None,
    "http://": None,
    "https://host:99999/": None,
    "https://[bad/": None,
    "mailto:": None,
    "https://x.example/" + "a" * 4000: None,
    "": None,
}


@pytest.mark.parametrize(("link", "target"), LINKS.items())
def test_a_link_leads_to_the_web_or_nowhere(link, target):
    assert link_target(link, BASE) == target


def test_a_socket_is_a_base_like_its_http_side():
    assert link_target("/x", "wss://u:p@ws.example.com/s") == "https://ws.example.com/x"
    assert link_target("x", "ws://127.0.0.1:9/s/t") == "http://127.0.0.1:9/s/x"


def test_a_relative_link_without_a_base_leads_nowhere():
    assert link_target("/x", "") is None
    assert link_target("/x", "http://[bad") is None
    assert link_target(None, BASE) is None


@given(ANYTHING, st.sampled_from([BASE, "", "wss://h"]))
def test_a_target_is_always_clean_ascii(link, base):
    target = link_target(link, base)
    assert target is None or re.fullmatch(r"(https?://|mailto:)[!-~]+", target)


def nested(levels: int) -> object:
    value: object = "deep"
    for _ in range(levels):
        value = [value]
    return value


def test_every_text_is_made_harmless_keys_too_and_lines_stay():
    said = {"a\u202eb": ["\x1b[31mred\x1b[0m", {"k\x00": "one\ntwo\u200b\ud800"}]}
    expected = {"ab": ["red", {"k\ufffd": "one\ntwo\ufffd"}]}
    assert as_data(said) == expected


def test_a_name_that_looks_like_another_replaces_none():
    """Seen: whoever may add a key wrote over one of the server for the model alone."""
    said = {"by\u200b": 1, "by": 2, "\u200bby": 3, "by (3)": 4, "b\u200by\u200b": 5}
    assert as_data(said) == dict(
        zip(["by (2)", "by", "by (4)", "by (3)", "by (5)"], range(1, 6), strict=True)
    )
    many = {"by" + "\u200b" * n: n for n in range(2_000)}
    assert list(as_data(many).values()) == list(range(2_000))


def test_numbers_and_constants_stay_as_they_are():
    said = {"big": 2**70, "small": 1e-300, "yes": True, "none": None}
    assert json.loads(as_json(as_data(said))) == said


def test_what_is_nested_too_deeply_is_left_out():
    assert "deep" in as_json({"v": as_data(nested(15))})
    assert "deep" not in as_json({"v": as_data(nested(17))})


def test_a_notification_keeps_the_servers_fields_and_letters_of_all_scripts():
    said = {"type": "t", "title": "Прив\u200bет", "extra": {"n": 1}}
    fields, cut = notification_data(Notification(said, "now"))
    assert not cut
    assert fields == {**said, "title": "Привет", "message": "", "timestamp": "now"}
    assert "Привет" in as_json(fields)


def test_of_a_notification_that_is_too_long_the_main_fields_stay():
    said = {"type": "t", "title": {"odd": "x" * 9000}, "data": ["y" * 4000] * 9}
    fields, cut = notification_data(Notification(said, "now"))
    assert cut
    assert list(fields) == ["type", "title", "message", "timestamp"]
    assert "characters more" in fields["title"]
    assert len(as_json(fields)) < LONGEST


def test_a_link_to_a_host_that_is_none_leads_nowhere():
    assert link_target("https://a b/", "") is None
    assert link_target("https://a%00b/x", "") is None
